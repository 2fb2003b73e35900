"""CSI volumes on a real node: attached, staged, published, enlarged, and let go, also by a kubelet that was killed meanwhile."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.workbench import Bench, container, workbench

DRIVER = "disks.example.com"
INLINE = "tokens.example.com"
ROOT = "/var/lib/kubelite/kubelet"
PROGRAM = pathlib.Path(__file__).resolve().parents[1] / "csi_driver.py"


class Driver:
    """A driver's process on the node."""

    def __init__(self, cluster: Cluster, name: str, *flags: str) -> None:
        self._machine = cluster.machine
        self.directory = f"{ROOT}/plugins/{name}"
        argv = [sys.executable, str(PROGRAM), f"--name={name}", f"--directory={self.directory}", *flags]
        self._argv = self._machine.argv(*argv, f"--registry={ROOT}/plugins_registry")
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._argv)

    def kill(self, number: int = signal.SIGKILL) -> None:
        # nsenter does not fork here: its process is the driver's.
        self.process.send_signal(number)
        self.process.wait()

    def calls(self, method: str) -> list[dict[str, Any]]:
        text = self._machine.run("cat", f"{self.directory}/calls", check=False).stdout
        return [call for line in text.splitlines() if (call := json.loads(line))["method"] == method]


@pytest.fixture(scope="module")
def bench(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "csi") as bench:
        yield bench


@contextlib.contextmanager
def running(bench: Bench, name: str, *flags: str, **spec: Any) -> Iterator[Driver]:
    """A driver that the node has registered, with its CSIDriver."""
    meta = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": name}}
    bench.apply({**meta, "spec": spec})
    driver = Driver(bench.cluster, name, *flags)
    try:
        eventually(lambda: registered(bench, name), 20, bench.explain)
        yield driver
    finally:
        driver.kill(signal.SIGTERM)
        bench.run("delete", "csidriver", name)


def node(bench: Bench) -> Any:
    return json.loads(bench.run("get", "nodes", "-o", "json").stdout)["items"][0]


def registered(bench: Bench, name: str) -> bool:
    listed = json.loads(bench.run("get", "csinodes", "-o", "json").stdout)["items"]
    return any(one["name"] == name for item in listed for one in item["spec"].get("drivers") or ())


def volume(name: str) -> list[dict[str, Any]]:
    """A claim and the volume for it."""
    size = {"storage": "1Gi"}
    common = {"accessModes": ["ReadWriteOnce"], "storageClassName": ""}
    source = {"driver": DRIVER, "volumeHandle": f"handle-{name}", "fsType": "ext4"}
    claim = {**common, "volumeName": name, "resources": {"requests": size}}
    reference = {"namespace": "csi", "name": name}
    spec = {**common, "capacity": size, "claimRef": reference, "csi": source, "persistentVolumeReclaimPolicy": "Retain"}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": claim},
    ]


def pod(name: str, script: str, **source: Any) -> dict[str, Any]:
    main = container("main", f"{script}; trap 'exit 0' TERM; sleep 1000 & wait", volumeMounts=[MOUNT])
    spec = {"terminationGracePeriodSeconds": 1, "containers": [main], "volumes": [{"name": "data", **source}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


MOUNT = {"name": "data", "mountPath": "/data"}


def attach(bench: Bench) -> None:
    """What the driver's attacher does."""

    def made() -> Any:
        return json.loads(bench.run("get", "volumeattachments", "-o", "json").stdout)["items"]

    name = eventually(made, 30, bench.explain)[0]["metadata"]["name"]
    status = {"status": {"attached": True, "attachmentMetadata": {"device": "/dev/x"}}}
    bench.run("patch", "volumeattachment", name, "--subresource=status", "--type=merge", "-p", json.dumps(status))


def free(bench: Bench) -> bool:
    status = node(bench)["status"]
    listed = bench.run("get", "volumeattachments", "-o", "name").stdout
    return not (status.get("volumesInUse") or status.get("volumesAttached") or listed)


def test_a_volume_is_attached_staged_kept_and_let_go(bench: Bench) -> None:
    flags = (
        "--capability=STAGE_UNSTAGE_VOLUME",
        "--capability=EXPAND_VOLUME",
        "--topology=topology.example.com/rack=r1",
    )
    claim = {"persistentVolumeClaim": {"claimName": "disk"}}
    with running(bench, DRIVER, *flags, attachRequired=True) as driver:
        assert node(bench)["metadata"]["labels"]["topology.example.com/rack"] == "r1"
        bench.apply(*volume("disk"), pod("first", "echo kept > /data/file", **claim))
        attach(bench)
        bench.ready("first", seconds=60)
        assert driver.calls("NodePublishVolume")[0]["publish_context"] == {"device": "/dev/x"}
        assert node(bench)["status"]["volumesInUse"] == [f"kubernetes.io/csi/{DRIVER}^handle-disk"]
        kill_kubelet(bench)
        bench.run("delete", "pod", "first")
        eventually(lambda: free(bench), 60, bench.explain)
        assert driver.calls("NodeUnstageVolume")
        bench.run("patch", "pv", "disk", "-p", json.dumps({"spec": {"capacity": {"storage": "2Gi"}}}))
        bench.apply(pod("second", "cat /data/file", **claim))
        attach(bench)
        bench.ready("second", seconds=60)
        eventually(lambda: bench.logs("second") == "kept\n", 20, bench.explain)
        assert bench.get("pvc", "disk")["status"]["capacity"] == {"storage": "2Gi"}
        assert "FileSystemResizeSuccessful" in bench.run("describe", "pvc", "disk").stdout
        bench.run("delete", "pod", "second")
        eventually(lambda: free(bench), 60, bench.explain)
    eventually(lambda: not registered(bench, DRIVER), 20, bench.explain)
    bench.run("delete", "pvc/disk", "pv/disk")


def test_a_block_volume_of_a_driver_is_a_device_in_the_container(bench: Bench) -> None:
    machine = bench.cluster.machine
    machine.run("sh", "-c", "printf hello > /run/image && truncate -s 1M /run/image")
    device = machine.run("losetup", "--find", "--show", "/run/image").stdout.strip()
    try:
        with running(bench, DRIVER, "--capability=STAGE_UNSTAGE_VOLUME", attachRequired=False) as driver:
            machine.run("ln", "-s", device, f"{driver.directory}/device")
            objects = volume("raw")
            for made in objects:
                made["spec"]["volumeMode"] = "Block"
            reader = pod("raw", "head -c 5 /dev/disk; echo", persistentVolumeClaim={"claimName": "raw"})
            main = reader["spec"]["containers"][0]
            main["volumeDevices"] = [{"name": main.pop("volumeMounts")[0]["name"], "devicePath": "/dev/disk"}]
            bench.apply(*objects, reader)
            bench.ready("raw", seconds=60)
            eventually(lambda: bench.logs("raw") == "hello\n", 20, bench.explain)
            bench.run("delete", "pod/raw", "pvc/raw", "pv/raw")
            eventually(lambda: driver.calls("NodeUnstageVolume"), 20, bench.explain)
    finally:
        machine.run("losetup", "--detach", device)


def driver_pod(name: str) -> dict[str, Any]:
    """The driver in a pod as real ones are: privileged, with the kubelet's folder in it both ways, and this host's Python."""
    both = {"name": "kubelet", "mountPath": ROOT, "mountPropagation": "Bidirectional"}
    folders = {"usr": "/usr", "code": str(PROGRAM.parents[1]), "python": sys.base_prefix}
    mounts = [{"name": key, "mountPath": path, "readOnly": True} for key, path in folders.items()]
    argv = [sys.executable, str(PROGRAM), f"--name={name}", f"--directory={ROOT}/plugins/{name}"]
    main = container(
        "driver",
        command=[*argv, f"--registry={ROOT}/plugins_registry"],
        env=[
            {"name": "LD_LIBRARY_PATH", "value": "/usr/lib/x86_64-linux-gnu"},
            {"name": "PATH", "value": "/usr/bin:/bin"},
        ],
        securityContext={"privileged": True},
        volumeMounts=[both, *mounts],
    )
    volumes = [{"name": key, "hostPath": {"path": path}} for key, path in {**folders, "kubelet": ROOT}.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "driver"},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": [main], "volumes": volumes},
    }


def test_a_driver_that_is_a_pod_itself_mounts_for_other_pods(bench: Bench) -> None:
    name = "pods.example.com"
    meta = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": name}}
    bench.apply({**meta, "spec": {"volumeLifecycleModes": ["Ephemeral"]}}, driver_pod(name))
    try:
        eventually(lambda: registered(bench, name), 40, bench.explain)
        bench.apply(pod("user", "cat /data/context.json; echo", csi={"driver": name, "volumeAttributes": {"a": "b"}}))
        bench.ready("user", seconds=60)
        assert json.loads(eventually(lambda: bench.logs("user"), 20, bench.explain)) == {"a": "b"}
        bench.run("delete", "pod", "user")
        bench.run("delete", "pod", "driver")
        eventually(lambda: not registered(bench, name), 20, bench.explain)
    finally:
        bench.run("delete", "csidriver", name)


def kill_kubelet(bench: Bench) -> None:
    """kill -9; returns when its successor is there."""
    title = "kubelite kubelet"
    machine = bench.cluster.machine
    before = {pid for pid, line in machine.processes().items() if line.startswith(title)}
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: any(line.startswith(title) and pid not in before for pid, line in machine.processes().items()), 30
    )


def test_a_driver_of_volumes_in_pods_gets_the_pods_token_and_may_die(bench: Bench) -> None:
    spec = {
        "attachRequired": False,
        "podInfoOnMount": True,
        "requiresRepublish": True,
        "volumeLifecycleModes": ["Ephemeral"],
        "tokenRequests": [{"audience": "vault"}],
    }
    with running(bench, INLINE, **spec) as driver:
        bench.apply(
            pod("inline", "cat /data/context.json; echo", csi={"driver": INLINE, "volumeAttributes": {"a": "b"}})
        )
        bench.ready("inline", seconds=60)
        told = json.loads(eventually(lambda: bench.logs("inline"), 20, bench.explain))
        assert told["a"] == "b"
        assert told["csi.storage.k8s.io/pod.name"] == "inline"
        tokens = json.loads(told["csi.storage.k8s.io/serviceAccount.tokens"])
        assert set(tokens) == {"vault"}
        driver.kill()
        bench.run("delete", "pod", "inline", "--wait=false")
        # It cannot go while its driver is dead, and goes when the driver is back.
        driver.start()
        eventually(lambda: bench.run("get", "pod", "inline", check=False).returncode != 0, 60, bench.explain)
        assert len(driver.calls("NodeUnpublishVolume")) >= 1


def test_a_pod_whose_driver_is_missing_is_told_so(bench: Bench) -> None:
    bench.apply(pod("lost", "true", csi={"driver": "absent.example.com"}))
    text = "driver name absent.example.com not found in the list of registered CSI drivers"
    eventually(lambda: text in bench.run("describe", "pod", "lost").stdout, 30, bench.explain)
    bench.run("delete", "pod", "lost")

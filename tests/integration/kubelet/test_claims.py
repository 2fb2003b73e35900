"""Pods use what their claims are bound to, and say why they cannot."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator

import pytest

from kubelite.api.types.core_v1 import Pod
from kubelite.client.client import Client
from kubelite.kubelet.volumes.claims import Claims
from kubelite.machinery import codec
from tests.integration.kubelet.node import NODE, TestNode, container, shell

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
MODES = {"accessModes": ["ReadWriteOnce"]}


async def bound(node: TestNode, name: str, **source) -> None:
    """A claim and a volume that are bound to each other, as the binder leaves them."""
    mode = {"volumeMode": source["volumeMode"]} if "volumeMode" in source else {}
    size = {"requests": {"storage": "1Gi"}}
    spec = {**MODES, **mode, "volumeName": name, "resources": size, "storageClassName": ""}
    claim = (await node.api.post(CLAIMS, {"metadata": {"name": name}, "spec": spec})).json()
    reference = {"namespace": "default", "name": name, "uid": claim["metadata"]["uid"]}
    volume = {**MODES, "capacity": {"storage": "1Gi"}, "claimRef": reference, **source}
    reply = await node.api.post(VOLUMES, {"metadata": {"name": name}, "spec": volume})
    assert reply.status == 201, reply.body
    await node.api.patch(f"{CLAIMS}/{name}/status", {"status": {"phase": "Bound"}})


def local(path) -> dict:
    here = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "Exists"}]}
    return {"local": {"path": str(path)}, "nodeAffinity": {"required": {"nodeSelectorTerms": [here]}}}


def using(name: str, *command: str, **source) -> dict:
    mounts = [{"name": "data", "mountPath": "/data"}]
    return {
        "containers": [container("main", *command, volumeMounts=mounts)],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name, **source}}],
        "restartPolicy": "Never",
    }


async def test_what_a_pod_writes_to_its_claim_outlives_it_and_belongs_to_its_group(node: TestNode, tmp_path):
    data = tmp_path / "disk"
    data.mkdir()
    await bound(node, "disk", **local(data))
    identity = {"securityContext": {"runAsUser": 1234, "runAsGroup": 1234, "fsGroup": 4321}}
    await node.create("writer", **using("disk", *shell("echo kept > /data/file")), **identity)
    await node.until("writer", lambda status: status.get("phase") == "Succeeded")
    await node.delete("writer")
    await node.gone("writer")
    assert (data / "file").read_text() == "kept\n"
    assert (data / "file").stat().st_gid == 4321
    await node.create("reader", **using("disk", *shell("cat /data/file; echo x > /data/y"), readOnly=True))
    status = await node.until("reader", lambda status: status.get("phase") == "Failed")
    uid = (await node.get("reader"))["metadata"]["uid"]
    assert "kept" in node.log("reader", uid).splitlines()
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 1
    assert not (data / "y").exists()


async def test_a_pod_starts_when_its_claim_is_bound_and_says_why_it_waits(node: TestNode, tmp_path):
    os.mkdir(tmp_path / "late")
    await node.create("waiter", **using("late", *shell("echo here > /data/file")))

    async def waits() -> bool:
        return "FailedMount" in await node.reasons("waiter")

    await node.eventually(waits)
    await bound(node, "late", hostPath={"path": str(tmp_path / "late")})
    await node.until("waiter", lambda status: status.get("phase") == "Succeeded", 60)
    assert (tmp_path / "late" / "file").read_text() == "here\n"


@pytest.fixture
def device(tmp_path) -> Iterator[str]:
    """A block device of 1 MiB that begins with `hello`."""
    image = tmp_path / "image"
    image.write_bytes(b"hello\n".ljust(1 << 20, b"\0"))
    made = subprocess.run(["losetup", "--find", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no loop device: {made.stderr}")
    yield made.stdout.strip()
    subprocess.run(["losetup", "--detach", made.stdout.strip()], check=True)


def on_device(name: str, command: str, **source) -> dict:
    devices = [{"name": "data", "devicePath": "/dev/disk"}]
    return using(name, **source) | {"containers": [container("main", *shell(command), volumeDevices=devices)]}


async def test_a_block_volume_is_a_device_in_the_container(node: TestNode, device):
    await bound(node, "raw", **local(device), volumeMode="Block")
    await node.create(
        "writer", **on_device("raw", "dd if=/dev/disk bs=6 count=1; echo world | dd of=/dev/disk bs=6 seek=1")
    )
    await node.until("writer", lambda status: status.get("phase") == "Succeeded")
    assert "hello" in node.log("writer", (await node.get("writer"))["metadata"]["uid"])
    await node.delete("writer")
    await node.gone("writer")
    with open(device, "rb") as disk:
        assert disk.read(12) == b"hello\nworld\n"
    await node.create("reader", **on_device("raw", "dd if=/dev/zero of=/dev/disk bs=6 count=1", readOnly=True))
    await node.until("reader", lambda status: status.get("phase") == "Failed")
    with open(device, "rb") as disk:
        assert disk.read(6) == b"hello\n"


async def test_a_file_system_is_no_device(node: TestNode, tmp_path):
    os.mkdir(tmp_path / "files")
    await bound(node, "files", **local(tmp_path / "files"))
    await node.create("p", **on_device("files", "true"))

    async def told() -> bool:
        events = (await node.api.get("/api/v1/namespaces/default/events")).json()["items"]
        text = "volume data has volumeMode Filesystem, but is specified in volumeDevices"
        return any(text in e["message"] for e in events)

    await node.eventually(told)


async def test_a_volume_that_is_not_supported_is_named(node: TestNode):
    await bound(node, "share", iscsi={"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:s", "lun": 0})
    await node.create("p", **using("share", "true"), nodeSelector={})

    async def named() -> bool:
        events = (await node.api.get("/api/v1/namespaces/default/events")).json()["items"]
        return any('persistent volume type "iscsi" is not supported' in e["message"] for e in events)

    await node.eventually(named)
    assert (await node.get("p"))["spec"]["nodeName"] == NODE


async def test_what_mount_says_of_a_share_is_an_event_of_the_pod(node: TestNode):
    await bound(node, "share", nfs={"server": "127.0.0.1", "path": "/absent"}, mountOptions=["soft", "retry=0"])
    await node.create("p", **using("share", "true"))

    async def told() -> list[str]:
        events = (await node.api.get("/api/v1/namespaces/default/events")).json()["items"]
        return [e["message"] for e in events if e["reason"] == "FailedMount"]

    text = (await node.eventually(told))[0]
    assert text.startswith(
        'MountVolume.SetUp failed for volume "share" : mount failed: exit status 32\nMounting command: '
    )
    assert " -o retry=0,soft 127.0.0.1:/absent " in text


async def test_a_container_restarts_while_its_claim_cannot_be_asked_for(node: TestNode, tmp_path):
    (tmp_path / "disk").mkdir()
    await bound(node, "disk", **local(tmp_path / "disk"))
    script = "echo x >> /data/starts; test $(wc -l < /data/starts) -gt 1 && sleep 1000; exit 1"
    await node.create("again", **(using("disk", *shell(script)) | {"restartPolicy": "Always"}))
    await node.until("again", lambda status: (tmp_path / "disk" / "starts").exists())
    # The volume's object is gone, as it would be out of reach: the kubelet has asked once and needs no more.
    await node.api.patch(f"{VOLUMES}/disk", {"metadata": {"finalizers": None}})
    await node.api.delete(f"{VOLUMES}/disk")
    await node.until("again", lambda status: status["containerStatuses"][0].get("restartCount", 0) > 0, 40)

    async def wrote_again() -> bool:
        return (tmp_path / "disk" / "starts").read_text().startswith("x\nx\n")

    await node.eventually(wrote_again)


async def test_a_claim_that_is_being_bound_is_waited_for_without_a_warning(node: TestNode, tmp_path):
    os.mkdir(tmp_path / "soon")
    await bound(node, "soon", **local(tmp_path / "soon"))
    await node.api.patch(f"{CLAIMS}/soon/status", {"status": {"phase": "Pending"}})
    client = Client.from_config(node.api.client_config(), user_agent="claims-test")
    claims = Claims(client)
    pod = codec.from_generic(
        {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": using("soon", *shell("true"))}, Pod
    )
    waiting = asyncio.create_task(claims.source(pod, pod.spec.volumes[0]))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await node.api.patch(f"{CLAIMS}/soon/status", {"status": {"phase": "Bound"}})
    assert (await waiting).metadata.name == "soon"
    await client.close()

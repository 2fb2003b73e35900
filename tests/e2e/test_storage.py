"""Claims on a real node: a StatefulSet keeps its data on volumes that the scheduler chose, ephemeral volumes go with pods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.workbench import Bench, container, service, workbench

CLASS = "on-this-machine"
REMEMBER = "echo $HOSTNAME >> /data/starts; trap 'exit 0' TERM; sleep 1000 & wait"
ASKS = {
    "accessModes": ["ReadWriteOnce"],
    "storageClassName": CLASS,
    "resources": {"requests": {"storage": "1Gi"}},
}


def volume(name: str, size: str) -> dict[str, Any]:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "storageClassName": CLASS,
        "hostPath": {"path": f"/run/volumes/{name}", "type": "DirectoryOrCreate"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def database() -> dict[str, Any]:
    main = container("main", REMEMBER, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    labels = {"name": "db"}
    spec = {
        "serviceName": "db",
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [main]},
        },
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": ASKS}],
    }
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}


@pytest.fixture(scope="module")
def bench(cluster: Cluster) -> Iterator[Bench]:
    waits = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    storage_class = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": CLASS}, **waits}
    with workbench(cluster, "storage") as bench:
        bench.apply(
            storage_class, *(volume(name, size) for name, size in (("one", "1Gi"), ("two", "2Gi"), ("three", "3Gi")))
        )
        bench.apply(service("db", {"port": 80}, clusterIP="None"), database())
        yield bench


def test_a_stateful_set_keeps_its_data_when_its_pods_are_replaced(bench: Bench) -> None:
    bench.cluster.ready("name=db", 2, bench.namespace)
    claims = {name: bench.get("pvc", name) for name in ("data-db-0", "data-db-1")}
    assert {claim["status"]["phase"] for claim in claims.values()} == {"Bound"}
    assert {claim["spec"]["volumeName"] for claim in claims.values()} == {"one", "two"}
    before = {pod["metadata"]["uid"] for pod in bench.cluster.pods("name=db", bench.namespace)}
    bench.run("delete", "pod", "db-0", "db-1")

    def replaced() -> bool:
        pods = bench.cluster.pods("name=db", bench.namespace)
        return len(pods) == 2 and not before & {pod["metadata"]["uid"] for pod in pods}

    eventually(replaced, 60, bench.explain)
    bench.cluster.ready("name=db", 2, bench.namespace)
    for name in ("db-0", "db-1"):
        assert bench.exec(name, "cat", "/data/starts") == f"{name}\n{name}\n"


def test_an_ephemeral_volume_is_the_pods_own_and_goes_with_it(bench: Bench) -> None:
    mounts = [{"name": "scratch", "mountPath": "/scratch"}]
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [container("main", "echo x > /scratch/x; sleep 1000", volumeMounts=mounts)],
        "volumes": [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": ASKS}}}],
    }
    bench.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "short"}, "spec": spec})
    bench.ready("short", seconds=60)
    name = bench.get("pvc", "short-scratch")["spec"]["volumeName"]
    bench.run("delete", "pod", "short")
    eventually(lambda: bench.run("get", "pvc", "short-scratch", check=False).returncode != 0, 60, bench.explain)
    eventually(lambda: bench.get("pv", name)["status"]["phase"] == "Released", 60, bench.explain)


def test_a_claim_without_a_class_gets_a_directory_of_the_node_that_goes_with_it(bench: Bench) -> None:
    asks = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "plain"}, "spec": asks}
    main = container("main", "echo mine > /data/x; sleep 1000", volumeMounts=[{"name": "data", "mountPath": "/data"}])
    spec = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsUser": 1234},
        "containers": [main],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "plain"}}],
    }
    bench.apply(claim, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "plain"}, "spec": spec})
    bench.ready("plain", seconds=60)
    name = bench.get("pvc", "plain")["spec"]["volumeName"]
    path = bench.get("pv", name)["spec"]["hostPath"]["path"]
    eventually(lambda: bench.cluster.machine.run("cat", f"{path}/x", check=False).stdout == "mine\n", 20, bench.explain)
    bench.run("delete", "pod/plain", "pvc/plain")
    eventually(lambda: bench.run("get", "pv", name, check=False).returncode != 0, 60, bench.explain)
    assert bench.cluster.machine.run("ls", path, check=False).returncode != 0

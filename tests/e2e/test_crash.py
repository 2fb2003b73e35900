"""kill -9 of every process, one after the other and all at once, in the middle of a rolling update."""

from __future__ import annotations

import os
import pathlib
import signal
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually, start
from tests.e2e.machine import Machine

COMPONENTS = (
    "apiserver",
    "controller-manager",
    "scheduler",
    "kubelet",
    "proxy",
    "network",
    "dns",
    "containerd",
    "supervisor",
)
ROLLING = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: kubelite.test/web:1
        env: [{name: ROUND, value: "ROUND_NUMBER"}]
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
"""
STEADY = """
apiVersion: v1
kind: Pod
metadata: {name: steady, labels: {app: steady}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: web, image: "kubelite.test/web:1"}]
"""


@pytest.fixture
def cluster(machine: Machine, tars: list[pathlib.Path]) -> Cluster:
    return start(machine, tars)


def pids(cluster: Cluster, component: str) -> list[int]:
    title = "containerd --config" if component == "containerd" else f"kubelite {component}"
    return [pid for pid, line in cluster.machine.processes().items() if line.startswith(title)]


def kill(*processes: int) -> None:
    for pid in processes:
        os.kill(pid, signal.SIGKILL)


def answering(cluster: Cluster) -> bool:
    return cluster.machine.kubelite("get", "--raw", "/readyz", check=False).returncode == 0


def create_acknowledged(cluster: Cluster, names: list[str], prefix: str) -> None:
    """Creates ConfigMaps until one is refused or lost; only those that were acknowledged are counted."""
    for number in range(10):
        name = f"{prefix}-{number}"
        if cluster.machine.kubelite("create", "configmap", name, check=False).returncode == 0:
            names.append(name)


def roll(cluster: Cluster, round_number: int) -> None:
    cluster.apply(ROLLING.replace("ROUND_NUMBER", str(round_number)))


def finished(cluster: Cluster, round_number: int) -> bool:
    """All replicas are those of this round, and available."""
    done = cluster.machine.kubelite("get", "deployment", "shop", "-o", "json", check=False)
    if done.returncode != 0:
        return False
    import json

    shop: Any = json.loads(done.stdout)
    status, env = shop["status"], shop["spec"]["template"]["spec"]["containers"][0]["env"]
    counts = [status.get(field) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    observed = status.get("observedGeneration") == shop["metadata"]["generation"]
    return observed and counts == [4, 4, 4] and env[0]["value"] == str(round_number)


def test_everything_survives_kill_9(cluster: Cluster) -> None:
    roll(cluster, 0)
    cluster.apply(STEADY)
    eventually(lambda: finished(cluster, 0), 90, lambda: cluster.kubelite("get", "pods"))
    steady = cluster.ready("app=steady", 1)[0]["status"]["containerStatuses"][0]["containerID"]
    acknowledged: list[str] = []

    for number, component in enumerate(COMPONENTS, 1):
        roll(cluster, number)
        victims = pids(cluster, component)
        assert victims, f"{component} does not run"
        kill(*victims)
        create_acknowledged(cluster, acknowledged, f"after-{component}")
        if component == "supervisor":
            # On a machine with systemd its unit would do this.
            cluster.machine.kubelite("up")
        eventually(
            lambda number=number: finished(cluster, number),  # type: ignore[misc]
            120,
            lambda component=component: f"{component}\n" + cluster.kubelite("get", "pods,deploy,rs", check=False),  # type: ignore[misc]
        )
        eventually(lambda component=component: pids(cluster, component), 30)  # type: ignore[misc]

    roll(cluster, 100)
    create_acknowledged(cluster, acknowledged, "before-all")
    kill(*[pid for component in COMPONENTS for pid in pids(cluster, component)])
    cluster.machine.kubelite("up")
    eventually(lambda: finished(cluster, 100), 120, lambda: cluster.kubelite("get", "pods,deploy,rs", check=False))

    kept = {c["metadata"]["name"] for c in cluster.get("configmaps")["items"]}
    assert len(acknowledged) > len(COMPONENTS)
    assert set(acknowledged) <= kept
    after = cluster.get("pod", "steady")["status"]["containerStatuses"][0]
    assert (after["containerID"], after["restartCount"]) == (steady, 0)

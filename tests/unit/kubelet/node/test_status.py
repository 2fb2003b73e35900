from __future__ import annotations

from dataclasses import replace

import pytest

from kubelite.api.types.core_v1 import NodeCondition, NodeStatus
from kubelite.kubelet.node.machine import Machine
from kubelite.kubelet.node.status import NodeFacts, compute_status, differs, new_node, parse_taint

NOW, LATER = "2030-01-01T00:00:00Z", "2030-01-01T00:00:10Z"
MACHINE = Machine("host", 4, 8 << 30, "mid", "uuid", "boot", "6.1", "Debian", "amd64", 0)
FACTS = NodeFacts(
    machine=MACHINE,
    hostname="n1",
    ips=("10.0.0.1",),
    port=10250,
    max_pods=110,
    disk_bytes=100 << 30,
    reserved={"cpu": 500, "memory": 1 << 30},
    runtime_version="containerd://1.6.20",
    images=[(["a:1"], 10), (["b:1"], 20)],
)


def ready(status):
    return next(c for c in status.conditions if c.type == "Ready")


def test_capacity_and_allocatable_differ_by_what_is_reserved():
    status = compute_status(FACTS, NodeStatus(), NOW)
    assert (status.capacity["cpu"], status.allocatable["cpu"]) == ("4", "3500m")
    assert status.capacity["memory"] == f"{8 << 20}Ki"
    assert status.allocatable["memory"] == f"{(7 << 20) - (100 << 10)}Ki"
    assert status.allocatable["pods"] == "110"


def test_a_healthy_node_is_ready_without_pressure():
    status = compute_status(FACTS, NodeStatus(), NOW)
    assert {c.type: (c.status, c.reason) for c in status.conditions} == {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID"),
        "Ready": ("True", "KubeletReady"),
    }
    assert [image.names for image in status.images] == [["b:1"], ["a:1"]]


def test_a_node_declares_what_the_scheduler_must_know_of_its_kubelet():
    assert compute_status(FACTS, NodeStatus(), NOW).declaredFeatures == ["RestartAllContainersOnContainerExits"]


def test_a_problem_of_the_runtime_makes_the_node_not_ready():
    status = compute_status(replace(FACTS, network_problem="no cni"), NodeStatus(), NOW)
    assert (ready(status).status, ready(status).reason, ready(status).message) == ("False", "KubeletNotReady", "no cni")


def test_a_heartbeat_alone_is_no_difference_and_keeps_transition_times():
    first = compute_status(FACTS, NodeStatus(), NOW)
    second = compute_status(FACTS, first, LATER)
    assert not differs(first, second)
    assert (ready(second).lastTransitionTime, ready(second).lastHeartbeatTime) == (NOW, LATER)
    assert differs(first, compute_status(replace(FACTS, disk_pressure=True), first, LATER))


def test_conditions_of_others_are_kept():
    old = NodeStatus(conditions=[NodeCondition(type="NetworkUnavailable", status="False")])
    assert "NetworkUnavailable" in {c.type for c in compute_status(FACTS, old, NOW).conditions}


def test_a_new_node_has_its_labels_and_taints():
    node = new_node("n1", FACTS, ["zone=a"], ["gpu=yes:NoSchedule"], NOW)
    assert node.metadata.labels["kubernetes.io/hostname"] == "n1" and node.metadata.labels["zone"] == "a"
    taint = node.spec.taints[0]
    assert (taint.key, taint.value, taint.effect) == ("gpu", "yes", "NoSchedule")


@pytest.mark.parametrize("text", ["x", "x=y", "=y:NoSchedule", "x:Nonsense"])
def test_a_malformed_taint_is_refused(text):
    with pytest.raises(ValueError, match="invalid taint"):
        parse_taint(text)

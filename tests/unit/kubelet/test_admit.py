from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import Node
from kubelite.kubelet.admit import Rejection, admit
from tests.unit.kubelet.podbuilder import make_pod

ALLOCATABLE = {"cpu": "1", "memory": "1Gi", "pods": "2"}


def sized(cpu: str, uid: str = "u1", port: int = 0):
    resources = {"requests": {"cpu": cpu}}
    ports = [{"containerPort": 80, "hostPort": port}] if port else []
    return make_pod([{"name": "web", "image": "i", "resources": resources, "ports": ports}], meta={"uid": uid})


def test_a_pod_that_fits_is_taken():
    assert admit(sized("500m"), [sized("500m", "u2")], None, ALLOCATABLE) is None


def test_a_pod_that_asks_for_more_than_is_left_is_rejected():
    rejection = admit(sized("600m"), [sized("500m", "u2")], None, ALLOCATABLE)
    text = "Node didn't have enough resource: cpu, requested: 600, used: 500, capacity: 1000"
    assert rejection == Rejection("OutOfcpu", text)


def test_one_pod_too_many_is_rejected():
    others = [sized("1m", "u2"), sized("1m", "u3")]
    assert admit(sized("1m"), others, None, ALLOCATABLE).reason == "OutOfpods"


def test_a_host_port_that_is_taken_is_rejected():
    assert admit(sized("1m", port=80), [sized("1m", "u2", port=80)], None, ALLOCATABLE).reason == "NodePorts"
    assert admit(sized("1m", port=81), [sized("1m", "u2", port=80)], None, ALLOCATABLE) is None


def test_a_selector_that_the_node_does_not_match_is_rejected():
    pod = make_pod(nodeSelector={"disk": "ssd"}, nodeName="n1")
    node = Node()
    assert admit(pod, [], node, ALLOCATABLE).reason == "NodeAffinity"
    node.metadata.labels["disk"] = "ssd"
    assert admit(pod, [], node, ALLOCATABLE) is None


@pytest.mark.parametrize(
    ("name", "allowed", "reason"),
    [
        ("kernel.shm_rmid_forced", (), None),
        ("kernel.msgmax", (), "SysctlForbidden"),
        ("kernel.msgmax", ("kernel.msg*",), None),
        ("net.ipv4.ip_forward", ("kernel.msg*",), "SysctlForbidden"),
    ],
)
def test_unsafe_sysctls_need_permission(name, allowed, reason):
    pod = make_pod(securityContext={"sysctls": [{"name": name, "value": "1"}]})
    rejection = admit(pod, [], None, ALLOCATABLE, allowed_sysctls=allowed)
    assert (rejection.reason if rejection else None) == reason

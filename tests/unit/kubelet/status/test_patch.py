from __future__ import annotations

from kubelite.api.types.core_v1 import PodCondition, PodIP, PodStatus
from kubelite.kubelet.status.patch import status_patch


def test_nothing_changed_is_an_empty_patch():
    status = PodStatus(phase="Running", podIP="10.0.0.1", conditions=[PodCondition(type="Ready", status="True")])
    assert status_patch(status, status) == {}


def test_only_what_changed_is_sent_and_what_went_is_null():
    old = PodStatus(phase="Running", podIP="10.0.0.1", message="old")
    assert status_patch(old, PodStatus(phase="Failed", podIP="10.0.0.1")) == {"phase": "Failed", "message": None}


def test_an_address_that_went_is_deleted_by_its_key():
    patch = status_patch(PodStatus(podIPs=[PodIP(ip="a")]), PodStatus(podIPs=[PodIP(ip="b")]))
    assert patch == {"podIPs": [{"ip": "b"}, {"ip": "a", "$patch": "delete"}]}


def test_conditions_of_others_are_never_written():
    old = PodStatus(conditions=[PodCondition(type="Ready", status="False", reason="X", message="y")])
    new = PodStatus(
        conditions=[PodCondition(type="Ready", status="True"), PodCondition(type="DisruptionTarget", status="True")]
    )
    assert status_patch(old, new) == {
        "conditions": [{"type": "Ready", "status": "True", "reason": None, "message": None}]
    }

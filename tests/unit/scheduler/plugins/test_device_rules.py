"""DynamicResources: what keeps devices from a claim, and what is an error rather than a verdict."""

from __future__ import annotations

import msgspec
import pytest

from kubelite.api.types import resource_v1 as v1
from kubelite.scheduler.framework import AttemptFailed
from tests.unit.scheduler.plugins.test_dynamic_resources import DRIVER, Lab, exactly, gpu
from tests.unit.scheduler.world import node


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_a_taint_counts_for_administrators_and_for_those_who_want_all_devices(lab: Lab) -> None:
    taint = {"key": "broken", "value": "yes", "effect": "NoExecute"}
    lab.offer("s", [gpu("gpu-0", taints=[taint]), gpu("gpu-1")], nodeName="b")
    lab.claim("all", exactly(allocationMode="All"))
    assert "2 cannot allocate all claims" in lab.place("all")
    lab.claim("admin", exactly(allocationMode="All", adminAccess=True))
    assert "2 cannot allocate all claims" in lab.place("admin")
    lab.claim("one", exactly(adminAccess=True))
    assert (lab.place("one"), lab.given()) == ("b", [("gpu", "gpu-1")])


def test_a_claim_gets_a_device_once_also_for_administrators(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("c", exactly("one", adminAccess=True), exactly("two", adminAccess=True))
    assert "2 cannot allocate all claims" in lab.place("c")
    lab.claim("d", exactly("one", adminAccess=True))
    lab.claim("e", exactly("two", adminAccess=True))
    assert (lab.place("d", "e"), lab.given()) == ("b", [("one", "gpu-0"), ("two", "gpu-0")])
    lab.claim("f", exactly("two"))
    assert "2 cannot allocate all claims" in lab.place("d", "f")


def test_a_claim_is_given_thirty_two_devices_at_most(lab: Lab) -> None:
    lab.offer("s", [gpu(f"gpu-{n}") for n in range(40)], nodeName="b")
    lab.claim("many", exactly("one", count=32), exactly("two"))
    text = "claim default/many: number of requested devices 33 exceeds the claim limit of 32"
    with pytest.raises(AttemptFailed, match=text):
        lab.place("many")
    lab.claim("all", exactly(allocationMode="All"))
    with pytest.raises(AttemptFailed, match="number of requested devices 40 exceeds the claim limit of 32"):
        lab.place("all")
    options = [{"name": name, "deviceClassName": "gpu", "count": count} for name, count in (("big", 8), ("small", 1))]
    lab.claim("fits", exactly("one", count=31), {"name": "two", "firstAvailable": options})
    assert lab.place("fits") == "b"
    assert lab.given()[-1][0] == "two/small"


def test_all_devices_that_a_constraint_keeps_apart_are_an_error(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0", "a"), gpu("gpu-1", "b")], nodeName="b")
    lab.claim("c", exactly(allocationMode="All"), constraints=[{"matchAttribute": f"{DRIVER}/model"}])
    text = (
        "claim default/c, request gpu: cannot add device gpu.example.com/s/gpu-1 because a claim constraint would not"
    )
    with pytest.raises(AttemptFailed, match=text):
        lab.place("c")


def test_devices_that_are_ready_at_once_are_tried_before_others(lab: Lab) -> None:
    lab.offer("s-1", [gpu("slow", bindingConditions=["Attached"], bindingFailureConditions=["Broken"])], nodeName="b")
    lab.offer("s-2", [gpu("quick")], nodeName="b")
    lab.claim("c", exactly())
    assert (lab.place("c"), lab.given()) == ("b", [("gpu", "quick")])


def test_the_configuration_of_a_class_is_given_once_for_all_its_requests(lab: Lab) -> None:
    lab.device_class("gpu", "true", config=[{"opaque": {"driver": DRIVER, "parameters": {}}}])
    lab.offer("s", [gpu("gpu-0"), gpu("gpu-1")], nodeName="b")
    lab.claim("c", exactly("one"), exactly("two"))
    lab.place("c")
    allocation = lab.allotments[0].allocation
    assert allocation is not None and allocation.devices is not None
    assert [(c.source, c.requests) for c in allocation.devices.config] == [("FromClass", ["one", "two"])]


def test_all_devices_cannot_be_had_while_a_pool_is_being_updated(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("c", exactly("gpu", allocationMode="All"))
    pool = {"name": "new", "resourceSliceCount": 2, "generation": 1}
    lab.offer("t", [gpu("gpu-1")], nodeName="b", pool=pool)
    text = (
        "claim default/c, request gpu: asks for all devices, but resource pool gpu.example.com/new is currently being"
    )
    with pytest.raises(AttemptFailed, match=text):
        lab.place("c")
    lab.offer("u", [gpu("gpu-2")], nodeName="b", pool=pool)
    assert lab.place("c") == "b"
    assert sorted(lab.given()) == [("gpu", "gpu-0"), ("gpu", "gpu-1"), ("gpu", "gpu-2")]


def test_devices_that_nobody_uses_are_given_back_where_they_keep_a_pod_from_all_nodes(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    claim = lab.claim("c", exactly())
    lab.place("c")
    lab.keep()
    lab.cache.node_changed(node("b"), None, 0.0)
    found = lab.diagnose("c")
    assert found.message().startswith(
        "0/1 nodes are available: 1 resourceclaim not available on the node. deallocation of ResourceClaim completed, "
    )
    assert found.unused is not None and found.unused.metadata.name == "c"
    kept = lab.devices.claims["default/c"]
    other = v1.ResourceClaimConsumerReference(resource="pods", name="x", uid="x")
    used = msgspec.structs.replace(kept.status, reservedFor=[other])
    lab.devices.claim_changed(claim, msgspec.structs.replace(kept, status=used))
    found = lab.diagnose("c")
    assert "still not schedulable" in found.message()
    assert found.unused is None

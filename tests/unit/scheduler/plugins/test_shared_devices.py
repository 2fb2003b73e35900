"""Devices that several claims have a share of, and devices that are ready only after a while."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import quantity
from kubelite.scheduler.devices.capacity import share
from kubelite.scheduler.devices.conditions import Readiness, readiness
from kubelite.scheduler.devices.inventory import Offer
from tests.unit.scheduler.plugins.test_dynamic_resources import DRIVER, Lab, device, exactly

NONE_LEFT = "2 cannot allocate all claims"


@pytest.fixture
def lab() -> Lab:
    return Lab()


def card(name: str = "nic", value: str = "10Gi", policy: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A device that can be shared."""
    capacity: dict[str, Any] = {"bandwidth": {"value": value, **({"requestPolicy": policy} if policy else {})}}
    return device(name, allowMultipleAllocations=True, capacity=capacity, **more)


def asking(amount: str, **more: Any) -> dict[str, Any]:
    return exactly("share", capacity={"requests": {"bandwidth": amount}}, **more)


def results(lab: Lab) -> list[v1.DeviceRequestAllocationResult]:
    return [r for a in lab.allotments if a.allocation and a.allocation.devices for r in a.allocation.devices.results]


def test_claims_share_a_device_until_its_capacity_is_used_up(lab: Lab) -> None:
    lab.offer("s", [card()], nodeName="b")
    ids = set()
    for name in ("one", "two"):
        lab.claim(name, asking("4Gi"))
        assert lab.place(name) == "b"
        (result,) = results(lab)
        assert (result.device, result.consumedCapacity) == ("nic", {"bandwidth": "4Gi"})
        ids.add(result.shareID)
        lab.keep()
    assert len(ids) == 2 and "" not in ids
    lab.claim("three", asking("4Gi"))
    assert NONE_LEFT in lab.place("three")
    lab.claim("small", asking("2Gi"))
    assert lab.place("small") == "b"


def test_one_claim_can_have_several_shares_of_a_device(lab: Lab) -> None:
    lab.offer("s", [card()], nodeName="b")
    lab.claim("c", asking("4Gi"), exactly("more", capacity={"requests": {"bandwidth": "6Gi"}}))
    assert lab.place("c") == "b"
    assert [r.consumedCapacity["bandwidth"] for r in results(lab)] == ["4Gi", "6Gi"]
    assert len({r.shareID for r in results(lab)}) == 2
    lab.claim("too-much", asking("5Gi"), exactly("more", capacity={"requests": {"bandwidth": "6Gi"}}))
    assert NONE_LEFT in lab.place("too-much")


def test_a_claim_that_asks_for_no_amount_gets_all_that_a_device_has(lab: Lab) -> None:
    lab.offer("s", [card()], nodeName="b")
    lab.claim("all", exactly())
    assert lab.place("all") == "b"
    assert results(lab)[0].consumedCapacity == {"bandwidth": "10Gi"}
    lab.keep()
    lab.claim("one", asking("1"))
    assert NONE_LEFT in lab.place("one")


def test_a_device_that_is_not_shared_is_given_whole_and_must_be_large_enough(lab: Lab) -> None:
    lab.offer("s", [device("nic", capacity={"bandwidth": {"value": "10Gi"}})], nodeName="b")
    lab.claim("large", asking("11Gi"))
    assert NONE_LEFT in lab.place("large")
    lab.claim("c", asking("1Gi"))
    assert lab.place("c") == "b"
    assert (results(lab)[0].shareID, results(lab)[0].consumedCapacity) == ("", {})
    lab.keep()
    lab.claim("second", asking("1Gi"))
    assert NONE_LEFT in lab.place("second")


def test_shares_of_a_partition_take_its_counters_once(lab: Lab) -> None:
    consumes = [{"counterSet": "card", "counters": {"slots": {"value": "1"}}}]
    sets = [{"name": "card", "counters": {"slots": {"value": "1"}}}]
    parts = [card("left", consumesCounters=consumes), card("right", consumesCounters=consumes)]
    lab.offer("s", parts, nodeName="b", sharedCounters=sets)
    for name in ("one", "two"):
        lab.claim(name, asking("5Gi"))
        lab.place(name)
        assert results(lab)[0].device == "left"
        lab.keep()
    lab.claim("three", asking("5Gi"))
    assert NONE_LEFT in lab.place("three")


@pytest.mark.parametrize(
    ("policy", "asked", "taken"),
    [
        ({"default": "1Gi"}, None, "1Gi"),
        ({"default": "1Gi"}, "3Gi", "3Gi"),
        ({"default": "1Gi", "validValues": ["1Gi", "2Gi", "4Gi"]}, "3Gi", "4Gi"),
        ({"default": "1Gi", "validValues": ["1Gi", "2Gi", "4Gi"]}, "5Gi", None),
        ({"default": "2Gi", "validRange": {"min": "2Gi"}}, "1Gi", "2Gi"),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "8Gi"}}, "9Gi", None),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "8Gi", "step": "3Gi"}}, "3Gi", "5Gi"),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "8Gi", "step": "3Gi"}}, "6Gi", "8Gi"),
        ({"default": "2Gi", "validRange": {"min": "2Gi", "max": "9Gi", "step": "3Gi"}}, "9Gi", None),
    ],
)
def test_the_policy_of_a_capacity_rounds_up_or_refuses(
    policy: dict[str, Any], asked: str | None, taken: str | None
) -> None:
    offer = Offer((DRIVER, "pool", "nic"), msgspec.convert(card(policy=policy), v1.Device))
    found = share(offer, {"bandwidth": asked} if asked else {})
    assert found == ({"bandwidth": taken} if taken else None)


def test_a_capacity_that_a_device_does_not_have_is_not_given(lab: Lab) -> None:
    lab.offer("s", [card()], nodeName="b")
    lab.claim("c", exactly("share", capacity={"requests": {"other.example.com/bandwidth": "1Gi"}}))
    assert NONE_LEFT in lab.place("c")
    lab.claim("own", exactly("share", capacity={"requests": {f"{DRIVER}/bandwidth": "1Gi"}}))
    assert lab.place("own") == "b"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_device_is_ever_given_more_often_than_it_can_bear(seed: int) -> None:
    rng, lab = random.Random(seed), Lab()
    devices = [card(f"d{n}", value=f"{rng.randrange(1, 8)}") for n in range(3)]
    lab.offer("s", devices, nodeName="b")
    used = dict.fromkeys((d["name"] for d in devices), 0)
    room = {d["name"]: int(d["capacity"]["bandwidth"]["value"]) for d in devices}
    for number in range(8):
        amount = rng.randrange(1, 6)
        lab.claim(f"c{number}", asking(str(amount)))
        fits = any(room[name] - used[name] >= amount for name in used)
        placed = lab.place(f"c{number}")
        assert (placed == "b") is fits
        if fits:
            (result,) = results(lab)
            used[result.device] += quantity.value(result.consumedCapacity["bandwidth"])
            lab.keep()
    assert all(used[name] <= room[name] for name in used)


def claim_with(lab: Lab, conditions: dict[str, str]) -> v1.ResourceClaim:
    """A claim that was given a device, of which its driver says this."""
    (allotment,) = lab.allotments
    (result,) = results(lab)
    said = {
        "driver": result.driver,
        "pool": result.pool,
        "device": result.device,
        "conditions": [{"type": name, "status": status} for name, status in conditions.items()],
    }
    status = v1.ResourceClaimStatus(
        allocation=allotment.allocation, devices=[msgspec.convert(said, v1.AllocatedDeviceStatus)]
    )
    return msgspec.structs.replace(allotment.claim, status=status)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, Readiness.WAITING),
        ({"Attached": "True"}, Readiness.WAITING),
        ({"Attached": "True", "Powered": "False"}, Readiness.WAITING),
        ({"Attached": "True", "Powered": "True"}, Readiness.READY),
        ({"Attached": "True", "Powered": "True", "Broken": "False"}, Readiness.READY),
        ({"Attached": "True", "Powered": "True", "Broken": "True"}, Readiness.FAILED),
    ],
)
def test_a_claim_is_ready_when_all_conditions_of_its_devices_are_true(
    lab: Lab, conditions: dict[str, str], expected: Readiness
) -> None:
    more = {"bindingConditions": ["Attached", "Powered"], "bindingFailureConditions": ["Broken"], "bindsToNode": True}
    lab.offer("s", [device("fabric", **more)], allNodes=True)
    lab.claim("c", exactly())
    node = lab.place("c")
    claim = claim_with(lab, conditions)
    assert readiness(claim) is expected
    allocation = claim.status.allocation
    assert allocation is not None and allocation.nodeSelector is not None
    assert allocation.nodeSelector.nodeSelectorTerms[0].matchFields[0].values == [node]


def test_what_a_watch_tells_late_does_not_free_a_device(lab: Lab) -> None:
    lab.offer("s", [device("d")], nodeName="b")
    old = lab.claim("c", exactly())
    old.metadata.resourceVersion = "9"
    lab.place("c")
    new = msgspec.convert(msgspec.to_builtins(old), v1.ResourceClaim)
    new.metadata.resourceVersion = "10"
    new.status.allocation = lab.allotments[0].allocation
    lab.devices.claim_changed(old, new)
    lab.devices.claim_changed(old, old)
    lab.claim("other", exactly())
    assert NONE_LEFT in lab.place("other")

"""Hints in proportion to the zones' CPUs: upstream's thresholds, and a plan that comes to rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.controllers import objects
from kubelite.controllers.endpointslice.hints import Allocation, allocate, cpu_ratios
from kubelite.controllers.endpointslice.plan import Observed, Plan, plan
from tests.unit.controllers.build import pod
from tests.unit.controllers.endpointslice.test_plan import READY, carry_out, service

AUTO = "service.kubernetes.io/topology-mode"
ENABLED = ("Normal", "TopologyAwareHintsEnabled", "Topology Aware Hints has been enabled, addressType: IPv4")


def node(zone: str, cpu: str = "4", ready: str = "True", **labels: str) -> objects.Node:
    names = {"topology.kubernetes.io/zone": zone, **{f"node-role.kubernetes.io/{name}": "" for name in labels}}
    body = {
        "metadata": {"labels": names if zone else {}},
        "status": {"allocatable": {"cpu": cpu}, "conditions": [{"type": "Ready", "status": ready}]},
    }
    return msgspec.convert(body, objects.Node)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([node("a"), node("b", "3"), node("b", "1")], {"a": 0.5, "b": 0.5}),
        ([node("a", "500m"), node("b", "1500m")], {"a": 0.25, "b": 0.75}),
        ([node("a"), node("b"), node("", ready="False"), node("c", control="")], {"a": 1 / 3, "b": 1 / 3, "c": 1 / 3}),
        ([node("a"), node("b"), node("c", master="")], {"a": 0.5, "b": 0.5}),
        ([node("a"), node("a")], None),
        ([node("a"), node("b"), node("")], None),
        ([node("a"), node("b", "0")], None),
        ([], None),
    ],
)
def test_a_zones_part_is_that_of_its_ready_nodes_cpus(nodes: list[Any], expected: dict[str, float] | None) -> None:
    assert cpu_ratios(nodes) == expected


@pytest.mark.parametrize(
    ("count", "ratios", "expected"),
    [
        (4, None, "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"),
        (1, {"a": 0.5, "b": 0.5}, "Insufficient number of endpoints (1 endpoints, 2 zones)"),
        (
            3,
            {"a": 0.5, "b": 0.5},
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold "
            "(3 endpoints, 2 zones)",
        ),
        (4, {"a": 0.5, "b": 0.5}, {"a": Allocation(2, 2, 2.0), "b": Allocation(2, 2, 2.0)}),
        (11, {"a": 0.5, "b": 0.5}, {"a": Allocation(5, 6, 5.5), "b": Allocation(5, 6, 5.5)}),
    ],
)
def test_shares(count: int, ratios: dict[str, float] | None, expected: Any) -> None:
    assert allocate(count, ratios) == expected


def auto(mode: str = "Auto") -> objects.Service:
    made = service()
    made.metadata.annotations = {AUTO: mode}
    return made


def placed(zones: dict[str, int]) -> tuple[list[objects.Pod], dict[str, str]]:
    """So many pods in each zone, with a node for each zone."""
    found = [
        pod(f"{zone}-{n}", ip=f"10.{z}.0.{n + 1}", ready_since=READY, node=f"n-{zone}")
        for z, (zone, count) in enumerate(sorted(zones.items()))
        for n in range(count)
    ]
    return found, {f"n-{zone}": zone for zone in zones}


def hinted(slices: list[EndpointSlice]) -> Counter[str]:
    endpoints = [one for piece in slices for one in piece.endpoints or []]
    return Counter(one.hints.forZones[0].name if one.hints is not None else "" for one in endpoints)


def test_zones_with_too_many_endpoints_lend_to_those_with_too_few() -> None:
    pods, nodes = placed({"a": 3, "b": 1})
    step = plan(Observed(auto(), pods, nodes, [], {"a": 0.5, "b": 0.5}))
    assert hinted(carry_out([], step)) == {"a": 2, "b": 2}
    assert (step.events, step.hinted) == ((ENABLED,), True)


def test_without_the_means_hints_go_and_somebody_is_told_why() -> None:
    pods, nodes = placed({"a": 2, "b": 2})
    ratios = {"a": 0.5, "b": 0.5}
    slices = carry_out([], plan(Observed(auto(), pods, nodes, [], ratios)))
    step = plan(Observed(auto(), pods, nodes, slices, None, hinted=True))
    ((kind, reason, message),) = step.events
    assert (kind, reason, step.hinted) == ("Warning", "TopologyAwareHintsDisabled", False)
    assert message.endswith("not specified on one or more nodes, addressType: IPv4")
    assert hinted(carry_out(slices, step)) == {"": 4}

    nodes["n-b"] = ""
    step = plan(Observed(auto(), pods, nodes, [], ratios))
    assert [one[2] for one in step.events] == ["One or more endpoints do not have a zone specified, addressType: IPv4"]
    assert hinted(carry_out([], step)) == {"": 4}


def test_hints_go_with_the_annotation() -> None:
    pods, nodes = placed({"a": 2, "b": 2})
    slices = carry_out([], plan(Observed(auto(), pods, nodes, [], {"a": 0.5, "b": 0.5})))
    step = plan(Observed(service(), pods, nodes, slices, None, hinted=True))
    assert step.events == (
        ("Warning", "TopologyAwareHintsDisabled", "Topology Aware Hints has been disabled, addressType: IPv4"),
    )
    assert hinted(carry_out(slices, step)) == {"": 4}


def test_the_annotation_wins_over_the_field() -> None:
    made = auto()
    made.spec.trafficDistribution = "PreferSameZone"
    pods, nodes = placed({"a": 3, "b": 1})
    assert hinted(carry_out([], plan(Observed(made, pods, nodes, [], {"a": 0.5, "b": 0.5})))) == {"a": 2, "b": 2}


def test_a_new_ready_endpoint_that_fits_leaves_other_slices_alone() -> None:
    pods, nodes = placed({"a": 120, "b": 80})
    ratios = {"a": 0.5, "b": 0.5}
    slices = carry_out([], plan(Observed(auto(), pods, nodes, [], ratios)))
    assert hinted(slices) == {"a": 100, "b": 100}
    more, _ = placed({"a": 120, "b": 81})
    step = plan(Observed(auto(), more, nodes, slices, ratios, hinted=True))
    assert (len(step.create), len(step.update), len(step.delete)) == (1, 0, 0)


COUNTS = st.fixed_dictionaries({"a": st.integers(0, 90), "b": st.integers(0, 90), "c": st.integers(0, 90)})
PARTS = st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(0, 8))


@settings(max_examples=80)
@given(st.lists(st.tuples(COUNTS, PARTS), min_size=1, max_size=4))
def test_after_any_changes_no_zone_is_overloaded_and_the_plan_is_at_rest(
    rounds: list[tuple[dict[str, int], tuple[int, int, int]]],
) -> None:
    slices: list[EndpointSlice] = []
    told = False
    for counts, parts in rounds:
        pods, nodes = placed(counts)
        ratios = {zone: part / sum(parts) for zone, part in zip("abc", parts, strict=True) if part}
        step = plan(Observed(auto(), pods, nodes, slices, ratios, told))
        slices, told = carry_out(slices, step), step.hinted
        again = plan(Observed(auto(), pods, nodes, slices, ratios, told))
        assert (again.create, again.update, again.delete) == ((), (), ())
        assert again.hinted == told
        shares = allocate(len(pods), ratios)
        if isinstance(shares, str):
            assert hinted(slices) in ({}, {"": len(pods)})
            continue
        found = hinted(slices)
        assert set(found) <= set(shares) | {zone for zone, count in counts.items() if count}
        assert again == Plan(hinted=told)

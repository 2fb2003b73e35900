"""Which routes to the nodes' pods are made and removed."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.cloud.provider import Route
from kubelite.controllers.objects import Node
from kubelite.controllers.route.plan import cluster_ranges, condition, plan, responsible

RANGES = cluster_ranges("10.244.0.0/16,fd00::/56")
NOW = "2026-01-01T00:00:00Z"


def node(name: str, *cidrs: str, told: str = "") -> Node:
    conditions = [{"type": "NetworkUnavailable", "status": told}] if told else []
    body: dict[str, Any] = {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": {"podCIDRs": list(cidrs)},
        "status": {"addresses": [{"type": "InternalIP", "address": f"192.0.2.{len(name)}"}], "conditions": conditions},
    }
    return msgspec.convert(body, Node)


def test_a_node_gets_a_route_for_each_of_its_ranges() -> None:
    one = node("a", "10.244.0.0/24", "fd00::/64")
    wanted = plan([one, node("new")], [], RANGES)
    assert wanted.delete == ()
    assert [(uid, route.node, route.target) for uid, route in wanted.create] == [
        ("uid-a", "a", "10.244.0.0/24"),
        ("uid-a", "a", "fd00::/64"),
    ]
    assert wanted.create[0][1].addresses == tuple(one.status.addresses)


def test_right_routes_stay_and_wrong_ones_go() -> None:
    right = Route("a", "10.244.0.0/24")
    wrong = [
        Route("a", "10.244.5.0/24"),  # not its range
        Route("gone", "10.244.6.0/24"),
        Route("", "10.244.7.0/24"),  # nobody's
        Route("a", "10.244.0.0/24", blackhole=True),
        Route("a", "10.244.0.0/24"),  # twice
    ]
    foreign = [Route("gone", "198.18.0.0/24"), Route("gone", "fd01::/64"), Route("", "nonsense")]
    wanted = plan([node("a", "10.244.0.0/24")], [right, *wrong, *foreign], RANGES)
    assert (wanted.delete, wanted.create) == (tuple(wrong), ())


def test_without_ranges_of_the_cluster_nothing_is_removed() -> None:
    assert plan([], [Route("gone", "10.244.6.0/24")], ()).delete == ()
    assert not responsible(Route("a", "10.0.0.0/8"), RANGES)


@pytest.mark.parametrize(
    ("one", "present", "expected"),
    [
        (node("a", "10.244.0.0/24"), {("a", "10.244.0.0/24")}, ("False", "RouteCreated")),
        (node("a", "10.244.0.0/24"), {("b", "10.244.0.0/24")}, ("True", "NoRouteCreated")),
        (node("a", "10.244.0.0/24", "fd00::/64"), {("a", "10.244.0.0/24")}, ("True", "NoRouteCreated")),
        (node("a"), set(), ("True", "NoRouteCreated")),
        (node("a", "10.244.0.0/24", told="True"), {("a", "10.244.0.0/24")}, ("False", "RouteCreated")),
        (node("a", "10.244.0.0/24", told="False"), {("a", "10.244.0.0/24")}, None),
        (node("a", "10.244.0.0/24", told="True"), set(), None),
    ],
)
def test_a_node_is_told_whether_all_its_routes_are_there(
    one: Node, present: set[tuple[str, str]], expected: tuple[str, str] | None
) -> None:
    found = condition(one, present, NOW)
    assert (None if found is None else (found["status"], found["reason"])) == expected


@pytest.mark.parametrize("text", ["10.244.0.0/33", "10.0.0.0/16,10.1.0.0/16,10.2.0.0/16"])
def test_bad_ranges_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"10\.244\.0\.0/33|more than max allowed of 2"):
        cluster_ranges(text)


TARGETS = st.sampled_from([f"10.244.{n}.0/24" for n in range(5)] + ["fd00::/64", "198.18.0.0/24"])
ROUTES = st.lists(st.builds(Route, st.sampled_from(["a", "b", "gone", ""]), TARGETS, blackhole=st.booleans()))


@given(st.sets(TARGETS), st.sets(TARGETS), ROUTES, st.integers())
def test_after_the_plan_nothing_is_left_to_do_and_order_does_not_matter(
    first: set[str], second: set[str], routes: list[Route], seed: int
) -> None:
    nodes = [node("a", *sorted(first)), node("b", *sorted(second - first))]
    wanted = plan(nodes, routes, RANGES)
    left = list(routes)
    for route in wanted.delete:
        left.remove(route)
    done = [*left, *(Route(route.node, route.target) for _, route in wanted.create)]
    again = plan(nodes, done, RANGES)
    assert (again.delete, again.create) == ((), ())
    shuffled = list(routes)
    random.Random(seed).shuffle(shuffled)
    other = plan(list(reversed(nodes)), shuffled, RANGES)
    assert sorted(map(str, other.create)) == sorted(map(str, wanted.create))
    assert sorted(map(str, other.delete)) == sorted(map(str, wanted.delete))

"""Silence, conditions, taints, and how hard evictions may go."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubelite.api.types.core_v1 import Taint
from kubelite.controllers.nodelifecycle.heartbeats import Heartbeats
from kubelite.controllers.nodelifecycle.plan import (
    FULL,
    NORMAL,
    PARTIAL,
    Rates,
    eviction_rate,
    unknown_conditions,
    wanted_taints,
    zone_state,
)
from tests.unit.controllers.build import node

NOW = datetime(2030, 1, 2, tzinfo=UTC)


def keys(taints) -> set[tuple[str, str]]:
    return {(taint.key.removeprefix("node.kubernetes.io/"), taint.effect) for taint in taints}


def test_a_silent_node_is_unknown_in_all_that_its_kubelet_reports():
    changed = {c.type: (c.status, c.reason) for c in unknown_conditions(node(MemoryPressure="False"), NOW)}
    stopped, never = ("Unknown", "NodeStatusUnknown"), ("Unknown", "NodeStatusNeverUpdated")
    assert changed == {"Ready": stopped, "MemoryPressure": stopped, "DiskPressure": never, "PIDPressure": never}
    silent = node(ready="Unknown", MemoryPressure="Unknown", DiskPressure="Unknown", PIDPressure="Unknown")
    assert unknown_conditions(silent, NOW) == []


@pytest.mark.parametrize(
    ("ready", "conditions", "may_evict", "wanted"),
    [
        pytest.param("False", {}, True, {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}, id="not ready"),
        pytest.param(
            "Unknown", {}, True, {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}, id="unreachable"
        ),
        pytest.param("Unknown", {}, False, {("unreachable", "NoSchedule")}, id="eviction held back"),
        pytest.param("True", {"DiskPressure": "True"}, True, {("disk-pressure", "NoSchedule")}, id="pressure"),
        pytest.param(
            "True", {"NetworkUnavailable": "True"}, True, {("network-unavailable", "NoSchedule")}, id="no network"
        ),
    ],
)
def test_taints_follow_conditions_and_then_rest(ready, conditions, may_evict, wanted):
    found = wanted_taints(node(ready=ready, **conditions), NOW, may_evict=may_evict)
    assert found is not None and keys(found) == wanted
    assert wanted_taints(node(ready=ready, taints=found, **conditions), NOW, may_evict=may_evict) is None


def test_a_node_that_is_back_loses_our_taints_and_keeps_those_of_others():
    mine = [Taint(key="node.kubernetes.io/unreachable", effect=effect) for effect in ("NoSchedule", "NoExecute")]
    other = Taint(key="example.com/gpu", effect="NoSchedule")
    assert wanted_taints(node(taints=[*mine, other]), NOW, may_evict=False) == [other]


def test_where_all_is_lost_no_pod_is_driven_away_any_more():
    mine = [Taint(key="node.kubernetes.io/unreachable", effect=effect) for effect in ("NoSchedule", "NoExecute")]
    found = wanted_taints(node(ready="Unknown", taints=mine), NOW, may_evict=False, all_lost=True)
    assert found == mine[:1]
    assert wanted_taints(node(ready="Unknown", taints=mine[:1]), NOW, may_evict=True, all_lost=True) is None


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["True"] * 3, NORMAL),
        (["Unknown"], FULL),
        (["Unknown"] * 2 + ["True"], NORMAL),
        (["Unknown"] * 3 + ["True"], PARTIAL),
    ],
)
def test_the_state_of_a_zone(statuses, state):
    assert zone_state(statuses, Rates()) == state


def test_evictions_stop_when_all_is_lost_and_slow_down_when_much_is():
    rates = Rates()
    assert eviction_rate(FULL, [FULL, FULL], 100, rates) == 0
    assert eviction_rate(FULL, [FULL, NORMAL], 100, rates) == 0.1
    assert eviction_rate(PARTIAL, [PARTIAL, NORMAL], 100, rates) == 0.01
    assert eviction_rate(PARTIAL, [PARTIAL], 4, rates) == 0
    assert eviction_rate(NORMAL, [NORMAL], 4, rates) == 0.1


def test_only_news_count_as_signs_of_life():
    now = [1000.0]
    heartbeats = Heartbeats(lambda: now[0], 50, 60)
    heartbeats.heard_status("a", "t1")
    now[0] += 30
    heartbeats.heard_status("a", "t1")
    assert heartbeats.seconds_left("a", reported=True) == 20
    heartbeats.heard_lease("a", "l1")
    assert heartbeats.seconds_left("a", reported=True) == 50
    now[0] += 55
    assert heartbeats.seconds_left("a", reported=True) == 0
    assert heartbeats.seconds_left("a", reported=False) == 5

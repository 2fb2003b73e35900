"""Pods that a plugin treats alike are asked about once; the same pods wake up as if each had been asked."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.scheduler import events
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.events import Listener
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.pods import PodInfo
from tests.unit.scheduler.world import cache, node, pod

FIT = "NodeResourcesFit"


class Counting(Listener):
    """Wakes pods of one priority and counts how often it is asked."""

    name = FIT

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.events = {events.POD_DELETE: self.hint}

    def hint(self, pod: PodInfo, old: object, new: object) -> bool:
        self.asked.append(pod.key)
        return pod.priority == 1

    def alike(self, pod: PodInfo) -> int:
        return pod.priority


def woken(made: Cache) -> set[str]:
    found = set()
    while (entry := made.pending.pop()) is not None:
        found.add(entry.info.pod.metadata.name)
    return found


def test_pods_that_are_alike_are_asked_about_once() -> None:
    made, plugin = Cache(), Counting()
    made.pending.hints.register("default-scheduler", [plugin])
    for number in range(6):
        made.pod_changed(None, pod(f"p{number}", priority=number % 2), 0.0)
    for _ in range(6):
        entry = made.pending.pop()
        assert entry is not None
        made.pending.failed(entry, 0.0, frozenset((FIT,)))
    made.pending.happened(events.POD_DELETE, 60.0, None, None)
    assert len(plugin.asked) == 2
    assert woken(made) == {"p1", "p3", "p5"}


@pytest.mark.parametrize(
    ("plugin", "pod_fields", "before", "after", "wakes"),
    [
        (FIT, {"requests": {"cpu": "2"}}, {"cpu": "1"}, {"cpu": "3"}, True),
        (FIT, {"requests": {"cpu": "2"}}, {"cpu": "3"}, {"cpu": "3", "memory": "9Gi"}, False),
        (FIT, {"requests": {"cpu": "2"}}, {"cpu": "4"}, {"cpu": "3"}, False),
        ("TaintToleration", {}, {"taints": [{"key": "k", "effect": "NoSchedule"}]}, {}, True),
        ("TaintToleration", {}, {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}, {}, False),
        ("NodeAffinity", {"nodeSelector": {"disk": "ssd"}}, {}, {"labels": {"disk": "ssd"}}, True),
        (
            "NodeAffinity",
            {"nodeSelector": {"disk": "ssd"}},
            {"labels": {"disk": "ssd"}},
            {"labels": {"disk": "ssd", "x": ""}},
            False,
        ),
    ],
)
def test_a_node_wakes_pods_that_it_refused_before_and_no_longer_does(
    plugin: str, pod_fields: dict[str, Any], before: dict[str, Any], after: dict[str, Any], wakes: bool
) -> None:
    made = cache()
    made.node_changed(None, node("a", **before), 0.0)
    made.pod_changed(None, pod("p", **pod_fields), 0.0)
    entry = made.pending.pop()
    assert entry is not None
    made.pending.failed(entry, 0.0, frozenset((plugin,)))
    made.node_changed(node("a", **before), node("a", **after), 60.0)
    assert woken(made) == ({"p"} if wakes else set())


@pytest.mark.parametrize(("kind", "wakes"), [("podAffinity", True), ("podAntiAffinity", True), ("", False)])
def test_a_pod_that_is_relabelled_wakes_those_whose_rules_mean_it_now_or_no_longer(kind: str, wakes: bool) -> None:
    made = cache(node("a"))
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}}
    rules = {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}} if kind else {}
    placed = pod("x", uid="x", on="a", labels={"app": "db"})
    made.pod_changed(None, placed, 0.0)
    made.pod_changed(None, pod("p", affinity=rules), 0.0)
    entry = made.pending.pop()
    assert entry is not None
    made.pending.failed(entry, 0.0, frozenset(("InterPodAffinity",)))
    made.pod_changed(placed, pod("x", uid="x", on="a", labels={"app": "web"}), 60.0)
    assert woken(made) == ({"p"} if wakes else set())


def test_a_pod_wakes_when_a_node_declares_the_features_that_it_needs() -> None:
    made = cache(node("a"))
    rules = [{"name": "i", "restartPolicyRules": [{"action": "RestartAllContainers"}]}]
    made.pod_changed(None, pod("p", initContainers=rules), 0.0)
    entry = made.pending.pop()
    assert entry is not None
    result = made.scheduler.place(entry.info)
    assert isinstance(result, Diagnosis)
    made.pending.failed(entry, 0.0, result.plugins)
    made.node_changed(node("a"), node("a", features=["SomethingElse"]), 60.0)
    assert woken(made) == set()
    learnt = node("a", features=["RestartAllContainersOnContainerExits", "SomethingElse"])
    made.node_changed(node("a", features=["SomethingElse"]), learnt, 61.0)
    assert woken(made) == {"p"}


def test_a_pod_that_changed_its_group_while_room_was_made_is_told_with_its_new_group() -> None:
    made, plugin = Cache(), Counting()
    made.pending.hints.register("default-scheduler", [plugin])
    made.pod_changed(None, pod("p", uid="1", priority=0), 0.0)
    entry = made.pending.pop()
    assert entry is not None
    made.pending.failed(entry, 0.0, frozenset((FIT,)))
    made.pending.hold("default/p")
    made.pod_changed(None, pod("p", uid="1", priority=1), 1.0)
    made.pending.happened(events.POD_DELETE, 60.0, None, None)
    assert plugin.asked == ["default/p"]
    made.pending.let_go("default/p", 61.0)
    assert woken(made) == {"p"}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_deleted_pod_wakes_the_same_pods_as_if_each_had_been_asked(seed: int) -> None:
    rng = random.Random(seed)
    made = cache(*(node(f"n{number}", cpu="4") for number in range(3)))
    for number in range(8):
        on, cpu = f"n{rng.randrange(4)}", str(rng.randrange(3))
        made.pod_changed(None, pod(f"there{number}", on=on, requests={"cpu": cpu}, priority=rng.randrange(2)), 0.0)
    waiting = []
    for number in range(8):
        cpu = str(rng.randrange(1, 4))
        made.pod_changed(None, pod(f"p{number}", requests={"cpu": cpu}, priority=rng.randrange(3)), 0.0)
        entry = made.pending.pop()
        assert entry is not None
        made.pending.failed(entry, 0.0, frozenset((FIT,)))
        waiting.append(entry.info)
        if rng.random() < 0.4:
            made.world.nominations.promise(entry.info, f"n{rng.randrange(4)}")
    gone = rng.choice(list(made.placed.values()))
    made.nodes.remove_pod(gone.info, gone.node)
    plugin = next(p for p in made.scheduler.profile.filters if p.name == FIT)
    hint = plugin.events[events.POD_DELETE]
    assert hint is not None
    promised = made.world.nominations.node_of
    expected = {p.pod.metadata.name for p in waiting if promised(p.key) == gone.node or hint(p, gone.info, None)}
    made.pending.happened(events.POD_DELETE, 60.0, gone.info, None)
    assert woken(made) == expected

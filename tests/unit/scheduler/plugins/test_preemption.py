"""Whom a pod of higher priority drives out, where, and the words when nobody helps."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.scheduler.budgets import PodDisruptionBudget
from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import Preemption
from kubelite.scheduler.pods import Pod, PodInfo, pod_info
from tests.unit.scheduler.world import failure, info, node, pod, scheduler

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
ONE = {"cpu": "1"}


def low(name: str, on: str, priority: int = 0, cpu: str = "1", **more: Any) -> Pod:
    return pod(name, on=on, priority=priority, requests={"cpu": cpu}, **more)


def preemption(made: Scheduler, wanted: PodInfo) -> Preemption:
    found = failure(made, wanted).preemption
    assert found is not None
    return found


def victims(made: Scheduler, wanted: PodInfo) -> tuple[str, set[str]]:
    """(node, names of the victims)."""
    found = preemption(made, wanted)
    return found.node, {victim.pod.metadata.name for victim in found.victims}


def budget(allowed: int, labels: dict[str, str], disrupted: dict[str, str] | None = None) -> PodDisruptionBudget:
    status = {"disruptionsAllowed": allowed, "disruptedPods": disrupted or {}}
    spec = {"selector": {"matchLabels": labels}}
    return msgspec.convert(
        {"metadata": {"name": "b", "namespace": "default"}, "spec": spec, "status": status}, PodDisruptionBudget
    )


def test_the_message_tells_both_halves() -> None:
    taint = [{"key": "k", "effect": "NoSchedule"}]
    made = scheduler(
        node("a", cpu="1"),
        node("b", taints=taint),
        node("c", taints=taint),
        placed=(low("same", "a", priority=10),),
    )
    assert failure(made, info("p", requests=ONE, priority=10)).message() == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, "
        "2 Preemption is not helpful for scheduling."
    )


def test_a_request_above_the_whole_node_is_hopeless() -> None:
    made = scheduler(node("a", cpu="1"), placed=(low("x", "a"),))
    assert failure(made, info("p", requests={"cpu": "2"}, priority=10)).outcome.endswith(
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


def test_taking_all_away_can_still_be_too_little() -> None:
    made = scheduler(node("a", cpu="2"), placed=(low("x", "a"), low("vip", "a", priority=20)))
    assert failure(made, info("p", requests={"cpu": "2"}, priority=10)).outcome.endswith(
        "preemption: 0/1 nodes are available: 1 Insufficient cpu."
    )


def test_the_message_of_a_successful_preemption_has_no_second_half() -> None:
    made = scheduler(node("a", cpu="1"), placed=(low("x", "a"),))
    found = failure(made, info("p", requests=ONE, priority=1))
    assert found.message() == "0/1 nodes are available: 1 Insufficient cpu."
    assert found.preemption is not None and found.preemption.node == "a"


def test_a_pod_that_never_preempts_says_so() -> None:
    made = scheduler(node("a", cpu="1"), placed=(low("x", "a"),))
    wanted = info("p", requests=ONE, priority=1, preemptionPolicy="Never")
    assert failure(made, wanted).outcome == (
        "no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never."
    )


def test_only_as_many_pods_go_as_needed_and_the_least_important_first() -> None:
    made = scheduler(
        node("a", cpu="3"),
        placed=(low("p1", "a", 1), low("p2", "a", 2), low("p3", "a", 3)),
    )
    assert victims(made, info("p", requests=ONE, priority=9)) == ("a", {"p1"})
    assert victims(made, info("p", requests={"cpu": "2"}, priority=9)) == ("a", {"p1", "p2"})


def test_of_equal_pods_the_younger_goes() -> None:
    placed = (low("old", "a", started="2030-01-01T00:00:00Z"), low("new", "a", started="2030-01-02T00:00:00Z"))
    made = scheduler(node("a", cpu="2"), placed=placed)
    assert victims(made, info("p", requests=ONE, priority=9)) == ("a", {"new"})


@pytest.mark.parametrize(
    ("why", "placed", "expected"),
    [
        ("lowest priority of the highest victim", (low("x", "a", 5), low("y", "b", 4)), "b"),
        ("lowest sum", (low("x", "a", 5, "600m"), low("x2", "a", 3, "600m"), low("y", "b", 5)), "b"),
        (
            "fewest victims",
            (low("x", "a", -(2**31), "600m"), low("x2", "a", -(2**31), "600m"), low("y", "b", -(2**31))),
            "b",
        ),
        (
            "latest start",
            (low("x", "a", started="2030-01-01T00:00:00Z"), low("y", "b", started="2030-01-01T00:00:01Z")),
            "b",
        ),
    ],
)
def test_the_node_is_chosen_in_this_order(why: str, placed: tuple[Pod, ...], expected: str) -> None:
    made = scheduler(node("a", cpu="1200m"), node("b", cpu="1200m"), placed=placed)
    assert preemption(made, info("p", requests={"cpu": "1200m"}, priority=9)).node == expected, why


def test_budgets_are_broken_last_and_on_the_fewest() -> None:
    guarded = {"app": "guarded"}
    made = scheduler(
        node("a", cpu="1"),
        node("b", cpu="1"),
        placed=(low("cheap", "a", 0, labels=guarded), low("dear", "b", 5)),
    )
    wanted = info("p", requests=ONE, priority=9)
    made.world.budgets.set(budget(1, guarded))
    assert preemption(made, wanted).node == "a"
    made.world.budgets.set(budget(0, guarded))
    found = preemption(made, wanted)
    assert (found.node, found.violations) == ("b", 0)
    # A pod that is being disrupted already breaks nothing more.
    made.world.budgets.set(budget(0, guarded, {"cheap": "2030-01-01T00:00:00Z"}))
    assert preemption(made, wanted).node == "a"


def test_protected_pods_are_spared_before_more_important_ones() -> None:
    guarded = {"app": "guarded"}
    made = scheduler(node("a", cpu="2"), placed=(low("guarded", "a", 0, labels=guarded), low("dear", "a", 5)))
    wanted = info("p", requests=ONE, priority=9)
    assert victims(made, wanted) == ("a", {"guarded"})
    made.world.budgets.set(budget(0, guarded))
    assert victims(made, wanted) == ("a", {"dear"})
    assert preemption(made, wanted).violations == 0
    both = info("p", requests={"cpu": "2"}, priority=9)
    assert (victims(made, both), preemption(made, both).violations) == (("a", {"guarded", "dear"}), 1)


def test_ports_spreading_and_neighbours_are_freed_too() -> None:
    port = scheduler(node("a"), placed=(low("x", "a", host_port=80),))
    assert victims(port, info("p", host_port=80, priority=1)) == ("a", {"x"})

    web = {"app": "web"}
    apart = {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": HOST, "labelSelector": {"matchLabels": web}}
            ]
        }
    }
    made = scheduler(node("a"), placed=(low("x", "a", labels=web), low("other", "a")))
    assert victims(made, info("p", affinity=apart, priority=1)) == ("a", {"x"})
    made = scheduler(node("a"), placed=(low("x", "a", affinity=apart), low("other", "a")))
    assert victims(made, info("p", labels=web, priority=1)) == ("a", {"x"})

    spread = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": web},
    }
    made = scheduler(
        node("a", labels={ZONE: "a"}, cpu="2"),
        node("b", labels={ZONE: "b"}, cpu="1"),
        placed=(low("x", "a", labels=web), low("other", "a"), low("vip", "b", 9)),
    )
    wanted = info("p", labels=web, requests=ONE, priority=1, topologySpreadConstraints=[spread])
    assert victims(made, wanted) == ("a", {"x"})


def test_who_wants_company_and_distance_can_preempt() -> None:
    def rule(app: str) -> dict[str, Any]:
        term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": app}}}
        return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}

    wanted = info("p", affinity={"podAffinity": rule("db"), "podAntiAffinity": rule("web")}, priority=1)
    pods = (
        low("db", "a", 5, labels={"app": "db"}),
        low("web", "a", labels={"app": "web"}),
        low("web", "b", labels={"app": "web"}),
    )
    made = scheduler(node("a"), node("b"), placed=pods)
    assert victims(made, wanted) == ("a", {"web"})


def test_a_wish_for_company_cannot_be_preempted_into_being() -> None:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "none"}}}
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = scheduler(node("a"), placed=(low("x", "a"),))
    assert failure(made, info("p", affinity=rules, priority=1)).outcome.endswith(
        "0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )


def test_while_victims_leave_the_pod_waits() -> None:
    leaving = low("x", "a", leaving=True)
    made = scheduler(node("a", cpu="1"), placed=(marked(leaving),))
    wanted = info("p", requests=ONE, priority=9, nominated="a")
    assert failure(made, wanted).outcome.endswith(
        "preemption: not eligible due to a terminating pod on the nominated node."
    )


def marked(one: Pod) -> Pod:
    """The pod with the condition that preemption sets."""
    body = msgspec.to_builtins(one)
    body["status"]["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
    return msgspec.convert(body, Pod)


def test_room_that_is_promised_is_not_given_to_a_pod_of_lower_or_equal_rank() -> None:
    made = scheduler(node("a", cpu="1"))
    promised = info("vip", requests=ONE, priority=5)
    made.world.nominations.promise(promised, "a")
    for priority in (0, 5):
        assert failure(made, info("p", requests=ONE, priority=priority)).preemption is None
    assert made.place(info("q", requests=ONE, priority=6)) == "a"
    assert made.place(promised) == "a"
    made.world.nominations.drop("default/vip")
    assert made.place(info("p", requests=ONE)) == "a"


def test_the_promised_node_is_taken_without_comparing() -> None:
    made = scheduler(node("a", cpu="2"), node("b", cpu="64"))
    assert made.place(info("p", requests=ONE, nominated="a")) == "a"
    assert made.place(info("p", requests=ONE)) == "b"


def test_company_that_is_only_promised_does_not_count_as_company() -> None:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "db"}}}
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = scheduler(node("a"), node("b"))
    made.world.nominations.promise(info("db", labels={"app": "db"}, priority=5), "a")
    assert failure(made, info("p", affinity=rules)).preemption is None


def test_a_promise_outlives_its_node() -> None:
    made = scheduler(node("a", cpu="1"))
    made.world.nominations.promise(info("vip", requests=ONE, priority=5), "a")
    made.nodes.remove_node("a")
    made.nodes.set_node(node("a", cpu="1"))
    made.world.nominations.node_came("a")
    assert failure(made, info("p", requests=ONE)).reasons == {"Insufficient cpu": 1}


def fewest(cpus: int, pods: list[PodInfo], need: int) -> set[frozenset[str]]:
    """All sets of pods of which none can be left out, and whose going makes room."""
    used = {one.key: one.requests["cpu"] for one in pods}

    def fits(gone: frozenset[str]) -> bool:
        return sum(n for key, n in used.items() if key not in gone) + need <= cpus

    subsets = [frozenset(c) for size in range(len(pods) + 1) for c in combinations(used, size)]
    return {s for s in subsets if fits(s) and not any(fits(s - {one}) for one in s)}


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_victim_could_have_been_spared(seed: int) -> None:
    """Random nodes: what is remembered between decisions equals what a fresh look finds, and victims are minimal."""
    rng = random.Random(seed)
    made = scheduler(*(node(f"n{i}", cpu="2") for i in range(4)))
    for number in range(14):
        on = f"n{rng.randrange(4)}"
        one = low(f"x{number}", on, rng.randrange(4), f"{rng.randint(1, 9)}00m")
        made.nodes.add_pod(pod_info(one), on)
        wanted = info("p", requests={"cpu": f"{rng.randint(5, 20)}00m"}, priority=rng.randint(0, 4))
        result = made.place(wanted)
        if isinstance(result, str):
            continue
        fresh = Scheduler(made.world).place(wanted)
        assert not isinstance(fresh, str)
        assert (fresh.preemption is None) == (result.preemption is None)
        assert fresh.message() == result.message()
        if result.preemption is None:
            continue
        assert fresh.preemption is not None
        assert fresh.preemption.node == result.preemption.node or len(fresh.preemption.victims) == len(
            result.preemption.victims
        )
        there = list(made.nodes.pods[made.nodes.index[result.preemption.node]].values())
        minimal = fewest(2000, there, wanted.requests["cpu"])
        assert frozenset(v.key for v in result.preemption.victims) in minimal
        assert all(v.priority < wanted.priority for v in result.preemption.victims)
        if rng.random() < 0.5:
            for victim in result.preemption.victims:
                made.nodes.remove_pod(victim, result.preemption.node)

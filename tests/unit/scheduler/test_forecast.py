"""What would happen, on a simulation: placing, draining, losing, tainting, preempting."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.scheduler.forecast import Choices, Forecast, Result
from kubelite.scheduler.offline import Simulation
from tests.unit.scheduler.plugins.test_volumes import node, pod


def asking(name: str, cpu: str = "1", **spec: Any) -> dict[str, Any]:
    """A pod; `owner`: the kind of its controller, `app`: its label."""
    owner, app = spec.pop("owner", ""), spec.pop("app", "web")
    made = pod(name, containers=[{"name": "c", "resources": {"requests": {"cpu": cpu}}}], **spec)
    made["metadata"]["labels"] = {"app": app}
    made["status"] = {"phase": "Running"} if spec.get("on") else {}
    if owner:
        made["metadata"]["ownerReferences"] = [{"kind": owner, "name": "o", "uid": "u", "controller": True}]
    return made


def budget(allowed: int) -> dict[str, Any]:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed},
    }


def small(name: str, cpu: str) -> dict[str, Any]:
    return {**node(name), "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}}}


def places(result: Result) -> dict[str, str]:
    return {outcome.pod.partition("/")[2]: outcome.node for outcome in result.pods}


def test_pods_are_placed_by_priority_and_then_in_order() -> None:
    forecast = Forecast(Simulation(objects=[node("a")]))
    forecast.apply([asking("low", "3"), asking("high", "3", priority=5)])
    result = forecast.run()
    assert places(result) == {"high": "a", "low": ""}
    assert "Insufficient cpu" in next(o.why for o in result.pods if not o.node)


def test_ties_go_to_the_first_name_and_are_told() -> None:
    forecast = Forecast(Simulation(objects=[node("b"), node("a"), node("c")]))
    forecast.apply([asking("p")])
    (outcome,) = forecast.run().pods
    assert (outcome.node, list(outcome.equal)) == ("a", ["a", "b", "c"])


def test_a_drained_node_gives_up_what_budgets_allow() -> None:
    there = [asking(f"p{n}", on="a", owner="ReplicaSet") for n in range(2)]
    there += [asking("d", on="a", owner="DaemonSet", app="d"), asking("s", on="a", app="x")]
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), budget(1), *there]))
    forecast.drain("a")
    result = forecast.run()
    assert places(result) == {"p0-again": "b", "p1-again": "b"}
    assert [outcome.once for outcome in result.pods] == ["", "b"]
    assert (result.blocked, result.stay, list(result.gone)) == ({}, ["default/d"], ["default/s"])


def test_who_preempts_spares_pods_whose_budget_a_drain_has_used_up() -> None:
    there = [asking("evicted", "1", on="a", owner="ReplicaSet"), asking("spared", "2", on="b", priority=0)]
    there += [
        asking("victim", "2", on="b", priority=1, app="x"),
        asking("p", "2", on="a", priority=9, app="y", owner="Job"),
    ]
    forecast = Forecast(Simulation(objects=[small("a", "4"), small("b", "4"), budget(1), *there]))
    forecast.drain("a")
    assert forecast.run().preempted == {"default/victim": "default/p-again"}


def test_a_budget_that_nothing_can_recover_blocks_a_drain() -> None:
    there = [asking(f"p{n}", on="a", owner="ReplicaSet", cpu="3") for n in range(2)]
    forecast = Forecast(Simulation(objects=[node("a"), small("b", "1"), budget(1), *there]))
    forecast.drain("a")
    result = forecast.run()
    assert (places(result), list(result.blocked)) == ({"p0-again": ""}, ["default/p1"])


@pytest.mark.parametrize(
    ("policy", "healthy", "goes"),
    [("", 1, False), ("", 2, True), ("IfHealthyBudget", 1, False), ("AlwaysAllow", 0, True)],
)
def test_pods_that_are_not_ready_go_as_their_budget_says(policy: str, healthy: int, goes: bool) -> None:
    protected = budget(0)
    protected["spec"]["unhealthyPodEvictionPolicy"] = policy
    protected["status"] |= {"currentHealthy": healthy, "desiredHealthy": 2}
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), protected, asking("p", on="a", owner="ReplicaSet")]))
    forecast.drain("a")
    result = forecast.run()
    assert (bool(result.pods), bool(result.blocked)) == (goes, not goes)


def test_a_budget_that_was_not_worked_out_yet_allows_nothing() -> None:
    stale = budget(5)
    stale["metadata"]["generation"], stale["status"]["observedGeneration"] = 2, 1
    ready = asking("p", on="a", owner="ReplicaSet")
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), stale, ready]))
    forecast.drain("a")
    assert list(forecast.run().blocked) == ["default/p"]


def test_pods_leave_a_taint_when_their_toleration_ends() -> None:
    def tolerating(name: str, seconds: int | None) -> dict[str, Any]:
        toleration = {"key": "k", "operator": "Exists"} | ({} if seconds is None else {"tolerationSeconds": seconds})
        return asking(name, on="a", owner="ReplicaSet", tolerations=[toleration])

    there = [tolerating("later", 600), tolerating("soon", 60), tolerating("never", None)]
    forecast = Forecast(Simulation(objects=[node("a"), small("b", "2"), *there, asking("now", on="a", owner="Job")]))
    forecast.taint("a", "k", "v", "NoExecute")
    result = forecast.run()
    found = [(outcome.pod.partition("/")[2], outcome.node, outcome.after) for outcome in result.pods]
    assert found == [("now-again", "b", 0), ("soon-again", "a", 60), ("later-again", "a", 600)]


def test_pods_that_share_a_claim_go_where_its_volume_will_be() -> None:
    waits = {
        "kind": "StorageClass",
        "metadata": {"name": "w"},
        "provisioner": "x",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c", "namespace": "default"},
        "spec": {"storageClassName": "w"},
    }
    volume = [{"name": "d", "persistentVolumeClaim": {"claimName": "c"}}]
    forecast = Forecast(Simulation(objects=[small("a", "1"), small("b", "1"), waits, claim]))
    forecast.apply([asking("p", volumes=volume), asking("q", volumes=volume)])
    result = forecast.run()
    assert places(result) == {"p": "a", "q": ""}
    assert "1 Insufficient cpu" in result.pods[1].why


def test_a_pod_that_is_being_deleted_anyway_is_not_made_again() -> None:
    going = asking("p", on="a", owner="ReplicaSet")
    going["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), going]))
    forecast.drain("a")
    result = forecast.run()
    assert (result.pods, result.gone) == ([], {})


def test_a_lost_node_asks_no_budget_and_daemons_die_with_it() -> None:
    there = [asking("w-0", on="a", owner="StatefulSet"), asking("d", on="a", owner="DaemonSet")]
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), budget(0), *there]))
    forecast.lose("a")
    result = forecast.run()
    assert (places(result), result.blocked, result.gone) == ({"w-0": "b"}, {}, {})


@pytest.mark.parametrize(("effect", "moved"), [("NoExecute", {"p-again": "b"}), ("NoSchedule", {})])
def test_a_taint_drives_out_only_with_no_execute(effect: str, moved: dict[str, str]) -> None:
    forecast = Forecast(Simulation(objects=[node("a"), node("b"), asking("p", on="a", owner="ReplicaSet")]))
    forecast.taint("a", "k", "v", effect)
    assert places(forecast.run()) == moved


def test_a_taint_that_goes_lets_pending_pods_in() -> None:
    tainted = {**node("a"), "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
    forecast = Forecast(Simulation(objects=[tainted, asking("p")]))
    forecast.taint("a", "k", "", "", remove=True)
    assert places(forecast.run()) == {"p": "a"}


def test_victims_are_told_and_those_with_a_controller_come_again() -> None:
    there = [asking("v", "4", on="a", priority=0, owner="ReplicaSet")]
    forecast = Forecast(Simulation(objects=[node("a"), *there]))
    forecast.apply([asking("p", "4", priority=9)])
    result = forecast.run()
    assert places(result) == {"p": "a", "v-again": ""}
    assert result.preempted == {"default/v": "default/p"}


@pytest.mark.parametrize("names", ["xy", "yx"])
def test_of_pods_that_matter_the_same_the_last_by_name_is_the_victim(names: str) -> None:
    there = [asking(name, "2", on="a", priority=0) for name in names]
    forecast = Forecast(Simulation(objects=[small("a", "4"), *there]))
    forecast.apply([asking("p", "2", priority=9)])
    assert forecast.run().preempted == {"default/y": "default/p"}


def test_victims_without_grace_are_gone_when_the_next_pod_has_its_turn() -> None:
    there = [asking(f"v{name}", "4", on=name, priority=0, terminationGracePeriodSeconds=0) for name in "ab"]
    forecast = Forecast(Simulation(objects=[small("a", "4"), small("b", "4"), *there]))
    forecast.apply([asking("p", "2", priority=9), asking("q", "2", priority=9)])
    result = forecast.run()
    assert (places(result), list(result.preempted)) == ({"p": "a", "q": "a"}, ["default/va"])


def test_rooms_that_are_equally_good_are_told() -> None:
    there = [asking(f"v{name}", "4", on=name, priority=0) for name in "ba"]
    forecast = Forecast(Simulation(objects=[node("b"), node("a"), *there]))
    forecast.apply([asking("p", "4", priority=9)])
    result = forecast.run()
    assert [(o.node, o.equal, o.victims) for o in result.pods] == [("a", ("a", "b"), ("default/va",))]


def _preempting(choices: Choices) -> Forecast:
    """`p` preempts `v`; then `q` fits on either node."""
    there = [asking("v", "3", on="a", priority=0), asking("w", "2", on="b", priority=9)]
    forecast = Forecast(Simulation(objects=[small("a", "4"), small("b", "4"), *there]), choices)
    forecast.apply([asking("p", "3", priority=9), asking("q", "1", priority=5)])
    return forecast


def test_who_gets_a_place_before_victims_stop_makes_it_depend_on_timing() -> None:
    result = _preempting(Choices()).run()
    assert (places(result)["p"], result.preempted, result.depends_on_timing) == ("a", {"default/v": "default/p"}, True)
    result = _preempting(Choices(stay=lambda info: 0)).run()
    assert (places(result)["p"], result.depends_on_timing) == ("a", False)


def test_whoever_has_seen_it_says_who_was_first() -> None:
    forecast = Forecast(
        Simulation(objects=[node("a")]), Choices(order=lambda queue: sorted(queue, key=lambda i: i.key))
    )
    forecast.apply([asking("b", "3"), asking("a", "3")])
    assert places(forecast.run()) == {"a": "a", "b": ""}


def test_a_node_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        Forecast(Simulation()).drain("a")

"""Questions to the scheduler without a cluster."""

from __future__ import annotations

from kubelite.scheduler.offline import Simulation
from tests.unit.scheduler.plugins.test_volumes import node, pod


def asking(cpu: str, name: str = "p", **spec: object) -> dict[str, object]:
    containers = [{"name": "c", "resources": {"requests": {"cpu": cpu}}}]
    return pod(name, containers=containers, **spec)


def test_the_same_question_gets_the_same_answer_and_changes_nothing() -> None:
    made = Simulation(objects=[node("a"), node("b")], seed=3)
    assert {made.schedule(asking("3")).node for _ in range(20)} == {"a", "b"}
    made.place(asking("3"), "a")
    assert {made.schedule(asking("3", "q")).node for _ in range(5)} == {"b"}


def test_reasons_are_given_node_by_node() -> None:
    tainted = {**node("b"), "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
    found = Simulation(objects=[node("a"), tainted]).schedule(asking("5"))
    assert (found.node, found.preemption) == ("", None)
    assert found.reasons == {"a": ["Insufficient cpu"], "b": ["node(s) had untolerated taint(s)"]}
    assert found.plugins == {"NodeResourcesFit", "TaintToleration"}


def test_losing_a_node_and_driving_out_pods() -> None:
    made = Simulation(objects=[node("a"), node("b"), asking("4", "x", on="b", priority=0)])
    made.remove(node("a"))
    found = made.schedule(asking("4", priority=5)).preemption
    assert found is not None
    assert (found.node, [v.key for v in found.victims]) == ("b", ["default/x"])
    made.evict(found.victims, found.node)
    assert made.schedule(asking("4", priority=5)).node == "b"


def test_configurations_count() -> None:
    text = (
        b"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n"
        b"- plugins: {filter: {disabled: [{name: TaintToleration}]}}\n"
    )
    tainted = {**node("b"), "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}}
    assert Simulation(text, [tainted]).schedule(asking("1")).node == "b"
    assert not Simulation(None, [tainted]).schedule(asking("1")).node

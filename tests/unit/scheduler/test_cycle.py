"""Decisions over several plugins, and the words for a pod that fits nowhere."""

from __future__ import annotations

from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Mask
from tests.unit.scheduler.world import failure, info, node, pod, refusal, scheduler

ZONE = "topology.kubernetes.io/zone"


def test_without_nodes_there_is_nothing_to_count() -> None:
    assert refusal(scheduler(), info("p")) == "no nodes available to schedule pods"


def test_each_group_of_nodes_has_its_reason() -> None:
    made = scheduler(
        node("cordoned", unschedulable=True),
        node("t1", taints=[{"key": "k", "value": "a", "effect": "NoSchedule"}]),
        node("t2", taints=[{"key": "k", "value": "b", "effect": "NoExecute"}]),
        node("small", cpu="1", memory="1Gi"),
        node("cramped", cpu="1"),
        node("full", pods=1),
        placed=(pod("a", on="full"),),
    )
    assert refusal(made, info("p", requests={"cpu": "2", "memory": "2Gi"})) == (
        "0/6 nodes are available: 1 Insufficient memory, 1 Too many pods, 1 node(s) were unschedulable, "
        "2 Insufficient cpu, 2 node(s) had untolerated taint(s)."
    )


def test_reasons_of_selectors_ports_and_names() -> None:
    made = scheduler(node("a"), node("b"), placed=(pod("x", on="a", host_port=80), pod("y", on="b", host_port=80)))
    assert refusal(made, info("p", nodeSelector={"disk": "ssd"})) == (
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    )
    assert refusal(made, info("p", host_port=80)) == (
        "0/2 nodes are available: 2 node(s) didn't have free ports for the requested pod ports."
    )
    assert refusal(made, info("p", on="c")) == (
        "0/2 nodes are available: 2 node(s) didn't match the requested node name."
    )


def test_reasons_of_spreading_and_neighbours() -> None:
    web, term = {"app": "web"}, {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    made = scheduler(
        node("a", labels={ZONE: "a"}),
        node("b"),
        placed=(
            pod("w", on="a", labels=web),
            pod("m", on="a", labels={"app": "mean"}, affinity={"podAntiAffinity": required}),
        ),
    )
    spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2}
    constraint = {**spread, "labelSelector": {"matchLabels": web}}
    assert refusal(made, info("p", labels=web, topologySpreadConstraints=[constraint])) == (
        "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints, "
        "1 node(s) didn't match pod topology spread constraints (missing required label)."
    )
    only_a = {"nodeSelector": {ZONE: "a"}}
    assert refusal(made, info("p", affinity={"podAntiAffinity": required}, **only_a)) == (
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) didn't match pod anti-affinity rules."
    )
    lonely = {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {**term, "labelSelector": {"matchLabels": {"app": "none"}}}
            ]
        }
    }
    assert (
        refusal(made, info("p", affinity=lonely))
        == "0/2 nodes are available: 2 node(s) didn't match pod affinity rules."
    )
    assert refusal(made, info("p", labels=web, **only_a)) == (
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) didn't satisfy existing pods anti-affinity rules."
    )


def test_a_placed_pod_counts_for_the_next_decision() -> None:
    made = scheduler(node("a", cpu="1"), node("b", cpu="1"))
    first, second = info("p", requests={"cpu": "1"}), info("q", requests={"cpu": "1"})
    chosen = made.place(first)
    assert isinstance(chosen, str)
    made.nodes.add_pod(first, chosen)
    assert {chosen, made.place(second)} == {"a", "b"}
    made.nodes.remove_pod(first, chosen)
    assert isinstance(made.place(second), str)


def test_more_nodes_than_the_columns_held_at_first() -> None:
    made = scheduler(*(node(f"n{i}", cpu="1") for i in range(200)))
    last = info("p", nodeSelector={"kubernetes.io/hostname": "n199"})
    assert made.place(last) == "n199"


class Watching:
    """A score that remembers which nodes it was to compare."""

    name = "Watching"

    def __init__(self) -> None:
        self.seen: list[set[str]] = []
        self.names: list[str] = []

    def score(self, cycle: Cycle, fitting: Mask) -> None:
        self.seen.append({name for name, at in cycle.nodes.index.items() if fitting[at]})


def compared(percentage: int, nodes: int, decisions: int) -> list[set[str]]:
    made, watching = scheduler(*(node(f"n{number:03}", cpu="400") for number in range(nodes))), Watching()
    made.profile.percentage = percentage
    made.profile.scores = [*made.profile.scores, (watching, 1)]
    for number in range(decisions):
        assert isinstance(made.place(info(f"p{number}", requests={"cpu": "1m"})), str)
    return watching.seen


def test_all_nodes_are_compared_unless_a_percentage_is_set() -> None:
    assert [len(seen) for seen in compared(100, 250, 2)] == [250, 250]


def test_a_percentage_limits_how_many_fitting_nodes_are_compared_and_all_have_their_turn() -> None:
    seen = compared(50, 250, 2)
    assert [len(some) for some in seen] == [125, 125]
    assert not seen[0] & seen[1]


def test_a_hundred_nodes_are_compared_whatever_the_percentage() -> None:
    assert [len(some) for some in compared(1, 250, 3)] == [100, 100, 100]
    assert [len(some) for some in compared(1, 60, 1)] == [60]


def test_without_any_node_an_old_promise_is_withdrawn() -> None:
    found = failure(scheduler(), info("p", nominated="gone"))
    assert (found.message(), found.withdrawn) == ("no nodes available to schedule pods", True)

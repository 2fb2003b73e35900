"""Each argument of a plugin changes what is decided: configurations as files have them, small clusters."""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.scheduler.offline import Simulation, Verdict

HOST, ZONE = "kubernetes.io/hostname", "zone"
REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)
Object = dict[str, Any]


def node(name: str, cpu: str = "4", **labels: str) -> Object:
    amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {HOST: name, **labels}},
        "status": {"allocatable": amounts},
    }


def pod(name: str, cpu: str = "1", on: str = "", app: str = "", **more: Any) -> Object:
    requests = more.pop("requests", {"cpu": cpu, "memory": "1Gi"})
    spec = {"nodeName": on, "containers": [{"name": "c", "resources": {"requests": requests}}], **more}
    meta = {"name": name, "namespace": "default", "uid": name, "labels": {"app": app} if app else {}}
    return {"kind": "Pod", "metadata": meta, "spec": spec}


def decide(plugin: str, args: Object, objects: list[Object], asked: Object, only: str = "") -> Verdict:
    """What is decided with these arguments; `only`: the one plugin that scores."""
    plugins = {"score": {"disabled": [{"name": "*"}], "enabled": [{"name": only}]}} if only else {}
    profile = {
        "schedulerName": "default-scheduler",
        "plugins": plugins,
        "pluginConfig": [{"name": plugin, "args": args}],
    }
    head = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
    return Simulation(msgspec.json.encode(head | {"profiles": [profile]}), objects).schedule(asked)


HALF_FULL = [node("a"), node("b"), pod("q", "2", on="b")]


def test_node_resources_fit_has_three_strategies() -> None:
    def place(strategy: Object) -> str:
        return decide("NodeResourcesFit", {"scoringStrategy": strategy}, HALF_FULL, pod("p"), "NodeResourcesFit").node

    shape = [{"utilization": 0, "score": 0}, {"utilization": 100, "score": 10}]
    assert place({"type": "LeastAllocated"}) == "a"
    assert place({"type": "MostAllocated"}) == "b"
    assert place({"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": {"shape": shape}}) == "b"
    assert place({"type": "RequestedToCapacityRatio", "requestedToCapacityRatio": {"shape": falling(shape)}}) == "a"


def falling(shape: list[Object]) -> list[Object]:
    return [{"utilization": point["utilization"], "score": 10 - point["score"]} for point in shape]


def test_node_resources_fit_ignores_resources_by_name_and_group() -> None:
    asked = pod("p", requests={"cpu": "1", "example.com/gpu": "1"})
    assert decide("NodeResourcesFit", {}, [node("a")], asked).node == ""
    assert decide("NodeResourcesFit", {"ignoredResources": ["example.com/gpu"]}, [node("a")], asked).node == "a"
    assert decide("NodeResourcesFit", {"ignoredResourceGroups": ["example.com"]}, [node("a")], asked).node == "a"


def test_balanced_allocation_looks_at_the_resources_that_it_is_told() -> None:
    # Node a has much memory in use, node b much of both: with cpu and memory the pod makes a more even.
    used = [
        pod("q", requests={"cpu": "100m", "memory": "4Gi"}, on="a"),
        pod("r", requests={"cpu": "2", "memory": "4Gi"}, on="b"),
    ]
    name = "NodeResourcesBalancedAllocation"
    both = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
    assert decide(name, {"resources": both}, [node("a"), node("b"), *used], pod("p"), name).node == "a"
    assert len(decide(name, {"resources": both[:1]}, [node("a"), node("b"), *used], pod("p"), name).equal) == 2


def test_node_affinity_adds_an_affinity_to_every_pod() -> None:
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    args = {"addedAffinity": {REQUIRED: {"nodeSelectorTerms": [term]}}}
    assert decide("NodeAffinity", args, [node("a"), node("b", disk="ssd")], pod("p")).node == "b"
    refused = decide("NodeAffinity", args, [node("a")], pod("p"))
    assert refused.message.startswith(
        "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity."
    )
    liked = {"addedAffinity": {PREFERRED: [{"weight": 1, "preference": term}]}}
    assert decide("NodeAffinity", liked, [node("a"), node("b", disk="ssd")], pod("p"), "NodeAffinity").node == "b"


def test_inter_pod_affinity_weighs_the_required_affinity_of_others() -> None:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "web"}}}
    fond = pod("q", on="b", app="web", affinity={"podAffinity": {REQUIRED: [term]}})
    world = [node("a"), node("b"), fond]
    name = "InterPodAffinity"
    assert decide(name, {"hardPodAffinityWeight": 10}, world, pod("p", app="web"), name).node == "b"
    assert len(decide(name, {"hardPodAffinityWeight": 0}, world, pod("p", app="web"), name).equal) == 2


def test_inter_pod_affinity_may_ignore_what_others_prefer() -> None:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "web"}}}
    preference = [{"weight": 100, "podAffinityTerm": term}]
    world = [node("a"), node("b"), pod("q", on="b", affinity={"podAffinity": {PREFERRED: preference}})]
    name = "InterPodAffinity"
    assert decide(name, {}, world, pod("p", app="web"), name).node == "b"
    # A pod with preferences of its own looks at those of others in any case.
    ignoring = {"ignorePreferredTermsOfExistingPods": True}
    assert len(decide(name, ignoring, world, pod("p", app="web"), name).equal) == 2


def test_topology_spread_has_default_constraints() -> None:
    constraint = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    args = {"defaultingType": "List", "defaultConstraints": [constraint]}
    service = {
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "default"},
        "spec": {"selector": {"app": "web"}},
    }
    world = [node("a", zone="x"), node("b", zone="y", cpu="1"), service, pod("q", on="a", app="web")]
    world += [pod("r", on="b", cpu="1")]
    assert decide("PodTopologySpread", {}, world, pod("p", app="web")).node == "a"
    refused = decide("PodTopologySpread", args, world, pod("p", app="web"))
    assert "node(s) didn't match pod topology spread constraints" in refused.message


def test_default_preemption_looks_at_as_many_nodes_as_it_is_told() -> None:
    world: list[Object] = []
    for number in range(20):
        world += [node(f"n{number:02}"), pod(f"v{number:02}", "4", on=f"n{number:02}", priority=number)]
    asked = pod("p", "4", priority=100)
    everywhere = decide(
        "DefaultPreemption", {"minCandidateNodesPercentage": 100, "minCandidateNodesAbsolute": 20}, world, asked
    )
    assert everywhere.preemption is not None
    assert everywhere.preemption.node == "n00"
    few = decide("DefaultPreemption", {"minCandidateNodesPercentage": 5, "minCandidateNodesAbsolute": 1}, world, asked)
    assert few.preemption is not None
    assert len(few.rooms) == 1

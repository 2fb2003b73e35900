"""The columns agree with a slow scheduler that looks at one node after the other.

The reference is built on kubelite.api.logic and knows nothing of arrays, caches or incremental counts. Clusters are random,
and change at random between decisions, because a column that was not updated is the error to fear here.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelite.api.logic import affinity, fit, podresources, ports, taints, topology
from kubelite.api.types.core_v1 import Taint
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info
from tests.unit.scheduler.world import cache, node, passing, pod

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
NAMESPACES = {"default": {"team": "x"}, "other": {"team": "y"}}
CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class World:
    """The plain truth: nodes by name, placed pods by key."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.pods: dict[str, PodInfo] = {}

    def on(self, name: str) -> list[PodInfo]:
        return [info for info in self.pods.values() if info.pod.spec.nodeName == name]

    def in_domain(self, key: str, value: str) -> list[PodInfo]:
        return [i for n in self.nodes.values() if n.metadata.labels.get(key) == value for i in self.on(n.metadata.name)]

    def passing(self, plugin: str, wanted: PodInfo) -> set[str]:
        rule = RULES[plugin]
        return {name for name, one in self.nodes.items() if rule(self, wanted, one)}


def fits(world: World, wanted: PodInfo, one: Node) -> bool:
    used: dict[str, int] = {}
    placed = world.on(one.metadata.name)
    for info in placed:
        for name, number in info.requests.items():
            used[name] = used.get(name, 0) + number
    return not fit.shortages(wanted.requests, podresources.amounts(one.status.allocatable), used, len(placed))


def tolerates(world: World, wanted: PodInfo, one: Node) -> bool:
    return taints.find_untolerated(one.spec.taints, wanted.tolerations) is None


def uncordoned(world: World, wanted: PodInfo, one: Node) -> bool:
    return not one.spec.unschedulable or taints.tolerated(CORDONED, wanted.tolerations)


def selected(world: World, wanted: PodInfo, one: Node) -> bool:
    return affinity.node_matches(wanted.pod.spec, one.metadata.labels, one.metadata.name)


def has_ports(world: World, wanted: PodInfo, one: Node) -> bool:
    taken = [port for info in world.on(one.metadata.name) for port in info.host_ports]
    return ports.first_collision(wanted.host_ports, taken) is None


def spread_evenly(world: World, wanted: PodInfo, one: Node) -> bool:
    keys = [spread.topology_key for spread in wanted.hard_spreads]
    if any(key not in one.metadata.labels for key in keys):
        return False
    meta = wanted.pod.metadata

    def counts(spread: topology.Spread, info: PodInfo) -> bool:
        other = info.pod.metadata
        return (
            other.namespace == meta.namespace
            and other.deletionTimestamp is None
            and not spread.selector.empty
            and spread.selector.matches(other.labels)
        )

    for spread in wanted.hard_spreads:
        totals: dict[str, int] = {}
        for other in world.nodes.values():
            labels = other.metadata.labels
            takes_part = all(key in labels for key in keys)
            takes_part = takes_part and (not spread.honor_affinity or selected(world, wanted, other))
            takes_part = takes_part and (not spread.honor_taints or tolerates(world, wanted, other))
            if takes_part:
                here = sum(counts(spread, info) for info in world.on(other.metadata.name))
                totals[labels[spread.topology_key]] = totals.get(labels[spread.topology_key], 0) + here
        if not topology.allowed(totals, one.metadata.labels[spread.topology_key], spread, counts(spread, wanted)):
            return False
    return True


def means(term: affinity.AffinityTerm, info: PodInfo) -> bool:
    meta = info.pod.metadata
    return term.matches(meta.namespace, meta.labels, NAMESPACES[meta.namespace])


def neighbours_agree(world: World, wanted: PodInfo, one: Node) -> bool:
    labels = one.metadata.labels
    for term in wanted.anti_affinity:
        value = labels.get(term.topology_key)
        if value is not None and any(means(term, info) for info in world.in_domain(term.topology_key, value)):
            return False
    for other in world.nodes.values():
        for info in world.on(other.metadata.name):
            for term in info.anti_affinity:
                value = other.metadata.labels.get(term.topology_key)
                if value is not None and labels.get(term.topology_key) == value and means(term, wanted):
                    return False
    return near_enough(world, wanted, labels)


def near_enough(world: World, wanted: PodInfo, labels: dict[str, str]) -> bool:
    terms = wanted.affinity

    def friend(info: PodInfo) -> bool:
        return all(means(term, info) for term in terms)

    if any(term.topology_key not in labels for term in terms):
        return False
    if all(any(map(friend, world.in_domain(t.topology_key, labels[t.topology_key]))) for t in terms):
        return True
    anywhere = any(
        friend(info) and any(term.topology_key in other.metadata.labels for term in terms)
        for name, other in world.nodes.items()
        for info in world.on(name)
    )
    return not anywhere and friend(wanted)


VOLUMES = ("VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone")
"""These look at one node after the other themselves; test_volumes.py has their tables."""

RULES: dict[str, Any] = {
    "NodeResourcesFit": fits,
    "TaintToleration": tolerates,
    "NodeUnschedulable": uncordoned,
    "NodeAffinity": selected,
    "NodePorts": has_ports,
    "PodTopologySpread": spread_evenly,
    "InterPodAffinity": neighbours_agree,
}


def random_node(rng: random.Random, name: str) -> Node:
    labels = {}
    if rng.random() < 0.8:
        labels[ZONE] = rng.choice("abc")
    if rng.random() < 0.5:
        labels["disk"] = rng.choice(("ssd", "hdd"))
    effects = ("NoSchedule", "NoExecute", "PreferNoSchedule")
    tainted = [{"key": rng.choice("kl"), "value": rng.choice("vw"), "effect": rng.choice(effects)}]
    more = {"example_gpu": str(rng.randint(0, 2))} if rng.random() < 0.3 else {}
    return node(
        name,
        cpu=f"{rng.randint(500, 2000)}m",
        memory=f"{rng.randint(1, 4)}Gi",
        pods=rng.randint(1, 6),
        labels=labels,
        taints=tainted if rng.random() < 0.3 else [],
        unschedulable=rng.random() < 0.15,
        **more,
    )


def _term(rng: random.Random) -> dict[str, Any]:
    term: dict[str, Any] = {
        "topologyKey": rng.choice((ZONE, HOST)),
        "labelSelector": rng.choice(({}, {"matchLabels": {"app": rng.choice("xy")}})),
    }
    if rng.random() < 0.3:
        term["namespaces"] = [rng.choice(tuple(NAMESPACES))]
    if rng.random() < 0.2:
        term["namespaceSelector"] = {"matchLabels": {"team": rng.choice("xy")}}
    return term


def _affinity(rng: random.Random) -> dict[str, Any] | None:
    rules: dict[str, Any] = {}
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    for kind in ("podAffinity", "podAntiAffinity"):
        if rng.random() < 0.3:
            rules[kind] = {required: [_term(rng) for _ in range(rng.randint(1, 2))]}
    if rng.random() < 0.2:
        expression = {"key": "disk", "operator": rng.choice(("In", "NotIn")), "values": ["ssd"]}
        rules["nodeAffinity"] = {required: {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    return rules or None


def _constraint(rng: random.Random) -> dict[str, Any]:
    return {
        "maxSkew": rng.randint(1, 2),
        "topologyKey": rng.choice((ZONE, HOST)),
        "whenUnsatisfiable": "DoNotSchedule",
        "minDomains": rng.choice((None, 1, 3)),
        "labelSelector": {"matchLabels": {"app": rng.choice("xy")}},
        "nodeAffinityPolicy": rng.choice(("Honor", "Ignore")),
        "nodeTaintsPolicy": rng.choice(("Honor", "Ignore")),
    }


def random_pod(rng: random.Random, name: str, on: str = "") -> Pod:
    requests = {"cpu": f"{rng.randint(0, 600)}m", "memory": f"{rng.randint(0, 1200)}Mi"}
    if rng.random() < 0.2:
        requests["example/gpu"] = "1"
    operator = rng.choice(("Exists", "Equal"))
    toleration = {
        "key": rng.choice("kl"),
        "operator": operator,
        "value": "" if operator == "Exists" else rng.choice("vw"),
    }
    tolerations = [toleration] if rng.random() < 0.5 else []
    if rng.random() < 0.1:
        tolerations.append({"operator": "Exists"})
    return pod(
        name,
        on=on,
        namespace=rng.choice(tuple(NAMESPACES)),
        requests=requests,
        labels={"app": rng.choice("xy")} if rng.random() < 0.8 else {},
        host_port=rng.choice((0, 0, 80, 81)),
        tolerations=tolerations,
        nodeSelector={"disk": "ssd"} if rng.random() < 0.2 else {},
        affinity=_affinity(rng),
        topologySpreadConstraints=[_constraint(rng) for _ in range(rng.choice((0, 0, 1, 2)))],
    )


def change(rng: random.Random, world: World, made: Cache, number: int) -> None:
    """One random event, told to both."""
    what = rng.random()
    if what < 0.35 or not world.nodes:
        name = f"n{rng.randrange(8)}"
        new = random_node(rng, name)
        made.node_changed(world.nodes.get(name), new, 0.0)
        world.nodes[name] = new
    elif what < 0.45:
        name = rng.choice(sorted(world.nodes))
        made.node_changed(world.nodes.pop(name), None, 0.0)
    elif what < 0.85:
        one = random_pod(rng, f"p{number}", on=f"n{rng.randrange(8)}")
        made.pod_changed(None, one, 0.0)
        world.pods[pod_info(one).key] = pod_info(one)
    elif world.pods:
        key = rng.choice(sorted(world.pods))
        made.pod_changed(world.pods.pop(key).pod, None, 0.0)


@pytest.mark.parametrize("plugin", sorted(RULES))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_the_columns_agree_with_the_reference(plugin: str, seed: int) -> None:
    rng = random.Random(seed)
    world, made = World(), cache()
    for name, labels in NAMESPACES.items():
        made.namespace_changed(name, labels, 0.0)
    # The same few pods are asked about again and again, so that cached answers have to follow the changes.
    questions = [pod_info(random_pod(rng, f"q{i}")) for i in range(3)]
    for number in range(25):
        change(rng, world, made, number)
        if number % 3 == 0:
            for wanted in questions:
                assert passing(made.scheduler, plugin, wanted) == world.passing(plugin, wanted)


def test_every_filter_has_a_reference_or_is_trivial() -> None:
    assert {plugin.name for plugin in cache().scheduler.profile.filters} == {
        *RULES,
        "NodeName",
        "NodeDeclaredFeatures",
        *VOLUMES,
        "DynamicResources",
    }

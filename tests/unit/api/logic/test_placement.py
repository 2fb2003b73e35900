"""Taints, affinity, host ports, room on a node, and topology spread."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.api.logic import affinity, fit, ports, taints, topology
from kubelite.api.types import core_v1 as v1
from tests.unit.api.objects import raw_pod


def taint(**fields: Any) -> v1.Taint:
    return msgspec.convert({"key": "k", "value": "v", "effect": "NoExecute", **fields}, v1.Taint)


def toleration(**fields: Any) -> v1.Toleration:
    return msgspec.convert(fields, v1.Toleration)


TOLERATES: list[Any] = [
    pytest.param({"operator": "Exists"}, True, id="everything"),
    pytest.param({"key": "k", "operator": "Exists"}, True, id="key"),
    pytest.param({"key": "k", "value": "v"}, True, id="equal-by-default"),
    pytest.param({"key": "k", "value": "v", "effect": "NoExecute"}, True, id="same-effect"),
    pytest.param({"key": "k", "value": "w"}, False, id="other-value"),
    pytest.param({"key": "j", "operator": "Exists"}, False, id="other-key"),
    pytest.param({"key": "k", "operator": "Exists", "effect": "NoSchedule"}, False, id="other-effect"),
    pytest.param({"key": "k", "operator": "Near"}, False, id="unknown-operator"),
]


@pytest.mark.parametrize(("fields", "expected"), TOLERATES)
def test_toleration(fields: dict[str, Any], expected: bool) -> None:
    assert taints.tolerates(toleration(**fields), taint()) is expected


def test_the_first_untolerated_taint_of_the_wanted_effects_is_found() -> None:
    soft, hard = taint(effect="PreferNoSchedule"), taint(key="x", effect="NoSchedule")
    assert taints.find_untolerated([soft, hard], []) is hard
    assert taints.find_untolerated([soft], []) is None
    assert taints.untolerated_preferences([soft, hard], []) == 1
    assert taints.untolerated_preferences([soft], [toleration(operator="Exists")]) == 0


DELAYS: list[Any] = [
    pytest.param([], [taint()], 0.0, id="not-tolerated"),
    pytest.param([toleration(operator="Exists")], [taint()], None, id="forever"),
    pytest.param([toleration(operator="Exists", tolerationSeconds=9)], [taint()], 9.0, id="for-a-while"),
    pytest.param(
        [
            toleration(operator="Exists", tolerationSeconds=9),
            toleration(key="k", operator="Exists", tolerationSeconds=5),
        ],
        [taint()],
        5.0,
        id="shortest",
    ),
    pytest.param([toleration(operator="Exists", tolerationSeconds=-3)], [taint()], 0.0, id="negative-is-at-once"),
    pytest.param([], [taint(effect="NoSchedule")], None, id="nothing-evicts"),
]


@pytest.mark.parametrize(("tolerations", "found", "expected"), DELAYS)
def test_eviction_delay(tolerations: list[Any], found: list[Any], expected: float | None) -> None:
    assert taints.eviction_delay(found, tolerations) == expected


LABELS = {"zone": "a", "cores": "8"}
REQUIREMENTS: list[Any] = [
    ("zone", "In", ["a", "b"], True),
    ("zone", "In", ["c"], False),
    ("zone", "NotIn", ["c"], True),
    ("absent", "NotIn", ["c"], True),
    ("absent", "In", ["c"], False),
    ("zone", "Exists", [], True),
    ("absent", "DoesNotExist", [], True),
    ("cores", "Gt", ["4"], True),
    ("cores", "Lt", ["8"], False),
    ("zone", "Gt", ["1"], False),
    ("absent", "Gt", ["1"], False),
    ("zone", "Like", ["a"], False),
]


@pytest.mark.parametrize(("key", "operator", "values", "expected"), REQUIREMENTS)
def test_node_requirement(key: str, operator: str, values: list[str], expected: bool) -> None:
    term = v1.NodeSelectorTerm(matchExpressions=[v1.NodeSelectorRequirement(key=key, operator=operator, values=values)])
    assert affinity.term_matches(term, LABELS, "n") is expected


def spec(*terms: dict[str, Any], preferred: list[Any] | None = None, **more: Any) -> v1.PodSpec:
    rules: dict[str, Any] = {"preferredDuringSchedulingIgnoredDuringExecution": preferred or []}
    if terms:
        rules["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": list(terms)}
    return raw_pod({"spec": {"affinity": {"nodeAffinity": rules}, **more}}).spec


def named(*names: str) -> dict[str, Any]:
    return {"matchFields": [{"key": "metadata.name", "operator": "In", "values": list(names)}]}


IN_A = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
IN_B = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}


def test_terms_are_alternatives_and_an_empty_one_matches_nothing() -> None:
    assert affinity.node_matches(spec(IN_B, IN_A), LABELS, "n")
    assert not affinity.node_matches(spec(IN_B), LABELS, "n")
    assert not affinity.node_matches(spec({}), LABELS, "n")
    assert affinity.node_matches(spec(named("n")), {}, "n")


def test_the_node_selector_counts_as_well() -> None:
    assert not affinity.node_matches(spec(IN_A, nodeSelector={"zone": "b"}), LABELS, "n")


def test_preferences_add_their_weights() -> None:
    preferred = [
        {"weight": 5, "preference": IN_A},
        {"weight": 7, "preference": IN_B},
        {"weight": 2, "preference": IN_A},
    ]
    assert affinity.preference_score(spec(preferred=preferred), LABELS, "n") == 7


def test_required_node_names() -> None:
    assert affinity.required_node_names(spec(named("a"), named("b"))) == {"a", "b"}
    assert affinity.required_node_names(spec(named("a"), IN_A)) is None
    assert affinity.required_node_names(spec()) is None


TERM = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}
AFFINITY_CASES: list[Any] = [
    pytest.param(TERM, "own", {"app": "web"}, True, id="own-namespace"),
    pytest.param(TERM, "other", {"app": "web"}, False, id="other-namespace"),
    pytest.param(TERM, "own", {"app": "db"}, False, id="other-labels"),
    pytest.param({**TERM, "namespaces": ["other"]}, "other", {"app": "web"}, True, id="named-namespace"),
    pytest.param({**TERM, "namespaceSelector": {}}, "other", {"app": "web"}, True, id="all-namespaces"),
    pytest.param({"topologyKey": "zone"}, "own", {"app": "web"}, False, id="no-selector"),
]


@pytest.mark.parametrize(("term", "namespace", "labels", "expected"), AFFINITY_CASES)
def test_pod_affinity_term(term: dict[str, Any], namespace: str, labels: dict[str, str], expected: bool) -> None:
    ready = affinity.affinity_term(msgspec.convert(term, v1.PodAffinityTerm), "own")
    assert ready.matches(namespace, labels, {}) is expected


def test_host_ports_are_those_of_containers_and_sidecars() -> None:
    pod = raw_pod(
        {
            "spec": {
                "containers": [
                    {
                        "name": "c",
                        "ports": [{"containerPort": 1, "hostPort": 80, "protocol": "TCP"}, {"containerPort": 2}],
                    }
                ],
                "initContainers": [
                    {"name": "i", "ports": [{"hostPort": 81}]},
                    {
                        "name": "s",
                        "restartPolicy": "Always",
                        "ports": [{"hostPort": 82, "protocol": "UDP", "hostIP": "10.0.0.1"}],
                    },
                ],
            }
        }
    )
    assert ports.host_ports(pod) == [("0.0.0.0", "TCP", 80), ("10.0.0.1", "UDP", 82)]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (("0.0.0.0", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("10.0.0.2", "TCP", 80), ("10.0.0.1", "TCP", 80), False),
        (("10.0.0.1", "TCP", 80), ("10.0.0.1", "TCP", 80), True),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "UDP", 80), False),
        (("0.0.0.0", "TCP", 80), ("0.0.0.0", "TCP", 81), False),
    ],
)
def test_colliding_host_ports(left: Any, right: Any, expected: bool) -> None:
    wanted, used = ports.HostPort(*left), ports.HostPort(*right)
    assert ports.collide(wanted, used) is expected
    assert (ports.first_collision([wanted], [used]) == wanted) is expected


def test_shortages_name_each_resource_that_does_not_suffice() -> None:
    allocatable = {"cpu": 4000, "memory": 100, "pods": 10}
    found = fit.shortages({"cpu": 2000, "memory": 50, "example.com/gpu": 1}, allocatable, {"cpu": 3000}, 10)
    assert [(s.reason, s.unresolvable) for s in found] == [
        ("Too many pods", False),
        ("Insufficient cpu", False),
        ("Insufficient example.com/gpu", True),
    ]
    assert fit.shortages({"cpu": 1000, "x": 0}, allocatable, {"cpu": 3000}, 9) == []


def constrained(**constraint: Any) -> Any:
    base = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    return raw_pod(
        {"metadata": {"labels": {"rev": "7"}}, "spec": {"topologySpreadConstraints": [{**base, **constraint}]}}
    )


def test_a_pod_may_go_where_the_skew_stays_within_bounds() -> None:
    spread = topology.spreads(constrained(), "DoNotSchedule")[0]
    counts = {"a": 2, "b": 1}
    assert topology.allowed(counts, "b", spread, True)
    assert not topology.allowed(counts, "a", spread, True)


def test_too_few_domains_count_as_an_empty_one() -> None:
    spread = topology.spreads(constrained(minDomains=3), "DoNotSchedule")[0]
    assert topology.global_minimum({"a": 2, "b": 1}, spread.min_domains) == 0
    assert not topology.allowed({"a": 1, "b": 1}, "a", spread, True)


def test_match_label_keys_narrow_the_selector_and_policies_have_defaults() -> None:
    spread = topology.spreads(constrained(matchLabelKeys=["rev", "absent"]), "DoNotSchedule")[0]
    assert spread.selector.matches({"rev": "7"})
    assert not spread.selector.matches({"rev": "8"})
    assert (spread.honor_affinity, spread.honor_taints) == (True, False)
    assert topology.spreads(constrained(), "ScheduleAnyway") == ()

"""What each filter lets pass, one rule a row."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.logic import affinity
from tests.unit.scheduler.world import info, node, passing, pod, scheduler

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def taint(key: str, value: str = "", effect: str = "NoSchedule") -> dict[str, str]:
    return {"key": key, "value": value, "effect": effect}


def required_node(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def near(kind: str, key: str, labels: dict[str, str], **more: Any) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": labels}, **more}
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ({}, {"small", "big"}),
        ({"cpu": "1"}, {"small", "big"}),
        ({"cpu": "1001m"}, {"big"}),
        ({"memory": "1Gi"}, {"small", "big"}),
        ({"memory": "1073741825"}, {"big"}),
        ({"cpu": "5"}, set()),
        ({"example/gpu": "1"}, {"big"}),
        ({"example/gpu": "3"}, set()),
        ({"example/unknown": "1"}, set()),
        ({"example/unknown": "0"}, {"small", "big"}),
    ],
)
def test_a_pod_passes_where_its_requests_are_free(requests: dict[str, str], expected: set[str]) -> None:
    made = scheduler(node("small", cpu="1", memory="1Gi"), node("big", example_gpu="2"))
    assert passing(made, "NodeResourcesFit", info("p", requests=requests)) == expected


def test_pods_on_a_node_take_their_requests_and_a_pod_slot() -> None:
    made = scheduler(
        node("used", cpu="1"),
        node("full", pods=1),
        placed=(pod("a", on="used", requests={"cpu": "600m"}), pod("b", on="full")),
    )
    assert passing(made, "NodeResourcesFit", info("p", requests={"cpu": "400m"})) == {"used"}
    assert passing(made, "NodeResourcesFit", info("p", requests={"cpu": "401m"})) == set()


@pytest.mark.parametrize(
    ("taints", "tolerations", "passes"),
    [
        ([taint("k", "v")], [], False),
        ([taint("k", "v", "NoExecute")], [], False),
        ([taint("k", "v", "PreferNoSchedule")], [], True),
        ([taint("k", "v")], [{"key": "k", "operator": "Equal", "value": "v"}], True),
        ([taint("k", "v")], [{"key": "k", "value": "other"}], False),
        ([taint("k", "v")], [{"key": "k", "operator": "Exists", "effect": "NoExecute"}], False),
        ([taint("k", "v")], [{"operator": "Exists"}], True),
        ([taint("k", "v"), taint("l")], [{"key": "k", "operator": "Exists"}], False),
    ],
)
def test_taints_keep_pods_away_that_do_not_tolerate_them(
    taints: list[dict[str, str]], tolerations: list[dict[str, str]], passes: bool
) -> None:
    made = scheduler(node("tainted", taints=taints), node("plain"))
    expected = {"tainted", "plain"} if passes else {"plain"}
    assert passing(made, "TaintToleration", info("p", tolerations=tolerations)) == expected


def test_a_cordoned_node_takes_only_pods_that_tolerate_it() -> None:
    made = scheduler(node("cordoned", unschedulable=True), node("open"))
    tolerant = info("p", tolerations=[{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}])
    assert passing(made, "NodeUnschedulable", info("p")) == {"open"}
    assert passing(made, "NodeUnschedulable", tolerant) == {"open", "cordoned"}


def test_a_named_node_is_the_only_choice() -> None:
    made = scheduler(node("a"), node("b"))
    assert passing(made, "NodeName", info("p", on="b")) == {"b"}
    assert passing(made, "NodeName", info("p", on="gone")) == set()
    assert passing(made, "NodeName", info("p")) == {"a", "b"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, {"ssd"}),
        ({"nodeSelector": {"disk": "ssd", "gpu": "yes"}}, set()),
        ({"affinity": required_node({"matchExpressions": [{"key": "disk", "operator": "Exists"}]})}, {"ssd", "hdd"}),
        (
            {
                "affinity": required_node(
                    {"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}
                )
            },
            {"hdd", "bare"},
        ),
        (
            {
                "affinity": required_node(
                    {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["hdd"]}]}
                )
            },
            {"hdd"},
        ),
        (
            {"affinity": required_node({"matchExpressions": [{"key": "size", "operator": "Gt", "values": ["5"]}]})},
            {"ssd"},
        ),
        ({"affinity": required_node({})}, set()),
    ],
)
def test_selectors_and_required_affinity_choose_nodes(spec: dict[str, Any], expected: set[str]) -> None:
    made = scheduler(
        node("ssd", labels={"disk": "ssd", "size": "10"}),
        node("hdd", labels={"disk": "hdd", "size": "5"}),
        node("bare"),
    )
    assert passing(made, "NodeAffinity", info("p", **spec)) == expected


def test_a_relabelled_node_is_judged_by_its_new_labels() -> None:
    made = scheduler(node("a", labels={"disk": "ssd"}), node("b"))
    wanted = info("p", nodeSelector={"disk": "ssd"})
    assert passing(made, "NodeAffinity", wanted) == {"a"}
    made.nodes.set_node(node("a"))
    made.nodes.set_node(node("b", labels={"disk": "ssd"}))
    assert passing(made, "NodeAffinity", wanted) == {"b"}


def test_a_host_port_is_taken_once_a_node() -> None:
    made = scheduler(node("busy"), node("free"), placed=(pod("a", on="busy", host_port=8080),))
    assert passing(made, "NodePorts", info("p", host_port=8080)) == {"free"}
    assert passing(made, "NodePorts", info("p", host_port=8081)) == {"busy", "free"}


def test_affinity_wants_a_matching_pod_in_the_domain() -> None:
    nodes = [node("a1", labels={ZONE: "a"}), node("a2", labels={ZONE: "a"}), node("b1", labels={ZONE: "b"}), node("x")]
    made = scheduler(*nodes, placed=(pod("db", on="a1", labels={"app": "db"}),))
    wanted = info("p", affinity=near("podAffinity", ZONE, {"app": "db"}))
    assert passing(made, "InterPodAffinity", wanted) == {"a1", "a2"}


def test_affinity_looks_at_the_own_namespace_unless_told_otherwise() -> None:
    made = scheduler(
        node("a", labels={ZONE: "a"}),
        node("b", labels={ZONE: "b"}),
        placed=(pod("db", on="a", namespace="other", labels={"app": "db"}),),
    )
    made.namespaces["other"] = {"team": "data"}
    plain = info("p", affinity=near("podAffinity", ZONE, {"app": "db"}))
    named = info("p", affinity=near("podAffinity", ZONE, {"app": "db"}, namespaces=["other"]))
    selected = info(
        "p", affinity=near("podAffinity", ZONE, {"app": "db"}, namespaceSelector={"matchLabels": {"team": "data"}})
    )
    assert passing(made, "InterPodAffinity", plain) == set()
    assert passing(made, "InterPodAffinity", named) == {"a"}
    assert passing(made, "InterPodAffinity", selected) == {"a"}


def test_the_first_pod_of_a_group_may_go_to_any_labelled_node() -> None:
    made = scheduler(node("a", labels={ZONE: "a"}), node("bare"))
    first = info("p", labels={"app": "db"}, affinity=near("podAffinity", ZONE, {"app": "db"}))
    assert passing(made, "InterPodAffinity", first) == {"a"}


def test_a_neighbour_must_match_all_affinity_terms_at_once() -> None:
    terms = [
        {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "db"}}},
        {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"tier": "fast"}}},
    ]
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    halves = (pod("x", on="a", labels={"app": "db"}), pod("y", on="a", labels={"tier": "fast"}))
    both = pod("z", on="b", labels={"app": "db", "tier": "fast"})
    made = scheduler(node("a", labels={ZONE: "a"}), node("b", labels={ZONE: "b"}), placed=(*halves, both))
    assert passing(made, "InterPodAffinity", info("p", affinity=affinity)) == {"b"}


def test_anti_affinity_holds_in_both_directions() -> None:
    apart = near("podAntiAffinity", HOST, {"app": "web"})
    made = scheduler(node("a"), node("b"), placed=(pod("w", on="a", labels={"app": "web"}, affinity=apart),))
    assert passing(made, "InterPodAffinity", info("p", labels={"app": "web"}, affinity=apart)) == {"b"}
    # This one minds nobody, but the pod on a minds it.
    assert passing(made, "InterPodAffinity", info("p", labels={"app": "web"})) == {"b"}
    assert passing(made, "InterPodAffinity", info("p", labels={"app": "other"})) == {"a", "b"}


def spread(skew: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "maxSkew": skew,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
        **more,
    }


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (spread(), {"b1"}),
        (spread(2), {"b1"}),
        (spread(3), {"a1", "a2", "b1"}),
        (spread(labelSelector={"matchLabels": {"app": "none"}}), {"a1", "a2", "b1"}),
    ],
)
def test_a_domain_may_not_run_ahead_of_the_emptiest(constraint: dict[str, Any], expected: set[str]) -> None:
    made = scheduler(
        node("a1", labels={ZONE: "a"}),
        node("a2", labels={ZONE: "a"}),
        node("b1", labels={ZONE: "b"}),
        node("unlabelled"),
        placed=tuple(pod(f"w{i}", on=on, labels={"app": "web"}) for i, on in enumerate(("a1", "a2"))),
    )
    wanted = info("p", labels={"app": "web"}, topologySpreadConstraints=[constraint])
    assert passing(made, "PodTopologySpread", wanted) == expected


def test_domains_that_the_pod_cannot_use_do_not_hold_it_back() -> None:
    made = scheduler(
        node("a", labels={ZONE: "a", "disk": "ssd"}),
        node("b", labels={ZONE: "b"}),
        placed=(pod("w", on="a", labels={"app": "web"}),),
    )
    selected = {"nodeSelector": {"disk": "ssd"}, "labels": {"app": "web"}}
    honoring = info("p", topologySpreadConstraints=[spread()], **selected)
    ignoring = info("p", topologySpreadConstraints=[spread(nodeAffinityPolicy="Ignore")], **selected)
    assert "a" in passing(made, "PodTopologySpread", honoring)
    assert "a" not in passing(made, "PodTopologySpread", ignoring)


def test_fewer_domains_than_wanted_count_as_an_empty_one() -> None:
    placed = tuple(pod(f"w{zone}", on=zone, labels={"app": "web"}) for zone in ("a", "b"))
    made = scheduler(node("a", labels={ZONE: "a"}), node("b", labels={ZONE: "b"}), placed=placed)
    for domains, expected in ((2, {"a", "b"}), (3, set())):
        wanted = info("p", labels={"app": "web"}, topologySpreadConstraints=[spread(minDomains=domains)])
        assert passing(made, "PodTopologySpread", wanted) == expected


def named(*names: str) -> dict[str, Any]:
    return {"key": "metadata.name", "operator": "In", "values": list(names)}


def test_of_a_pod_that_names_its_nodes_only_these_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DaemonSet's pods each name another node: asking all nodes for each was quadratic in the nodes."""
    made = scheduler(*(node(f"n{number}", labels={"disk": "ssd" if number % 2 else "hdd"}) for number in range(40)))
    asked: list[str] = []
    matches = affinity.node_matches

    def counted(spec: Any, labels: Any, name: str) -> bool:
        asked.append(name)
        return matches(spec, labels, name)

    monkeypatch.setattr(affinity, "node_matches", counted)
    on_ssd = {"key": "disk", "operator": "In", "values": ["ssd"]}
    term = {"matchFields": [named("n2", "n3", "absent")], "matchExpressions": [on_ssd]}
    assert passing(made, "NodeAffinity", info("p", affinity=required_node(term))) == {"n3"}
    assert set(asked) == {"n2", "n3"}


RESTART_ALL = {
    "restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [3]}}]
}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"old", "restarts", "both"}),
        ({"initContainers": [{"name": "i", **RESTART_ALL}]}, {"restarts", "both"}),
        ({"hostNetwork": True, "hostUsers": False}, {"both"}),
        ({"hostNetwork": True}, {"old", "restarts", "both"}),
        ({"hostNetwork": True, "hostUsers": False, "containers": [{"name": "c", **RESTART_ALL}]}, {"both"}),
        (
            {"containers": [{"name": "c", "restartPolicyRules": [{"action": "Restart"}]}]},
            {"old", "restarts", "both"},
        ),
    ],
)
def test_a_node_must_declare_the_features_that_the_pod_needs(spec: dict[str, Any], expected: set[str]) -> None:
    restarts, users = "RestartAllContainersOnContainerExits", "UserNamespacesHostNetworkSupport"
    made = scheduler(node("old"), node("restarts", features=[restarts]), node("both", features=[restarts, users]))
    assert passing(made, "NodeDeclaredFeatures", info("p", **spec)) == expected


def test_a_node_whose_kubelet_learns_a_feature_is_judged_anew() -> None:
    restarts = "RestartAllContainersOnContainerExits"
    made, wanted = scheduler(node("a")), info("p", initContainers=[{"name": "i", **RESTART_ALL}])
    assert passing(made, "NodeDeclaredFeatures", wanted) == set()
    made.nodes.set_node(node("a", features=[restarts]))
    assert passing(made, "NodeDeclaredFeatures", wanted) == {"a"}

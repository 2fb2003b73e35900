"""Which nodes each score prefers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.scheduler.owners import WithMap, WithSelector
from tests.unit.scheduler.world import info, node, pod, scheduler, scores

ZONE = "topology.kubernetes.io/zone"
MB = 1024 * 1024


def test_the_emptier_node_scores_higher() -> None:
    made = scheduler(node("empty"), node("half"), placed=(pod("a", on="half", requests={"cpu": "2", "memory": "4Gi"}),))
    assert scores(made, "NodeResourcesFit", info("p", requests={"cpu": "1", "memory": "2Gi"})) == {
        "empty": 75,
        "half": 25,
    }


def test_pods_without_requests_count_as_the_default_amounts() -> None:
    made = scheduler(node("a", cpu="1", memory="2000Mi"))
    # 100m of 1000m and 200Mi of 2000Mi: nine tenths stay free of both.
    assert scores(made, "NodeResourcesFit", info("p")) == {"a": 90}


def test_a_node_that_the_pod_makes_more_even_scores_higher() -> None:
    made = scheduler(
        node("even"),
        node("short of memory"),
        node("short of cpu"),
        placed=(
            pod("a", on="short of memory", requests={"cpu": "1", "memory": "5Gi"}),
            pod("b", on="short of cpu", requests={"cpu": "2", "memory": "2Gi"}),
        ),
    )
    found = scores(made, "NodeResourcesBalancedAllocation", info("p", requests={"cpu": "1"}))
    # Levels of 100, 81 and 87 become 87, 93 and 75.
    assert found == {"even": 68, "short of memory": 81, "short of cpu": 69}


def test_a_pod_that_keeps_the_balance_of_a_node_scores_three_quarters() -> None:
    made = scheduler(node("a"), node("b"), placed=(pod("x", on="b", requests={"cpu": "2", "memory": "1Gi"}),))
    found = scores(made, "NodeResourcesBalancedAllocation", info("p", requests={"cpu": "1", "memory": "2Gi"}))
    assert found == {"a": 75, "b": 75}


def test_soft_taints_make_a_node_less_wanted() -> None:
    soft = [{"key": "k", "effect": "PreferNoSchedule"}]
    made = scheduler(node("soft", taints=soft), node("plain"))
    assert scores(made, "TaintToleration", info("p")) == {"soft": 0, "plain": 100}
    assert scores(made, "TaintToleration", info("p", tolerations=[{"operator": "Exists"}])) is None


def test_preferred_node_affinity_weighs() -> None:
    def preference(weight: int, key: str) -> dict[str, Any]:
        return {"weight": weight, "preference": {"matchExpressions": [{"key": key, "operator": "Exists"}]}}

    rules = {
        "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [preference(80, "ssd"), preference(20, "new")]
        }
    }
    made = scheduler(node("both", labels={"ssd": "", "new": ""}), node("new", labels={"new": ""}), node("none"))
    assert scores(made, "NodeAffinity", info("p", affinity=rules)) == {"both": 100, "new": 20, "none": 0}


@pytest.mark.parametrize(("kind", "best"), [("podAffinity", "a"), ("podAntiAffinity", "b")])
def test_preferred_pod_affinity_draws_or_repels(kind: str, best: str) -> None:
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "db"}}}
    rules = {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]}}
    made = scheduler(
        node("a", labels={ZONE: "a"}), node("b", labels={ZONE: "b"}), placed=(pod("d", on="a", labels={"app": "db"}),)
    )
    worst = "b" if best == "a" else "a"
    assert scores(made, "InterPodAffinity", info("p", affinity=rules)) == {best: 100, worst: 0}


@pytest.mark.parametrize(("kind", "best"), [("podAffinity", "a"), ("podAntiAffinity", "b")])
def test_preferences_of_pods_that_run_count_for_the_new_pod(kind: str, best: str) -> None:
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    rules = {kind: {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "podAffinityTerm": term}]}}
    made = scheduler(
        node("a", labels={ZONE: "a"}), node("b", labels={ZONE: "b"}), placed=(pod("d", on="a", affinity=rules),)
    )
    worst = "b" if best == "a" else "a"
    assert scores(made, "InterPodAffinity", info("p", labels={"app": "web"})) == {best: 100, worst: 0}
    assert scores(made, "InterPodAffinity", info("p", labels={"app": "other"})) is None


def test_required_affinity_of_a_pod_that_runs_draws_the_new_pod_a_little() -> None:
    term = {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": "web"}}}
    rules = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    made = scheduler(
        node("a", labels={ZONE: "a"}), node("b", labels={ZONE: "b"}), placed=(pod("d", on="a", affinity=rules),)
    )
    assert scores(made, "InterPodAffinity", info("p", labels={"app": "web"})) == {"a": 100, "b": 0}


def test_soft_spreading_prefers_the_emptier_domain() -> None:
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    made = scheduler(
        node("a", labels={ZONE: "a"}),
        node("b", labels={ZONE: "b"}),
        placed=(pod("w", on="a", labels={"app": "web"}), pod("x", on="a", labels={"app": "web"})),
    )
    found = scores(made, "PodTopologySpread", info("p", labels={"app": "web"}, topologySpreadConstraints=[constraint]))
    assert found == {"a": 0, "b": 100}


def test_pods_of_one_service_or_controller_spread_by_themselves() -> None:
    web = {"app": "web"}
    made = scheduler(node("a"), node("b"), placed=(pod("w", on="a", labels=web),))
    assert scores(made, "PodTopologySpread", info("p", labels=web)) is None
    service = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": web}}
    made.world.owners.set("Service", msgspec.convert(service, WithMap))
    assert scores(made, "PodTopologySpread", info("p", labels=web)) == {"a": 66, "b": 100}
    assert scores(made, "PodTopologySpread", info("p", labels={"app": "other"})) is None


def test_the_selector_of_the_own_replica_set_counts() -> None:
    web = {"app": "web", "hash": "1"}
    made = scheduler(node("a"), node("b"), placed=(pod("w", on="a", labels=web),))
    owner = {"metadata": {"name": "rs-1", "namespace": "default"}, "spec": {"selector": {"matchLabels": web}}}
    made.world.owners.set("ReplicaSet", msgspec.convert(owner, WithSelector))
    found = scores(made, "PodTopologySpread", info("p", labels=web, owner="rs-1"))
    assert found is not None and found["b"] > found["a"]
    made.world.owners.remove("ReplicaSet", msgspec.convert(owner, WithSelector))
    assert scores(made, "PodTopologySpread", info("p", labels=web, owner="rs-1")) is None


def test_a_node_that_has_the_large_image_is_preferred() -> None:
    images = [{"names": ["example.test/big:latest"], "sizeBytes": 900 * MB}]
    made = scheduler(node("has", images=images), node("lacks"))
    found = scores(made, "ImageLocality", info("p", image="example.test/big"))
    assert found is not None and found["has"] > found["lacks"] == 0
    assert scores(made, "ImageLocality", info("p", image="example.test/other")) is None


def test_a_large_image_that_is_mounted_as_a_volume_counts_as_well() -> None:
    images = [{"names": ["example.test/model:1"], "sizeBytes": 900 * MB}]
    made = scheduler(node("has", images=images), node("lacks"))
    mounted = [{"name": "m", "image": {"reference": "example.test/model:1"}}]
    assert scores(made, "ImageLocality", info("p", volumes=mounted)) == {"has": 43, "lacks": 0}


def test_equal_nodes_are_chosen_at_random() -> None:
    made = scheduler(*(node(f"n{i}") for i in range(4)))
    assert {made.place(info(f"p{i}")) for i in range(200)} == {"n0", "n1", "n2", "n3"}


def test_images_count_by_what_the_nodes_hold_now() -> None:
    images = [{"names": ["example.test/big:1", "example.test/big@sha256:1"], "sizeBytes": 900 * MB}]
    made = scheduler(node("a", images=images), node("b"))
    made.nodes.set_node(node("a"))
    made.nodes.set_node(node("b", images=images))
    found = scores(made, "ImageLocality", info("p", image="example.test/big:1"))
    assert found is not None and found["b"] > found["a"] == 0
    made.nodes.remove_node("b")
    assert made.nodes.images == {}

"""What is worked out about a pod when it is first seen."""

from __future__ import annotations

from kubelite.scheduler.pods import Condition, PodInfo, Resources, pod_info
from tests.unit.scheduler.world import info, pod

MIB = 1024 * 1024


def test_requests_count_init_containers_sidecars_and_overhead() -> None:
    def container(name: str, cpu: str, **more: str) -> dict[str, object]:
        return {"name": name, "resources": {"requests": {"cpu": cpu}}, **more}

    found = info(
        "p",
        requests={"cpu": "100m"},
        initContainers=[container("init", "700m"), container("side", "50m", restartPolicy="Always")],
        overhead={"cpu": "10m"},
    )
    assert found.requests["cpu"] == 710


def test_for_scoring_a_container_without_requests_counts_as_a_small_one() -> None:
    assert info("p").compared == (100, 200 * MIB)
    assert info("p", requests={"cpu": "1", "memory": "1Gi"}).compared == (1000, 1024 * MIB)
    assert info("p").requests.get("cpu", 0) == 0


def test_for_scoring_init_containers_sidecars_and_overhead_count_as_well() -> None:
    bare = {"name": "init"}
    assert info("p", requests={"cpu": "50m", "memory": "50Mi"}, initContainers=[bare]).compared == (100, 200 * MIB)
    assert info("p", initContainers=[{**bare, "restartPolicy": "Always"}]).compared == (200, 400 * MIB)
    assert info("p", overhead={"cpu": "20m", "memory": "10Mi"}).compared == (120, 210 * MIB)


def test_for_scoring_what_the_pod_as_a_whole_asks_for_has_no_defaults() -> None:
    assert info("p", resources={"requests": {"cpu": "10m"}}).compared == (10, 200 * MIB)
    assert info("p", requests={"cpu": "30m"}, resources={"requests": {"memory": "1Mi"}}).compared == (30, MIB)


def test_a_resize_of_the_pod_as_a_whole_counts_the_larger_amount_until_it_is_done() -> None:
    def resizing(wanted: str, given: str, **condition: str) -> PodInfo:
        made = pod("p", on="a", resources={"requests": {"cpu": wanted}})
        made.status.resources = Resources(requests={"cpu": given})
        made.status.allocatedResources = {"cpu": given}
        made.status.conditions = [Condition(**condition)] if condition else []
        return pod_info(made)

    assert resizing("2", "1").requests["cpu"] == 2000
    assert resizing("1", "2").requests["cpu"] == 2000
    assert resizing("9", "2", type="PodResizePending", reason="Infeasible").requests["cpu"] == 2000
    assert resizing("9", "2", type="PodResizePending", reason="Deferred").requests["cpu"] == 9000


def test_host_ports_and_priority_are_known() -> None:
    found = info("p", host_port=80, priority=7)
    assert [(port.protocol, port.port) for port in found.host_ports] == [("TCP", 80)]
    assert found.priority == 7


def test_preferences_carry_their_sign() -> None:
    term = {"topologyKey": "zone", "labelSelector": {}}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "podAffinityTerm": term}]}
    found = info("p", affinity={"podAffinity": preferred, "podAntiAffinity": preferred})
    assert [weight for _, weight in found.preferred] == [5, -5]

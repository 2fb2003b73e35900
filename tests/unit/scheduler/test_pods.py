"""What is worked out about a pod when it is first seen."""

from __future__ import annotations

from tests.unit.scheduler.world import info

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


def test_host_ports_and_priority_are_known() -> None:
    found = info("p", host_port=80, priority=7)
    assert [(port.protocol, port.port) for port in found.host_ports] == [("TCP", 80)]
    assert found.priority == 7


def test_preferences_carry_their_sign() -> None:
    term = {"topologyKey": "zone", "labelSelector": {}}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "podAffinityTerm": term}]}
    found = info("p", affinity={"podAffinity": preferred, "podAntiAffinity": preferred})
    assert [weight for _, weight in found.preferred] == [5, -5]

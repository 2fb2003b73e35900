"""SchedulerPredicates: where pods may not go, and where they must; with the real scheduler."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import good
from tests.integration.scheduler.world import World, scheduling


async def test_schedulerpredicates_validates_resource_limits_of_pods_that_are_allowed_to_run(api: ApiEnv) -> None:
    """[sig-scheduling] SchedulerPredicates [Serial] validates resource limits of pods that are allowed to run
    [Conformance]"""
    async with scheduling(api):
        world = World(api)
        for name in ("a", "b"):
            await world.node(name, cpu="2")
        # Fillers take most of each node; what is left is less than the last pod wants.
        for name in ("a", "b"):
            await world.pod(f"filler-{name}", cpu="1500m", nodeSelector={"kubernetes.io/hostname": name})
            assert await world.placed(f"filler-{name}") == name
        await world.pod("additional", cpu="600m")
        assert (await world.refused("additional")) == "0/2 nodes are available: 2 Insufficient cpu."


async def test_schedulerpredicates_validates_that_nodeselector_is_respected_if_not_matching(api: ApiEnv) -> None:
    """[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if not matching
    [Conformance]"""
    async with scheduling(api):
        world = World(api)
        for name in ("a", "b"):
            await world.node(name)
        await world.pod("restricted", nodeSelector={"label": "nonempty"})
        words = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
        assert await world.refused("restricted") == words


async def test_schedulerpredicates_validates_that_nodeselector_is_respected_if_matching(api: ApiEnv) -> None:
    """[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if matching
    [Conformance]"""
    async with scheduling(api):
        world = World(api)
        for name in ("a", "b", "c"):
            await world.node(name)
        await world.pod("without-label")
        chosen = await world.placed("without-label")
        label = {"kubernetes.io/e2e-this": "42"}
        good(await api.patch(f"/api/v1/nodes/{chosen}", {"metadata": {"labels": label}}))
        await world.pod("with-labels", nodeSelector=label)
        assert await world.placed("with-labels") == chosen


def with_port(address: str, node: str) -> dict[str, Any]:
    port = {"containerPort": 8080, "hostPort": 54322, "protocol": "TCP", **({"hostIP": address} if address else {})}
    container = {"name": "agnhost", "image": "x", "ports": [port]}
    return {"containers": [container], "nodeSelector": {"kubernetes.io/hostname": node}}


async def test_validates_that_there_exists_conflict_between_pods_with_same_hostport_and_protocol_but_one_using_0_0_0_0_hostip(
    api: ApiEnv,
) -> None:
    """[sig-scheduling] SchedulerPredicates [Serial] validates that there exists conflict between pods with same
    hostPort and protocol but one using 0.0.0.0 hostIP [Conformance]"""
    async with scheduling(api):
        world = World(api)
        await world.node("a")
        await world.pod("pod4", **with_port("", "a"))
        assert await world.placed("pod4") == "a"
        await world.pod("pod5", **with_port("127.0.0.1", "a"))
        words = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
        assert await world.refused("pod5") == words

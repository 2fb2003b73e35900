"""The real scheduler against the real API server: what happens to pods when nodes and other pods change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.apienv import api_server
from tests.integration.scheduler.world import PODS, World, scheduling

ZONE = "topology.kubernetes.io/zone"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with api_server() as api, scheduling(api):
        yield World(api)


async def test_pods_are_bound_told_of_and_marked(world: World) -> None:
    await world.node("a")
    await world.pod("p")
    assert await world.placed("p") == "a"
    pod = await world.get("p")
    assert [(c["type"], c["status"]) for c in pod["status"]["conditions"]] == [("PodScheduled", "True")]
    async with asyncio.timeout(5), world.api.watch("/api/v1/namespaces/default/events") as events:
        event = (await events.next())["object"]
    assert (event["reason"], event["message"]) == ("Scheduled", "Successfully assigned default/p to a")
    assert (event["involvedObject"]["uid"], event["source"]["component"]) == (
        pod["metadata"]["uid"],
        "default-scheduler",
    )


async def test_an_impossible_pod_says_why_and_is_bound_when_a_node_comes(world: World) -> None:
    await world.node("small", cpu="1")
    await world.pod("p", cpu="2")
    assert await world.refused("p") == "0/1 nodes are available: 1 Insufficient cpu."
    async with asyncio.timeout(5), world.api.watch("/api/v1/namespaces/default/events") as events:
        event = (await events.next())["object"]
    assert (event["type"], event["reason"]) == ("Warning", "FailedScheduling")
    assert event["message"] == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    await world.node("big")
    assert await world.placed("p") == "big"


async def test_a_pod_without_any_node_says_so(world: World) -> None:
    await world.pod("p")
    assert await world.refused("p") == "no nodes available to schedule pods"


async def test_cordon_and_uncordon(world: World) -> None:
    await world.node("a")
    await world.patch_node("a", {"unschedulable": True})
    await world.pod("p")
    assert await world.refused("p") in (
        "0/1 nodes are available: 1 node(s) were unschedulable.",
        "0/1 nodes are available: 1 node(s) had untolerated taint(s).",
    )
    await world.patch_node("a", {"unschedulable": False, "taints": None})
    assert await world.placed("p") == "a"


async def test_a_taint_keeps_pods_away_until_it_goes(world: World) -> None:
    await world.node("a", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    await world.pod("p")
    assert await world.refused("p") == "0/1 nodes are available: 1 node(s) had untolerated taint(s)."
    await world.pod("tolerant", tolerations=[{"key": "k", "operator": "Exists"}])
    assert await world.placed("tolerant") == "a"
    await world.patch_node("a", {"taints": None})
    assert await world.placed("p") == "a"


async def test_pods_spread_over_zones(world: World) -> None:
    for name, zone in (("a", "1"), ("b", "2"), ("c", "3")):
        await world.node(name, labels={ZONE: zone})
    constraint = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "w"}},
    }
    await asyncio.gather(
        *(world.pod(f"w{i}", labels={"app": "w"}, topologySpreadConstraints=[constraint]) for i in range(6))
    )
    found = sorted([await world.placed(f"w{i}") for i in range(6)])
    assert found == ["a", "a", "b", "b", "c", "c"]


async def test_a_deleted_pod_makes_room(world: World) -> None:
    await world.node("a", cpu="1")
    await world.pod("first", cpu="1")
    assert await world.placed("first") == "a"
    await world.pod("second", cpu="1")
    assert await world.refused("second") == "0/1 nodes are available: 1 Insufficient cpu."
    await world.api.delete(f"{PODS}/first", {"gracePeriodSeconds": 0})
    assert await world.placed("second") == "a"


async def test_the_pod_with_the_higher_priority_gets_the_room() -> None:
    async with api_server() as api:
        world = World(api)
        await world.priority_class("high", 1000)
        await world.node("a", cpu="1")
        # Both wait before the scheduler starts, the unimportant one for longer.
        await world.pod("low", cpu="1")
        await world.pod("high", cpu="1", priorityClassName="high")
        async with scheduling(api):
            assert await world.placed("high") == "a"
            assert await world.refused("low") == "0/1 nodes are available: 1 Insufficient cpu."


async def test_pods_of_other_schedulers_are_left_alone(world: World) -> None:
    await world.node("a")
    await world.pod("theirs", schedulerName="other")
    await world.pod("ours")
    assert await world.placed("ours") == "a"
    assert "nodeName" not in (await world.get("theirs"))["spec"]


async def test_two_schedulers_bind_each_pod_once() -> None:
    async with api_server() as api, scheduling(api), scheduling(api):
        world = World(api)
        await world.node("a")
        await asyncio.gather(*(world.pod(f"p{i}") for i in range(10)))
        assert {await world.placed(f"p{i}") for i in range(10)} == {"a"}

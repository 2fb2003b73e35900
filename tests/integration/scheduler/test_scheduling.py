"""The real scheduler against the real API server: what happens to pods when nodes and other pods change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite.scheduler import server
from kubelite.util.tasks import cancel
from tests.apienv import ApiEnv, api_server

PODS = "/api/v1/namespaces/default/pods"
ZONE = "topology.kubernetes.io/zone"


class World:
    """A served cluster; pods that are gone count as None."""

    def __init__(self, api: ApiEnv) -> None:
        self.api = api

    async def node(self, name: str, cpu: str = "4", labels: dict[str, str] | None = None, **spec: Any) -> None:
        body = {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}, "spec": spec}
        assert (await self.api.post("/api/v1/nodes", body)).status == 201
        amounts = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        status = {"status": {"capacity": amounts, "allocatable": amounts}}
        assert (await self.api.patch(f"/api/v1/nodes/{name}/status", status)).status == 200
        # The NodeTaint plugin marks a new node as not ready; the node controller would take that away.
        await self.patch_node(name, {"taints": spec.get("taints")})

    async def patch_node(self, name: str, spec: dict[str, Any]) -> None:
        reply = await self.api.patch(f"/api/v1/nodes/{name}", {"spec": spec})
        assert reply.status == 200, reply.body

    async def pod(self, name: str, cpu: str = "100m", labels: dict[str, str] | None = None, **spec: Any) -> None:
        container = {"name": "c", "image": "example.test/c:1", "resources": {"requests": {"cpu": cpu}}}
        body = {"metadata": {"name": name, "labels": labels or {}}, "spec": {"containers": [container], **spec}}
        reply = await self.api.post(PODS, body)
        assert reply.status == 201, reply.body

    async def get(self, name: str) -> Any:
        reply = await self.api.get(f"{PODS}/{name}")
        return reply.json() if reply.status == 200 else None

    async def until(self, name: str, holds: Callable[[Any], bool]) -> Any:
        """The pod once `holds`; the watch tells of every change, so nothing is polled."""
        async with asyncio.timeout(10), self.api.watch(PODS, fieldSelector=f"metadata.name={name}") as events:
            while True:
                event = await events.next(10)
                assert event is not None
                if event["type"] != "DELETED" and holds(event["object"]):
                    return event["object"]

    async def placed(self, name: str) -> str:
        """The node of the pod once it has one."""
        return str((await self.until(name, lambda p: p["spec"].get("nodeName")))["spec"]["nodeName"])

    async def refused(self, name: str) -> str:
        """Why the pod has no node, once it says so."""
        pod = await self.until(name, condition)
        assert "nodeName" not in pod["spec"]
        found = condition(pod)
        assert (found["status"], found["reason"]) == ("False", "Unschedulable")
        return str(found["message"])


def condition(pod: Any) -> Any:
    found = (c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled" and c["status"] == "False")
    return next(found, None)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with api_server() as api, scheduling(api):
        yield World(api)


@asynccontextmanager
async def scheduling(api: ApiEnv) -> AsyncIterator[None]:
    stop = asyncio.Event()
    config = server.Config(kubeconfig=api.kubeconfig(), healthz_bind_address="")
    task = asyncio.create_task(server.run(config, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task
        await cancel(task)


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
    assert event["message"] == "0/1 nodes are available: 1 Insufficient cpu."
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
        body = {"metadata": {"name": "high"}, "value": 1000}
        assert (await api.post("/apis/scheduling.k8s.io/v1/priorityclasses", body)).status == 201
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

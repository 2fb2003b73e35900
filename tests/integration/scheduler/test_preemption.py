"""SchedulerPreemption: pods of higher priority get room at the cost of lower ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.apienv import api_server
from tests.integration.scheduler.world import PODS, World, scheduling


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with api_server() as api, scheduling(api):
        made = World(api)
        await made.priority_class("low", 100)
        await made.priority_class("high", 1000)
        yield made


async def test_basic_preemption(world: World) -> None:
    """Scheduler, Basic Preemption: the lowest pod goes, the others stay, the important one takes its place."""
    await world.node("a", cpu="1")
    await world.node("b", cpu="1")
    now = {"terminationGracePeriodSeconds": 0}
    await world.pod("lowest", cpu="1", **now)
    await world.pod("low", cpu="1", priorityClassName="low", **now)
    where = {name: await world.placed(name) for name in ("lowest", "low")}
    await world.pod("high", cpu="1", priorityClassName="high")
    assert await world.placed("high") == where["lowest"]
    assert await world.get("lowest") is None
    assert (await world.get("low"))["spec"]["nodeName"] == where["low"]
    event = await world.event("Preempted")
    uid = (await world.get("high"))["metadata"]["uid"]
    assert (event["type"], event["message"]) == ("Normal", f"Preempted by pod {uid} on node {where['lowest']}")
    assert (event["involvedObject"]["name"], event["related"]["name"]) == ("lowest", "high")


async def test_lower_priority_pod_preemption_by_critical_pod(world: World) -> None:
    """Scheduler, Preemption for critical pod."""
    await world.node("a", cpu="1")
    await world.pod("low", cpu="1", priorityClassName="low", terminationGracePeriodSeconds=0)
    await world.placed("low")
    body = {
        "metadata": {"name": "critical", "namespace": "kube-system"},
        "spec": {
            "priorityClassName": "system-cluster-critical",
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}],
        },
    }
    assert (await world.api.post("/api/v1/namespaces/kube-system/pods", body)).status == 201
    await world.gone("low")
    path = "/api/v1/namespaces/kube-system/pods"
    async with asyncio.timeout(10), world.api.watch(path, fieldSelector="spec.nodeName=a") as events:
        event = await events.next(10)
    assert event is not None and event["object"]["metadata"]["name"] == "critical"


async def test_disruption_condition_is_added_to_the_preempted_pod(world: World) -> None:
    """Verify the DisruptionTarget condition is added to the preempted pod; the preemptor waits for it to be gone."""
    await world.node("a", cpu="1")
    await world.pod("victim", cpu="1", priorityClassName="low")
    await world.placed("victim")
    patch = {"metadata": {"finalizers": ["example.com/test"]}}
    assert (await world.api.patch(f"{PODS}/victim", patch)).status == 200
    await world.pod("high", cpu="1", priorityClassName="high")
    victim = await world.until("victim", lambda p: p["metadata"].get("deletionTimestamp"))
    found = [c for c in victim["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert [(c["status"], c["reason"], c["message"]) for c in found] == [
        ("True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod")
    ]
    waiting = await world.until("high", lambda p: p["status"].get("nominatedNodeName"))
    assert waiting["status"]["nominatedNodeName"] == "a"
    assert (await world.api.patch(f"{PODS}/victim", {"metadata": {"finalizers": None}})).status == 200
    assert (await world.api.delete(f"{PODS}/victim", {"gracePeriodSeconds": 0})).status in (200, 404)
    assert await world.placed("high") == "a"


async def test_preemption_running_path(world: World) -> None:
    """Pod preemption verification: four levels of priority on nodes that hold them all but the last."""
    for level in range(1, 5):
        await world.priority_class(f"p{level}", level)
    for name in ("a", "b"):
        await world.node(name, cpu="2")
    now = {"terminationGracePeriodSeconds": 0}
    names = [("p1", "one-1"), ("p1", "one-2"), ("p2", "two"), ("p3", "three")]
    for level, name in names:
        await world.pod(name, cpu="1", priorityClassName=level, **now)
        await world.placed(name)
    await asyncio.gather(*(world.pod(f"four-{i}", cpu="1", priorityClassName="p4", **now) for i in range(2)))
    for i in range(2):
        await world.placed(f"four-{i}")
    assert [await world.get(name) is None for _, name in names] == [True, True, False, False]


async def test_a_pod_that_never_preempts_waits(world: World) -> None:
    await world.priority_class("polite", 2000, preemptionPolicy="Never")
    await world.node("a", cpu="1")
    await world.pod("low", cpu="1", priorityClassName="low")
    await world.placed("low")
    await world.pod("polite", cpu="1", priorityClassName="polite")
    assert await world.refusal("polite") == (
        "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, "
        "preemption: not eligible due to preemptionPolicy=Never."
    )
    assert (await world.get("low"))["metadata"].get("deletionTimestamp") is None

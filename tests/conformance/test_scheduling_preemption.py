"""SchedulerPreemption: pods of higher priority get room at the cost of others; with the real scheduler."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import controllers, eventually, good, seen, updated_object
from tests.integration.scheduler.world import PODS, World, scheduling

CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
SCARCE = "scheduling.k8s.io/foo"


async def lab(api: ApiEnv, nodes: int, amount: int) -> World:
    """Nodes that have some of a scarce resource, and three priorities."""
    world = World(api)
    for name, value in (("low", 1), ("medium", 100), ("high", 1000)):
        await world.priority_class(name, value)
    for number in range(nodes):
        await world.node(f"node-{number}")
        amounts = {SCARCE: str(amount)}
        patch = {"status": {"capacity": amounts, "allocatable": amounts}}
        good(await api.patch(f"/api/v1/nodes/node-{number}/status", patch))
    return world


def taking(amount: int, priority: str, **more: Any) -> dict[str, Any]:
    limits = {SCARCE: str(amount)}
    container = {"name": "pause", "image": "x", "resources": {"requests": limits, "limits": limits}}
    return {"containers": [container], "priorityClassName": priority, "terminationGracePeriodSeconds": 0, **more}


async def test_schedulerpreemption_validates_basic_preemption_works(api: ApiEnv) -> None:
    """[sig-scheduling] SchedulerPreemption [Serial] validates basic preemption works [Conformance]"""
    async with scheduling(api):
        world = await lab(api, 3, 5)
        for number, priority in enumerate(("low", "medium", "medium")):
            where = {"nodeSelector": {"kubernetes.io/hostname": f"node-{number}"}}
            await world.pod(f"pod{number}-{priority}", **taking(4, priority, **where))
            await world.placed(f"pod{number}-{priority}")
        await world.pod("preemptor", **taking(4, "high"))
        assert await world.placed("preemptor") == "node-0"
        assert await world.get("pod0-low") is None
        for number in (1, 2):
            assert "deletionTimestamp" not in (await world.get(f"pod{number}-medium"))["metadata"]


async def test_schedulerpreemption_validates_lower_priority_pod_preemption_by_critical_pod(api: ApiEnv) -> None:
    """[sig-scheduling] SchedulerPreemption [Serial] validates lower priority pod preemption by critical pod
    [Conformance]"""
    async with scheduling(api):
        world = await lab(api, 2, 5)
        for number, priority in enumerate(("low", "medium")):
            where = {"nodeSelector": {"kubernetes.io/hostname": f"node-{number}"}}
            await world.pod(f"pod{number}-{priority}", **taking(3, priority, **where))
            await world.placed(f"pod{number}-{priority}")
        path = "/api/v1/namespaces/kube-system/pods"
        spec = taking(3, "system-cluster-critical")
        good(await api.post(path, {"metadata": {"name": "critical"}, "spec": spec}), 201)

        async def bound() -> bool:
            return good(await api.get(f"{path}/critical"))["spec"].get("nodeName") == "node-0"

        await eventually(bound)
        assert await world.get("pod0-low") is None
        assert "deletionTimestamp" not in (await world.get("pod1-medium"))["metadata"]


async def test_schedulerpreemption_validates_pod_disruption_condition_is_added_to_the_preempted_pod(
    api: ApiEnv,
) -> None:
    """[sig-scheduling] SchedulerPreemption [Serial] validates pod disruption condition is added to the preempted pod
    [Conformance]"""
    async with scheduling(api):
        world = await lab(api, 1, 1)
        finalizer = {"metadata": {"finalizers": ["example.com/test-finalizer"]}}
        await world.pod("victim", **taking(1, "low"))
        assert await world.placed("victim") == "node-0"
        good(await api.patch(f"{PODS}/victim", finalizer))
        await world.pod("preemptor", **taking(1, "high"))
        victim = await world.until("victim", lambda pod: pod["metadata"].get("deletionTimestamp"))
        found = {one["type"]: (one["status"], one.get("reason")) for one in victim["status"]["conditions"]}
        assert found["DisruptionTarget"] == ("True", "PreemptionByScheduler")
        remove = [{"op": "remove", "path": "/metadata/finalizers"}]
        good(await api.patch(f"{PODS}/victim", remove, "json"))
        assert await world.placed("preemptor") == "node-0"
        assert await world.get("victim") is None


def replica_set(level: int, amount: int) -> dict[str, Any]:
    labels = {"name": f"pod{level}"}
    template = {"metadata": {"labels": labels}, "spec": taking(amount, f"p{level}")}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": f"rs-pod{level}"}, "spec": spec}


async def test_preemptionexecutionpath_runs_replicasets_to_verify_preemption_running_path() -> None:
    """[sig-scheduling] SchedulerPreemption [Serial] PreemptionExecutionPath runs ReplicaSets to verify preemption running
    path [Conformance]"""
    async with controllers("replicaset-controller") as manager, scheduling(manager.api):
        api = manager.api
        world = await lab(api, 1, 1000)
        for level in range(1, 5):
            await world.priority_class(f"p{level}", level)
        sets = "/apis/apps/v1/namespaces/default/replicasets"

        async def running(level: int) -> list[Any]:
            items = good(await api.get(PODS, query={"labelSelector": f"name=pod{level}"}))["items"]
            return [pod for pod in items if pod["spec"].get("nodeName")]

        for level, amount in ((1, 200), (2, 300), (3, 450)):
            good(await api.post(sets, replica_set(level, amount)), 201)
            await eventually(lambda level=level: running(level))  # type: ignore[misc]
        first = [(await running(level))[0]["metadata"]["uid"] for level in (1, 2)]
        good(await api.post(sets, replica_set(4, 500)), 201)
        await eventually(lambda: running(4))
        assert len(await running(3)) == 1
        assert [await running(level) for level in (1, 2)] == [[], []]

        async def replaced() -> bool:
            items = good(await api.get(PODS))["items"]
            again = [pod for pod in items if pod["metadata"]["labels"]["name"] in ("pod1", "pod2")]
            return len(again) == 2 and not {pod["metadata"]["uid"] for pod in again} & set(first)

        await eventually(replaced)
        found = [good(await api.get(f"{sets}/rs-pod{level}"))["status"]["replicas"] for level in range(1, 5)]
        assert found == [1, 1, 1, 1]


async def test_priorityclass_endpoints_verify_priorityclass_endpoints_can_be_operated_with_different_http_methods(
    api: ApiEnv,
) -> None:
    """[sig-scheduling] SchedulerPreemption [Serial] PriorityClass endpoints verify PriorityClass endpoints can be operated
    with different HTTP methods [Conformance]"""
    names = ("p1", "p2")
    async with asyncio.timeout(30), api.watch(CLASSES) as watch:
        for value, name in enumerate(names, 1):
            good(await api.post(CLASSES, {"metadata": {"name": name}, "value": value}), 201)
            await seen(watch, "ADDED", name)
    listed = {one["metadata"]["name"] for one in good(await api.get(CLASSES))["items"]}
    assert set(names) <= listed
    for name in names:
        for kind in ("merge", "strategic"):
            text = f"patched by {kind}"
            assert good(await api.patch(f"{CLASSES}/{name}", {"description": text}, kind))["description"] == text
        reply = await api.patch(f"{CLASSES}/{name}", {"value": 77})
        assert reply.status == 422
        assert "may not be changed in an update" in reply.json()["message"]

        changed = await updated_object(api, f"{CLASSES}/{name}", lambda one: one.update(description="updated"))
        assert changed["description"] == "updated"
        assert (await api.put(f"{CLASSES}/{name}", {**changed, "value": 78})).status == 422
        good(await api.delete(f"{CLASSES}/{name}"), 200)
        assert (await api.get(f"{CLASSES}/{name}")).status == 404

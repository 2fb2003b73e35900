"""A served cluster with schedulers, for tests: nodes and pods in one line each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from kubelite.scheduler import server
from kubelite.util.tasks import cancel
from tests.apienv import ApiEnv

PODS = "/api/v1/namespaces/default/pods"


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

    async def priority_class(self, name: str, value: int, **more: Any) -> None:
        body = {"metadata": {"name": name}, "value": value, **more}
        assert (await self.api.post("/apis/scheduling.k8s.io/v1/priorityclasses", body)).status == 201

    async def gone(self, name: str) -> None:
        """Returns when there is no such pod."""
        async with asyncio.timeout(10), self.api.watch(PODS, fieldSelector=f"metadata.name={name}") as events:
            while await self.get(name) is not None:
                await events.next(10)

    async def event(self, reason: str) -> Any:
        """The first event with this reason."""
        async with asyncio.timeout(10), self.api.watch("/api/v1/namespaces/default/events") as events:
            while True:
                event = await events.next(10)
                assert event is not None
                if event["object"]["reason"] == reason:
                    return event["object"]

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
        """Why the pod has no node, once it says so, without what came of making room."""
        return (await self.refusal(name)).partition(" no new claims to deallocate")[0]

    async def refusal(self, name: str) -> str:
        """The whole message."""
        pod = await self.until(name, condition)
        assert "nodeName" not in pod["spec"]
        found = condition(pod)
        assert (found["status"], found["reason"]) == ("False", "Unschedulable")
        return str(found["message"])


def condition(pod: Any) -> Any:
    found = (c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled" and c["status"] == "False")
    return next(found, None)


@asynccontextmanager
async def scheduling(api: ApiEnv, **settings: Any) -> AsyncIterator[None]:
    """A running scheduler."""
    stop = asyncio.Event()
    config = server.Config(kubeconfig=api.kubeconfig(), **{"healthz_bind_address": "", **settings})
    task = asyncio.create_task(server.run(config, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task
        await cancel(task)

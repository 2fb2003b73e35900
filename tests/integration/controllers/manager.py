"""Real controllers against the in-process API server: a client, the chosen controllers running, and polling of the world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kubelite.client.client import Client
from kubelite.controllers.context import Context, Informers
from kubelite.controllers.server import Config, run_controllers
from kubelite.util.clock import Clock, SystemClock
from tests.apienv import ADMIN_TOKEN, CONTROLLERS_TOKEN, ApiEnv, api_server
from tests.integration.controllers.roles import grant

CA = "-----BEGIN CERTIFICATE-----\ntest\n-----END CERTIFICATE-----\n"


@dataclass
class World:
    """The running system. Paths are API paths; `get` gives the object, None if there is none."""

    api: ApiEnv
    client: Client
    context: Context

    async def get(self, path: str) -> Any:
        reply = await self.api.get(path)
        return reply.json() if reply.status == 200 else None

    async def items(self, path: str) -> list[Any]:
        return (await self.api.get(path)).json()["items"]

    async def create(self, path: str, body: Any) -> Any:
        reply = await self.api.post(path, body)
        assert reply.status in (200, 201), reply.body
        return reply.json()

    async def merge(self, path: str, patch: Any) -> Any:
        reply = await self.api.patch(path, patch)
        assert reply.status == 200, reply.body
        return reply.json()

    async def delete(self, path: str, body: Any = None) -> None:
        reply = await self.api.delete(path, body)
        assert reply.status in (200, 202, 404), reply.body

    async def pods(self, label: str = "") -> list[Any]:
        """Pods of namespace `default` that are not being deleted."""
        found = await self.items(f"/api/v1/namespaces/default/pods{f'?labelSelector={label}' if label else ''}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    async def make_ready(self, pod: Any) -> None:
        """What a kubelet would report."""
        status = {
            "phase": "Running",
            "podIP": f"10.244.0.{sum(pod['metadata']['name'].encode()) % 250 + 1}",
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        }
        path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status"
        await self.api.patch(path, {"status": status})

    async def kubelet(self) -> None:
        """Makes every pod ready and finishes every deletion, for ever."""
        while True:
            for pod in await self.items("/api/v1/namespaces/default/pods"):
                path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}"
                if "deletionTimestamp" in pod["metadata"]:
                    await self.api.delete(path, {"gracePeriodSeconds": 0})
                elif pod["status"].get("phase", "Pending") == "Pending":
                    await self.make_ready(pod)
            await asyncio.sleep(0.02)

    async def events(self, reason: str) -> list[str]:
        return [event["message"] for event in await self.items("/api/v1/events") if event["reason"] == reason]


@asynccontextmanager
async def running(
    *names: str,
    clock: Clock | None = None,
    kubelet: bool = False,
    tokens: str = "",
    token: str = "",
    tls: bool = False,
    server: Mapping[str, Any] | None = None,
    more_roles: Sequence[str] = (),
    **settings: Any,
) -> AsyncIterator[World]:
    """An API server with namespace `default` and the controllers `names` running against it.

    They have the rights of their own roles, and of those that `more_roles` names; `tokens` replaces the server's token file, and
    the controllers then identify themselves by `token`.
    `server` and `settings` are the configuration of the API server and of the controllers.
    """
    server_settings = {**(server or {}), **({"token_auth_file": tokens} if tokens else {})}
    async with api_server(tls=tls, **server_settings) as api:
        if not tokens and not token:
            await grant(api, [*names, *more_roles])
        identity = token or (ADMIN_TOKEN if tokens else CONTROLLERS_TOKEN)
        client = Client.from_config(api.client_config(identity), user_agent="controllers-test")
        context = Context(
            client, Informers(client), clock=clock or SystemClock(), settings=Config(**settings), ca_bundle=CA
        )
        world = World(api, client, context)
        if await world.get("/api/v1/namespaces/default") is None:
            await world.create("/api/v1/namespaces", {"metadata": {"name": "default"}})
        stop = asyncio.Event()
        tasks = [asyncio.create_task(run_controllers(context, list(names), stop))]
        if kubelet:
            tasks.append(asyncio.create_task(world.kubelet()))
        try:
            yield world
        finally:
            stop.set()
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for recorder in context.recorders.values():
                await recorder.close()
            await client.close()


async def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value of `await check()`; the last failure or value is shown when time is up."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            value = await check()
            if value or loop.time() > deadline:
                assert value, f"never became true: {value!r}"
                return value
        except (AssertionError, LookupError, TypeError, ValueError):
            if loop.time() > deadline:
                raise
        await asyncio.sleep(0.02)

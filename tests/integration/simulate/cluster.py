"""A control plane in the test process with simulated nodes: API server, controllers, scheduler, and a fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kubelite.client.client import Client
from kubelite.cmd.simulate.fleet import Fleet
from kubelite.cmd.simulate.nodes import Shape
from kubelite.cmd.simulate.script import Range, Script
from kubelite.scheduler import server as scheduler
from tests.integration.controllers.manager import World, running

QUICK = Script(start_time=Range(0.0, 0.1), run_for=Range(0.1, 0.2), stop_time=Range(0.0, 0.05))
KINDS = ("deployment", "replicaset", "daemonset", "job", "disruption", "node-lifecycle")
CONTROLLERS = tuple(f"{kind}-controller" for kind in KINDS)


@dataclass
class Joined:
    """A running fleet."""

    world: World
    fleet: Fleet
    stop: asyncio.Event
    task: asyncio.Task[None]
    clients: tuple[Client, Client]

    async def leave(self, *, remove: bool = False) -> None:
        """Stops it, as a signal does."""
        self.stop.set()
        await self.task
        if remove:
            await self.fleet.remove()
        for client in self.clients:
            await client.close()


def make(world: World, count: int, script: Script = QUICK, **settings: Any) -> tuple[Fleet, tuple[Client, Client]]:
    """A fleet that does nothing yet."""
    config = world.api.client_config()
    clients = (Client.from_config(config, user_agent="fleet"), Client.from_config(config, user_agent="fleet"))
    return Fleet(*clients, Shape(), count, script, **settings), clients


async def join(world: World, count: int = 20, script: Script = QUICK, **settings: Any) -> Joined:
    """Nodes that are registered and watch their pods."""
    fleet, clients = make(world, count, script, **settings)
    stop = asyncio.Event()
    task = asyncio.create_task(fleet.run(stop))
    async with asyncio.timeout(20):
        await fleet.registered.wait()
        await fleet.pods.synced()
    return Joined(world, fleet, stop, task, clients)


@asynccontextmanager
async def simulated(
    count: int = 20, script: Script = QUICK, controllers: tuple[str, ...] = CONTROLLERS, **settings: Any
) -> AsyncIterator[Joined]:
    """The whole of it."""
    async with running(*controllers) as world:
        stop = asyncio.Event()
        config = scheduler.Config(kubeconfig=world.api.kubeconfig(), leader_elect=False, healthz_bind_address="")
        scheduling = asyncio.create_task(scheduler.run(config, stop))
        joined = await join(world, count, script, **settings)
        try:
            yield joined
        finally:
            await joined.leave()
            stop.set()
            await scheduling

"""Keeps the provider's routes to the nodes' pods, and tells each node whether it has its own.

What: the wiring of `plan`. Flow: a change of a node's ranges or addresses, and every `period` seconds → the provider's routes →
`plan` → delete, create → condition NetworkUnavailable of each node. One key: a range may move from one node to another.
At most `AT_ONCE` calls of the provider run at a time.
Source: k8s.io/cloud-provider/controllers/route/route_controller.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.cloud.provider import ProviderError, Route, Routes
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.objects import Node
from kubelite.controllers.route.plan import Network, condition, plan
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "route-controller"
KEY = "all"
AT_ONCE = 200
log = get_logger(__name__)


class RouteController:
    """`ranges` are the addresses of all pods; `period` is the time between two looks at the provider, in seconds."""

    def __init__(self, context: Context, routes: Routes, ranges: Sequence[Network], period: float) -> None:
        self._client = context.client
        self._clock = context.clock
        self._routes = routes
        self._ranges = ranges
        self._period = period
        self._recorder = context.recorder(NAME)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._nodes, _keys)

    async def run(self) -> None:
        self.loop.queue.add(KEY)
        await self.loop.run(self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """All routes at once. A route that fails is tried again with the next look; it does not hold up the others."""
        nodes = self._nodes.list()
        try:
            routes = await self._routes.list()
        except ProviderError as error:
            log.warning("Cannot list the routes", error=error)
            return Result(self._period)
        wanted = plan(nodes, routes, self._ranges)
        await asyncio.gather(*(self._delete(route) for route in wanted.delete))
        made = await asyncio.gather(*(self._create(uid, route) for uid, route in wanted.create))
        present = {(route.node, route.target) for route in routes if route not in wanted.delete}
        present |= {(route.node, route.target) for route in made if route is not None}
        now = times.now_text(self._clock.now())
        await asyncio.gather(*(self._tell(node, condition(node, present, now)) for node in nodes))
        return Result(self._period)

    async def _delete(self, route: Route) -> None:
        async with self._slots:
            try:
                await self._routes.delete(route)
            except ProviderError as error:
                log.warning("Cannot delete a route", node=route.node, target=route.target, error=error)
                return
        log.info("Deleted a route", node=route.node, target=route.target)

    async def _create(self, hint: str, route: Route) -> Route | None:
        started = self._clock.monotonic()
        async with self._slots:
            try:
                await self._routes.create(hint, route)
            except ProviderError as error:
                took = f"{self._clock.monotonic() - started:.3f}s"
                text = f"Could not create route {hint} {route.target} for node {route.node} after {took}: {error}"
                node = self._nodes.get(route.node)
                if node is not None:
                    self._recorder.event(NODE, node, "Warning", "FailedToCreateRoute", text)
                return None
        log.info("Created a route", node=route.node, target=route.target)
        return route

    async def _tell(self, node: Node, wanted: dict[str, Any] | None) -> None:
        if wanted is None:
            return
        name = node.metadata.name
        patch = {"status": {"conditions": [wanted]}}
        try:
            await self._client.patch(NODE, name, patch, patch_type="strategic", subresource="status", type=Node)
        except StatusError as error:
            if error.code != 404:
                raise
            return
        log.info("A node's routes have changed", node=name, reason=wanted["reason"])


def _keys(change: Change[Node]) -> list[str]:
    """Heartbeats are no news."""
    before, after = (_matters(node) for node in change)
    return [] if before == after else [KEY]


def _matters(node: Node | None) -> tuple[Any, ...] | None:
    if node is None:
        return None
    addresses = [(one.type, one.address) for one in node.status.addresses]
    return node.metadata.uid, node.spec.podCIDRs, addresses

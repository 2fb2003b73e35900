"""Keeps the APIServices of what this server serves itself.

What: `Registration.start` writes what is missing when the server starts, `settle` what definitions add and take away. Why: one
list of all group versions, whoever serves them. Flow: scheme and watch cache → `declared.plan` → writes. Servers of one
cluster do this side by side: whoever comes second finds it done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from kubelite.api.types.apiregistration_v1 import APIService
from kubelite.apiserver.aggregator.declared import LOCAL, Plan, availability_of, local_services, plan, set_available
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

AT_ONCE = 16


class Registration:
    """Writes through the registry."""

    def __init__(self, registry: Registry, kind: Kind) -> None:
        self._registry = registry
        self._kind = kind
        self._had: frozenset[str] = frozenset()
        """What was wanted before: only of that this server may think that it has gone, others may know of newer kinds."""

    async def start(self) -> None:
        """Puts everything right once."""
        await self._carry_out(self._plan(starting=True))

    async def settle(self) -> None:
        """Puts right what is kept all the time, and the condition of what has no service."""
        await self._carry_out(self._plan(starting=False))
        for service in self._present().values():
            if service.spec.service is None and availability_of(service) != LOCAL:
                edit = set_available(LOCAL, self._registry.now_text())
                await _tolerant(
                    self._registry.change(self._kind, service.metadata.name, "", edit, subresource="status")
                )

    def _present(self) -> dict[str, APIService]:
        return {one.metadata.name: one for one in self._registry.cached_list(self._kind)}

    def _plan(self, *, starting: bool) -> Plan:
        wanted = local_services(self._registry.scheme)
        todo = plan(wanted, self._present(), starting=starting)
        known, self._had = self._had, frozenset(wanted)
        return todo if starting else todo._replace(delete=[name for name in todo.delete if name in known])

    async def _carry_out(self, todo: Plan) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(work: Awaitable[Any]) -> None:
            async with limit:
                await _tolerant(work)

        registry, kind = self._registry, self._kind
        async with asyncio.TaskGroup() as tasks:
            for service in todo.create:
                tasks.create_task(one(registry.create(kind, service)))
            for service in todo.update:
                tasks.create_task(one(registry.change(kind, service.metadata.name, "", _same_as(service))))
            for name in todo.delete:
                tasks.create_task(one(registry.delete(kind, name)))


def _same_as(wanted: APIService) -> Any:
    def edit(found: APIService) -> None:
        found.spec = wanted.spec
        found.metadata.labels = {**found.metadata.labels, **wanted.metadata.labels}

    return edit


async def _tolerant(work: Awaitable[Any]) -> None:
    """Another server may have been faster."""
    try:
        await work
    except StatusError as error:
        if error.code not in (404, 409):
            raise

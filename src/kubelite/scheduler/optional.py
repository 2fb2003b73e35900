"""Watches of kinds that the API server may not serve (yet).

What: `Watch` describes what is watched and who is told; `OptionalInformer` follows it as soon as the server has it. Why: budgets,
volumes and claims refine decisions; a server without them must not keep the scheduler from working. Flow: discovery of the group
version → not there: looked for again every 30 s → there: an informer as any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

LOOK_AGAIN = 30.0


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind, decoded narrowly."""

    group: str
    version: str
    kind: str
    plural: str
    type: type[Any]
    handler: Callable[[Change[Any]], None]
    namespaced: bool = True

    def as_kind(self) -> Kind:
        return Kind(
            group=self.group,
            version=self.version,
            kind=self.kind,
            plural=self.plural,
            type=self.type,
            namespaced=self.namespaced,
        )


class _Resource(msgspec.Struct):
    name: str = ""


class _Resources(msgspec.Struct):
    resources: list[_Resource] = msgspec.field(default_factory=list)


class OptionalInformer:
    """Follows one kind if and when it is served."""

    def __init__(self, client: Client, watch: Watch) -> None:
        self._client, self._watch = client, watch
        self._decided = asyncio.Event()
        self.informer: Informer[Any] = Informer(client, watch.as_kind(), type=watch.type)
        self.informer.add_handler(watch.handler)

    async def run(self) -> None:
        """Never returns."""
        while not await self._served():
            self._decided.set()
            await asyncio.sleep(LOOK_AGAIN)
        waiting = asyncio.create_task(self._synced())
        try:
            await self.informer.run()
        finally:
            waiting.cancel()

    async def ready(self) -> None:
        """Returns when the objects are known, or it is known that there are none to know."""
        await self._decided.wait()

    async def _synced(self) -> None:
        await self.informer.synced()
        self._decided.set()

    async def _served(self) -> bool:
        watch = self._watch
        path = f"/apis/{watch.group}/{watch.version}" if watch.group else f"/api/{watch.version}"
        while True:
            try:
                answer = await self._client.request("GET", path)
                known = msgspec.json.decode(answer.body, type=_Resources)
            except StatusError as error:
                if error.code in (403, 404):
                    return False
                await asyncio.sleep(1.0)
            except (ConnectionFailed, msgspec.DecodeError):
                await asyncio.sleep(1.0)
            else:
                return any(resource.name == watch.plural for resource in known.resources)

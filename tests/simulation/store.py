"""The store of a run: the memory store behind a slow line, with an observer of every write.

What: `SlowStore` puts waiting times before and after each operation and before each batch of a watch. Why: between
the decision to write and the news of it lie other things, as with etcd; API servers' caches lag. Flow: each API
server has a `SlowStore` of its own over the one `MemoryStore`; `observer` hears of a write in the step in which it
happens.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from kubelite.storage.interface import Event, KeyValue, RangeResult, WatchBatch
from kubelite.storage.memory import MemoryStore
from tests.simulation.loop import VirtualLoop
from tests.simulation.process import CURRENT

T = TypeVar("T")


class ObservedMemory(MemoryStore):
    """Tells `observer` of each write, at once."""

    observer: Callable[[Event], None] | None = None

    def _record(self, event: Event, before: KeyValue | None) -> None:
        super()._record(event, before)
        if self.observer is not None:
            self.observer(event)


def copy_of(store: MemoryStore) -> ObservedMemory:
    """A store with the same content and history, and no watchers."""
    fresh = ObservedMemory()
    fresh._index = copy.deepcopy(store._index)
    fresh._history = list(store._history)
    fresh._revision, fresh._compacted = store._revision, store._compacted
    for deadline, revision, key in sorted(store._expiry._heap):
        fresh._expiry.add(key, revision, deadline)
    return fresh


class SlowStore:
    """One API server's line to the store."""

    def __init__(self, inner: MemoryStore, rng: Random) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._inner, self._loop = inner, loop
        self._rng = rng
        self.lag = 0.0
        """Seconds by which watches are late."""

    async def _wait(self) -> None:
        await self._loop.pause(self._rng.random() * 0.002)

    async def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs what belongs to the store itself: its timers survive the API server."""
        token = CURRENT.set(None)
        try:
            return await work
        finally:
            CURRENT.reset(token)

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        await self._wait()
        return await self._call(self._inner.get(key, revision=revision))

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        await self._wait()
        return await self._call(self._inner.range(prefix, limit=limit, after=after, revision=revision))

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        await self._wait()
        done = await self._call(self._inner.create(key, value, ttl=ttl))
        await self._wait()
        return done

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        await self._wait()
        done = await self._call(self._inner.update(key, value, expected, ttl=ttl))
        await self._wait()
        return done

    async def delete(self, key: str, expected: int) -> int:
        await self._wait()
        done = await self._call(self._inner.delete(key, expected))
        await self._wait()
        return done

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        async for batch in self._inner.watch(prefix, after):
            await asyncio.sleep(self._rng.random() * 0.002 + self.lag)
            yield batch

    async def revision(self) -> int:
        await self._wait()
        return await self._call(self._inner.revision())

    async def compact(self, revision: int) -> None:
        await self._call(self._inner.compact(revision))

    async def ping(self) -> None:
        await self._wait()

    async def close(self) -> None:
        return

"""Who waits until the cache reflects a revision, and the store's revision, asked once for all who want it.

What: `Freshness.reach` waits for a revision, `newest` asks the store for its own. Why: a consistent read is a question to the
store and a short wait; what many readers do at the same time costs one question. Flow: a reader joins the next question →
a task asks, again as long as somebody has joined meanwhile → the reader waits until `advance` says that the cache is there.

A question that is under way is too old for whoever comes while it is: his read could miss a write that ended before it and
after the question was answered. Source of the idea: etcd's ReadIndex batching (server/etcdserver/v3_server.go).
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable


class Freshness:
    """`revision` is what the cache reflects; `ask` gives the store's revision of a moment after the call."""

    def __init__(self, ask: Callable[[], Awaitable[int]]) -> None:
        self.revision = 0
        self._ask = ask
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._tickets = 0
        self._joined: list[asyncio.Future[int]] = []
        self._asking: asyncio.Task[None] | None = None

    def advance(self, revision: int) -> None:
        """The cache reflects this revision now; whoever waits for it goes on."""
        self.revision = revision
        heap = self._heap
        while heap and heap[0][0] <= revision:
            future = heapq.heappop(heap)[2]
            if not future.done():
                future.set_result(None)

    async def reach(self, revision: int, seconds: float) -> bool:
        """Waits until the cache reflects `revision`; False if it does not within `seconds`."""
        if self.revision >= revision:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tickets += 1
        heapq.heappush(self._heap, (revision, self._tickets, future))
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            return self.revision >= revision
        return True

    def newest(self) -> asyncio.Future[int]:
        """The store's revision, not older than this call."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._joined.append(future)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(), name="store-revision")
        return future

    async def _ask_all(self) -> None:
        try:
            while self._joined:
                waiting, self._joined = self._joined, []
                await self._ask_for(waiting)
        finally:
            self._asking = None

    async def _ask_for(self, waiting: list[asyncio.Future[int]]) -> None:
        """Asks once; the answer or the error is everybody's."""
        try:
            revision = await self._ask()
        except Exception as error:  # noqa: BLE001 - whoever waits raises it
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        except BaseException:
            for future in (*waiting, *self._joined):
                future.cancel()
            raise
        for future in waiting:
            if not future.done():
                future.set_result(revision)

"""`WatchHub`: hands committed events to the watchers of one process.

What: a bounded queue for each watcher. Why: a writer never waits for a watcher.
Flow: the back end calls `publish` once per commit → each watcher's queue → `Watcher.next` takes all that is queued as one
batch. When full (`MAX_EVENTS` or `MAX_BYTES` waiting) the watcher is cut off: its next step raises `Compacted`.
A commit without an event for a watcher only moves the revision of its next batch, which may so be empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubelite.storage.interface import Compacted, Event, WatchBatch

MAX_EVENTS = 10_000
MAX_BYTES = 64 * 1024 * 1024


class Watcher:
    """One consumer's queue."""

    __slots__ = ("_closed", "_cut", "_pending", "_revision", "_size", "_told", "_wake", "prefix")

    def __init__(self, prefix: str, revision: int) -> None:
        self.prefix = prefix
        self._pending: list[Event] = []
        self._size = 0
        self._revision = self._told = revision
        self._wake: asyncio.Future[None] | None = None
        self._cut = False
        self._closed = False

    async def next(self) -> WatchBatch | None:
        """Everything queued, waiting for something; None after `close`. Raises `Compacted` if cut off."""
        while True:
            if self._cut:
                raise Compacted(self._revision)
            if self._revision > self._told:
                batch = WatchBatch(self._pending, self._revision)
                self._pending = []
                self._size = 0
                self._told = self._revision
                return batch
            if self._closed:
                return None
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None

    def offer(self, events: Sequence[Event], revision: int, max_events: int, max_bytes: int) -> bool:
        """Queues what concerns this watcher; False if that was too much and it is cut off."""
        prefix = self.prefix
        for event in events:
            if event.key.startswith(prefix):
                self._pending.append(event)
                self._size += len(event.value or b"")
        self._revision = revision
        if len(self._pending) > max_events or self._size > max_bytes:
            self._cut = True
            self._pending = []
        self._awake()
        return not self._cut

    def close(self) -> None:
        self._closed = True
        self._awake()

    def _awake(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)


class WatchHub:
    """All watchers of a store."""

    def __init__(self, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._watchers: list[Watcher] = []
        self._limits = (max_events, max_bytes)
        self._closed = False

    def add(self, prefix: str, revision: int) -> Watcher:
        """A watcher that gets what is published from now on; `revision` is the present one."""
        watcher = Watcher(prefix, revision)
        self._watchers.append(watcher)
        if self._closed:
            watcher.close()
        return watcher

    def remove(self, watcher: Watcher) -> None:
        if watcher in self._watchers:
            self._watchers.remove(watcher)

    def publish(self, events: Sequence[Event], revision: int) -> None:
        """Tells all watchers of a commit that brought the store to `revision`."""
        if not self._watchers:
            return
        slow = [watcher for watcher in self._watchers if not watcher.offer(events, revision, *self._limits)]
        for watcher in slow:
            self._watchers.remove(watcher)

    def close(self) -> None:
        """Ends every watch after what is queued for it."""
        self._closed = True
        for watcher in self._watchers:
            watcher.close()

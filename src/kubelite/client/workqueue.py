"""The queue between "something changed" and "make it so".

What: keys waiting to be worked on: each at most once, never in two hands at once, later or sooner by back-off.
Why: a thousand events of one object are one piece of work; a failing object must wait longer each time, alone.
Flow: handlers `add` → workers `get` … `done`; a key added while it is worked on comes again after `done`.
Bound: keys are those of existing objects, each once, so the queue is as long as the cache at most and never drops.
Rates as in client-go/util/workqueue: 5 ms doubling to 1 000 s per key.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from typing import Protocol

BASE_SECONDS = 0.005
MAX_SECONDS = 1000.0


class Watcher(Protocol):
    """Told of each key's way through a queue."""

    def added(self, key: str) -> None: ...
    def taken(self, key: str) -> None: ...
    def finished(self, key: str) -> None: ...
    def retried(self) -> None: ...


class WorkQueue:
    """A queue of string keys for one event loop. `close()` lets waiting workers end."""

    def __init__(self, *, base: float = BASE_SECONDS, cap: float = MAX_SECONDS) -> None:
        self._base = base
        self._cap = cap
        self._queue: deque[str] = deque()
        self._dirty: set[str] = set()
        self._working: set[str] = set()
        self._failures: dict[str, int] = {}
        self._later: list[tuple[float, int, str]] = []
        self._due: dict[str, float] = {}
        self._order = itertools.count()
        self._timer: asyncio.Handle | None = None
        self._rings = 0.0
        """When the timer fires: uvloop's handle of a wait of less than a millisecond does not tell."""
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self.watcher: Watcher | None = None

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, key: str) -> None:
        """Work on `key` as soon as a worker is free."""
        if key in self._dirty or self._closed:
            return
        self._dirty.add(key)
        if self.watcher is not None:
            self.watcher.added(key)
        if key not in self._working:
            self._queue.append(key)
            self._wake()

    def add_after(self, key: str, seconds: float) -> None:
        """Work on `key` in `seconds`; of several waits for one key the shortest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = asyncio.get_running_loop().time() + seconds
        if self._closed or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._later, (due, next(self._order), key))
        self._arm()

    def add_rate_limited(self, key: str) -> None:
        """Work on `key` after its back-off, which doubles until `forget`."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        if self.watcher is not None:
            self.watcher.retried()
        self.add_after(key, min(self._cap, self._base * 2 ** min(failures, 40)))

    def forget(self, key: str) -> None:
        """The key has succeeded: its back-off starts anew."""
        self._failures.pop(key, None)

    def failures(self, key: str) -> int:
        """Failures in a row."""
        return self._failures.get(key, 0)

    async def get(self) -> str:
        """The next key; the caller must call `done`. Raises `asyncio.CancelledError` when the queue is closed."""
        while not self._queue:
            if self._closed:
                raise asyncio.CancelledError
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter.done() and not getter.cancelled() and self._queue:
                    self._wake()
                raise
        key = self._queue.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        if self.watcher is not None:
            self.watcher.taken(key)
        return key

    def done(self, key: str) -> None:
        """The work on `key` is over; it comes again if it was added meanwhile."""
        self._working.discard(key)
        if self.watcher is not None:
            self.watcher.finished(key)
        if key in self._dirty:
            self._queue.append(key)
            self._wake()

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._getters:
            self._wake()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _arm(self) -> None:
        """One timer, for the key that is due first."""
        if not self._later:
            return
        due = self._later[0][0]
        if self._timer is not None and not self._timer.cancelled():
            if self._rings <= due:
                return
            self._timer.cancel()
        self._rings = due
        self._timer = asyncio.get_running_loop().call_at(due, self._ripe)

    def _ripe(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._later and self._later[0][0] <= now + 0.0005:
            due, _, key = heapq.heappop(self._later)
            if self._due.get(key) == due:  # otherwise a shorter wait replaced this one
                del self._due[key]
                self.add(key)
        self._arm()

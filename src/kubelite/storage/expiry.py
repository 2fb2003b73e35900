"""`Expiry`: finds the keys whose time to live is over.

What: a heap of deadlines and one timer for the earliest. Why: Events live for an hour; nobody may poll for that.
Flow: the back end calls `add` for each write with a ttl → when due, `expire(key, revision)` is called once; the back end
deletes the key if that revision is still its last. Entries that were replaced since are found out then.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable

GRAIN = 0.5
"""Seconds by which a timer may be late, so that many deadlines share one wake-up."""


class Expiry:
    """Deadlines are seconds of the wall clock, because they survive a restart."""

    def __init__(self, expire: Callable[[str, int], None], now: Callable[[], float] = time.time) -> None:
        self._expire = expire
        self._now = now
        self._heap: list[tuple[float, int, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __len__(self) -> int:
        return len(self._heap)

    def deadline(self, ttl: int) -> float:
        """When a key written now with `ttl` seconds ends; 0 for one without."""
        return self._now() + ttl if ttl else 0.0

    def add(self, key: str, revision: int, deadline: float) -> None:
        """Watches over a key; needs a running event loop."""
        heapq.heappush(self._heap, (deadline, revision, key))
        if self._heap[0][1] == revision:
            self._arm()

    def close(self) -> None:
        self._closed = True
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap and not self._closed:
            wait = max(0.0, self._heap[0][0] - self._now()) + GRAIN
            self._timer = asyncio.get_running_loop().call_later(wait, self._run)

    def _run(self) -> None:
        self._timer = None
        now = self._now()
        while self._heap and self._heap[0][0] <= now:
            _, revision, key = heapq.heappop(self._heap)
            self._expire(key, revision)
        self._arm()

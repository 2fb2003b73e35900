"""Keeps the SQLite store's log bounded.

What: `Compactor` forgets revisions that are older than `keep_seconds` or further back than `keep_revisions`, whichever
comes first. Why: unattended, the log would grow for ever; a big deletion would hold up writes.
Flow: `note` after each commit → when at least a slice is due, one job of `SLICE` revisions for the writer thread → when it
is done, the next one if still due. Writes go between slices. Ages are sampled at commits: an idle store does not wake up.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from kubelite.storage.sqlite_log import compact
from kubelite.storage.sqlite_writer import Writer

SLICE = 500
SAMPLE_SECONDS = 10.0
KEEP_REVISIONS = 10_000
KEEP_SECONDS = 300.0


class Compactor:
    """`compacted` is the oldest revision that can still be read."""

    def __init__(
        self,
        writer: Writer,
        compacted: int,
        *,
        keep_revisions: int = KEEP_REVISIONS,
        keep_seconds: float = KEEP_SECONDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.compacted = compacted
        self._reached = compacted
        self._asked = compacted
        self._writer = writer
        self._keep_revisions = keep_revisions
        self._keep_seconds = keep_seconds
        self._now = now
        self._samples: deque[tuple[float, int]] = deque()
        self._running = False
        self._stopped = False
        self._waiters: list[asyncio.Future[None]] = []

    def note(self, revision: int) -> None:
        """Tells of a commit up to `revision`."""
        now = self._now()
        if not self._samples or now - self._samples[-1][0] >= SAMPLE_SECONDS:
            self._samples.append((now, revision))
            while self._samples and now - self._samples[0][0] >= self._keep_seconds:
                self._asked = max(self._asked, self._samples.popleft()[1])
        due = revision - self._keep_revisions
        if due >= self._reached + SLICE:
            self._asked = max(self._asked, due)
        self._start()

    async def compact(self, revision: int) -> None:
        """Forgets what only revisions before `revision` show; returns when that is done."""
        if revision <= self.compacted:
            return
        self._asked = max(self._asked, revision)
        self.compacted = max(self.compacted, revision)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(done)
        self._start()
        await done

    def stop(self) -> None:
        """Starts no further slice; the log is compacted after the next start of the store."""
        self._stopped = True

    def _start(self) -> None:
        if self._running or self._stopped or self._asked <= self._reached:
            return
        self._running = True
        low, high = self._reached, min(self._reached + SLICE, self._asked)
        # Readers must refuse the old revisions before their rows begin to go.
        self.compacted = max(self.compacted, high)
        self._writer.submit(lambda connection: compact(connection, low, high), lambda error: self._done(high, error))

    def _done(self, high: int, error: Exception | None) -> None:
        self._running = False
        if error is None:
            self._reached = high
            self._start()
        if not self._running:
            # After a failure the next commit tries again.
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

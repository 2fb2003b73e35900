"""`SqliteStore`: the embedded store, one file for a cluster with one API server.

What: the present in memory, every write in an append-only table. Why: it needs no other process and a write costs a tenth
of etcd's. Flow: a write waits in the queue → a batch of up to `BATCH` is decided on the event loop → the writer thread
commits it → the index, the watchers and the callers learn of it, and the next batch starts. One batch is on its way at a
time; the queue is bounded by the callers, who each wait for their answer. Reads of the present come from memory; reads of
the past and the replay of old events from a reading thread. A lock file keeps a second process out.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import IO, TypeVar

from kubelite.storage import sqlite_log
from kubelite.storage.expiry import Expiry
from kubelite.storage.hub import WatchHub
from kubelite.storage.index import LAST, Index
from kubelite.storage.interface import Compacted, FutureRevision, KeyValue, RangeResult, Unavailable, WatchBatch
from kubelite.storage.sqlite_batch import CREATE, Batch, Write
from kubelite.storage.sqlite_compact import KEEP_REVISIONS, KEEP_SECONDS, Compactor
from kubelite.storage.sqlite_writer import Writer

BATCH = 512
REPLAY_EVENTS = 500
EMPTY_REVISION = 1

T = TypeVar("T")


def _lock(path: str) -> IO[bytes]:
    """The held lock file. Raises `Unavailable` if another process holds it."""
    handle = open(f"{path}.lock", "ab")  # noqa: SIM115 - held as long as the store
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise Unavailable(f"{path} is in use by another process") from error
    return handle


def _open(path: str) -> tuple[IO[bytes], sqlite3.Connection, sqlite_log.State]:
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        lock = _lock(path)
    except OSError as error:
        raise Unavailable(f"cannot open {path}: {error}") from error
    try:
        connection = sqlite_log.connect(path)
        os.chmod(path, 0o600)
        sqlite_log.prepare(connection)
        return lock, connection, sqlite_log.load(connection, EMPTY_REVISION)
    except sqlite3.Error as error:
        lock.close()
        raise Unavailable(f"cannot open {path}: {error}") from error
    except BaseException:
        lock.close()
        raise


class SqliteStore:
    """Made by `open`; belongs to the event loop that opened it."""

    def __init__(
        self,
        path: str,
        opened: tuple[IO[bytes], sqlite3.Connection, sqlite_log.State],
        keep_revisions: int,
        keep_seconds: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock, connection, state = opened
        self._path = path
        self._writer = Writer(path, connection, self._loop)
        self._index = Index(state.entries)
        self._revision = state.revision
        self._compactor = Compactor(
            self._writer, state.compacted, keep_revisions=keep_revisions, keep_seconds=keep_seconds
        )
        self._hub = WatchHub()
        self._expiry = Expiry(self._expire)
        for deadline, revision, key in state.expiring:
            self._expiry.add(key, revision, deadline)
        self._queue: deque[Write] = deque()
        self._writing = False
        self._readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-reader")
        self._reading: sqlite3.Connection | None = None
        self._closed = False
        self._idle: asyncio.Future[None] | None = None

    @classmethod
    async def open(
        cls, path: str, *, keep_revisions: int = KEEP_REVISIONS, keep_seconds: float = KEEP_SECONDS
    ) -> SqliteStore:
        """The store in the file `path`, created if absent. Raises `Unavailable` if it cannot be used."""
        opened = await asyncio.get_running_loop().run_in_executor(None, _open, path)
        return cls(path, opened, keep_revisions, keep_seconds)

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        self._check(revision)
        if 0 < revision < self._revision:
            undone = await self._undone(revision, key, key + "\0")
            if key in undone:
                return undone[key], revision
        return self._index.get(key), revision or self._revision

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        self._check(revision)
        undone = None
        if 0 < revision < self._revision:
            undone = await self._undone(revision, prefix, prefix + LAST)
        return self._index.page(prefix, after, limit, revision or self._revision, undone)

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        return await self._write(key, value, CREATE, ttl)

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        return await self._write(key, value, max(expected, 0), ttl)

    async def delete(self, key: str, expected: int) -> int:
        return await self._write(key, None, max(expected, 0), 0)

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        self._check_open()
        if after > self._revision:
            raise FutureRevision(self._revision)
        until = self._revision
        watcher = self._hub.add(prefix, until)
        try:
            self._check_compacted(after)
            while after < until:
                start = after
                events, after = await self._read(
                    partial(sqlite_log.replay, prefix=prefix, after=start, until=until, limit=REPLAY_EVENTS)
                )
                self._check_compacted(start)
                yield WatchBatch(events, after)
            while (batch := await watcher.next()) is not None:
                yield batch
        finally:
            self._hub.remove(watcher)

    async def revision(self) -> int:
        self._check_open()
        return self._revision

    async def compact(self, revision: int) -> None:
        self._check_open()
        if revision > self._revision:
            raise FutureRevision(self._revision)
        await self._compactor.compact(revision)

    async def ping(self) -> None:
        self._check_open()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._expiry.close()
        self._hub.close()
        self._compactor.stop()
        if self._writing:
            self._idle = self._loop.create_future()
            await self._idle
        await self._loop.run_in_executor(None, self._close_files)

    def _close_files(self) -> None:
        self._readers.shutdown()
        if self._reading is not None:
            self._reading.close()
        self._writer.close()
        self._lock.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")

    def _check_compacted(self, revision: int) -> None:
        if revision < self._compactor.compacted:
            raise Compacted(self._compactor.compacted)

    def _check(self, revision: int) -> None:
        """Whether a read at `revision` can be answered."""
        self._check_open()
        if revision > self._revision:
            raise FutureRevision(self._revision)
        if revision:
            self._check_compacted(revision)

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the reading thread."""
        self._check_open()
        try:
            return await self._loop.run_in_executor(self._readers, self._reading_work, work)
        except sqlite3.Error as error:
            raise Unavailable(f"cannot read {self._path}: {error}") from error

    def _reading_work(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._reading is None:
            self._reading = sqlite_log.connect(self._path)
        return work(self._reading)

    async def _undone(self, revision: int, low: str, high: str) -> dict[str, KeyValue | None]:
        """For each key in [low, high) written after `revision`, what it was then.

        The index moves on while the thread reads: go on until what was read covers what the index shows.
        """
        undone: dict[str, KeyValue | None] = {}
        reached = revision
        while reached < self._revision:
            found, reached = await self._read(partial(sqlite_log.undone, after=reached, low=low, high=high))
            for key, before in found:
                undone.setdefault(key, before)
        self._check_compacted(revision)
        return undone

    def _write(self, key: str, value: bytes | None, expected: int, ttl: int) -> asyncio.Future[int]:
        self._check_open()
        answer: asyncio.Future[int] = self._loop.create_future()
        self._queue.append(Write(key, value, expected, self._expiry.deadline(ttl), answer))
        if not self._writing:
            # At the end of this round of the loop, so that all writes of the round share a commit.
            self._writing = True
            self._loop.call_soon(self._flush)
        return answer

    def _flush(self) -> None:
        """Sends the next batch to the writer."""
        queue = self._queue
        while queue:
            batch = Batch(self._index, self._revision)
            while queue and len(batch.rows) < BATCH:
                batch.decide(queue.popleft())
            if batch.rows:
                self._writer.submit(partial(sqlite_log.append, rows=batch.rows), partial(self._done, batch))
                return
        self._writing = False
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _done(self, batch: Batch, error: Exception | None) -> None:
        """Takes over a committed batch; the next one starts before the callers wake up."""
        if error is not None:
            batch.fail(error)
            self._flush()
            return
        self._revision = batch.revision
        for key, entry in batch.changes.items():
            if entry is None:
                self._index.remove(key)
            else:
                self._index.put(entry)
        self._flush()
        batch.answer()
        self._hub.publish(batch.events, batch.revision)
        for row in batch.rows:
            if row.expires and not self._closed:
                self._expiry.add(row.key, row.revision, row.expires)
        if not self._closed:
            self._compactor.note(self._revision)

    def _expire(self, key: str, revision: int) -> None:
        current = self._index.get(key)
        if current is None or current.revision != revision or self._closed:
            return
        self._write(key, None, revision, 0).add_done_callback(lambda answer: self._expired(key, revision, answer))

    def _expired(self, key: str, revision: int, answer: asyncio.Future[int]) -> None:
        """Tries again later when the database refused; a conflict means that the key lives on with a later revision."""
        if not answer.cancelled() and isinstance(answer.exception(), Unavailable) and not self._closed:
            self._expiry.add(key, revision, self._expiry.deadline(5))

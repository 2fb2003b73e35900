"""`MemoryStore`: the store of tests, all in one process's memory.

What: the newest state of every key, and the last `history` writes to undo and to replay.
Why: every integration test runs the API server over it; a write costs a few microseconds.
Flow: a write changes the index, is appended to the history and is published to the watchers, in one step of the event
loop, so that no lock is needed. When the history is full its oldest tenth is compacted away.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from kubelite.storage.expiry import Expiry
from kubelite.storage.hub import WatchHub
from kubelite.storage.index import Index
from kubelite.storage.interface import (
    Compacted,
    Conflict,
    Event,
    FutureRevision,
    KeyExists,
    KeyValue,
    RangeResult,
    Unavailable,
    WatchBatch,
)

HISTORY = 10_000
FIRST_REVISION = 1
"""The revision of an empty store, as in etcd: 0 would read as "any" on the wire."""


class MemoryStore:
    """`history` bounds the writes that can be undone and replayed."""

    def __init__(self, history: int = HISTORY) -> None:
        self._index = Index()
        self._history: list[tuple[Event, KeyValue | None]] = []
        self._limit = history
        self._revision = FIRST_REVISION
        self._compacted = 0
        self._hub = WatchHub()
        self._expiry = Expiry(self._expire)
        self._closed = False

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        self._check_open()
        self._check_revision(revision)
        if 0 < revision < self._revision:
            undone = self._undone(revision)
            if key in undone:
                return undone[key], revision
        return self._index.get(key), revision or self._revision

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        self._check_open()
        self._check_revision(revision)
        undone = self._undone(revision) if 0 < revision < self._revision else None
        return self._index.page(prefix, after, limit, revision or self._revision, undone)

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        self._check_open()
        if self._index.get(key) is not None:
            raise KeyExists(key)
        return self._put(key, value, None, ttl)

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        self._check_open()
        return self._put(key, value, self._expect(key, expected), ttl)

    async def delete(self, key: str, expected: int) -> int:
        self._check_open()
        return self._remove(self._expect(key, expected))

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        self._check_open()
        if after > self._revision:
            raise FutureRevision(self._revision)
        if after < self._compacted:
            raise Compacted(self._compacted)
        watcher = self._hub.add(prefix, self._revision)
        try:
            if after < self._revision:
                missed = self._since(after)
                yield WatchBatch([event for event, _ in missed if event.key.startswith(prefix)], self._revision)
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
        self._forget(revision)

    async def ping(self) -> None:
        self._check_open()

    async def close(self) -> None:
        self._closed = True
        self._expiry.close()
        self._hub.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("the store is closed")

    def _check_revision(self, revision: int) -> None:
        if revision > self._revision:
            raise FutureRevision(self._revision)
        if 0 < revision < self._compacted:
            raise Compacted(self._compacted)

    def _expect(self, key: str, expected: int) -> KeyValue:
        current = self._index.get(key)
        if current is None or current.revision != expected:
            raise Conflict(key, current)
        return current

    def _put(self, key: str, value: bytes, before: KeyValue | None, ttl: int) -> int:
        revision = self._revision + 1
        entry = KeyValue(key, value, revision, before.created if before else revision)
        self._index.put(entry)
        self._record(Event(key, value, before.value if before else None, revision, entry.created), before)
        if ttl:
            self._expiry.add(key, revision, self._expiry.deadline(ttl))
        return revision

    def _remove(self, before: KeyValue) -> int:
        revision = self._revision + 1
        self._index.remove(before.key)
        self._record(Event(before.key, None, before.value, revision, before.created), before)
        return revision

    def _expire(self, key: str, revision: int) -> None:
        current = self._index.get(key)
        if current is not None and current.revision == revision:
            self._remove(current)

    def _record(self, event: Event, before: KeyValue | None) -> None:
        self._revision = event.revision
        self._history.append((event, before))
        self._hub.publish((event,), event.revision)
        if len(self._history) > self._limit + self._limit // 10:
            self._forget(self._revision - self._limit)

    def _since(self, after: int) -> list[tuple[Event, KeyValue | None]]:
        """The writes after revision `after`: one a revision, so they are found by counting."""
        count = self._revision - after
        return self._history[-count:] if count else []

    def _undone(self, revision: int) -> dict[str, KeyValue | None]:
        """For each key written after `revision`, what it was at `revision`."""
        undone: dict[str, KeyValue | None] = {}
        for event, before in self._since(revision):
            undone.setdefault(event.key, before)
        return undone

    def _forget(self, revision: int) -> None:
        if revision > self._compacted:
            del self._history[: len(self._history) - (self._revision - revision)]
            self._compacted = revision

"""A group of writes that the SQLite store commits together.

What: `Batch` decides each waiting write against the present and the batch's own earlier writes. Why: forty writes that
arrive during one disk flush share the next one. Flow: `decide` in order of arrival → rows for the log → after the
commit the store takes `changes` and calls `answer`; after a failure it calls `fail`.

A refusal that rests on a write of the same batch is told only after the commit: until then it may not be so.
"""

from __future__ import annotations

import asyncio

from kubelite.storage.index import Index
from kubelite.storage.interface import Conflict, Event, KeyExists, KeyValue, StoreError, Unavailable
from kubelite.storage.sqlite_log import Row

CREATE = -1


class Write:
    """One waiting write: `value` None deletes; `expected` is a revision or `CREATE`; `expires` 0 is never."""

    __slots__ = ("answer", "expected", "expires", "key", "value")

    def __init__(
        self, key: str, value: bytes | None, expected: int, expires: float, answer: asyncio.Future[int]
    ) -> None:
        self.key = key
        self.value = value
        self.expected = expected
        self.expires = expires
        self.answer = answer


class Batch:
    """Writes after `revision`, decided against `index`."""

    def __init__(self, index: Index, revision: int) -> None:
        self.revision = revision
        self.rows: list[Row] = []
        self.events: list[Event] = []
        self.changes: dict[str, KeyValue | None] = {}
        self._index = index
        self._answers: list[tuple[asyncio.Future[int], int | StoreError]] = []

    def decide(self, write: Write) -> None:
        """Adds the write, or its refusal."""
        if write.answer.done():
            return  # The caller gave up before anything was done.
        key = write.key
        own = key in self.changes
        current = self.changes[key] if own else self._index.get(key)
        refusal: StoreError | None = None
        if write.expected == CREATE:
            if current is not None:
                refusal = KeyExists(key)
        elif current is None or current.revision != write.expected:
            refusal = Conflict(key, current)
        if refusal is not None:
            if own:
                self._answers.append((write.answer, refusal))
            else:
                write.answer.set_exception(refusal)
            return
        self._accept(write, current)

    def _accept(self, write: Write, current: KeyValue | None) -> None:
        key, value = write.key, write.value
        self.revision = revision = self.revision + 1
        created, before, previous = (
            (current.created, current.value, current.revision) if current else (revision, None, 0)
        )
        self.rows.append(Row(revision, key, created, previous, write.expires, value))
        self.events.append(Event(key, value, before, revision, created))
        self.changes[key] = None if value is None else KeyValue(key, value, revision, created)
        self._answers.append((write.answer, revision))

    def answer(self) -> None:
        """Tells the callers how their writes went."""
        for future, outcome in self._answers:
            if not future.done():
                if isinstance(outcome, StoreError):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)

    def fail(self, error: Exception) -> None:
        """Tells the callers that the commit failed."""
        for future, _ in self._answers:
            if not future.done():
                failure = Unavailable(f"the database refused the write: {error}")
                failure.__cause__ = error
                future.set_exception(failure)

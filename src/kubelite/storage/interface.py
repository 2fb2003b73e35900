"""`Store`: the one protocol between the API server and its data, and its contract in words.

What: a key-value store with one revision counter for all keys. Why: etcd, SQLite and memory are interchangeable behind it.
Flow: keys are `/registry/<resource>/<namespace>/<name>`, values are opaque bytes up to about 1.5 MiB.

The contract, tested for every back end by `tests/contract/test_storage.py`:
- A write that succeeds gets a revision larger than all before it; revisions grow by one per write.
- When a write's call returns, the write is durable and visible to every later read of the same store.
- A read answers with the revision it reflects; a read at an older revision sees the world as it was then, or raises
  `Compacted`.
- A watch delivers every event after its start revision once, in revision order, each with its key's previous value. Writes to
  other keys bring batches too, which may be empty: a watch's revision reaches the store's without anybody's asking.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


class StoreError(Exception):
    """Base of the store's refusals."""


class KeyExists(StoreError):
    """`create` found the key."""


class Conflict(StoreError):
    """`update` or `delete` expected another revision; `current` is what is there now (None: nothing)."""

    def __init__(self, key: str, current: KeyValue | None) -> None:
        super().__init__(f"revision mismatch on {key}")
        self.current = current


class Compacted(StoreError):
    """The revision asked for is gone; `oldest` is the first one still readable."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"required revision has been compacted, oldest is {oldest}")
        self.oldest = oldest


class FutureRevision(StoreError):
    """The revision asked for does not exist yet; `current` is the newest."""

    def __init__(self, current: int) -> None:
        super().__init__(f"required revision is in the future, current is {current}")
        self.current = current


class Unavailable(StoreError):
    """The store cannot answer now; the outcome of a write is unknown."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """One key: `revision` is that of its last write, `created` that of its first since it last did not exist."""

    key: str
    value: bytes
    revision: int
    created: int


@dataclass(frozen=True, slots=True)
class RangeResult:
    """A page of keys in order; `more` says that keys follow the last one; `remaining` counts those after this page."""

    items: list[KeyValue]
    revision: int
    more: bool
    remaining: int


@dataclass(frozen=True, slots=True)
class Event:
    """One write: `value` is None for a deletion, `previous` None for a creation."""

    key: str
    value: bytes | None
    previous: bytes | None
    revision: int
    created: int


@dataclass(frozen=True, slots=True)
class WatchBatch:
    """Events in order, and the revision up to which nothing else is missing. Empty batches are progress marks."""

    events: list[Event]
    revision: int


class Store(Protocol):
    """Revisions are integers; 0 as a revision to read at means now."""

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        """The key (None if absent) and the store's revision at the read."""

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        """Keys that start with `prefix` and sort after `after`, at most `limit` (0: all)."""

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        """Writes an absent key; its revision. `ttl` in seconds, 0: for ever. Raises `KeyExists`."""

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        """Replaces a key whose last write was revision `expected`; its new revision. Raises `Conflict`."""

    async def delete(self, key: str, expected: int) -> int:
        """Removes a key whose last write was revision `expected`; the deletion's revision. Raises `Conflict`."""

    def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        """All events after revision `after`, for ever. Raises `Compacted` or `FutureRevision` on the first step.

        A consumer that falls more than the back end's bound behind gets `Compacted` and must read again.
        """

    async def revision(self) -> int:
        """The newest revision."""

    async def compact(self, revision: int) -> None:
        """Forgets what only revisions before `revision` show."""

    async def ping(self) -> None:
        """Returns if the store can serve; raises `Unavailable`."""

    async def close(self) -> None:
        """Releases connections and files; ends watches."""

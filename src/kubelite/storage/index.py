"""`Index`: the newest state of every key, sorted, in memory.

What: get by key and scan by prefix over the present, and the same over the past given what has changed since.
Why: the memory and SQLite back ends decide conflicts and answer reads from it without touching a disk.
Flow: the back end puts each committed write in; `page` reads out. The past is the present with the changes undone: for
each key written since, `undone` holds what it was before (None: absent).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping

from kubelite.storage.interface import KeyValue, RangeResult

LAST = "\U0010ffff"


def in_page(key: str, prefix: str, after: str) -> bool:
    """Whether a page of `prefix` that begins after key `after` may hold `key`."""
    return key.startswith(prefix) and key > after


class Index:
    """Keys in code-point order, which is the byte order of their UTF-8 form, as etcd sorts."""

    def __init__(self, entries: Iterable[KeyValue] = ()) -> None:
        self.entries: dict[str, KeyValue] = {entry.key: entry for entry in entries}
        self._keys: list[str] = sorted(self.entries)

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, key: str) -> KeyValue | None:
        return self.entries.get(key)

    def put(self, entry: KeyValue) -> None:
        if entry.key not in self.entries:
            insort(self._keys, entry.key)
        self.entries[entry.key] = entry

    def remove(self, key: str) -> None:
        if self.entries.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def page(
        self, prefix: str, after: str, limit: int, revision: int, undone: Mapping[str, KeyValue | None] | None = None
    ) -> RangeResult:
        """A page as of `revision`: the present if `undone` is None, else the present with `undone` put back."""
        low = bisect_left(self._keys, prefix)
        if after:
            low = max(low, bisect_right(self._keys, after))
        high = bisect_left(self._keys, prefix + LAST, low)
        if not undone:
            entries = self.entries
            end = min(high, low + limit) if limit else high
            items = [entries[key] for key in self._keys[low:end]]
            return RangeResult(items, revision, end < high, high - end)
        past: dict[str, KeyValue | None] = {key: self.entries[key] for key in self._keys[low:high]}
        past.update((key, entry) for key, entry in undone.items() if in_page(key, prefix, after))
        found = [past[key] for key in sorted(past)]
        present = [entry for entry in found if entry is not None]
        items = present[:limit] if limit else present
        return RangeResult(items, revision, len(items) < len(present), len(present) - len(items))

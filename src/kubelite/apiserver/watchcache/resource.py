"""The cache of one resource: the present objects in key order, and a bounded history of changes.

What: `ResourceCache`. Why: reads never touch the store, and a watch that reconnects resumes from here. Flow:
`WatchCache` applies store events in order; lists read `select`; watchers read `history` from their cursor. The
history is the queue of every watcher: it is bounded, and a watcher whose cursor fell off its start is cut off.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from kubelite.apiserver.watchcache.crowd import Crowd
from kubelite.apiserver.watchcache.entry import ADDED, DELETED, MODIFIED, Change, Entry, fields_of, make
from kubelite.apiserver.watchcache.index import FieldIndex
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery.kind import Kind

MOST_WRITING = 1024
"""Writes under way whose fields are remembered."""


class ResourceCache:
    """`floor`: every change after this revision is in the history. `changed`: the revision of the last change."""

    def __init__(self, kind: Kind, history: int) -> None:
        self.kind = kind
        self.prefix = kind.key_prefix
        self.entries: dict[str, Entry] = {}
        self.keys: list[str] = []
        self.changes: list[Change] = []
        self.first = 0
        """The cursor of `changes[0]`; cursors only grow."""
        self.floor = 0
        self.changed = 0
        self.index = FieldIndex(kind.indexed) if kind.indexed else None
        self.watchers = Crowd(kind, self.index)
        self.flushed = 0
        """The cursor up to which watchers were told; whoever was not woken had nothing to hear of."""
        self.sent = 0
        """Events sent to watchers, all together."""
        self.kept: tuple[str, int, list[bytes]] | None = None
        """(namespace, `changed`, joined bodies) of the last large list, for a moment."""
        self.filling: list[tuple[str, bytes | None, int, bytes | None]] | None = None
        """While a cache that was added later is filled: the changes that came meanwhile."""
        self._writing: dict[str, tuple[bytes, dict[str, str]]] = {}
        self._history = history

    # -- changes

    def fill(self, items: list[tuple[str, bytes, int]], revision: int) -> None:
        """Replaces everything by (key below the prefix, stored bytes, revision), as of `revision`."""
        namespaced = self.kind.namespaced
        self.entries = {key: make(key, value, rev, namespaced=namespaced) for key, value, rev in items}
        self.keys = sorted(self.entries)
        self.first += len(self.changes) + 1  # cursors from before are behind the start now
        self.changes = []
        self.flushed = self.first
        if self.index is not None:
            self.index.clear()
        self.floor = self.changed = revision

    def writing(self, namespace: str, name: str, value: bytes, obj: Any) -> None:
        """This server is about to store `obj` as `value`: if the event brings these bytes, its fields are known already."""
        if not self.watchers.choosy or not self.kind.selectable:
            return
        if len(self._writing) >= MOST_WRITING:
            self._writing.clear()
        key = f"{namespace}/{name}" if self.kind.namespaced else name
        self._writing[key] = (value, fields_of(self.kind, namespace, name, obj))

    def apply(self, key: str, value: bytes | None, revision: int, previous: bytes | None) -> Change | None:
        """One store event; None if it changes nothing known (a deletion of an unknown key)."""
        old = self.entries.get(key)
        entry = None
        if value is not None:
            entry = make(key, value, revision, namespaced=self.kind.namespaced)
            if self._writing:
                known = self._writing.pop(key, None)
                if known is not None and known[0] == value:
                    entry.tell_fields(known[1])
            self.entries[key] = entry
            if old is None:
                keys = self.keys
                if not keys or key > keys[-1]:
                    keys.append(key)
                else:
                    bisect.insort(keys, key)
            change = Change(ADDED if old is None else MODIFIED, revision, entry, old)
        else:
            if old is None:
                return None
            del self.entries[key]
            del self.keys[bisect.bisect_left(self.keys, key)]
            gone = make(key, previous, revision, namespaced=self.kind.namespaced) if previous else old
            change = Change(DELETED, revision, gone, old)
        if self.index is not None:
            self.index.replace(old, entry)
        self.changed = revision
        self.changes.append(change)
        if len(self.changes) > self._history + (self._history >> 2):
            drop = len(self.changes) - self._history
            self.floor = self.changes[drop - 1].revision
            del self.changes[:drop]
            self.first += drop
        return change

    # -- reads

    @property
    def end(self) -> int:
        """The cursor after the last change."""
        return self.first + len(self.changes)

    def cursor_after(self, revision: int) -> int:
        """The cursor of the first change after `revision`, which must not be below `floor`."""
        index = bisect.bisect_right(self.changes, revision, key=lambda change: change.revision)
        return self.first + index

    def since(self, cursor: int) -> list[Change]:
        return self.changes[cursor - self.first :]

    def select(self, selection: Selection, after: str = "") -> Iterable[Entry]:
        """Matching entries in key order, from the first key after `after`."""
        entries, keys = self.entries, self.keys
        start, stop = self.bounds(selection.namespace, after)
        if selection.name and self._narrows(selection):
            key = f"{selection.namespace}/{selection.name}" if self.kind.namespaced else selection.name
            found = entries.get(key)
            return [found] if found is not None and key > after and selection.matches(found) else []
        if selection.everything:
            return map(entries.__getitem__, islice(keys, start, stop))
        wanted = keys[start:stop] if self.index is None else self._indexed(self.index, selection, start, stop)
        return (entry for key in wanted if selection.matches(entry := entries[key]))

    def _indexed(self, index: FieldIndex, selection: Selection, start: int, stop: int) -> Sequence[str]:
        """The keys of the slice; only those with the field's value if the selection demands one."""
        value = None if selection.fields is None else selection.fields.exact(index.path)
        if value is None or start >= stop:
            return self.keys[start:stop]
        first, last = self.keys[start], self.keys[stop - 1]
        return sorted(key for key in index.keys(value, self.entries.values()) if first <= key <= last)

    def forget_kept(self) -> None:
        self.kept = None

    def _narrows(self, selection: Selection) -> bool:
        return bool(selection.namespace) or not self.kind.namespaced

    def bounds(self, namespace: str, after: str) -> tuple[int, int]:
        """The slice of `keys` that a namespace ("" for all) and a continue key leave."""
        keys = self.keys
        start, stop = 0, len(keys)
        if namespace:
            start = bisect.bisect_left(keys, f"{namespace}/")
            stop = bisect.bisect_left(keys, f"{namespace}0")  # "0" follows "/"
        if after:
            start = max(start, bisect.bisect_right(keys, after))
        return start, stop

"""The watchers of a resource, by what they watch.

What: `Crowd.touched(changes)` gives the watchers that some of these changes may concern. Why: thousands of kubelets each watch
the pods of their node; a change concerns one or two of them, and the others must not look at it. Flow: a watcher is filed under
the narrowest thing that its selection demands: one object, one value of a field, one namespace, or nothing. `WatchCache`
wakes only those that a round touches. Source of the idea: apiserver/pkg/storage/cacher (triggers, indexed by spec.nodeName).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kubelite.apiserver.watchcache.entry import Change, Entry
from kubelite.apiserver.watchcache.index import FieldIndex
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.apiserver.watchcache.watcher import Watcher

OBJECT, NAME, NAMESPACE, EVERYTHING = "object", "name", "namespace", ("everything", "")
Place = tuple[str, str]
"""What a watcher is filed under: one of the words above, or a field's name, with its value."""


def place_of(selection: Selection) -> Place:
    """The narrowest thing that every object of the selection has."""
    kind = selection.kind
    if selection.name:
        if kind.namespaced and not selection.namespace:
            return NAME, selection.name
        return OBJECT, f"{selection.namespace}/{selection.name}" if kind.namespaced else selection.name
    if selection.fields is not None and kind.custom is None:
        for name in kind.selectable:
            value = selection.fields.exact(name)
            if value is not None:
                return f".{name}", value
    return (NAMESPACE, selection.namespace) if selection.namespace else EVERYTHING


class Crowd:
    """All watchers of a resource."""

    def __init__(self, kind: Kind, index: FieldIndex | None = None) -> None:
        self._kind = kind
        self._index = index
        # Told in the order in which they came.
        self._members: dict[Watcher, None] = {}
        self._places: dict[Place, dict[Watcher, None]] = {}
        self._fields: dict[str, int] = {}
        """Fields that watchers are filed under, and how many are."""
        self.choosy = 0
        """Watchers that select by fields, filed under one or not."""

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Watcher]:
        return iter(self._members)

    def add(self, watcher: Watcher) -> None:
        if watcher in self._members:
            return
        place = place_of(watcher.selection)
        self._members[watcher] = None
        self.choosy += watcher.selection.fields is not None
        self._places.setdefault(place, {})[watcher] = None
        if place[0].startswith("."):
            self._fields[place[0]] = self._fields.get(place[0], 0) + 1

    def discard(self, watcher: Watcher) -> None:
        if watcher not in self._members:
            return
        place = place_of(watcher.selection)
        del self._members[watcher]
        self.choosy -= watcher.selection.fields is not None
        del self._places[place][watcher]
        if not self._places[place]:
            del self._places[place]
        if place[0].startswith("."):
            self._fields[place[0]] -= 1
            if not self._fields[place[0]]:
                del self._fields[place[0]]

    def touched(self, changes: Iterable[Change]) -> list[Watcher]:
        """Whoever may have to be told of these changes."""
        places = self._places
        if len(places) == 1 and EVERYTHING in places:
            return list(self._members)
        found: dict[Place, None] = {EVERYTHING: None}
        for change in changes:
            self._note(change.entry, found)
            if self._fields and change.previous is not None:
                self._note(change.previous, found)
        return [watcher for place in found if place in places for watcher in places[place]]

    def _note(self, entry: Entry, found: dict[Place, None]) -> None:
        found[OBJECT, entry.key] = found[NAME, entry.name] = found[NAMESPACE, entry.namespace] = None
        for field in self._fields:
            label = field[1:]
            if self._index is not None and label == self._index.path:
                found[field, self._index.value(entry)] = None
            else:
                found[field, entry.fields(self._kind).get(label, "")] = None

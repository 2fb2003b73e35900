"""Objects by the value of one field, for lists and watches that ask for nothing else.

What: `FieldIndex.keys(value)`. Why: each kubelet lists and watches the pods of its node; looking at every pod for it would cost a
large cluster seconds of CPU at every restart. Flow: a kind names the field (`Kind.indexed`); the cache builds the index
when somebody first asks, and keeps it from then on. The field is read without decoding the rest of the object.
Source of the idea: pkg/registry/core/pod/strategy.go (NodeNameIndexFunc).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from kubelite.apiserver.watchcache.entry import Entry


def _reader(path: str) -> Any:
    """A decoder of structures that have nothing but this path, with "" at its end."""
    *parents, last = path.split(".")
    made: Any = msgspec.defstruct("Leaf", [(last, str, "")], gc=False)
    for name in reversed(parents):
        made = msgspec.defstruct("Node", [(name, made, msgspec.field(default_factory=made))], gc=False)
    return msgspec.json.Decoder(made)


class FieldIndex:
    """`path` is the field's label, which is also where it stands in the object."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._names = path.split(".")
        self._decode = _reader(path).decode
        self._keys: dict[str, set[str]] | None = None

    def value(self, entry: Entry) -> str:
        """The field of one object; "" for an object of others that has something else there."""
        fields = entry.known_fields()
        if fields is not None and self.path in fields:
            return fields[self.path]
        try:
            found = self._decode(entry.body)
        except msgspec.MsgspecError:
            return ""
        for name in self._names:
            found = getattr(found, name)
        return str(found)

    def clear(self) -> None:
        """Everything is other now; the index is built when it is next asked for."""
        self._keys = None

    def replace(self, old: Entry | None, new: Entry | None) -> None:
        """One object came, changed or went."""
        keys = self._keys
        if keys is None:
            return
        before = None if old is None else self.value(old)
        after = None if new is None else self.value(new)
        if before == after:
            return
        if old is not None and before is not None:
            keys[before].discard(old.key)
            if not keys[before]:
                del keys[before]
        if new is not None and after is not None:
            keys.setdefault(after, set()).add(new.key)

    def keys(self, value: str, entries: Iterable[Entry]) -> Collection[str]:
        """The keys of the objects with this value; `entries` are all there are, for the first time."""
        if self._keys is None:
            self._keys = {}
            for entry in entries:
                self._keys.setdefault(self.value(entry), set()).add(entry.key)
        return self._keys.get(value, ())

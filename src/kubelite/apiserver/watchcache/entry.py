"""What the cache holds of an object: its bytes as served, and what selectors ask for, found out when first asked.

What: `Entry` (one state of one object) and `Change` (one event). Why: bytes cost a quarter of a decoded object and
nothing in garbage collection; labels and selectable fields are needed only where somebody selects by them. Flow:
`ResourceCache` makes entries from stored bytes; lists, reads and watches copy `body`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubelite.machinery.kind import Kind
from kubelite.machinery.unstructured import dec_hook

PREFIX = b'{"metadata":{'
ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"


class _Meta(msgspec.Struct, gc=False):
    labels: dict[str, str] = {}


class _Labelled(msgspec.Struct, gc=False):
    metadata: _Meta


_labels_of = msgspec.json.Decoder(_Labelled).decode


class Entry(msgspec.Struct, gc=False):
    """`key` is "namespace/name" or "name"; `body` carries the resourceVersion; `revision` is that of the last write."""

    key: str
    namespace: str
    name: str
    revision: int
    body: bytes
    _labels: dict[str, str] | None = None
    _fields: dict[str, str] | None = None
    views: tuple[tuple[object, Entry | None], ...] = ()
    """What versions of a custom resource made of it, newest last: (version, entry); None is this entry itself."""
    stale: bool = False
    """The stored bytes are others than `body`: even an update that changes nothing is written."""

    @property
    def labels(self) -> dict[str, str]:
        if self._labels is None:
            self._labels = _labels_of(self.body).metadata.labels
        return self._labels

    def fields(self, kind: Kind) -> dict[str, str]:
        """Field selector values: metadata.name, metadata.namespace and the kind's own."""
        if self._fields is None:
            obj = decode(self.body, kind.type) if kind.selectable else None
            self._fields = fields_of(kind, self.namespace, self.name, obj)
        return self._fields

    def known_fields(self) -> dict[str, str] | None:
        """`fields`, if somebody has asked for them, or the writer has told them; None otherwise."""
        return self._fields

    def tell_fields(self, fields: dict[str, str]) -> None:
        """What `fields` would find in the body: its writer had the object."""
        self._fields = fields


def fields_of(kind: Kind, namespace: str, name: str, obj: Any) -> dict[str, str]:
    """Field selector values of an object (which is needed only if the kind has values of its own)."""
    found = {"metadata.name": name}
    if kind.namespaced:
        found["metadata.namespace"] = namespace
    for label, value in kind.selectable.items():
        found[label] = value(obj)
    return found


class Change(msgspec.Struct, gc=False):
    """One event: `entry` is the new state, or for DELETED the last one with the deletion's revision."""

    type: str
    revision: int
    entry: Entry
    previous: Entry | None


_decoders: dict[Any, Any] = {}


def decode(body: bytes, type_: Any) -> Any:
    """A typed object from stored bytes; these were encoded here, so they decode."""
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_, dec_hook=dec_hook)
    return decoder.decode(body)


def splice(stored: bytes, revision: int) -> bytes:
    """Stored bytes with the resourceVersion put in; stored bytes start with `PREFIX` and have none."""
    if stored.startswith(PREFIX):
        rest = stored[13:]
        comma = b"" if rest.startswith(b"}") else b","
        return b'{"metadata":{"resourceVersion":"%d"%b%b' % (revision, comma, rest)
    return _respliced(stored, revision)


def is_same(stored: bytes, entry: Entry) -> bool:
    """Whether `splice(stored, entry.revision)` would be the entry's body; mostly without making it."""
    end = stored[max(len(PREFIX), len(stored) - 64) :]  # a status, which is what changes most, stands last
    return entry.body.endswith(end) and entry.body == splice(stored, entry.revision)


def _respliced(stored: bytes, revision: int) -> bytes:
    """The slow way, for objects that another server wrote with its own order of fields."""
    raw = msgspec.json.decode(stored)
    metadata = raw.pop("metadata", {})
    metadata.pop("resourceVersion", None)
    return msgspec.json.encode({"metadata": {"resourceVersion": str(revision), **metadata}, **raw})


def make(key: str, stored: bytes, revision: int, *, namespaced: bool) -> Entry:
    """The entry of an object that was read from the store."""
    namespace, _, name = key.rpartition("/") if namespaced else ("", "", key)
    return Entry(key, namespace, name, revision, splice(stored, revision))

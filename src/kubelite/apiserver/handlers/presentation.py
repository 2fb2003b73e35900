"""The forms in which objects go out: plain bytes, another version, tables, metadata only.

What: `present(kind, wanted, ...)` gives a `Form` whose `show`, `list` and `bookmark` make JSON. Why: reads, watches
and writes answer in the same forms; the plain one only copies bytes. Flow: handlers choose by `negotiate.choose`;
caches hand over entries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from kubelite.apiserver.handlers.negotiate import Wanted
from kubelite.apiserver.watchcache.entry import Entry, decode
from kubelite.machinery import codec, errors, fielderrors
from kubelite.machinery.kind import Kind


class ListMeta(NamedTuple):
    """The metadata of a list."""

    revision: int
    continue_: str = ""
    remaining: int | None = None

    def encode(self) -> bytes:
        out: dict[str, Any] = {"resourceVersion": str(self.revision)}
        if self.continue_:
            out["continue"] = self.continue_
        if self.remaining is not None:
            out["remainingItemCount"] = self.remaining
        return msgspec.json.encode(out)


class Form:
    """The plain form: stored bytes as they are."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.key = f"{kind.api_version} {kind.kind}"
        self._head = f'{{"kind":"{kind.kind}List","apiVersion":"{kind.api_version}","metadata":'.encode()

    def prepare(self, entries: Iterable[Entry]) -> Awaitable[None] | None:
        """What must be awaited before these can be shown; only conversion webhooks make anybody wait."""
        custom = self.kind.custom
        return custom.prepare(entries) if custom is not None else None

    def show(self, entry: Entry) -> bytes:
        return entry.body

    def pieces(self, entries: Iterable[Entry], meta: ListMeta) -> list[bytes]:
        """The list object in pieces."""
        return self.wrapped(self.items(entries), meta)

    def items(self, entries: Iterable[Entry]) -> list[bytes]:
        """The objects with commas between, in pieces."""
        show = self.show
        return _joined([entry.body for entry in entries] if type(self) is Form else [show(entry) for entry in entries])

    def wrapped(self, items: Sequence[bytes], meta: ListMeta) -> list[bytes]:
        """Joined items as a list object."""
        return [self._head + meta.encode() + b',"items":[', *items, b"]}\n"]

    def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return msgspec.json.encode({"kind": self.kind.kind, "apiVersion": self.kind.api_version, "metadata": metadata})


FEW = 16


def _joined(items: list[bytes]) -> list[bytes]:
    """Items with commas between; many are left in pieces, which are joined as they are sent."""
    if len(items) <= FEW:
        return [b",".join(items)]
    out = [b","] * (2 * len(items) - 1)
    out[::2] = items
    return out


class VersionForm(Form):
    """Another version of the stored kind: decoded, converted, encoded."""

    def show(self, entry: Entry) -> bytes:
        stored = decode(entry.body, self.kind.storage_kind.type)
        convert = self.kind.from_stored
        obj = convert(stored) if convert is not None else stored
        obj.apiVersion, obj.kind = self.kind.api_version, self.kind.kind
        return codec.encode(obj)


class CustomForm(Form):
    """A version of a custom resource, as its definition sees the stored object."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        list_kind = kind.custom.list_kind if kind.custom is not None else f"{kind.kind}List"
        self._head = f'{{"kind":"{list_kind}","apiVersion":"{kind.api_version}","metadata":'.encode()

    def show(self, entry: Entry) -> bytes:
        return seen(self.kind, entry).body


def seen(kind: Kind, entry: Entry) -> Entry:
    """The entry in the kind's version. Raises StatusError 500 if it was not prepared."""
    if kind.custom is None:
        return entry
    view: Entry | None = kind.custom.view(entry)
    if view is None:
        raise errors.internal_error(f"{entry.key} was not converted to {kind.api_version}")
    return view


class _OnlyMetadata(msgspec.Struct, gc=False):
    metadata: msgspec.Raw


_only_metadata = msgspec.json.Decoder(_OnlyMetadata).decode


class MetadataForm(Form):
    """PartialObjectMetadata."""

    def __init__(self, kind: Kind, version: str = "v1") -> None:
        super().__init__(kind)
        self.key = f"{self.key} metadata {version}"
        self._tail = f',"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/{version}"}}'.encode()
        self._head = f'{{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/{version}","metadata":'.encode()
        self._version = version

    def show(self, entry: Entry) -> bytes:
        body = entry.body if self.kind.custom is None else seen(self.kind, entry).body
        return b'{"metadata":' + bytes(_only_metadata(body).metadata) + self._tail

    def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(revision), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        return msgspec.json.encode(
            {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{self._version}", "metadata": metadata}
        )


INCLUDE = ("None", "Metadata", "Object")


class TableForm(Form):
    """meta.k8s.io Table; `include` says what each row carries of its object."""

    def __init__(self, kind: Kind, version: str = "v1", include: str = "Metadata") -> None:
        super().__init__(kind)
        if include not in INCLUDE:
            why = f"includeObject: Invalid value: {fielderrors.shown(include)}: must be 'Metadata', 'Object', 'None', or empty"
            raise errors.bad_request(f"Unable to convert to Table as requested: {why}")
        self.key = f"{self.key} table {version} {include}"
        self._version = version
        self._include = include
        self._partial = MetadataForm(kind, version)
        self._plain = form_of(kind)
        self._columns = msgspec.json.encode(
            [
                {
                    "name": c.name,
                    "type": c.type,
                    "format": c.format,
                    "description": c.description,
                    "priority": c.priority,
                }
                for c in kind.columns
            ]
        )

    def show(self, entry: Entry) -> bytes:
        return b"".join(self._table([entry], ListMeta(entry.revision)))

    def pieces(self, entries: Iterable[Entry], meta: ListMeta) -> list[bytes]:
        return [*self._table(entries, meta), b"\n"]

    def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> bytes:
        inner = self._partial.bookmark(revision, annotations)
        row = b'{"cells":%b,"object":%b}' % (msgspec.json.encode([""] * len(self.kind.columns)), inner)
        return b"".join(self._rows([row], ListMeta(revision)))

    def _table(self, entries: Iterable[Entry], meta: ListMeta) -> list[bytes]:
        now = datetime.now(UTC)
        rows = [self._row(entry, now) for entry in entries]
        return self._rows(rows, meta)

    def _rows(self, rows: list[bytes], meta: ListMeta) -> list[bytes]:
        head = f'{{"kind":"Table","apiVersion":"meta.k8s.io/{self._version}","metadata":'.encode()
        return [head, meta.encode(), b',"columnDefinitions":', self._columns, b',"rows":[', *_joined(rows), b"]}"]

    def _row(self, entry: Entry, now: datetime) -> bytes:
        kind = self.kind
        obj = decode(seen(kind, entry).body, kind.storage_kind.type)
        if kind.row is not None:
            cells = kind.row(obj, now)
        else:
            from kubelite.api import columns

            cells = [entry.name, columns.age(obj, now)]
        if self._include == "None":
            return b'{"cells":%b}' % msgspec.json.encode(cells)
        shown = self._partial.show(entry) if self._include == "Metadata" else self._plain.show(entry)
        return b'{"cells":%b,"object":%b}' % (msgspec.json.encode(cells), shown)


_plain: dict[str, Form] = {}


def form_of(kind: Kind) -> Form:
    """The plain form of a kind; one per kind."""
    key = f"{kind.api_version} {kind.kind}"
    found = _plain.get(key)
    if found is None or found.kind is not kind:
        made = CustomForm if kind.custom is not None else VersionForm if kind.stored_as is not None else Form
        found = _plain[key] = made(kind)
    return found


def forget_form(kind: Kind) -> None:
    """Drops what is kept of a kind that is gone."""
    _plain.pop(f"{kind.api_version} {kind.kind}", None)


def present(kind: Kind, wanted: Wanted, include: str = "") -> Form:
    """The form that a client wants. Raises StatusError 400 for a wrong includeObject."""
    if not wanted.form:
        return form_of(kind)
    if wanted.form == "Table":
        return TableForm(kind, wanted.version, include or "Metadata")
    return MetadataForm(kind, wanted.version)

"""Managed fields: after every write, who owns which field.

What: `created` and `updated` fill metadata.managedFields of an object on its way to the store; `entries_of` writes entries.
Why: server-side apply needs to know who set what, for all writers and not only for appliers. Flow: the write path, after
defaulting and before admission (what admission and the strategies change has no owner, as upstream) → `machinery.apply` →
entries. Every write pays for this, so only what differs is walked, and the fields of managers that cannot be concerned stay
unparsed bytes. Source: apimachinery/pkg/util/managedfields/fieldmanager.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import msgspec

from kubelite.api import ownership
from kubelite.api.types.meta_v1 import ManagedFieldsEntry
from kubelite.apiserver.registry import outline
from kubelite.apiserver.registry.ask import Ask
from kubelite.machinery.apply import compare, fieldset, managers, scale
from kubelite.machinery.apply.compare import Comparison
from kubelite.machinery.apply.fieldset import Tree
from kubelite.machinery.apply.managers import FIELDS_V1, UPDATE, Malformed, Managed, Manager, Owned
from kubelite.machinery.apply.updater import Updater, View, same
from kubelite.machinery.codec import encode
from kubelite.machinery.kind import Kind

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

Entries = list[ManagedFieldsEntry]
_generic = msgspec.json.Decoder().decode
_RESET = ManagedFieldsEntry()
_STRIPPED = ownership.STRIPPED_META


def created(registry: Registry, kind: Kind, obj: Any, ask: Ask) -> None:
    """A new object: all its fields are its creator's."""
    sent = obj.metadata.managedFields
    served = ask.served or kind
    me = managers.updater(ask.manager(), served.api_version)
    if not sent and kind.apply_shape is None and served is kind:
        text = outline.fields_text(kind, obj, _bare(obj.metadata))
        obj.metadata.managedFields = (
            [_written(me, served.api_version, obj.metadata.creationTimestamp, text)] if len(text) > 2 else []
        )
        return
    document = document_of(obj, served)
    if kind.has_status:
        document.pop("status", None)
    managed = {} if not sent or _is_reset(sent) else _decoded(sent, trusted=False)
    shape = ownership.shape_of(served)
    if managed:
        managed, took = updater_of(registry, served, "").update({}, document, managed, me)
        if took:
            managed[me] = managed[me]._replace(time=registry.now_text())
        obj.metadata.managedFields = entries_of(managers.cap(managed))
        return
    changed = compare.compare(shape, {}, document)
    fields = fieldset.union(changed.added, changed.modified)
    obj.metadata.managedFields = [_entry(me, served.api_version, registry.now_text(), fields)] if fields else []


def updated(registry: Registry, kind: Kind, new: Any, old: Any, ask: Ask, subresource: str) -> None:
    """A changed object: what changed is its writer's now."""
    entries = _live_or_sent(new.metadata.managedFields, old.metadata.managedFields, subresource)
    if not entries:
        # Nobody's fields are known (an older object, or a client that reset them): nothing is tracked until an apply.
        new.metadata.managedFields = []
        return
    served = ask.served or kind
    if subresource == "scale":
        new.metadata.managedFields = _scaled(registry, kind, new, old, ask, entries)
        return
    me = managers.updater(ask.manager(), served.api_version, subresource)
    if kind.apply_shape is None and kind is served and all(entry.apiVersion == kind.api_version for entry in entries):
        changed = _changes(kind, new, old, subresource)
        new.metadata.managedFields = transfer(entries, changed, me, registry.now_text())
        return
    managed, took = updater_of(registry, served, subresource).update(
        document_of(old, served), document_of(new, served), _decoded(entries), me
    )
    if took:
        managed[me] = managed[me]._replace(time=registry.now_text())
    new.metadata.managedFields = entries_of(managers.cap(managed))


def _live_or_sent(sent: Entries, live: Entries, subresource: str) -> Entries:
    """The entries to go on from: a client may rewrite them, but one that knows nothing of them does not lose them."""
    if not subresource:
        if _is_reset(sent):
            return []
        if sent and sent != live and not _same_but_spaces(sent, live):
            found = _decoded(sent, trusted=False)
            if found:
                return entries_of(found)
    return live if _readable(live) else []


def _same_but_spaces(sent: Entries, live: Entries) -> bool:
    """Whether a client sent back the entries that it had read, in JSON with spaces, as Python's encoder writes it."""
    return len(sent) == len(live) and all(
        (left.manager, left.operation, left.apiVersion, left.subresource, left.time, left.fieldsType)
        == (right.manager, right.operation, right.apiVersion, right.subresource, right.time, right.fieldsType)
        and msgspec.json.format(left.fieldsV1 or b"{}", indent=-1) == (bytes(right.fieldsV1) or b"{}")
        for left, right in zip(sent, live, strict=True)
    )


def _is_reset(sent: Sequence[ManagedFieldsEntry]) -> bool:
    """One empty entry is how a client forgets all owners."""
    return len(sent) == 1 and sent[0] == _RESET


def _readable(entries: Entries) -> bool:
    try:
        for position, entry in enumerate(entries):
            managers.check(entry, position)
    except Malformed:
        return False
    return True


def _decoded(entries: Entries, *, trusted: bool = True) -> Managed:
    """The managers of entries; none if they cannot be read."""
    try:
        return managers.decode(entries, trusted=trusted)
    except Malformed:
        return {}


def document_of(obj: Any, kind: Kind) -> dict[str, Any]:
    """An object as plain values in a version, without what nobody owns."""
    kept = obj.metadata.managedFields
    obj.metadata.managedFields = []
    try:
        shown = kind.from_stored(obj) if kind.from_stored is not None else obj
        document: dict[str, Any] = _generic(encode(shown))
    finally:
        obj.metadata.managedFields = kept
    document.pop("apiVersion", None)
    document.pop("kind", None)
    metadata = document.get("metadata")
    if metadata:
        for name in _STRIPPED:
            metadata.pop(name, None)
    return document


def _changes(kind: Kind, new: Any, old: Any, subresource: str) -> Comparison:
    """What differs; only the top-level fields that do are walked."""
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    reset = ("apiVersion", "kind", "spec" if subresource == "status" else "status" if kind.has_status else "")
    if subresource and subresource != "status":
        reset = ("apiVersion", "kind", "")
    for name in new.__struct_fields__:
        if name in reset:
            continue
        left, right = getattr(old, name), getattr(new, name)
        if left is right or left == right:
            continue
        if name == "metadata":
            left, right = _bare(left), _bare(right)
        if left != right:
            before[name], after[name] = _generic(encode(left)), _generic(encode(right))
            _drop_absent(before, name, left)
            _drop_absent(after, name, right)
    if not before and not after:
        return Comparison({}, {}, {})
    return compare.compare(ownership.shape_of(kind), before, after)


def _drop_absent(document: dict[str, Any], name: str, value: Any) -> None:
    """What the encoder leaves out is no value: an absent struct, an empty list, map or text."""
    if value is None or (not isinstance(value, msgspec.Struct) and not value and value is not False and value != 0):
        del document[name]


def _bare(metadata: Any) -> Any:
    """Metadata without what nobody owns."""
    bare = copy(metadata)
    bare.managedFields = []
    bare.name = bare.namespace = bare.uid = bare.resourceVersion = bare.selfLink = ""
    bare.creationTimestamp = bare.generation = None
    return bare


def transfer(entries: Entries, changed: Comparison, me: Manager, now: str) -> Entries:
    """The entries (all of one apiVersion) after `me` changed some fields.

    The same as `Updater.update`, except that it parses only the entries which mention a changed part of the object.
    """
    touched = fieldset.union(changed.added, changed.modified)
    removed = changed.removed
    if not touched and not removed:
        return _sorted(entries)
    marks = [b'"%b"' % name.encode() for name in touched.keys() | removed.keys()]
    took, gave = fieldset.plain(touched), fieldset.plain(removed)
    out: Entries = []
    mine: ManagedFieldsEntry | None = None
    for entry in entries:
        own = _is_mine(entry, me)
        text = bytes(entry.fieldsV1) or b"{}"
        if not own and not any(mark in text for mark in marks):
            out.append(entry)
            continue
        left = fieldset.after(text, took, gave, own=own)
        if not left:
            continue
        kept = entry if left == text else _with(entry, left)
        if own:
            mine = kept if not touched else _with_time(kept, now)
            kept = mine
        out.append(kept)
    if mine is None and touched:
        out.append(_entry(me, me.api_version, now, touched))
    return _capped(_sorted(out))


def _is_mine(entry: ManagedFieldsEntry, me: Manager) -> bool:
    return (
        entry.manager == me.name
        and entry.operation == UPDATE
        and entry.subresource == me.subresource
        and entry.apiVersion == me.api_version
    )


def _with(entry: ManagedFieldsEntry, fields: bytes) -> ManagedFieldsEntry:
    other = copy(entry)
    other.fieldsV1 = msgspec.Raw(fields)
    return other


def _with_time(entry: ManagedFieldsEntry, now: str) -> ManagedFieldsEntry:
    other = copy(entry)
    other.time = now
    return other


def _entry(manager: Manager, api_version: str, time: str | None, fields: Tree) -> ManagedFieldsEntry:
    return _written(manager, api_version, time, fieldset.encode(fields))


def _written(manager: Manager, api_version: str, time: str | None, fields: bytes) -> ManagedFieldsEntry:
    return ManagedFieldsEntry(
        apiVersion=api_version,
        fieldsType=FIELDS_V1,
        fieldsV1=msgspec.Raw(fields),
        manager=manager.name,
        operation=manager.operation,
        subresource=manager.subresource,
        time=time,
    )


def _sorted(entries: Entries) -> Entries:
    if len(entries) < 2:
        return entries
    return sorted(
        entries,
        key=lambda entry: (
            entry.operation,
            managers.seconds(entry.time),
            entry.manager,
            entry.apiVersion,
            entry.subresource,
        ),
    )


def _capped(entries: Entries) -> Entries:
    if sum(1 for entry in entries if entry.operation == UPDATE) <= managers.MAX_UPDATERS:
        return entries
    return entries_of(managers.cap(_decoded(entries)))


def entries_of(managed: Managed) -> Entries:
    """The entries of managers, in their order."""
    return [
        _entry(manager, owned.api_version, owned.time, owned.fields) for manager, owned in managers.in_order(managed)
    ]


def updater_of(registry: Registry, served: Kind, subresource: str) -> Updater:
    """The rules of a kind, for objects as `document_of` makes them, with the other versions that it is served in."""

    def views(api_version: str) -> View | None:
        other = registry.scheme.by_kind(api_version, served.kind)
        if other is None or (
            other.key_prefix != served.storage_kind.key_prefix and other.storage_kind != served.storage_kind
        ):
            return None
        return View(ownership.shape_of(other), same, same)

    return Updater(
        ownership.shape_of(served), served.api_version, views, ownership.ignored(served.storage_kind, subresource)
    )


def _scaled(registry: Registry, kind: Kind, new: Any, old: Any, ask: Ask, entries: Entries) -> Entries:
    """A write of the scale subresource that is no apply: the replicas are the writer's if they changed."""
    parent = _decoded(entries)
    scaled = scale.to_scale(parent, path_in(registry, kind))
    if not scaled:
        return _sorted(entries)
    assert kind.scale is not None
    before, after = kind.scale.spec_replicas(old), kind.scale.spec_replicas(new)
    if before != after:
        me = managers.updater(ask.manager(), scale.SCALE_VERSION, "scale")
        scaled = {me: Owned(fieldset.of_paths([scale.REPLICAS]), scale.SCALE_VERSION, registry.now_text())}
    return entries_of(scale.to_parent(parent, scaled, kind.api_version, path_in(registry, kind)))


def path_in(registry: Registry, kind: Kind) -> scale.PathIn:
    """Where each served version of a kind has its replicas."""

    def path(api_version: str) -> Sequence[str] | None:
        other = kind if api_version == kind.api_version else registry.scheme.by_kind(api_version, kind.kind)
        if other is None:
            return None
        return () if other.scale is None else [f"f:{name}" for name in other.scale.path]

    return path


def keep_times(new: Any, old: Any) -> None:
    """Takes the old entries where nothing but their times would change, so that a write without effect writes nothing."""
    now, before = new.metadata.managedFields, old.metadata.managedFields
    if now == before or len(now) != len(before) or not _same_but_times(now, before):
        return
    new.metadata.managedFields = before
    if new != old:
        new.metadata.managedFields = now


def _same_but_times(now: Entries, before: Entries) -> bool:
    return all(
        left.manager == right.manager
        and left.fieldsV1 == right.fieldsV1
        and left.operation == right.operation
        and left.apiVersion == right.apiVersion
        and left.subresource == right.subresource
        for left, right in zip(now, before, strict=True)
    )

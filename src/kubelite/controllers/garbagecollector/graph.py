"""Who owns whom: the graph of all objects by uid, in memory.

What: `Graph` keeps a small node per object and answers for dependents. Why: the deletion of an owner must find its dependents
without asking the server. Flow: informer changes → `put`/`drop`, which return the uids whose fate may have changed. Metadata
is shared with the informers' caches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, field

from kubelite.api.types.base import Object
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.machinery.kind import Kind

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class OwnedMeta(Object):
    """The metadata that decides about garbage."""

    deletionTimestamp: str | None = None
    finalizers: list[str] = field(default_factory=list)
    name: str = ""
    namespace: str = ""
    ownerReferences: list[OwnerReference] = field(default_factory=list)
    resourceVersion: str = ""
    uid: str = ""


class Owned(Object):
    """Any object, as the collector sees it."""

    metadata: OwnedMeta = field(default_factory=OwnedMeta)


def shows_owners(type_: type[Any]) -> bool:
    """Whether objects of this type, which may be narrow, have all metadata that decides about garbage."""
    shown = type_().metadata.__struct_fields__
    return set(OwnedMeta.__struct_fields__) <= set(shown)


class Node(Struct):
    """An object in the graph."""

    kind: Kind
    meta: OwnedMeta

    @property
    def deleting(self) -> bool:
        return self.meta.deletionTimestamp is not None

    @property
    def in_foreground(self) -> bool:
        """Whether it waits for its dependents to go first."""
        return self.deleting and FOREGROUND in self.meta.finalizers

    @property
    def orphaning(self) -> bool:
        """Whether its dependents are to be set free before it goes."""
        return self.deleting and ORPHAN in self.meta.finalizers


class Graph:
    """All objects, and for each uid that is referred to, who refers to it."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, uid: str) -> Node | None:
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        return [self._nodes[child] for child in self._dependents.get(uid, ()) if child in self._nodes]

    def blocking(self, uid: str) -> list[Node]:
        """The dependents that hold up a deletion in the foreground."""
        return [node for node in self.dependents(uid) if _blocks(node, uid)]

    def put(self, kind: Kind, obj: Any) -> list[str]:
        """An object as it is now; returns the uids to look at."""
        meta: OwnedMeta = obj.metadata
        old = self._nodes.get(meta.uid)
        if old is not None and _says_nothing_new(old.meta, meta):
            old.meta = meta
            return []
        new = Node(kind, meta)
        self._nodes[meta.uid] = new
        before = _owner_uids(old.meta.ownerReferences) if old is not None else set()
        after = _owner_uids(meta.ownerReferences)
        for gone in before - after:
            self._unlink(gone, meta.uid)
        for added in after - before:
            self._dependents.setdefault(added, set()).add(meta.uid)
        return self._to_look_at(old, new, before, after)

    def is_kept(self, node: Node) -> bool:
        """Whether all owners are here and none waits for this object: its fate is clear without the server."""
        for reference in node.meta.ownerReferences:
            owner = self._nodes.get(reference.uid)
            if owner is None or owner.in_foreground or owner.meta.namespace not in ("", node.meta.namespace):
                return False
        return True

    def drop(self, obj: Any) -> list[str]:
        """An object is gone; returns the uids to look at."""
        meta: OwnedMeta = obj.metadata
        old = self._nodes.pop(meta.uid, None)
        owners = _owner_uids(old.meta.ownerReferences) if old is not None else set()
        for owner in owners:
            self._unlink(owner, meta.uid)
        waiting = [uid for uid in owners if self._waits(uid)]
        return [node.meta.uid for node in self.dependents(meta.uid)] + waiting

    def _to_look_at(self, old: Node | None, new: Node, before: set[str], after: set[str]) -> list[str]:
        uid = new.meta.uid
        found: list[str] = []
        if after and (old is None or before != after):
            found.append(uid)
        if (new.in_foreground or new.orphaning) and (old is None or old.meta != new.meta):
            found.append(uid)
        if new.in_foreground and (old is None or not old.in_foreground):
            found += [node.meta.uid for node in self.dependents(uid)]
        if old is not None:
            released = (before - after) | ({o for o in after if not _blocks(new, o) and _blocks(old, o)})
            found += [owner for owner in released if self._waits(owner)]
        found += [owner for owner in after - before if self._waits(owner)]
        return found

    def _waits(self, uid: str) -> bool:
        node = self._nodes.get(uid)
        return node is not None and (node.in_foreground or node.orphaning)

    def _unlink(self, owner: str, child: str) -> None:
        children = self._dependents.get(owner)
        if children is not None:
            children.discard(child)
            if not children:
                del self._dependents[owner]


def _says_nothing_new(old: OwnedMeta, new: OwnedMeta) -> bool:
    """Most changes are of spec and status, of objects that stay."""
    if old.deletionTimestamp is not None or new.deletionTimestamp is not None:
        return False
    return old.ownerReferences == new.ownerReferences


def _owner_uids(references: Sequence[OwnerReference]) -> set[str]:
    return {reference.uid for reference in references}


def _blocks(node: Node, owner: str) -> bool:
    return any(ref.uid == owner and bool(ref.blockOwnerDeletion) for ref in node.meta.ownerReferences)


def without_owners(references: Iterable[OwnerReference], uids: set[str]) -> list[OwnerReference]:
    """The references that are left."""
    return [reference for reference in references if reference.uid not in uids]

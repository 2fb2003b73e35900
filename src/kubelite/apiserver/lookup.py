"""Live objects by name, for the parts of the server that decide about requests.

What: `Lookup` reads the watch caches by resource name, typed or narrow, without I/O. Why: authentication, authorization and
admission need a glance at a service account or a namespace, and should know nothing of caches, keys and bytes.
Flow: registry → `Lookup` → `metadata`, `get`, `list`, `follow`. A resource that the server does not serve reads as empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec

from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.watchcache.cache import WatchCache
from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme

T = TypeVar("T")
MOST_DECODED = 512


class Source(Protocol):
    """The part of the registry that is read here."""

    @property
    def scheme(self) -> Scheme: ...

    @property
    def cache(self) -> WatchCache: ...


class _Named(msgspec.Struct, gc=False):
    metadata: ObjectMeta


class Lookup:
    """Reads by (resource, namespace, name); `group` is "" for the core group."""

    def __init__(self, source: Source) -> None:
        self._cache = source.cache
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._shared: dict[tuple[str, str], tuple[int, tuple[Any, ...]]] = {}
        self._decoded: dict[tuple[type[Any], bytes], Any] = {}
        for kind in source.scheme:
            if kind.stored and kind.verbs and kind.stored_as is None:
                self._kinds.setdefault((kind.group, kind.plural), kind)

    def kind(self, resource: str, group: str = "") -> Kind | None:
        """The stored kind behind a resource name."""
        return self._kinds.get((group, resource))

    def body(self, resource: str, namespace: str, name: str, group: str = "") -> bytes | None:
        """The object as JSON; None if there is none."""
        kind = self._kinds.get((group, resource))
        if kind is None:
            return None
        entry = self._cache.of(kind).entries.get(f"{namespace}/{name}" if kind.namespaced else name)
        return None if entry is None else entry.body

    def get(self, resource: str, namespace: str, name: str, type_: type[T], group: str = "") -> T | None:
        """The object decoded as `type_`, which may have fewer fields; it is shared, and nobody may change it.

        The same few namespaces and accounts are asked for with every write: `MOST_DECODED` objects are kept by their bytes.
        """
        body = self.body(resource, namespace, name, group)
        if body is None:
            return None
        found: T | None = self._decoded.get((type_, body))
        if found is None:
            if len(self._decoded) >= MOST_DECODED:
                self._decoded.clear()
            found = self._decoded[type_, body] = decode(body, type_)
        return found

    def metadata(self, resource: str, namespace: str, name: str) -> ObjectMeta | None:
        """The metadata of an object of the core group."""
        found = self.get(resource, namespace, name, _Named)
        return None if found is None else found.metadata

    def list(self, resource: str, type_: type[T], group: str = "") -> Iterator[T]:
        """Every object of a resource."""
        kind = self._kinds.get((group, resource))
        if kind is None:
            return
        for entry in list(self._cache.of(kind).entries.values()):
            yield decode(entry.body, type_)

    def shared_list(self, resource: str, type_: type[T], group: str = "") -> tuple[T, ...]:
        """Every object of a resource, decoded once for all readers until one of them changes; nobody may change them."""
        kind = self._kinds.get((group, resource))
        if kind is None:
            return ()
        changed = self._cache.of(kind).changed
        known = self._shared.get((group, resource))
        if known is None or known[0] != changed:
            known = self._shared[(group, resource)] = (changed, tuple(self.list(resource, type_, group)))
        return known[1]

    def follow(self, resource: str, group: str, type_: type[T], changed: Callable[[str, str, T | None], None]) -> None:
        """Calls `changed(namespace, name, object or None)` for each present object now and each change from then on."""

        def decoded(namespace: str, name: str, body: bytes | None) -> None:
            changed(namespace, name, None if body is None else decode(body, type_))

        self.follow_bodies(resource, group, decoded)

    def follow_bodies(self, resource: str, group: str, changed: Callable[[str, str, bytes | None], None]) -> None:
        """Like `follow`, with the JSON instead of an object."""
        kind = self._kinds.get((group, resource))
        if kind is None:
            return

        def on_change(key: str, old: bytes | None, new: bytes | None) -> None:
            namespace, _, name = key.rpartition("/")
            changed(namespace, name, new)

        self._cache.subscribe(kind, on_change)

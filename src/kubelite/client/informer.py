"""A local, indexed copy of the objects of one kind, kept up to date by a watch.

What: `Informer` holds objects by key, answers `get`, `list` and `by_index`, and tells handlers of each change.
Why: controllers decide from memory; the server is asked once and then only reports changes.
Flow: `Reflector` → `replace`/`apply` → store and indexes → handlers, in order, each before the next change is applied.
Objects in the store are shared: readers must not change them (`machinery.codec.clone` first). Memory is the objects
as `type` holds them: a narrow Struct keeps it small, and so does `thin`, which may take things out of an object before
anybody has seen it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from kubelite.client.client import Client
from kubelite.client.reflector import Reflector
from kubelite.machinery.kind import Kind
from kubelite.util.log import get_logger

T = TypeVar("T")
Objects: TypeAlias = list[T]
Indexers = Mapping[str, Callable[[T], Iterable[str]]]
log = get_logger(__name__)


class Change(NamedTuple, Generic[T]):
    """What happened to an object: created (`old` None), changed, or gone (`new` None)."""

    old: T | None
    new: T | None

    @property
    def object(self) -> T:
        """The newest form that is known."""
        return cast(T, self.new if self.new is not None else self.old)


def object_key(obj: Any) -> str:
    """`namespace/name`, or `name` for a cluster-scoped object."""
    meta = obj.metadata
    namespace = getattr(meta, "namespace", "")
    return f"{namespace}/{meta.name}" if namespace else str(meta.name)


def split_key(key: str) -> tuple[str, str]:
    """(namespace, name) of a key; the namespace is "" for a cluster-scoped object."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


class Informer(Generic[T]):
    """The shared cache of one kind. Run `run()` as a task; wait for `synced()` before trusting absence."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        *,
        type: type[T] | None = None,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        indexers: Indexers[T] | None = None,
        metadata_only: bool = False,
        thin: Callable[[T], None] | None = None,
    ) -> None:
        self.kind = kind
        self.type: Any = type or kind.type
        self._objects: dict[str, T] = {}
        self._indexers: dict[str, Callable[[T], Iterable[str]]] = dict(indexers or {})
        self._indexes: dict[str, dict[str, dict[str, T]]] = {name: {} for name in self._indexers}
        self._handlers: list[Callable[[Change[T]], None]] = []
        self._synced = asyncio.Event()
        self._reflector: Reflector[T] = Reflector(
            client,
            kind,
            self,
            type=type,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
            thin=thin,
        )

    def add_handler(self, handler: Callable[[Change[T]], None]) -> None:
        """Call `handler` for every change; it is told at once of what is there already. It must not block."""
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            self._tell(handler, Change(None, obj))

    def add_indexers(self, indexers: Indexers[T]) -> None:
        """More indexes; a name that exists must not come twice."""
        for name, function in indexers.items():
            if name in self._indexers:
                raise ValueError(f"{self.kind.resource} has an index {name} already")
            self._indexers[name] = function
            self._indexes[name] = {}
            for key, obj in self._objects.items():
                for value in function(obj):
                    self._indexes[name].setdefault(value, {})[key] = obj

    def get(self, key: str) -> T | None:
        """The object with this key (`namespace/name` or `name`)."""
        return self._objects.get(key)

    def list(self) -> Objects[T]:
        return list(self._objects.values())

    def by_index(self, index: str, value: str) -> Objects[T]:
        """The objects for which the indexer gave `value`."""
        return list(self._indexes[index].get(value, {}).values())

    @property
    def indexes(self) -> tuple[str, ...]:
        """The names of the indexes."""
        return tuple(self._indexers)

    def __len__(self) -> int:
        return len(self._objects)

    @property
    def has_synced(self) -> bool:
        return self._synced.is_set()

    @property
    def resource_version(self) -> str:
        """The version up to which the cache is complete; "" before the first list."""
        return self._reflector.version

    async def run(self) -> None:
        """Never returns: lists and watches, resumes, lists again when the server has forgotten the version."""
        await self._reflector.run()

    async def synced(self) -> None:
        """Returns when the first list is in the cache and the handlers know it."""
        await self._synced.wait()

    # Receiver

    def replace(self, items: Objects[T]) -> None:
        fresh = {object_key(obj): obj for obj in items}
        for key in [key for key in self._objects if key not in fresh]:
            self._remove(key)
        for key, obj in fresh.items():
            self._put(key, obj)
        self._synced.set()

    def apply(self, type: str, obj: T) -> None:
        if type == "DELETED":
            self._remove(object_key(obj), obj)
        else:
            self._put(object_key(obj), obj)

    def _put(self, key: str, obj: T) -> None:
        old = self._objects.get(key)
        if old is not None and _version(old) == _version(obj):
            return
        if getattr(obj.metadata, "managedFields", None):  # type: ignore[attr-defined]
            # Nobody here reads them, and their bytes would keep the whole answer of the server in memory.
            obj.metadata.managedFields = []  # type: ignore[attr-defined]
        self._objects[key] = obj
        if self._indexers:
            self._index(key, old, obj)
        self._notify(Change(old, obj))

    def _remove(self, key: str, last: T | None = None) -> None:
        old = self._objects.pop(key, None)
        if old is None:
            return
        if self._indexers:
            self._index(key, old, None)
        self._notify(Change(last if last is not None else old, None))

    def _index(self, key: str, old: T | None, new: T | None) -> None:
        for name, function in self._indexers.items():
            index = self._indexes[name]
            before = tuple(function(old)) if old is not None else ()
            after = tuple(function(new)) if new is not None else ()
            for value in before:
                if value not in after:
                    bucket = index[value]
                    del bucket[key]
                    if not bucket:
                        del index[value]
            for value in after:
                index.setdefault(value, {})[key] = cast(T, new)

    def _notify(self, change: Change[T]) -> None:
        for handler in self._handlers:
            self._tell(handler, change)

    def _tell(self, handler: Callable[[Change[T]], None], change: Change[T]) -> None:
        try:
            handler(change)
        except Exception as error:  # one faulty handler must not stop the cache for all others
            log.exception("Change handler failed", error=error, resource=self.kind.resource)


def _version(obj: Any) -> str:
    """The object's version; objects whose narrow type leaves it out never compare equal."""
    version = getattr(obj.metadata, "resourceVersion", "")
    return version or str(id(obj))

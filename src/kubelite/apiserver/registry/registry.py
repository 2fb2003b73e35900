"""`Registry`: the objects, for the handlers and for the server's own parts.

What: typed get, list, create, update, patch, delete through the one write path, and readers of the cache. Why:
authorization, admission and bootstrap use the same rules as requests, without HTTP. Flow: `server` makes one;
`create`, `update`, `delete` modules do the work.

Cached readers (`cached`, `cached_list`, `subscribe`) never wait and may be some milliseconds old; `get` and `list`
reflect everything that was written before the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from kubelite.apiserver.registry import create, delete, update
from kubelite.apiserver.registry.ask import Ask, Written
from kubelite.apiserver.request import Admission, AdmitAll, Authorizer, WriteHook
from kubelite.apiserver.watchcache.cache import Subscriber, WatchCache
from kubelite.apiserver.watchcache.entry import Entry, decode, make
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery import errors, times
from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme
from kubelite.storage.interface import Store
from kubelite.util.clock import Clock


class Registry:
    """`admission` and `hooks` are set by the server once their parts are built."""

    def __init__(self, scheme: Scheme, store: Store, cache: WatchCache, clock: Clock, *, event_ttl: int = 3600) -> None:
        self.scheme = scheme
        self.store = store
        self.cache = cache
        self.clock = clock
        self.stopping = False
        """The server has been asked to end: it is no longer ready."""
        self.started = False
        """What is done once at start is done."""
        self.flow_control = False
        """Priority and fairness is on."""
        self.keeper: Any = None
        """What keeps the encryption of the store (`encryption.Keeper`); None if nothing is encrypted."""
        self.admission: Admission = AdmitAll()
        self.authorizer: Authorizer | None = None
        """For writes that need a second permission: an apply that creates."""
        self.hooks: dict[tuple[str, str], list[WriteHook]] = {}
        self._event_ttl = event_ttl
        self._now = (0, times.now_text(datetime.fromtimestamp(0, UTC)))

    def add_hooks(self, hooks: Iterable[WriteHook]) -> None:
        for hook in hooks:
            for kind in hook.kinds:
                self.hooks.setdefault((kind.group, kind.plural), []).append(hook)

    # -- readers of the cache

    def cached(self, kind: Kind, namespace: str, name: str) -> Any | None:
        """The typed object as the cache has it; None if it has none. A fresh copy: the caller may change it."""
        entry = self.entry(kind, namespace, name)
        if entry is not None and kind.custom is not None:
            entry = kind.custom.view(entry) or entry
        return None if entry is None else decode(entry.body, kind.storage_kind.type)

    def cached_list(self, kind: Kind, namespace: str = "") -> list[Any]:
        """All objects of a kind (in a namespace) as the cache has them, in order of their keys."""
        kind = kind.storage_kind
        selection = Selection(kind, namespace)
        return [decode(entry.body, kind.type) for entry in self.cache.of(kind).select(selection)]

    def entry(self, kind: Kind, namespace: str, name: str) -> Entry | None:
        """The cached bytes and metadata of one object."""
        return self.cache.of(kind).entries.get(f"{namespace}/{name}" if kind.namespaced else name)

    def subscribe(self, kind: Kind, subscriber: Subscriber) -> None:
        """Calls `subscriber(key, old body, new body)` for every object there is and every change, at once and in order."""
        self.cache.subscribe(kind.storage_kind, subscriber)

    # -- typed verbs

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Any:
        """The object as of now. Raises StatusError 404."""
        await self.cache.fresh()
        entry = self.entry(kind, namespace, name) if kind.custom is not None else None
        if entry is not None:
            await update.viewed(kind, entry)
        found = self.cached(kind, namespace, name)
        if found is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return found

    async def list(self, kind: Kind, namespace: str = "") -> list[Any]:
        await self.cache.fresh()
        return self.cached_list(kind, namespace)

    async def create(self, kind: Kind, obj: Any, namespace: str = "", ask: Ask | None = None) -> Any:
        """Creates through the whole write path; the object as stored."""
        kind = kind.storage_kind
        obj.apiVersion, obj.kind = kind.api_version, kind.kind
        return (await create.create(self, kind, namespace or obj.metadata.namespace, obj, ask or Ask())).object

    async def update(self, kind: Kind, obj: Any, ask: Ask | None = None, *, subresource: str = "") -> Any:
        """Replaces the object of that name; a resourceVersion in it must be the present one."""
        from kubelite.machinery.codec import clone

        metadata = obj.metadata
        written = await update.update(
            self,
            kind.storage_kind,
            metadata.namespace,
            metadata.name,
            lambda old: clone(obj),
            ask or Ask(),
            subresource=subresource,
        )
        return written.object

    async def change(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        edit: Callable[[Any], None],
        ask: Ask | None = None,
        *,
        subresource: str = "",
    ) -> Any:
        """Applies `edit` to the present object and writes it, again if somebody else was faster."""

        def edited(old: Any) -> Any:
            edit(old)
            return old

        written = await update.update(
            self, kind.storage_kind, namespace, name, edited, ask or Ask(), subresource=subresource, derives=True
        )
        return written.object

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Any,
        namespace: str = "",
        *,
        patch_type: str = "merge",
        subresource: str = "",
        ask: Ask | None = None,
    ) -> Any:
        """Applies a "merge", "strategic" or "json" patch (plain values)."""
        from kubelite.apiserver.registry.patch import patcher

        ask = ask or Ask()
        change = patcher(kind, patch_type, patch, ask, subresource)
        written = await update.update(
            self,
            kind.storage_kind,
            namespace,
            name,
            change,
            ask,
            subresource=subresource,
            derives=True,
            takes_body=True,
        )
        return written.object

    async def delete(
        self, kind: Kind, name: str, namespace: str = "", *, options: Any = None, ask: Ask | None = None
    ) -> Written:
        """Deletes as the verb does: gracefully, with finalizers. Raises StatusError 404 or 409."""
        return await delete.delete(self, kind.storage_kind, namespace, name, options, ask or Ask())

    # -- for the write path

    def now(self) -> datetime:
        return self.clock.now()

    def now_text(self) -> str:
        """The present second, written once for all who ask within it."""
        second = self.clock.seconds()
        if second != self._now[0]:
            self._now = (second, times.now_text(datetime.fromtimestamp(second, UTC)))
        return self._now[1]

    def ttl(self, kind: Kind) -> int:
        """Seconds after which the store forgets the object; 0 for ever."""
        return self._event_ttl if kind.kind == "Event" else 0

    def wrote(self, revision: int) -> None:
        """Remembers the newest own revision: a consistent read waits for it."""
        if revision > self.cache.written:
            self.cache.written = revision

    async def live(self, kind: Kind, namespace: str, name: str) -> Entry | None:
        """The object straight from the store."""
        found, _ = await self.store.get(kind.key(namespace, name))
        if found is None:
            return None
        key = f"{namespace}/{name}" if kind.namespaced else name
        return make(key, found.value, found.revision, namespaced=kind.namespaced)

    def is_stale(self, key: str) -> bool:
        """Whether the stored value was encrypted with a key that is no longer the first: an update writes it anew."""
        return self.keeper is not None and bool(self.keeper.store.is_stale(key))

    def hooks_of(self, kind: Kind) -> Sequence[WriteHook]:
        return self.hooks.get((kind.group, kind.plural), ())

"""The watch cache of all resources, fed by one watch on the store.

What: `WatchCache.run` follows `/registry/`, `fresh` waits until the cache has caught up, `flush` wakes watchers. Why:
one watch over the whole prefix makes the cache's revision the store's, so no progress requests are needed and any
write moves every resource's revision; who waits for it is in `freshness`. Flow: `fill` → `ready` → store events →
`ResourceCache.apply` → subscribers (synchronous) → watchers in batches.

If the store's history was compacted under the watch or cannot be resumed, everything is read again and every watcher
gets an ERROR 410, so that clients relist instead of missing changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from kubelite.apiserver.watchcache.freshness import Freshness
from kubelite.apiserver.watchcache.resource import ResourceCache
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Compacted, FutureRevision, Store, StoreError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

ROOT = "/registry/"
PAGE = 1000
WINDOW = 0.004
"""Seconds in which changes are gathered when they come quickly; a lone change is sent at once."""
BOOKMARK_SECONDS = 60.0
LAG_SECONDS = 3.0
"""How long a read waits for the cache before it is answered from the store, or refused."""
AT_ONCE = 100
"""Progress marks between which others get a turn."""

Subscriber = Callable[[str, bytes | None, bytes | None], None]
"""(key below the prefix, old body, new body); must not block."""


class WatchCache:
    """Caches by kind."""

    def __init__(self, store: Store, kinds: Iterable[Kind], *, history: int = 4096, exclusive: bool = False) -> None:
        self.store = store
        self.exclusive = exclusive
        """No other process writes to the store: what was written here is all there is."""
        self._freshness = Freshness(store.revision)
        self._given_up = -1
        """Where the cache stood when a reader went to the store instead."""
        self.written = 0
        """The newest revision that a write of this process returned."""
        self.ready = asyncio.Event()
        self.by_kind: dict[tuple[str, str], ResourceCache] = {}
        self._by_prefix: dict[str, ResourceCache] = {}
        self._history = history
        self._subscribers: dict[str, list[Subscriber]] = {}
        self._dirty: dict[ResourceCache, None] = {}
        self._flush_at: asyncio.TimerHandle | asyncio.Handle | None = None
        self._flushed = 0.0
        for kind in kinds:
            self.add(kind)

    def add(self, kind: Kind) -> None:
        """Makes a cache for the kind, or shares the one that another version of it has."""
        stored = kind.storage_kind
        cache = self._by_prefix.get(stored.key_prefix)
        if cache is None:
            cache = self._by_prefix[stored.key_prefix] = ResourceCache(stored, self._history)
        self.by_kind[(kind.group, kind.plural)] = cache

    async def follow_kind(self, kind: Kind) -> None:
        """As `add` while running: reads what there is of the kind, then follows it. Raises StoreError; then it was not added."""
        stored = kind.storage_kind
        present = self._by_prefix.get(stored.key_prefix)
        if present is not None:
            self.by_kind[(kind.group, kind.plural)] = present
            return
        cache = ResourceCache(stored, self._history)
        cache.filling = []
        self._by_prefix[stored.key_prefix] = cache
        try:
            revision = await self._fill_one(cache)
            await self.reach(revision)
        except BaseException:
            self._by_prefix.pop(stored.key_prefix, None)
            raise
        self.by_kind[(kind.group, kind.plural)] = cache

    async def _fill_one(self, cache: ResourceCache) -> int:
        """Reads the kind at one revision, then applies what the watch brought in the meantime."""
        found: list[tuple[str, bytes, int]] = []
        revision, after = 0, ""
        while True:
            page = await self.store.range(cache.prefix, limit=PAGE, after=after, revision=revision)
            revision = revision or page.revision
            found += [(item.key[len(cache.prefix) :], item.value, item.revision) for item in page.items]
            if not page.more or not page.items:
                break
            after = page.items[-1].key
        missed, cache.filling = cache.filling, None
        if missed is None:  # the whole cache was read anew in the meantime
            return cache.floor
        cache.fill(found, revision)
        for key, value, at, previous in missed:
            if at > revision:
                cache.apply(key, value, at, previous)
        return revision

    def forget_kind(self, kind: Kind) -> None:
        """Drops the cache of a kind that is gone and ends its watches."""
        cache = self._by_prefix.pop(kind.key_prefix, None)
        self.by_kind.pop((kind.group, kind.plural), None)
        if cache is not None:
            for watcher in list(cache.watchers):
                watcher.finish()

    def of(self, kind: Kind) -> ResourceCache:
        return self.by_kind[(kind.group, kind.plural)]

    def subscribe(self, kind: Kind, subscriber: Subscriber) -> None:
        """Calls back for every present object now, and for every change from then on, in order."""
        self._subscribers.setdefault(kind.key_prefix, []).append(subscriber)
        for key, entry in self.of(kind).entries.items():
            subscriber(key, None, entry.body)

    # -- following the store

    async def run(self) -> None:
        """Fills and follows; never returns. Store trouble is retried with back-off."""
        backoff = Backoff(0.05, 2.0, 5.0, 0.2)
        while True:
            try:
                await self._fill()
                while True:
                    try:
                        await self._follow(backoff)
                    except (Compacted, FutureRevision):
                        raise
                    except StoreError as error:
                        log.warning("the store watch broke off", error=str(error), revision=self.revision)
                    await asyncio.sleep(backoff.next())
            except StoreError as error:
                log.warning("the watch cache is read anew", error=str(error))
                await asyncio.sleep(backoff.next())

    async def _follow(self, backoff: Backoff) -> None:
        async for batch in self.store.watch(ROOT, self.revision):
            backoff.reset()
            for event in batch.events:
                cache, key = self._find(event.key)
                if cache is None or event.revision <= cache.floor:
                    continue
                if cache.filling is not None:
                    cache.filling.append((key, event.value, event.revision, event.previous))
                    continue
                change = cache.apply(key, event.value, event.revision, event.previous)
                if change is None:
                    continue
                self._tell(
                    cache,
                    key,
                    change.previous.body if change.previous else None,
                    None if event.value is None else change.entry.body,
                )
                if cache.watchers:
                    self._dirty[cache] = None
                else:
                    cache.flushed = cache.end
            self._freshness.advance(batch.revision)
            if self._dirty and self._flush_at is None:
                self._schedule()

    def _find(self, key: str) -> tuple[ResourceCache | None, str]:
        """The cache of a store key, by its first path part or its first two."""
        first = key.find("/", 10)
        cache = self._by_prefix.get(key[: first + 1])
        if cache is not None:
            return cache, key[first + 1 :]
        second = key.find("/", first + 1)
        return self._by_prefix.get(key[: second + 1]), key[second + 1 :]

    def _tell(self, cache: ResourceCache, key: str, old: bytes | None, new: bytes | None) -> None:
        for subscriber in self._subscribers.get(cache.prefix, ()):
            try:
                subscriber(key, old, new)
            except Exception as error:
                log.exception("a subscriber of the cache failed", error, resource=cache.kind.plural, key=key)

    async def _fill(self) -> None:
        """Reads everything at one revision and puts it in place in one step."""
        found: dict[str, list[tuple[str, bytes, int]]] = {prefix: [] for prefix in self._by_prefix}
        revision, after = 0, ""
        while True:
            page = await self.store.range(ROOT, limit=PAGE, after=after, revision=revision)
            revision = revision or page.revision
            for item in page.items:
                cache, key = self._find(item.key)
                if cache is not None and cache.prefix in found:
                    found[cache.prefix].append((key, item.value, item.revision))
            if not page.more or not page.items:
                break
            after = page.items[-1].key
        for prefix, cache in list(self._by_prefix.items()):
            if prefix not in found:  # added while this was reading: it reads for itself
                continue
            before = cache.entries
            watchers = list(cache.watchers)
            cache.filling = None
            cache.fill(found[prefix], revision)
            for key, old in before.items():
                if key not in cache.entries:
                    self._tell(cache, key, old.body, None)
            for key, entry in cache.entries.items():
                known = before.get(key)
                if known is None or known.revision != entry.revision:
                    self._tell(cache, key, known.body if known else None, entry.body)
            for watcher in watchers:
                watcher.fail(_expired_status(revision))
        self._freshness.advance(revision)
        self.ready.set()

    # -- waiting for a revision

    @property
    def revision(self) -> int:
        """The store revision that all caches reflect."""
        return self._freshness.revision

    async def reach(self, revision: int, seconds: float = LAG_SECONDS) -> bool:
        """Waits until the cache reflects `revision`; False if it does not within `seconds`."""
        return self._freshness.revision >= revision or await self._freshness.reach(revision, seconds)

    async def reach_asked(self, revision: int) -> bool:
        """As `reach`, for a revision that a client named: one that the store has not seen either is refused at once."""
        if self.revision >= revision:
            return True
        newest = max(self.written, self.revision) if self.exclusive else await self._freshness.newest()
        return revision <= newest and await self.reach(revision)

    def is_current(self) -> bool:
        """Whether a consistent read can be answered right now."""
        return self.exclusive and self.revision >= self.written and self.ready.is_set()

    async def caught_up(self) -> int:
        """Waits until the cache reflects all that was written before this call: 0, or the revision that it did not reach.

        While it stands still where it was given up already, nobody waits again.
        """
        target = await self._target()
        freshness = self._freshness
        if freshness.revision >= target:
            return 0
        if freshness.revision != self._given_up and await freshness.reach(target, LAG_SECONDS):
            return 0
        self._given_up = freshness.revision
        return target

    async def fresh(self) -> None:
        """Waits until the cache reflects everything that was written before this call. Raises StatusError 504."""
        if not await self.reach(await self._target()):
            raise errors.timeout("the cache did not catch up with the store", 1)

    async def _target(self) -> int:
        """The revision of the newest write before this call."""
        if not self.ready.is_set():
            async with asyncio.timeout(10):
                await self.ready.wait()
        return self.written if self.exclusive else await self._freshness.newest()

    # -- watchers

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._flushed + WINDOW - loop.time()
        self._flush_at = loop.call_later(wait, self._flush) if wait > 0 else loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_at = None
        self._flushed = asyncio.get_running_loop().time()
        dirty, self._dirty = self._dirty, {}
        for cache in dirty:
            round_: dict[tuple[object, ...], tuple[bytes, int]] = {}
            start, cache.flushed = cache.flushed, cache.end
            lost = (
                start < cache.first
            )  # more changes in a round than the history holds: everybody finds out for himself
            woken = list(cache.watchers) if lost else cache.watchers.touched(cache.since(start))
            for watcher in woken:
                watcher.flush(round_, start)

    async def run_bookmarks(self) -> None:
        """Sends progress marks about once a minute; never returns."""
        while True:
            await asyncio.sleep(BOOKMARK_SECONDS)
            for cache in list(self._by_prefix.values()):
                for count, watcher in enumerate(list(cache.watchers)):
                    watcher.bookmark(self.revision)
                    if count % AT_ONCE == AT_ONCE - 1:
                        await asyncio.sleep(0)

    def end_watches(self) -> None:
        """Ends every watch in good order, when the server stops."""
        for cache in self._by_prefix.values():
            for watcher in list(cache.watchers):
                watcher.finish()


def _expired_status(revision: int) -> bytes:
    return msgspec.json.encode(
        errors.expired(f"too old resource version: the cache was read anew at {revision}").status()
    )

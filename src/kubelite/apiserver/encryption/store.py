"""A store whose values are encrypted, for the resources that the configuration names.

What: `EncryptedStore`, a `Store` around any back end. Why: one place encrypts whatever the back end is, and nothing above it
knows. Flow: key → resource → `Chain` of ciphers: the first writes, all read. Values that another cipher or key wrote are
remembered as stale (`is_stale`), and an update rewrites them even if it changes nothing. `replace` takes over another
configuration and looks through the store for what is stale then. A value that no key opens fails the read: nothing is left
out silently. Source: apiserver/pkg/storage/value/transformer.go, apiserver/pkg/server/options/encryptionconfig/config.go.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from kubelite.apiserver.encryption.ciphers import ANY, Cipher, Undecryptable
from kubelite.storage.interface import Conflict, Event, KeyValue, RangeResult, Store, WatchBatch

ROOT = "/registry/"
PAGE = 500


class Chain:
    """The ciphers of one resource."""

    def __init__(self, ciphers: Sequence[Cipher]) -> None:
        self.ciphers = tuple(ciphers)
        self.writer = ciphers[0]

    def encrypt(self, value: bytes, key: str) -> bytes:
        writer = self.writer
        return writer.prefix + writer.encrypt(value, key.encode())

    def _reader(self, value: bytes) -> Cipher | None:
        """The cipher that wrote the value; identity, whose prefix is empty, reads only what has no prefix of encryption."""
        encrypted = value.startswith(ANY)
        return next(
            (one for one in self.ciphers if value.startswith(one.prefix) and bool(one.prefix) == encrypted), None
        )

    def decrypt(self, value: bytes, key: str) -> bytes | Awaitable[bytes]:
        """Raises `Undecryptable`."""
        reader = self._reader(value)
        if reader is None:
            raise Undecryptable(f"unable to transform key {key!r}: no matching prefix found")
        return reader.decrypt(value[len(reader.prefix) :], key.encode())

    def is_stale(self, value: bytes) -> bool:
        """Whether another key would write it now."""
        writer = self.writer
        return not value.startswith(writer.prefix) or not writer.is_current(value[len(writer.prefix) :])


Find = Callable[[str, str], Chain | None]
"""(group, resource) → the resource's chain; None if it is stored as it is."""


class EncryptedStore:
    """`resources`: (group, plural) by the prefix of its keys below the root, for kinds whose keys do not tell."""

    def __init__(self, inner: Store, find: Find, resources: Callable[[], dict[str, tuple[str, str]]]) -> None:
        self._inner = inner
        self._find = find
        self._resources = resources
        self._chains: dict[str, Chain | None] = {}
        self._stale: set[str] = set()

    def chain_of(self, key: str) -> Chain | None:
        """The chain for a key. Keys are /registry/RESOURCE/… or /registry/GROUP/RESOURCE/…"""
        end = key.find("/", len(ROOT))
        prefix = key[: end + 1]
        if "." in prefix:
            prefix = key[: key.find("/", end + 1) + 1]
        try:
            return self._chains[prefix]
        except KeyError:
            chain = self._chains[prefix] = self._resolve(prefix)
            return chain

    def _resolve(self, prefix: str) -> Chain | None:
        known = self._resources().get(prefix)
        if known is None:
            group, _, resource = prefix[len(ROOT) : -1].rpartition("/")
            known = (group, resource)
        return self._find(*known)

    def is_stale(self, key: str) -> bool:
        """Whether the stored value of a key should be written anew."""
        return key in self._stale

    async def replace(self, find: Find) -> None:
        """Another configuration is in force."""
        before = [prefix for prefix, chain in self._chains.items() if chain is not None]
        self._find = find
        self._chains = {}
        await self.look_again(before)

    async def look_again(self, prefixes: Iterable[str] = ()) -> None:
        """Finds out which values are stale now, of `prefixes` and of every known resource."""
        for prefix in {*prefixes, *self._chains, *self._resources()}:
            await self._look_through(prefix)

    async def _look_through(self, prefix: str) -> None:
        """Finds out which values of a resource are stale, without decrypting them."""
        chain = self.chain_of(prefix)
        if chain is None:
            return
        after, revision = "", 0
        while True:
            page = await self._inner.range(prefix, limit=PAGE, after=after, revision=revision)
            for item in page.items:
                self._mark(item.key, stale=chain.is_stale(item.value))
            if not page.more or not page.items:
                return
            after, revision = page.items[-1].key, page.revision

    def _mark(self, key: str, *, stale: bool) -> None:
        if stale:
            self._stale.add(key)
        else:
            self._stale.discard(key)

    async def _opened(self, found: KeyValue) -> KeyValue:
        chain = self.chain_of(found.key)
        if chain is None:
            return found
        self._mark(found.key, stale=chain.is_stale(found.value))
        value = chain.decrypt(found.value, found.key)
        return replace(found, value=value if isinstance(value, bytes) else await value)

    # -- Store

    async def get(self, key: str, *, revision: int = 0) -> tuple[KeyValue | None, int]:
        found, at = await self._inner.get(key, revision=revision)
        return (None if found is None else await self._opened(found)), at

    async def range(self, prefix: str, *, limit: int = 0, after: str = "", revision: int = 0) -> RangeResult:
        page = await self._inner.range(prefix, limit=limit, after=after, revision=revision)
        chains = self.chain_of
        if any(chains(item.key) is not None for item in page.items):
            return replace(page, items=[await self._opened(item) for item in page.items])
        return page

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        chain = self.chain_of(key)
        revision = await self._inner.create(key, value if chain is None else chain.encrypt(value, key), ttl=ttl)
        self._stale.discard(key)
        return revision

    async def update(self, key: str, value: bytes, expected: int, *, ttl: int = 0) -> int:
        chain = self.chain_of(key)
        if chain is None:
            return await self._inner.update(key, value, expected, ttl=ttl)
        try:
            revision = await self._inner.update(key, chain.encrypt(value, key), expected, ttl=ttl)
        except Conflict as found:
            raise await self._conflict(key, found) from None
        self._stale.discard(key)
        return revision

    async def delete(self, key: str, expected: int) -> int:
        try:
            revision = await self._inner.delete(key, expected)
        except Conflict as found:
            if self.chain_of(key) is None:
                raise
            raise await self._conflict(key, found) from None
        self._stale.discard(key)
        return revision

    async def _conflict(self, key: str, found: Conflict) -> Conflict:
        return Conflict(key, None if found.current is None else await self._opened(found.current))

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        async for batch in self._inner.watch(prefix, after):
            if any(self.chain_of(event.key) is not None for event in batch.events):
                batch = WatchBatch([await self._event(event) for event in batch.events], batch.revision)
            yield batch

    async def _event(self, event: Event) -> Event:
        chain = self.chain_of(event.key)
        if chain is None:
            return event
        self._mark(event.key, stale=event.value is not None and chain.is_stale(event.value))
        opened: list[bytes | None] = []
        for stored in (event.value, event.previous):
            value = None if stored is None else chain.decrypt(stored, event.key)
            opened.append(value if value is None or isinstance(value, bytes) else await value)
        return replace(event, value=opened[0], previous=opened[1])

    async def revision(self) -> int:
        return await self._inner.revision()

    async def compact(self, revision: int) -> None:
        await self._inner.compact(revision)

    async def ping(self) -> None:
        await self._inner.ping()

    async def close(self) -> None:
        await self._inner.close()

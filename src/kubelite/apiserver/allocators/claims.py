"""Claims in the store: one key per node port that is taken.

What: `Claims.take` and `give_back` one value. Why: creating a key is atomic in every store, so two servers can never give out
the same value, and a claim outlives the server that made it.
Flow: /registry/allocations/<range>/<value> → the uid of the owner. A claim whose owner is not there any more (a server died
between claim and write) is dropped by `repair`.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple, Protocol

import msgspec

from kubelite.storage.interface import Conflict, KeyExists, Store

ROOT = "/registry/allocations/"
SCAN_AFTER = 4
"""Collisions after which all claims are read instead of trying one by one."""


class Range(Protocol):
    """What can be claimed; see `ranges`."""

    full_text: str

    def refusal(self, value: str) -> str: ...

    def picks(self) -> object: ...


class Claim(msgspec.Struct):
    """The value of a claim's key. `metadata` keeps to the form of every other value in the store."""

    metadata: dict[str, str]
    owner: str


_decode = msgspec.json.Decoder(Claim).decode


class Owner(NamedTuple):
    """A Service."""

    uid: str
    namespace: str = ""
    name: str = ""


class Taken(Exception):
    """Somebody else has the value."""


class Full(Exception):
    """Every value of the range is taken."""


class Claims:
    """The claims on one range, named `nodeports`."""

    def __init__(self, store: Store, name: str) -> None:
        self.prefix = f"{ROOT}{name}/"
        self._store = store

    async def is_free(self, value: str) -> bool:
        """Whether `take` would succeed; for dry runs."""
        found, _ = await self._store.get(self.prefix + value)
        return found is None

    async def take(self, value: str, owner: Owner) -> None:
        """Claims a value. Raises Taken, also to the owner: what it gives up may be on its way back, from another server."""
        try:
            await self._store.create(self.prefix + value, msgspec.json.encode(Claim({}, owner.uid)))
        except KeyExists:
            raise Taken(value) from None

    async def values(self) -> Container[str]:
        """Every claimed value."""
        return await self.taken()

    async def taken(self) -> dict[str, str]:
        """Every claimed value with its owner."""
        found: dict[str, str] = {}
        after = ""
        while True:
            page = await self._store.range(self.prefix, limit=1000, after=after)
            for item in page.items:
                found[item.key[len(self.prefix) :]] = _decode(item.value).owner
            if not page.more or not page.items:
                return found
            after = page.items[-1].key

    async def give_back(self, value: str, owner: Owner) -> None:
        """Drops the claim of `owner`; a value that it does not have stays as it is."""
        found, _ = await self._store.get(self.prefix + value)
        if found is None or _decode(found.value).owner != owner.uid:
            return
        try:
            await self._store.delete(found.key, found.revision)
        except Conflict:
            return  # somebody else dropped it

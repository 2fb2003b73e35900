"""Compacts etcd's history every few minutes, as the API server is expected to.

What: a task that forgets revisions older than `seconds`. Why: etcd by itself keeps everything until its disk quota stops
all writes. Flow: it notes the revision, sleeps, compacts to the noted one. Several API servers may all do so: none of them
forgets anything younger, and compacting twice is harmless (apiserver/pkg/storage/etcd3/compact.go).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from kubelite.storage.interface import StoreError

COMPACT_SECONDS = 300.0


class Compactable(Protocol):
    async def revision(self) -> int: ...

    async def compact(self, revision: int) -> None: ...


async def compact_loop(store: Compactable, seconds: float = COMPACT_SECONDS) -> None:
    """Never returns. What fails now is tried again in the next round."""
    known = 0
    while True:
        with contextlib.suppress(StoreError):
            newest = await store.revision()
            if known:
                await store.compact(known)
            known = newest
        await asyncio.sleep(seconds)

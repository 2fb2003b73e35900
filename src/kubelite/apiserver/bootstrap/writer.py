"""Create-or-merge straight on the store, before the server has users.

What: `Writer.ensure` creates an object or merges it into the one that is there, by compare-and-swap.
Why: at this moment there is no request, no user and no admission; only the store's rules hold, and those suffice.
Flow: `bootstrap.ensure` → `Writer` → store. Two servers that write at once: one creates, the other merges into it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery.kind import Kind
from kubelite.machinery.times import now_text
from kubelite.storage.interface import Conflict, KeyExists, KeyValue, Store

Merge = Callable[[Any, Any], bool]
ATTEMPTS = 20


def never(wanted: Any, found: Any) -> bool:
    """The merge of objects that are only created."""
    return False


class Writer:
    """Writes through `store`; `written` is the newest revision that this writer caused."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.written = 0

    async def ensure(self, kind: Kind, obj: Any, merge: Merge = never) -> None:
        """Creates the object, or writes the present one back if `merge(obj, found)` changed it."""
        key = kind.key(obj.metadata.namespace, obj.metadata.name)
        for _ in range(ATTEMPTS):
            found, _ = await self._store.get(key)
            try:
                if found is None:
                    self._note(await self._store.create(key, _fresh(kind, obj)))
                else:
                    await self._merge(kind, obj, found, merge)
                return
            except (KeyExists, Conflict):
                continue
        raise RuntimeError(f"{kind.resource} {obj.metadata.name} could not be written: others keep changing it")

    async def _merge(self, kind: Kind, obj: Any, found: KeyValue, merge: Merge) -> None:
        present = decode(found.value, kind.type)
        if merge(obj, present):
            self._note(await self._store.update(found.key, msgspec.json.encode(present), found.revision))

    def _note(self, revision: int) -> None:
        self.written = max(self.written, revision)


def _fresh(kind: Kind, obj: Any) -> bytes:
    """A new object as it is stored: defaults filled in, with an identity and a birthday."""
    kind.prepare_create(obj)
    kind.set_defaults(obj)
    obj.apiVersion, obj.kind = kind.api_version, kind.kind
    obj.metadata.uid = str(uuid.uuid4())
    obj.metadata.creationTimestamp = now_text(datetime.now(UTC))
    if kind.has_generation:
        obj.metadata.generation = 1
    return msgspec.json.encode(obj)

"""What a controller has written and its cache has not shown yet.

What: `Writes.settled(key)` is False while an object written for `key` is missing from the cache in the written version.
Why: objects with generated names would be made twice by a controller that decides from an old cache
(endpointslice staleness tracker upstream). A cache that has come past the version has seen it, and so it counts after 30 s,
should the cache stand still.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.client.informer import Informer, object_key

GIVE_UP_SECONDS = 30.0


class Writes:
    """`informer` holds the written kind; `monotonic` gives seconds."""

    def __init__(self, informer: Informer[Any], monotonic: Callable[[], float]) -> None:
        self._informer = informer
        self._now = monotonic
        self._pending: dict[str, dict[str, tuple[int, float]]] = {}

    def wrote(self, key: str, obj: Any) -> None:
        """`obj`, as the server returned it, was written for `key`."""
        self._pending.setdefault(key, {})[object_key(obj)] = (_number(obj), self._now())

    def settled(self, key: str) -> bool:
        pending = self._pending.get(key)
        if not pending:
            return True
        text = self._informer.resource_version
        reached = int(text) if text.isdigit() else 0
        for name, (version, since) in list(pending.items()):
            seen = self._informer.get(name)
            known = reached >= version or (seen is not None and _number(seen) >= version)
            if known or self._now() - since > GIVE_UP_SECONDS:
                del pending[name]
        if pending:
            return False
        del self._pending[key]
        return True

    def forget(self, key: str) -> None:
        self._pending.pop(key, None)


def _number(obj: Any) -> int:
    text = obj.metadata.resourceVersion
    return int(text) if text.isdigit() else 0

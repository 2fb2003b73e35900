"""What was last seen or written of an object, whichever is newer.

What: `Newest`, an informer's objects with one's own writes laid over them. Why: a controller that writes an object several
times in a row, or chooses among objects that it has just written, must not wait for its own watch. Bound: the objects that
were written and not seen yet.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from kubelite.client.informer import Informer, object_key

T = TypeVar("T")


class Newest(Generic[T]):
    """See the module. Objects are shared: clone before changing."""

    def __init__(self, informer: Informer[T]) -> None:
        self._informer = informer
        self._written: dict[str, T] = {}

    def wrote(self, obj: T) -> None:
        """`obj` is what the server answered to a write."""
        self._written[object_key(obj)] = obj

    def get(self, key: str) -> T | None:
        """The newer of both; None once the watch says that the object is gone."""
        seen, written = self._informer.get(key), self._written.get(key)
        if written is None:
            return seen
        if seen is None or _number(seen) >= _number(written):
            del self._written[key]
            return seen
        return written


def _number(obj: Any) -> int:
    text = obj.metadata.resourceVersion
    return int(text) if text.isdigit() else 0

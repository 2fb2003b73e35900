"""Watch events on the wire: one JSON object a line.

What: frames an encoded object as an event, and splits a stream into events. Why: the server frames each event once for all
watchers; the client must not decode an object before it knows the event's type. Flow: bytes → frame → bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kubelite.machinery.errors import StatusError

ADDED, MODIFIED, DELETED, BOOKMARK, ERROR = "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"
INITIAL_EVENTS_END = "k8s.io/initial-events-end"
MAX_EVENT = 64 * 1024 * 1024
"""Longest line taken from a server; a longer one is no watch."""

_HEADS = {name: f'{{"type":"{name}","object":'.encode() for name in (ADDED, MODIFIED, DELETED, BOOKMARK, ERROR)}
_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, gc=False):
    """An event whose object is still encoded."""

    type: str = ""
    object: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(Event)


def frame(type_: str, obj: bytes) -> bytes:
    """One event as a line, around an object that is JSON already."""
    return _HEADS[type_] + obj + b"}\n"


def bookmark(api_version: str, kind: str, resource_version: int | str, initial_end: bool = False) -> bytes:
    """A bookmark: nothing changed, but the watch has come this far. `initial_end` marks the end of the initial events."""
    metadata: dict[str, Any] = {"resourceVersion": str(resource_version), "creationTimestamp": None}
    if initial_end:
        metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
    return frame(BOOKMARK, _encode({"kind": kind, "apiVersion": api_version, "metadata": metadata}))


def error(problem: StatusError) -> bytes:
    """The event that ends a watch with a Status."""
    return frame(ERROR, _encode(problem.status()))


class Splitter:
    """Cuts a byte stream into events; keeps the unfinished line."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[Event]:
        """Every event that `data` completes. Raises ValueError for a line that is no event or far too long."""
        self._rest += data
        start = 0
        while (end := self._rest.find(b"\n", start)) >= 0:
            line = bytes(self._rest[start:end])
            start = end + 1
            if line.strip():
                yield _decoder.decode(line)
        del self._rest[:start]
        if len(self._rest) > MAX_EVENT:
            raise ValueError("watch event is too long")

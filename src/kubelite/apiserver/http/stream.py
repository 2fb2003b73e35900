"""The open body of an answer: what a watch writes to.

What: a thin handle on the transport with back-pressure as two callbacks. Why: a watch has no task; the cache pushes
bytes when there are some, and skips the watcher while its client does not read. Flow: `protocol` makes one when a
Response has a `takeover`; `watchcache` writes to it and ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from kubelite.apiserver.http.wire import LAST_CHUNK


class StreamOwner(Protocol):
    """The connection a stream belongs to."""

    _writable: Any

    def stream_ended(self, *, clean: bool) -> None: ...


def _nothing() -> None:
    return None


class Stream:
    """`on_drain` is called when a full client reads again, `on_lost` once when the client is gone."""

    __slots__ = ("_owner", "_transport", "chunked", "closed", "on_closed", "on_drain", "on_lost")

    def __init__(self, owner: StreamOwner, transport: asyncio.Transport, *, chunked: bool) -> None:
        self._owner = owner
        self._transport = transport
        self.chunked = chunked
        """Whether `write` expects HTTP chunk frames (HTTP/1.1) or plain bytes (HTTP/1.0)."""
        self.closed = False
        self.on_drain: Callable[[], None] = _nothing
        self.on_lost: Callable[[], None] = _nothing
        self.on_closed: Callable[[], None] = _nothing
        """Called once when the stream is over, however it ended."""

    @property
    def full(self) -> bool:
        """The client does not read: write nothing until `on_drain`."""
        return self._owner._writable is not None

    def write(self, framed: bytes) -> None:
        """Sends bytes that are framed already (see `chunked`)."""
        self._transport.write(framed)

    def end(self) -> None:
        """Completes the body; the connection serves further requests."""
        if not self.closed:
            self.closed = True
            if self.chunked:
                self._transport.write(LAST_CHUNK)
            self._owner.stream_ended(clean=True)
            self.on_closed()

    def abort(self) -> None:
        """Drops the connection without completing the body."""
        if not self.closed:
            self.closed = True
            self._transport.abort()
            self._owner.stream_ended(clean=False)
            self.on_closed()

    def drained(self) -> None:
        if not self.closed:
            self.on_drain()

    def lost(self) -> None:
        if not self.closed:
            self.closed = True
            self.on_lost()
            self.on_closed()

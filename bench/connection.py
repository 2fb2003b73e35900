"""The client's end of a benchmark: `Connection` sends requests, or follows a watch.

What: a keep-alive connection that keeps what is small of an answer and counts the rest; as a watcher it counts events and
notes when some of them came. Why: the load comes from one core; what it copies and parses would be taken for the server's
time. Flow: the transport reads into one buffer that all connections share → the head's length says when an answer is complete.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, ClassVar

KEPT = 64 * 1024
"""Bytes of an answer that are kept: a longer one is counted only."""
EVENT = b'{"type":"'
EDGE = len(EVENT) - 1
_mark = re.compile(rb'"reason":"w(\d+)"')


class Connection(asyncio.BufferedProtocol):
    """One request after the other. An answer without a length is a watch, and what follows its head are events."""

    room: ClassVar[bytearray] = bytearray(1 << 20)
    view: ClassVar[memoryview] = memoryview(room)

    def __init__(self) -> None:
        self.waiter: asyncio.Future[tuple[int, bytes]] | None = None
        self.kept = bytearray()
        self.need = 0
        self.transport: asyncio.Transport | None = None
        self.streaming = False
        self.lines = 0
        self.tail = b""
        self.seen: list[tuple[int, float]] | None = None
        """Set to a list, it gets (number, time) of the events of numbered status patches."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.view  # asyncio slices it: a slice of the bytes themselves would be a copy

    def buffer_updated(self, nbytes: int) -> None:
        if self.streaming:
            self._events(nbytes)
        elif self.need:
            self._more(nbytes)
        else:
            self._begin(nbytes)

    def _begin(self, size: int) -> None:
        """The head, perhaps in several pieces, and what came with it."""
        self.kept += self.view[:size]
        end = self.kept.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.kept[:end]).lower()
        at = head.find(b"content-length: ")
        if at < 0:
            self.streaming = True
            self.tail = bytes(self.kept[end + 4 :])
            self.lines = self.tail.count(EVENT)
            self.tail = self.tail[-EDGE:]
            self._done()
            return
        self.need = end + 4 + int(head[at + 16 :].partition(b"\r\n")[0]) - len(self.kept)
        if not self.need:
            self._done()

    def _more(self, size: int) -> None:
        if len(self.kept) < KEPT:
            self.kept += self.view[:size]
        self.need -= size
        if not self.need:
            self._done()

    def _done(self) -> None:
        whole, self.kept = bytes(self.kept), bytearray()
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result((int(whole[9:12]), whole))

    def _events(self, size: int) -> None:
        room = self.room
        if self.seen is not None:
            now = time.perf_counter()
            self.seen += [(int(found[1]), now) for found in _mark.finditer(room, 0, size)]
        self.lines += room.count(EVENT, 0, size) + (self.tail + room[: min(EDGE, size)]).count(EVENT)
        self.tail = (self.tail + room[max(0, size - EDGE) : size])[-EDGE:]

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """(status, answer); of a long answer only the beginning."""
        self.waiter = asyncio.get_running_loop().create_future()
        assert self.transport is not None
        self.transport.write(request)
        return await self.waiter


def encode(method: str, path: str, body: bytes = b"", media: str = "application/json") -> bytes:
    """A request."""
    kind = f"content-type: {media}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{kind}content-length: {len(body)}\r\n\r\n".encode() + body

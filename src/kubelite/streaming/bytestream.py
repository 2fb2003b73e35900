"""Byte streams and the one bounded buffer between a reader task and its consumer.

What: the `ByteStream` protocol, its socket implementation, `Inbox` and `relay`.
Why: a socket, a SPDY stream, a WebSocket channel and a tunnel are copied by the same code. Flow: bytes in, bytes out; a
full buffer stops the reading of the connection (TCP back-pressure), it never grows and never drops.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

CHUNK: Final = 64 * 1024
INBOX_LIMIT: Final = 256 * 1024
CLOSE_SECONDS: Final = 5.0


class ByteStream(Protocol):
    """A stream of bytes in both directions."""

    async def read(self) -> bytes:
        """The next bytes, b"" at the end."""

    async def write(self, data: bytes) -> None:
        """Send bytes; waits while the peer is slower. Raises ConnectionError when the stream is gone."""

    async def finish(self) -> None:
        """End the writing direction, where the transport can express that."""

    async def close(self) -> None:
        """End both directions and free the transport; never raises."""


class SocketStream:
    """A `ByteStream` over an asyncio reader and writer (plain or TLS)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self) -> bytes:
        return await self.reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def finish(self) -> None:
        if self.writer.can_write_eof():
            with contextlib.suppress(OSError):
                self.writer.write_eof()

    async def close(self) -> None:
        self.writer.close()
        # A peer that answers neither data nor close must not hold this side for ever.
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.writer.wait_closed()
        except TimeoutError:
            self.writer.transport.abort()
        except OSError:
            return


class Inbox:
    """A bounded buffer of bytes with one producer and one consumer. Full: `put` waits."""

    __slots__ = ("_chunks", "_closed", "_ended", "_limit", "_room", "_size", "_wake")

    def __init__(self, limit: int = INBOX_LIMIT) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._limit = limit
        self._ended = False
        self._closed = False
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """True once the producer has ended (bytes may still be waiting)."""
        return self._ended

    async def put(self, data: bytes) -> None:
        """Append bytes, then wait while more than the limit is waiting. After `end` or `discard` they are dropped."""
        if self._ended or self._closed or not data:
            return
        self._chunks.append(data)
        self._size += len(data)
        _fire(self._wake)
        while self._size > self._limit and not self._closed:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def end(self) -> None:
        """No more bytes will come; those that wait can still be read."""
        self._ended = True
        _fire(self._wake)

    def discard(self) -> None:
        """The consumer has gone: drop what waits and what will come."""
        self._closed = True
        self._chunks.clear()
        self._size = 0
        self._ended = True
        _fire(self._room)
        _fire(self._wake)

    async def get(self) -> bytes:
        """All bytes that wait, or the next ones; b"" at the end."""
        while not self._chunks:
            if self._ended:
                return b""
            self._wake = asyncio.get_running_loop().create_future()
            await self._wake
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        _fire(self._room)
        return data


def _fire(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


async def copy(source: ByteStream, target: ByteStream) -> None:
    """Copy until the source ends, then end the target's writing direction."""
    while data := await source.read():
        await target.write(data)
    await target.finish()


async def relay(first: ByteStream, second: ByteStream) -> None:
    """Copy both ways until either side ends, then close both; a lost connection is an end."""

    async def one_way(source: ByteStream, target: ByteStream) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := await source.read():
                await target.write(data)

    tasks = [asyncio.ensure_future(one_way(first, second)), asyncio.ensure_future(one_way(second, first))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await first.close()
        await second.close()
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error

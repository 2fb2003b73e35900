"""One HTTP/1.1 connection: writes a request, parses the answer, whole or as a stream.

What: an asyncio protocol over httptools that carries one exchange at a time.
Why: an own parser loop costs a fifth of a general HTTP library per call, and daemons live on small calls.
Flow: `transport.Transport` opens and pools connections → `start(...)` writes → parser callbacks fill the `Exchange` →
the future of the exchange resolves at the end (whole) or at the headers (stream). A stream that is not read pauses the
socket above `HIGH_WATER` bytes, so memory is bounded by the reader.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from httptools import HttpParserError, HttpResponseParser

from kubelite.client.errors import ConnectionFailed

HIGH_WATER = 1 << 20
LOW_WATER = 1 << 18


def header_map(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def header_values(pairs: list[tuple[bytes, bytes]], wanted: str) -> list[str]:
    """Every value of a header that may be repeated (Warning), in the order received; `wanted` is lower case."""
    key = wanted.encode()
    return [value.decode("utf-8", "replace") for name, value in pairs if name.lower() == key]


class Response:
    """A whole answer. Header names are lower case; the last of a repeated header wins, `values` has them all."""

    __slots__ = ("_headers", "body", "status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        self._headers = headers
        self.body = body

    @property
    def headers(self) -> dict[str, str]:
        return header_map(self._headers)

    def values(self, name: str) -> list[str]:
        """Every value of the header `name` (lower case)."""
        return header_values(self._headers, name)


class Exchange:
    """A request under way. `done` resolves when the answer (or, streaming, its head) has arrived."""

    __slots__ = ("body", "chunks", "complete", "done", "failure", "headers", "size", "status", "streaming", "waiter")

    def __init__(self, done: asyncio.Future[None], streaming: bool) -> None:
        self.done = done
        self.streaming = streaming
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.chunks: deque[bytes] = deque()
        self.size = 0
        self.complete = False
        self.failure: ConnectionFailed | None = None
        self.waiter: asyncio.Future[None] | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Connection(asyncio.Protocol):
    """A connection to the server; `usable` while it can carry another exchange."""

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str) -> None:
        self._loop = loop
        self._address = address
        self._parser: Any = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._keep_alive = True
        self._paused = False
        self.usable = False
        self.used = False
        self.idle_since = 0.0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol is given a stream transport
        self.usable = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(ConnectionFailed(f"malformed HTTP response from {self._address}: {error}", sent=True))
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        self._transport = None
        exchange = self._exchange
        if exchange is None:
            return
        names = {name.lower() for name, _ in exchange.headers}
        if exchange.status and error is None and not names & {b"content-length", b"transfer-encoding"}:
            self.on_message_complete()  # a body that ends with the connection
            return
        reason = str(error) if error else "EOF"
        self._fail(ConnectionFailed(f"connection to {self._address} lost: {reason}", sent=True))

    # httptools callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._exchange is not None:
            self._exchange.headers.append((name, value))

    def on_headers_complete(self) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            exchange.headers.clear()
            return
        exchange.status = status
        self._keep_alive = self._parser.should_keep_alive()
        if exchange.streaming and not exchange.done.done():
            exchange.done.set_result(None)

    def on_body(self, body: bytes) -> None:
        exchange = self._exchange
        if exchange is None:
            return
        exchange.chunks.append(body)
        if exchange.streaming:
            exchange.size += len(body)
            if exchange.size > HIGH_WATER and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            exchange.wake()

    def on_message_complete(self) -> None:
        exchange = self._exchange
        if exchange is None or not exchange.status:
            return
        self._exchange = None
        exchange.complete = True
        if not self._keep_alive:
            self.abort()
        if exchange.streaming:
            exchange.wake()
            return
        chunks = exchange.chunks
        exchange.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        if not exchange.done.done():
            exchange.done.set_result(None)

    # use

    def start(self, head: bytes, body: bytes, *, streaming: bool) -> Exchange:
        """Write a request. The caller awaits `exchange.done`, and aborts the connection if it gives up."""
        assert self._transport is not None and self._exchange is None
        exchange = Exchange(self._loop.create_future(), streaming)
        self._exchange = exchange
        self.used = True
        if body:
            self._transport.write(head + body if len(body) < 65536 else head)
            if len(body) >= 65536:
                self._transport.write(body)
        else:
            self._transport.write(head)
        return exchange

    async def chunk(self, exchange: Exchange) -> bytes:
        """The next bytes of a stream, b"" at its end. Everything that has arrived is returned at once."""
        while not exchange.chunks:
            if exchange.failure is not None:
                raise exchange.failure
            if exchange.complete:
                return b""
            exchange.waiter = self._loop.create_future()
            await exchange.waiter
        data = exchange.chunks[0] if len(exchange.chunks) == 1 else b"".join(exchange.chunks)
        exchange.chunks.clear()
        exchange.size = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def fail(self, message: str) -> None:
        """Give up on the exchange under way, with this text, and close."""
        self._fail(ConnectionFailed(message, sent=True))
        self.abort()

    def abort(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: ConnectionFailed) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        exchange.failure = error
        if not exchange.done.done():
            exchange.done.set_exception(error)
        exchange.wake()

"""One client connection: parses requests, runs them one after the other, writes answers.

What: an `asyncio.Protocol` on httptools. Why: see docs/adr/0003: half the CPU of a general server, the peer
certificate, the raw transport for upgrades, and watches that write straight to the transport. Flow: bytes → `_Parse`
callbacks → `Request` → the application (`App`), which answers at once or returns an awaitable → head and body to the
transport.

Bounds: a head of `heads.MAX_HEAD` bytes (431), a body of `limits.body` (413); pipelined requests wait, and reading stops.
A peer that does not read stops the writer through `pause_writing`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from typing import Any, cast

import httptools

from kubelite.apiserver.bursts import Sending
from kubelite.apiserver.http import heads, wire
from kubelite.apiserver.http.chunks import send_chunks
from kubelite.apiserver.http.shared import Server
from kubelite.apiserver.http.stream import Stream
from kubelite.apiserver.request import HIJACKED, Request, Response


class HttpProtocol(asyncio.Protocol):
    """The state of one connection. Only `Connection`'s members and `Stream` are for handlers."""

    __slots__ = (
        "_body",
        "_body_size",
        "_doomed",
        "_head_size",
        "_headers",
        "_in_head",
        "_parser",
        "_reading_paused",
        "_refusal",
        "_sending",
        "_task",
        "_transport",
        "_url",
        "_waiting",
        "_writable",
        "began",
        "closing",
        "current",
        "early",
        "hijacked",
        "last_used",
        "loop",
        "memo",
        "peer_address",
        "peer_certificate",
        "server",
        "stream",
        "stuck_since",
    )

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.memo: dict[str, Any] = {}
        self.peer_certificate: bytes | None = None
        self.peer_address = ""
        self.current: tuple[Request, bool, bool] | None = None
        self.stream: Stream | None = None
        self.early = b""
        self.hijacked = False
        self.closing = False
        self.last_used = loop.time()
        self.stuck_since = 0.0  # when the client stopped reading what is sent; 0 while it reads
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._sending: Sending | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._refusal: Response | None = None
        self._doomed: Response | None = None
        self.on_message_begin()
        self.began = 0.0  # when the message that is being read began; 0 between messages

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=512 * 1024, low=128 * 1024)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self.memo["tls"], self.peer_certificate = tls, tls.getpeercert(True)
        peer = transport.get_extra_info("peername")
        self.peer_address = peer[0] if isinstance(peer, tuple) else ""
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        self._transport = None
        self.closing = True
        self._sending = None
        self._waiting.clear()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self.stream is not None:
            self.stream.lost()
        # A write that was sent is carried out; a reader or a stream has nobody left to tell.
        reading = self.current is not None and self.current[0].method in ("GET", "HEAD")
        if self._task is not None and reading:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self.hijacked or self.closing or self._doomed is not None:
            return
        self.last_used = self.loop.time()
        if self._in_head:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.early = data[upgrade.args[0] :]
            if self._refusal is None and heads.has_body(self._headers):
                head, self.early = heads.without_upgrade(self._waiting.pop()[0], self._url) + self.early, b""
                self._parser = httptools.HttpRequestParser(self)
                self.data_received(head)
                return
            self._pause_reading()
        except httptools.HttpParserError:
            self._refuse(self._refusal or self.server.refuse(400, "malformed HTTP request"))
            return
        if self._in_head and self._head_size > heads.MAX_HEAD:
            self._refuse(self.server.refuse(431, "request header fields too large"))
        elif self._refusal is not None:
            self._refuse(self._refusal)
        else:
            self._run_waiting()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self.loop.create_future()
            self.stuck_since = self.loop.time()

    def resume_writing(self) -> None:
        self.stuck_since = 0.0
        waiter, self._writable = self._writable, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        if self.stream is not None:
            self.stream.drained()
        if self._sending is not None:
            self._sending.later(self.loop, self._send_on)

    # -- httptools callbacks

    def on_message_begin(self) -> None:
        self._in_head = True
        self.began = self.loop.time()
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer of a chunked body
        headers = self._headers
        key = name.lower().decode("latin-1")
        text = value.decode("latin-1")
        known = headers.get(key)
        if len(headers) > heads.MAX_HEADERS:
            self._refusal = self.server.refuse(431, "too many request header fields")
        elif known is not None and key == "host":
            self._refusal = self.server.refuse(400, "too many Host headers")
        headers[key] = (
            text if known is None else f"{known}{chr(10) if key.startswith(self.server.separate) else ','}{text}"
        )

    def on_headers_complete(self) -> None:
        headers = self._headers
        self._in_head = False
        if self._refusal is not None:
            return
        mistake = heads.mistake_of(headers, self._parser.get_http_version(), self.server.body_limit)
        if mistake is not None:
            self._refusal = self.server.refuse(*mistake)
        elif "expect" in headers and self._transport is not None and self.current is None:
            self._transport.write(wire.CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > self.server.body_limit:
            self._refusal = self.server.refuse(413, "")
            self._body.clear()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self.began = 0.0
        if self._refusal is not None:
            return
        body = self._body
        parser = self._parser
        path, query, mistake = heads.split_target(self._url)
        if mistake:
            self._refusal = self.server.refuse(400, mistake)
            return
        request = Request(
            parser.get_method().decode("latin-1"),
            path,
            query,
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self,
        )
        if b"%" in self._url:
            request.raw_path = heads.raw_path(self._url)
        keep = parser.should_keep_alive() and not parser.should_upgrade()
        self._waiting.append((request, keep, parser.get_http_version() != "1.0"))

    # -- running requests

    def _run_waiting(self) -> None:
        """Starts waiting requests until one has to be awaited; stops reading while others wait behind it."""
        if self.hijacked:
            return
        while self._waiting and self.current is None and not self.closing:
            self.current = self._waiting.popleft()
            answer = self.server.app(self.current[0])
            if isinstance(answer, Response):
                self._respond(answer)
            else:
                self._task = self.loop.create_task(self._answer(cast(Coroutine[Any, Any, Response], answer)))
        if self._doomed is not None and self.current is None and not self.closing:
            self._refuse(self._doomed)
        elif self._waiting and not self._reading_paused:
            self._pause_reading()
        elif not self._waiting and self._reading_paused and not self.early and self.current is None:
            self._resume_reading()

    async def _answer(self, work: Awaitable[Response]) -> None:
        """Awaits one handler and writes its answer. A cancellation is a time-out (by the listener) or a lost client."""
        try:
            response = await work
        except asyncio.CancelledError:
            if self._transport is None:
                return
            response = self.server.refuse(504, "request did not complete within the allotted timeout")
        if isinstance(response.body, (bytes, list)) or response is HIJACKED:
            self._task = None
            self._respond(response)
            if self.current is None:
                self._run_waiting()
            return
        try:
            await self._send_pieces(response)
        finally:
            self._task = None

    def _respond(self, response: Response) -> None:
        """Writes an answer whose bytes are all there, or hands the connection to a stream."""
        if response is HIJACKED or self.hijacked:
            self.current = None
            return
        transport, current = self._transport, self.current
        if transport is None or current is None:
            self.current = None
            return
        request, keep, modern = current
        keep = keep and not self.server.stopping
        if response.takeover is not None and request.method != "HEAD":
            close = not modern or not keep
            transport.write(wire.head_of(response, None, chunked=modern, close=close, more=request.reply_head))
            self.stream = Stream(self, transport, chunked=modern)
            response.takeover(self.stream)
            return
        body = response.body
        pieces = body if isinstance(body, list) else [cast(bytes, body)]
        length = sum(map(len, pieces))
        shown = None if response.status in (101, 204, 304) else length
        head = wire.head_of(response, shown, chunked=False, close=not keep, more=request.reply_head)
        if request.method == "HEAD" or shown is None:
            transport.write(head)
        elif length <= 65536:
            transport.write(head + pieces[0] if len(pieces) == 1 else b"".join([head, *pieces]))
        else:
            transport.write(head)
            self._sending = Sending(pieces, keep)
            self._send_on()
            return
        self._finish(keep)

    def _send_on(self) -> None:
        """Writes a large answer as fast as the client reads: what waits in the transport is copied twice."""
        sending, transport = self._sending, self._transport
        if sending is not None and transport is not None:
            if sending.burst(transport, lambda: self._writable):
                self._sending = None
                self._finish(sending.keep)
                self._run_waiting()
            elif self._writable is None:
                sending.later(self.loop, self._send_on)

    async def _send_pieces(self, response: Response) -> None:
        """Writes an answer piece by piece as its iterator yields, waiting for the client to read."""
        transport, current = self._transport, self.current
        if transport is None or current is None:
            return
        keep, modern = current[1] and not self.server.stopping, current[2]
        pieces = cast(Any, response.body)
        close = not modern or not keep
        transport.write(wire.head_of(response, None, chunked=modern, close=close, more=current[0].reply_head))
        head_only = current[0].method == "HEAD"
        if head_only or await send_chunks(transport, pieces, chunked=modern, writable=lambda: self._writable):
            self._finish(keep and modern)
            self._run_waiting()

    def _finish(self, keep: bool) -> None:
        """One answer is complete."""
        self.current = self.stream = None
        self.last_used = self.loop.time()
        if not keep and self._transport is not None:
            self.closing = True
            self._transport.close()

    def _refuse(self, response: Response) -> None:
        """Answers what could not be read and closes, after the requests before it: what follows cannot be trusted."""
        if self._doomed is None and self.stream is None and (self._waiting or self.current is not None):
            self._doomed = response
            self._run_waiting()
            return
        self.closing = True
        transport = self._transport
        if transport is None:
            return
        if self.current is None:
            body = cast(bytes, response.body)
            transport.write(wire.head_of(response, len(body), chunked=False, close=True) + body)
            # Reading on for a moment lets the client see the answer before a reset that unread bytes would cause.
            self.loop.call_later(0.5, transport.close)
        else:
            transport.close()

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._reading_paused:
            self._transport.pause_reading()
            self._reading_paused = True

    def _resume_reading(self) -> None:
        if self._transport is not None and self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    # -- for handlers and the listener

    def stream_ended(self, *, clean: bool) -> None:
        """A takeover is over; `clean` says that the body ended as HTTP wants it."""
        keep = clean and self.current is not None and self.current[1] and self.current[2] and not self.server.stopping
        self._finish(keep)
        if keep:
            self.loop.call_soon(self._run_waiting)

    def hijack(self) -> tuple[asyncio.Transport, bytes]:
        """Gives away the transport (reading is paused if anything was upgraded) and the bytes that came early."""
        transport = self._transport
        if transport is None:
            raise ConnectionError("the client is gone")
        self.hijacked = True
        self.server.connections.discard(self)
        return transport, self.early

    def is_idle(self) -> bool:
        return self.current is None and not self._waiting

    def is_slow(self, now: float, head: float, body: float) -> bool:
        """Whether a request has been arriving for longer than `head` (its head) or `body` seconds (all of it)."""
        return bool(self.began) and now - self.began > (head if self._in_head else body)

    def time_out(self) -> None:
        """Ends the request under way with 504."""
        if self._task is not None:
            self._task.cancel()
        elif self._sending is not None:
            self.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Closes once what was written is sent."""
        self.closing = True
        if self._transport is not None:
            self._transport.close()

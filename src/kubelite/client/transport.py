"""Connections to one API server: opened on demand, kept alive, bounded in number.

What: `Transport.request` (a whole answer) and `Transport.stream` (the bytes as they come).
Why: a TLS handshake costs 30 requests, so connections are kept; a burst must not open hundreds, so there is a bound, and
callers beyond it wait in order. Streams (watch, logs) have connections of their own outside the bound.
Flow: `Client` → request line and headers as bytes → an idle or a new `Connection` → `Response` or `Stream`.
Retrying is the caller's decision (`client.Client`): this module reports each failure once, as `ConnectionFailed`.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from urllib.parse import urlsplit

from kubelite.client.calls import Calls
from kubelite.client.config import ClientConfig
from kubelite.client.connection import Connection, Exchange, Response, header_map, header_values
from kubelite.client.credentials import Certificate
from kubelite.client.errors import ConnectionFailed

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 90.0
MAX_CONNECTIONS = 32
KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
UNACKNOWLEDGED_MS = 30_000


class Stream:
    """The body of an answer as it arrives: iterate over byte chunks, then `close()`."""

    def __init__(self, transport: Transport, connection: Connection, exchange: Exchange) -> None:
        self._transport = transport
        self._connection = connection
        self._exchange = exchange
        self.status = exchange.status
        self.headers = header_map(exchange.headers)
        self.pairs = exchange.headers
        """Names and values as they came, repeated ones too."""
        self.warnings = header_values(exchange.headers, "warning")
        self._timer: asyncio.TimerHandle | None = None

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        data = await self._connection.chunk(self._exchange)
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self) -> bytes:
        """Everything that is left."""
        return b"".join([chunk async for chunk in self])

    def expire(self, seconds: float) -> None:
        """Fail with `ConnectionFailed` if the stream still runs after so long."""
        message = f"the stream was not ended by the server within {seconds:g}s"
        self._timer = asyncio.get_running_loop().call_later(seconds, self._connection.fail, message)

    def close(self) -> None:
        """Let go of the connection: back to the pool after a complete answer, closed otherwise."""
        if self._timer is not None:
            self._timer.cancel()
        if self._exchange.complete and self._connection.usable:
            self._transport.keep(self._connection)
        else:
            self._connection.abort()
        self._transport.forget_stream(self)


class Transport:
    """The pool. `host` is the value of the Host header, `prefix` the path before every request path."""

    def __init__(self, config: ClientConfig, *, max_connections: int = MAX_CONNECTIONS) -> None:
        parts = urlsplit(config.server)
        self._config = config
        self._tls = parts.scheme == "https"
        self._hostname = parts.hostname or "localhost"
        self._port = parts.port or (443 if self._tls else 80)
        self.host = parts.netloc.rpartition("@")[2]
        self.prefix = parts.path.rstrip("/")
        self.address = f"[{self._hostname}]:{self._port}" if ":" in self._hostname else f"{self._hostname}:{self._port}"
        self.calls = Calls(self.host)
        self._context: ssl.SSLContext | None = None
        self._certificate: Certificate | None = None
        self._max = max_connections
        self._open = 0
        self._idle: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._busy: set[Connection] = set()
        self._streams: set[Stream] = set()
        self._closed = False

    def set_certificate(self, certificate: Certificate) -> None:
        """Use another client certificate for new connections; the idle ones are closed."""
        if certificate != self._certificate:
            self._certificate = certificate
            self._context = None
            while self._idle:
                self._idle.pop().close()

    def ssl_context(self) -> ssl.SSLContext | None:
        """The TLS settings of this server (None for http), made once."""
        if self._context is None and self._tls:
            self._context = self._config.ssl_context(self._certificate)
        return self._context

    async def request(self, head: bytes, body: bytes, seconds: float) -> Response:
        """One exchange. `head` is the request line and headers with the empty line; `seconds` bounds the whole."""
        loop = asyncio.get_running_loop()
        began, status = loop.time(), 0
        try:
            connection = await self._acquire(loop)
            self._busy.add(connection)
            try:
                exchange = await self._exchange(connection, head, body, seconds, streaming=False)
            finally:
                self._busy.discard(connection)
                self._release(connection, loop)
            status = exchange.status
        finally:
            self.calls.note(head, status, loop.time() - began)
        return Response(status, exchange.headers, exchange.body)

    async def _exchange(
        self, connection: Connection, head: bytes, body: bytes, seconds: float, *, streaming: bool
    ) -> Exchange:
        """Until the answer is there, or its headers if it is streamed; the connection ends with an exchange that fails."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(seconds, connection.fail, f"request to {self.address} timed out after {seconds:g}s")
        try:
            exchange = connection.start(head, body, streaming=streaming)
            await exchange.done
        except BaseException:
            connection.abort()
            raise
        finally:
            timer.cancel()
        return exchange

    async def stream(self, head: bytes, body: bytes, seconds: float) -> Stream:
        """Start an exchange on a connection of its own; `seconds` bounds the wait for the headers."""
        loop = asyncio.get_running_loop()
        began, status = loop.time(), 0
        try:
            connection = self._pop_idle(loop) or await self._connect(loop)
            exchange = await self._exchange(connection, head, body, seconds, streaming=True)
            status = exchange.status
        finally:
            self.calls.note(head, status, loop.time() - began)
        stream = Stream(self, connection, exchange)
        self._streams.add(stream)
        return stream

    def keep(self, connection: Connection) -> None:
        """Put a connection whose exchange is complete among the idle ones."""
        if self._closed or len(self._idle) >= self._max:
            connection.close()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    def forget_stream(self, stream: Stream) -> None:
        self._streams.discard(stream)

    async def close(self) -> None:
        """Close every connection; exchanges under way fail with `ConnectionFailed`."""
        self._closed = True
        for connection in [*self._idle, *self._busy]:
            connection.fail("the client is closed")
        self._idle.clear()
        for stream in list(self._streams):
            stream.close()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
        await asyncio.sleep(0)

    async def _acquire(self, loop: asyncio.AbstractEventLoop) -> Connection:
        while self._open >= self._max and not self._closed:
            waiter = loop.create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake_next()
                raise
        if self._closed:
            raise ConnectionFailed("the client is closed")
        self._open += 1
        try:
            return self._pop_idle(loop) or await self._connect(loop)
        except BaseException:
            self._open -= 1
            self._wake_next()
            raise

    def _release(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._open -= 1
        if connection.usable:
            self.keep(connection)
        self._wake_next()

    def _wake_next(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _pop_idle(self, loop: asyncio.AbstractEventLoop) -> Connection | None:
        """The connection used last, so that surplus ones age and are closed."""
        oldest = loop.time() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> Connection:
        where = f"dial tcp {self.address}"
        name = (self._config.tls_server_name or self._hostname) if self._tls else None
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                transport, connection = await loop.create_connection(
                    lambda: Connection(loop, self.address),
                    self._hostname,
                    self._port,
                    ssl=self.ssl_context(),
                    server_hostname=name,
                )
        except TimeoutError as error:
            raise ConnectionFailed(f"{where}: i/o timeout") from error
        except ConnectionRefusedError as error:
            raise ConnectionFailed(f"{where}: connect: connection refused", refused=True) from error
        except ssl.SSLCertVerificationError as error:
            raise ConnectionFailed(f"tls: failed to verify certificate: x509: {error.verify_message}") from error
        except OSError as error:
            refused = "Connect call failed" in str(error)  # several addresses were tried, each refused
            raise ConnectionFailed(f"{where}: {error}", refused=refused) from error
        _keep_alive(transport.get_extra_info("socket"))
        return connection


def _keep_alive(sock: socket.socket | None) -> None:
    """A peer that vanished without a goodbye is noticed in well under a minute."""
    if sock is None:
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    except OSError:
        return  # not a TCP socket; the timeouts of the requests still hold

"""A client's way into a stream: connect, ask for an upgrade, fall back from WebSocket to SPDY.

What: `upgrade` (one attempt), `command` (exec and attach) and `port_forward` (with the WebSocket tunnel first), `url_opener`.
Why: the CLI reaches the API server and the kubelet reaches the runtime by the same steps. Flow: an `Opener` gives a connection
and the identity headers → HTTP upgrade → streams. Errors: `StatusError` as the server words it, ConnectionError when no
answer came. Source: client-go/tools/remotecommand (websocket, spdy, fallback), client-go/tools/portforward/fallback_dialer.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import urlsplit

from kubelite.machinery.errors import StatusError
from kubelite.streaming import handshake, portforward, remotecommand
from kubelite.streaming.bytestream import ByteStream, SocketStream
from kubelite.streaming.handshake import Upgrade, UpgradeRefused
from kubelite.streaming.remotecommand import CommandStreams, Options
from kubelite.streaming.spdy import SpdySession
from kubelite.streaming.websocket import MessageStream, WebSocket

ANSWER_SECONDS: Final = 30.0
MAX_ERROR_BODY: Final = 64 * 1024
FINAL_CODES: Final = frozenset({401, 404, 429})
"""Answers of a WebSocket attempt that SPDY would not change."""


class Connection(Protocol):
    """An open connection before any request; `kubelite.client.upgrade.Opened` is one."""

    @property
    def reader(self) -> asyncio.StreamReader: ...

    @property
    def writer(self) -> asyncio.StreamWriter: ...

    @property
    def host(self) -> str:
        """The value of the Host header."""

    @property
    def prefix(self) -> str:
        """What comes before every path of this server."""

    @property
    def headers(self) -> bytes:
        """Header lines that say who asks, each with its line end."""


@dataclass(frozen=True, slots=True)
class PlainConnection:
    """A connection without identity."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str
    prefix: str = ""
    headers: bytes = b""


Opener = Callable[[], Awaitable[Connection]]


def url_opener(url: str) -> tuple[Opener, str]:
    """An opener for a plain URL without identity, and its path with query."""
    parts = urlsplit(url)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)

    async def connect() -> Connection:
        reader, writer = await asyncio.open_connection(parts.hostname or "localhost", port, ssl=tls)
        return PlainConnection(reader, writer, parts.netloc)

    return connect, f"{parts.path}?{parts.query}" if parts.query else parts.path


async def upgrade(opener: Opener, method: str, target: str, asked: Upgrade) -> tuple[ByteStream, str]:
    """One attempt: the raw stream after the 101 answer, and the protocol agreed on.

    Raises StatusError for any other answer, UpgradeRefused for a wrong 101, ConnectionError or TimeoutError.
    """
    opened = await opener()
    stream = SocketStream(opened.reader, opened.writer)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            lines = [f"{method} {opened.prefix}{target} HTTP/1.1", f"Host: {opened.host}"]
            lines += [f"{name}: {value}" for name, value in handshake.request_headers(asked)]
            if method == "POST":
                lines.append("Content-Length: 0")
            await stream.write("\r\n".join(lines).encode() + b"\r\n" + opened.headers + b"\r\n")
            status, headers = await read_head(opened.reader)
            if status != 101:
                raise status_error(status, await _body(opened.reader, headers))
        return stream, handshake.accepted_protocol(asked, status, headers)
    except BaseException:
        await stream.close()
        raise


async def read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    """Status and headers (lower-case names) of an answer; 1xx answers but 101 are skipped."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ConnectionResetError("the server closed the connection without an answer") from error
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if len(words) < 2 or not words[1].isdigit():
            raise ConnectionResetError(f"malformed HTTP response {first!r}")
        status = int(words[1])
        if status == 101 or status >= 200:
            pairs = (line.partition(":") for line in rest if line)
            return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    try:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts: list[bytes] = []
            while (size := int((await reader.readline()).split(b";")[0], 16)) and sum(map(len, parts)) < MAX_ERROR_BODY:
                parts.append(await reader.readexactly(size))
                await reader.readline()
            return b"".join(parts)
        if "content-length" in headers:
            return await reader.readexactly(min(int(headers["content-length"]), MAX_ERROR_BODY))
        return await reader.read(MAX_ERROR_BODY)
    except (asyncio.IncompleteReadError, ValueError):
        return b""


def status_error(code: int, body: bytes) -> StatusError:
    """The error in an answer that is no upgrade: the server's Status, or its text."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status":
        return StatusError.from_status(document, code)
    text = body.decode("utf-8", "replace").strip() or f"the server responded with the status code {code}"
    return StatusError(code, "", f"unable to upgrade connection: {text}")


def websocket_request(protocols: Sequence[str]) -> Upgrade:
    return Upgrade("websocket", tuple(protocols), base64.b64encode(os.urandom(16)).decode())


async def command(opener: Opener, target: str, options: Options, *, websocket: bool = True) -> CommandStreams:
    """The streams of an exec or attach at `target` (path and query): WebSocket v5 first, then SPDY.

    `websocket=False`: SPDY at once, as CRI runtimes want it.
    """
    if websocket:
        try:
            io, protocol = await upgrade(opener, "GET", target, websocket_request((remotecommand.V5,)))
            if protocol == remotecommand.V5:
                return await remotecommand.websocket_client(WebSocket(io, client=True), options, protocol)
            await io.close()
        except StatusError as error:
            if error.code in FINAL_CODES:
                raise
        except UpgradeRefused:
            pass  # An old server answered something else: SPDY is the second way.
    io, protocol = await upgrade(opener, "POST", target, Upgrade("spdy", remotecommand.SPDY_PROTOCOLS))
    session = await SpdySession(io, server=False).__aenter__()
    try:
        return await remotecommand.spdy_client(session, options, protocol or remotecommand.SPDY_PROTOCOLS[-1])
    except BaseException:
        await session.close()
        raise


async def port_forward(opener: Opener, target: str, *, websocket: bool = True) -> SpdySession:
    """A session for `PortForwarder`: SPDY inside a WebSocket first, then SPDY. The caller closes it."""
    if websocket:
        try:
            io, protocol = await upgrade(opener, "GET", target, websocket_request((portforward.TUNNEL_PROTOCOL,)))
            if protocol == portforward.TUNNEL_PROTOCOL:
                tunnel = MessageStream(WebSocket(io, client=True))
                return await SpdySession(tunnel, server=False).__aenter__()
            await io.close()
        except StatusError as error:
            if error.code in FINAL_CODES:
                raise
        except UpgradeRefused:
            pass  # An old server answered something else: SPDY is the second way.
    io, _ = await upgrade(opener, "POST", target, Upgrade("spdy", (portforward.SPDY_PROTOCOL,)))
    return await SpdySession(io, server=False).__aenter__()

"""HTTP/1.1 for a server whose connections may stop being HTTP: requests in, answers and chunked bodies out.

What: `read_request`, `Request.respond`, `Request.chunked`. Why: an upgrade hands the raw connection over, and a followed log is a
body without end; a web framework allows the first only by detours. Flow: bytes → Request → handler → bytes. Bounds: 64 KiB of
head, 1 MiB of body, 30 s for the head.
"""

from __future__ import annotations

import asyncio
import http
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 1024 * 1024
IDLE_SECONDS: Final = 90.0


class BadRequest(Exception):
    """The bytes are no request; `code` is the answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class HttpError(Exception):
    """A handler's refusal: status and text of the answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(slots=True)
class Request:
    """One request. `upgraded` is set by a handler that took the connection over."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: list[tuple[str, str]]
    """Lower-case names, repeats kept."""
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    body: bytes = b""
    upgraded: bool = False
    answered: bool = False
    keep_alive: bool = True
    user: Any = field(default=None)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def first(self, *names: str) -> str:
        """The first value of the first of these query parameters that is given."""
        return next((self.query[name][0] for name in names if self.query.get(name)), "")

    async def respond(self, code: int, body: bytes | str, content_type: str = "text/plain; charset=utf-8") -> None:
        data = body.encode() if isinstance(body, str) else body
        self.answered = True
        head = _head(code, content_type, f"Content-Length: {len(data)}", self.keep_alive)
        self.writer.write(head + (b"" if self.method == "HEAD" else data))
        await self.writer.drain()

    async def respond_json(self, value: Any) -> None:
        await self.respond(200, json.dumps(value, separators=(",", ":")), "application/json")

    async def start_chunked(self, content_type: str = "text/plain") -> None:
        """Begin a body of unknown length; `chunk` goes on, `end_chunked` ends it."""
        self.answered = True
        self.writer.write(_head(200, content_type, "Transfer-Encoding: chunked", self.keep_alive))
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        if data:
            self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self.writer.drain()

    async def end_chunked(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()


def _head(code: int, content_type: str, length: str, keep_alive: bool) -> bytes:
    try:
        phrase = http.HTTPStatus(code).phrase
    except ValueError:
        phrase = ""
    connection = "" if keep_alive else "Connection: close\r\n"
    return f"HTTP/1.1 {code} {phrase}\r\nContent-Type: {content_type}\r\n{length}\r\n{connection}\r\n".encode()


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request | None:
    """The next request of a connection, None at its end. Raises BadRequest, TimeoutError, ConnectionError."""
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest(431, "request header fields too large") from error
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "malformed HTTP request")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip() or not name:
            raise BadRequest(400, "malformed HTTP header")
        headers.append((name.lower(), value.strip()))
    parts = urlsplit(words[1])
    request = Request(
        words[0], unquote(parts.path), parse_qs(parts.query, keep_blank_values=True), headers, reader, writer
    )
    connection = request.header("connection").lower()
    request.keep_alive = "close" not in connection and (words[2] == "HTTP/1.1" or "keep-alive" in connection)
    request.body = await _body(request)
    return request


async def _body(request: Request) -> bytes:
    if request.header("transfer-encoding"):
        raise BadRequest(501, "transfer encodings are not supported in requests")
    length = request.header("content-length") or "0"
    if not length.isdigit() or int(length) > MAX_BODY:
        raise BadRequest(413 if length.isdigit() else 400, "invalid content length")
    try:
        async with asyncio.timeout(IDLE_SECONDS):
            return await request.reader.readexactly(int(length))
    except asyncio.IncompleteReadError as error:
        raise BadRequest(400, "request body ended early") from error

"""The bytes of HTTP answers: status line, headers, chunk frames.

What: pure functions from values to bytes. Why: the head of an answer is the same for thousands of answers within a
second, so it is made once and only the length is added. Flow: `protocol` calls `head` for each answer and `chunk` for
streamed pieces.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from kubelite.apiserver.request import Response

LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_cache: dict[tuple[int, str], bytes] = {}
_cache_second = 0


def _start(status: int, content_type: str) -> bytes:
    """Status line and the headers that every answer of this kind has in this second."""
    global _cache_second
    second = int(time.time())
    if second != _cache_second:
        _cache.clear()
        _cache_second = second
    found = _cache.get((status, content_type))
    if found is None:
        type_line = f"Content-Type: {content_type}\r\n" if content_type else ""
        found = (
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}\r\nCache-Control: no-cache, private\r\n{type_line}"
            f"Date: {formatdate(second, usegmt=True)}\r\n"
        ).encode("latin-1")
        _cache[(status, content_type)] = found
    return found


def head(
    status: int,
    content_type: str,
    headers: Iterable[tuple[str, str]],
    length: int | None,
    *,
    chunked: bool,
    close: bool,
    more: bytes = b"",
) -> bytes:
    """The head of an answer, with the empty line. `length` None: no Content-Length (streams, 101, 304). `more`: further lines."""
    out = _start(status, content_type)
    for name, value in headers:
        if name == "Cache-Control":
            out = out.replace(b"Cache-Control: no-cache, private\r\n", b"")
        out += f"{name}: {_one_line(value)}\r\n".encode("utf-8", "replace")
    if chunked:
        out += b"Transfer-Encoding: chunked\r\n"
    elif length is not None:
        out += b"Content-Length: %d\r\n" % length
    if close:
        out += b"Connection: close\r\n"
    return out + more + b"\r\n"


def head_of(response: Response, length: int | None, *, chunked: bool, close: bool, more: bytes = b"") -> bytes:
    """The head of a `Response`."""
    return head(
        response.status, response.content_type, response.headers, length, chunked=chunked, close=close, more=more
    )


def _one_line(value: str) -> str:
    """A header value cannot carry line ends: they would start a new header."""
    return value.replace("\r", " ").replace("\n", " ") if "\n" in value or "\r" in value else value


def chunk(data: bytes) -> bytes:
    """One frame of a chunked body; empty data gives no frame, because an empty frame ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""

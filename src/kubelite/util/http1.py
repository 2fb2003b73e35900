"""A tiny HTTP server for a daemon's own /healthz and /metrics.

What: `serve(address, routes)` answers GET on loopback. Why: a web framework costs more memory than the daemon's own state.
In: a map from path to a function that returns (status, text). Out: HTTP/1.1, one request a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from kubelite.util.log import get_logger

log = get_logger(__name__)
Route = Callable[[], tuple[int, str]]
REASONS = {
    200: "OK",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
HEAD_TIMEOUT = 10.0


def healthy() -> tuple[int, str]:
    """The plain health answer."""
    return 200, "ok"


async def serve(address: str, routes: Mapping[str, Route]) -> asyncio.Server:
    """Listens on `host:port`; the caller closes the server. Port 0 takes a free one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_TIMEOUT)
            status, text = _respond(head, routes)
            body = text.encode()
            sent = b"" if head.startswith(b"HEAD ") else body
            writer.write(
                f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + sent
            )
            await writer.drain()
        writer.close()

    host, _, port = address.rpartition(":")
    return await asyncio.start_server(answer, host.strip("[]") or None, int(port), limit=16384)


def _respond(head: bytes, routes: Mapping[str, Route]) -> tuple[int, str]:
    words = head.split(b"\r\n", 1)[0].split()
    if len(words) != 3 or words[0] not in (b"GET", b"HEAD"):
        return 405, "method not allowed\n"
    route = routes.get(words[1].split(b"?")[0].decode("latin-1"))
    if route is None:
        return 404, "not found\n"
    try:
        return route()
    except Exception as error:  # a fault in one answer must not look like a dead process
        log.exception("Cannot answer a request", error, path=words[1].decode("latin-1"))
        return 500, "internal server error\n"

"""The small HTTP server of daemons."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from kubelite.util import http1


def broken() -> tuple[int, str]:
    raise RuntimeError("a fault")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    routes = {"/healthz": http1.healthy, "/bad": lambda: (503, "grün\n"), "/broken": broken}
    server = await http1.serve("127.0.0.1:0", routes)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def ask(port: int, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    writer.write_eof()
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0], body


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /healthz HTTP/1.1", b"HTTP/1.1 200 OK", b"ok"),
        (b"GET /healthz?verbose HTTP/1.1", b"HTTP/1.1 200 OK", b"ok"),
        (b"HEAD /healthz HTTP/1.1", b"HTTP/1.1 200 OK", b""),
        (b"GET /bad HTTP/1.1", b"HTTP/1.1 503 Service Unavailable", "grün\n".encode()),
        (b"GET /none HTTP/1.1", b"HTTP/1.1 404 Not Found", b"not found\n"),
        (b"POST /healthz HTTP/1.1", b"HTTP/1.1 405 Method Not Allowed", b"method not allowed\n"),
        (b"GET /broken HTTP/1.1", b"HTTP/1.1 500 Internal Server Error", b"internal server error\n"),
        (b"nonsense", b"HTTP/1.1 405 Method Not Allowed", b"method not allowed\n"),
    ],
)
async def test_each_request_gets_its_answer(port: int, request_line: bytes, status: bytes, body: bytes) -> None:
    assert await ask(port, request_line + b"\r\nHost: x\r\n\r\n") == (status, body)


@pytest.mark.parametrize("junk", [b"", b"\0\xff" * 40, b"GET / HTTP/1.1\r\n", b"x" * 40_000])
async def test_junk_does_not_stop_the_server(port: int, junk: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(junk)
    writer.write_eof()
    with contextlib.suppress(ConnectionResetError):  # what was not read is thrown away with the connection
        await reader.read()
    writer.close()
    assert await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n") == (b"HTTP/1.1 200 OK", b"ok")

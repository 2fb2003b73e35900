"""Health check node ports open, answer and close as Services ask for them."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest

from kubelite.proxy.health import HealthPorts


@pytest.fixture
async def ports() -> AsyncIterator[HealthPorts]:
    made = HealthPorts()
    yield made
    await made.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


async def ask(port: int) -> tuple[int, object]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def test_a_port_tells_whether_endpoints_are_here(ports: HealthPorts) -> None:
    port = free_port()
    for count, status in ((2, 200), (0, 503)):
        await ports.apply({port: ("default/web", count)})
        expected = {"service": {"namespace": "default", "name": "web"}, "localEndpoints": count}
        assert await ask(port) == (status, expected)


async def test_a_port_that_is_no_longer_wanted_closes(ports: HealthPorts) -> None:
    port = free_port()
    await ports.apply({port: ("default/web", 1)})
    await ports.apply({})
    with pytest.raises(ConnectionRefusedError):
        await ask(port)


async def test_a_taken_port_is_tried_again(ports: HealthPorts) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        await ports.apply({port: ("default/web", 1)})
    await ports.apply({port: ("default/web", 1)})
    assert (await ask(port))[0] == 200

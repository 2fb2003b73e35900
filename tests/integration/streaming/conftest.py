"""A connected pair of byte streams over a real socket."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from kubelite.streaming.bytestream import SocketStream


@contextlib.asynccontextmanager
async def socket_pair():
    """(server side, client side) of one TCP connection on loopback."""
    arrived: asyncio.Future[SocketStream] = asyncio.get_running_loop().create_future()

    async def accept(reader, writer):
        arrived.set_result(SocketStream(reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    client = SocketStream(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    accepted = await arrived
    try:
        yield accepted, client
    finally:
        await client.close()
        await accepted.close()
        server.close()


@pytest.fixture
async def pair():
    async with socket_pair() as both:
        yield both

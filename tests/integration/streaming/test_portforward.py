"""Port forwarding end to end over real sockets: direct SPDY, the WebSocket tunnel, and the channel form."""

from __future__ import annotations

import asyncio
import contextlib
import struct

import pytest

from kubelite.streaming import portforward as pf
from kubelite.streaming.bytestream import SocketStream
from kubelite.streaming.channels import ChannelSet
from kubelite.streaming.spdy import SpdySession
from kubelite.streaming.websocket import MessageStream, WebSocket

from .conftest import socket_pair


@contextlib.asynccontextmanager
async def sessions(tunnel):
    """(server session, client session), inside a WebSocket where `tunnel`."""
    async with socket_pair() as (left, right):
        if tunnel:
            left, right = MessageStream(WebSocket(left, client=False)), MessageStream(WebSocket(right, client=True))
        async with SpdySession(left, server=True) as server, SpdySession(right, server=False) as client:
            yield server, client


@contextlib.asynccontextmanager
async def echo_server():
    """A port that answers each connection with its whole input in capitals, after the end of input."""

    async def answer(reader, writer):
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def dial(port, data):
    io = SocketStream(*await asyncio.open_connection("127.0.0.1", port))
    try:
        await pf.join(data, io)
    finally:
        await io.close()


@pytest.mark.parametrize("tunnel", [False, True], ids=["spdy", "tunnel"])
async def test_many_connections_share_one_session(tunnel):
    async with echo_server() as port, sessions(tunnel) as (server, client):
        serving = asyncio.create_task(pf.serve(server, dial))
        forwarder = pf.PortForwarder(client)

        async def once(text):
            async with socket_pair() as (local, user):
                forwarding = asyncio.create_task(forwarder.forward(port, local))
                await user.write(text)
                await user.finish()
                got = b""
                while len(got) < len(text):
                    got += await user.read()
                await forwarding
                return got

        texts = [b"hello %d" % n * (1 + n * 3000) for n in range(8)]
        assert await asyncio.gather(*map(once, texts)) == [text.upper() for text in texts]
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_refused_port_is_told_and_the_session_lives_on():
    async def refuse(port, data):
        raise OSError(f"dial tcp4 127.0.0.1:{port}: connect: connection refused")

    async with sessions(False) as (server, client):
        serving = asyncio.create_task(pf.serve(server, refuse))
        forwarder = pf.PortForwarder(client)
        for _ in range(2):
            async with socket_pair() as (local, _user):
                with pytest.raises(pf.ForwardFailed, match=r"error forwarding port 81: dial tcp4 127\.0\.0\.1:81"):
                    await forwarder.forward(81, local)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_the_channel_form_names_its_port_first_and_carries_data():
    async with echo_server() as port, sessions(False) as (server, client), socket_pair() as (left, right):

        async def answer_once(number, data):
            await data.write((await data.read()).upper())

        serving = asyncio.create_task(pf.serve(server, answer_once))
        translating = asyncio.create_task(pf.websocket_to_spdy(WebSocket(left, client=False), [port], client))
        channels = ChannelSet(WebSocket(right, client=True), 2)
        channels.start()
        data, error = channels.channels
        assert await data.read() == await error.read() == struct.pack("<H", port)
        await data.write(b"hello")
        assert await data.read() == b"HELLO"
        await channels.close()
        await translating
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

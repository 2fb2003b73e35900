"""Remote commands end to end over real sockets: both transports, terminal sizes, exit codes, bridging, lost peers."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from kubelite.streaming import remotecommand as rc
from kubelite.streaming.spdy import SpdySession
from kubelite.streaming.websocket import WebSocket

from .conftest import socket_pair

CASES = [
    ("spdy", rc.V4),
    ("spdy", "v3.channel.k8s.io"),
    ("websocket", rc.V5),
    ("websocket", rc.V4),
    ("websocket", "v4.base64.channel.k8s.io"),
]


@contextlib.asynccontextmanager
async def command(transport, protocol, options):
    """(server streams, client streams) of one command."""
    async with socket_pair() as (left, right), contextlib.AsyncExitStack() as stack:
        if transport == "spdy":
            server = await stack.enter_async_context(SpdySession(left, server=True))
            client = await stack.enter_async_context(SpdySession(right, server=False))
            yield await asyncio.gather(
                rc.spdy_server(server, options, protocol), rc.spdy_client(client, options, protocol)
            )
        else:
            front = await rc.websocket_server(WebSocket(left, client=False), options, protocol)
            back = await rc.websocket_client(WebSocket(right, client=True), options, protocol)
            yield front, back
            await front.close()
            await back.close()


class Source:
    """A ByteStream that gives its parts and ends."""

    def __init__(self, *parts):
        self.parts = list(parts)

    async def read(self):
        return self.parts.pop(0) if self.parts else b""


def collect(into):
    async def sink(data):
        into.extend(data)

    return sink


@pytest.mark.parametrize(("transport", "protocol"), CASES)
async def test_output_of_both_streams_arrives_and_success_returns(transport, protocol):
    options = rc.Options(stdout=True, stderr=True)
    out, err = bytearray(), bytearray()
    big = bytes(range(256)) * 2000
    async with command(transport, protocol, options) as (server, client):
        running = asyncio.create_task(rc.run(client, stdout=collect(out), stderr=collect(err)))
        await server.stdout.write(big)
        await server.stderr.write(b"warning\n")
        await server.stdout.finish()
        await server.stderr.finish()
        await rc.write_status(server, rc.success())
        await server.close()
        await running
    assert bytes(out) == big
    assert bytes(err) == b"warning\n"


@pytest.mark.parametrize(("transport", "protocol"), [case for case in CASES if rc.has_status(case[1])])
async def test_the_exit_code_reaches_the_client(transport, protocol):
    async with command(transport, protocol, rc.Options(stdout=True)) as (server, client):
        running = asyncio.create_task(rc.run(client, stdout=collect(bytearray())))
        await rc.write_status(server, rc.exit_status(42))
        await server.close()
        with pytest.raises(rc.CommandFailed, match="command terminated with exit code 42") as caught:
            await running
    assert caught.value.exit_code == 42


@pytest.mark.parametrize(("transport", "protocol"), [("spdy", rc.V4), ("websocket", rc.V5)])
async def test_the_end_of_stdin_reaches_the_command(transport, protocol):
    async with command(transport, protocol, rc.Options(stdin=True, stdout=True)) as (server, client):
        running = asyncio.create_task(rc.run(client, stdin=Source(b"one", b"two"), stdout=collect(bytearray())))
        got = b""
        while data := await server.stdin.read():
            got += data
        assert got == b"onetwo"
        await rc.write_status(server, rc.success())
        await server.close()
        await running


@pytest.mark.parametrize(("transport", "protocol"), CASES)
async def test_terminal_sizes_reach_the_command(transport, protocol):
    async def resizes():
        yield 80, 24
        yield 132, 50

    async with command(transport, protocol, rc.Options(stdin=True, stdout=True, stderr=True, tty=True)) as (
        server,
        client,
    ):
        assert client.stderr is None
        running = asyncio.create_task(rc.run(client, stdout=collect(bytearray()), resizes=resizes()))
        seen = rc.sizes(server.resize)
        assert [await anext(seen), await anext(seen)] == [(80, 24), (132, 50)]
        await rc.write_status(server, rc.success())
        await server.close()
        await running


@pytest.mark.parametrize(("transport", "protocol"), [("spdy", rc.V4), ("websocket", rc.V5), ("websocket", rc.V4)])
async def test_a_lost_server_is_not_success(transport, protocol):
    async with command(transport, protocol, rc.Options(stdout=True)) as (server, client):
        running = asyncio.create_task(rc.run(client, stdout=collect(bytearray())))
        await server.close()
        with pytest.raises(ConnectionError):
            await running


async def test_a_websocket_client_and_a_spdy_runtime_are_joined():
    options = rc.Options(stdin=True, stdout=True, stderr=True)
    out = bytearray()
    async with (
        command("websocket", rc.V5, options) as (front, client),
        command("spdy", rc.V4, options) as (runtime, back),
    ):
        joined = asyncio.create_task(rc.bridge(front, back))
        running = asyncio.create_task(
            rc.run(client, stdin=Source(b"question"), stdout=collect(out), stderr=collect(out))
        )
        question = b""
        while data := await runtime.stdin.read():
            question += data
        await runtime.stdout.write(question.upper())
        await runtime.stdout.finish()
        await runtime.stderr.finish()
        await rc.write_status(runtime, rc.exit_status(7))
        with pytest.raises(rc.CommandFailed) as caught:
            await running
        await joined
    assert bytes(out) == b"QUESTION"
    assert caught.value.exit_code == 7


async def test_the_runtime_side_is_closed_when_the_client_leaves():
    options = rc.Options(stdin=True, stdout=True)
    async with (
        command("websocket", rc.V5, options) as (front, client),
        command("spdy", rc.V4, options) as (runtime, back),
    ):
        joined = asyncio.create_task(rc.bridge(front, back))
        await client.close()
        await joined
        async with asyncio.timeout(5):
            await runtime.gone.wait()


async def test_a_runtime_that_dies_is_a_failure_for_the_client():
    options = rc.Options(stdout=True)
    async with (
        command("websocket", rc.V5, options) as (front, client),
        command("spdy", rc.V4, options) as (runtime, back),
    ):
        joined = asyncio.create_task(rc.bridge(front, back))
        running = asyncio.create_task(rc.run(client, stdout=collect(bytearray())))
        await runtime.close()
        with pytest.raises(rc.CommandFailed, match="runtime closed the connection"):
            await running
        await joined

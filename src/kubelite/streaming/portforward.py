"""Port forwarding: pairs of data and error streams in one connection, for server and client.

What: `serve` (the server of the SPDY protocol), `PortForwarder` (its client) and `websocket_to_spdy` (the older WebSocket form
translated). Why: `kubectl port-forward` speaks SPDY, newer ones the same SPDY inside a WebSocket, some clients plain
WebSocket channels. Flow: connection to a local port → stream pair → connection inside the pod.
Source: client-go/tools/portforward, kubelet/pkg/cri/streaming/portforward.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from kubelite.streaming.bytestream import ByteStream, copy
from kubelite.streaming.channels import ChannelSet
from kubelite.streaming.spdy import SpdySession, SpdyStream
from kubelite.streaming.websocket import WebSocket

SPDY_PROTOCOL: Final = "portforward.k8s.io"
TUNNEL_PROTOCOL: Final = "SPDY/3.1+portforward.k8s.io"
WEBSOCKET_PROTOCOLS: Final = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")
PAIR_SECONDS: Final = 30.0
GRACE_SECONDS: Final = 1.0

Forward = Callable[[int, ByteStream], Awaitable[None]]
"""Connect a data stream with a port until either ends; raises with the text for the error stream."""


async def serve(session: SpdySession, forward: Forward) -> None:
    """Serve stream pairs until the client leaves. Each pair is independent: its failure goes to its error stream."""
    halves: dict[str, dict[str, SpdyStream]] = {}
    tasks: set[asyncio.Task[None]] = set()
    timers: dict[str, asyncio.TimerHandle] = {}
    loop = asyncio.get_running_loop()
    try:
        while stream := await session.accept():
            kind = stream.headers.get("streamtype", "")
            port = stream.headers.get("port", "")
            if kind not in ("data", "error") or not port.isdigit() or not 0 < int(port) < 65536:
                await stream.close()
                continue
            # Very old clients send no request id: their streams come in order, error (n) before data (n + 2).
            number = stream.stream_id if kind == "error" else stream.stream_id - 2
            request = stream.headers.get("requestid") or str(number)
            pair = halves.setdefault(request, {})
            pair[kind] = stream
            if len(pair) < 2:
                timers[request] = loop.call_later(PAIR_SECONDS, halves.pop, request, None)
                continue
            del halves[request]
            timers.pop(request).cancel()
            task = asyncio.create_task(_serve_pair(pair["data"], pair["error"], int(port), forward))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        for timer in timers.values():
            timer.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve_pair(data: SpdyStream, error: SpdyStream, port: int, forward: Forward) -> None:
    try:
        await forward(port, data)
    except (OSError, ValueError, RuntimeError, TimeoutError) as problem:
        with contextlib.suppress(ConnectionError):
            await error.write(str(problem).encode())
    finally:
        await data.finish()
        await error.finish()
        await data.close()


async def join(client: ByteStream, target: ByteStream) -> None:
    """Copy both ways with half-close: returns when `target` has said all (and the rest of the input had a moment), or broke.

    An end of the input alone ends nothing: the target may answer for long. An end of the output ends the connection, since
    clients wait for that before they let go of theirs.
    """
    sending = asyncio.create_task(copy(client, target))
    answering = asyncio.create_task(copy(target, client))
    try:
        done, _ = await asyncio.wait([sending, answering], return_when=asyncio.FIRST_COMPLETED)
        if sending in done and sending.exception() is None:
            await asyncio.wait([answering])
        elif answering in done and answering.exception() is None:
            await asyncio.wait([sending], timeout=GRACE_SECONDS)
        for task in (sending, answering):
            if task.done():
                with contextlib.suppress(ConnectionError):
                    task.result()
    finally:
        for task in (sending, answering):
            task.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


class ForwardFailed(Exception):
    """The server could not connect to the port in the pod; the text is the server's."""


class PortForwarder:
    """The client's side: `forward` joins one local connection with a port of the pod."""

    def __init__(self, session: SpdySession) -> None:
        self._session = session
        self._ids = itertools.count()

    async def forward(self, port: int, local: ByteStream) -> None:
        """Returns when the connection has ended. Raises ForwardFailed with the server's text, ConnectionError when lost."""
        data, error = await self._pair(port)
        reading = asyncio.create_task(_text(error))
        joining = asyncio.create_task(join(local, data))
        try:
            await asyncio.wait([reading, joining], return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() and not self._session.closed.is_set():
                # The error stream ends right after the data; a server that never ends it is not waited for.
                await asyncio.wait([reading], timeout=1.0)
            if reading.done() and (text := reading.result()):
                raise ForwardFailed(f"an error occurred forwarding to {port}: error forwarding port {port}: {text}")
            await joining
        finally:
            joining.cancel()
            reading.cancel()
            await asyncio.gather(joining, reading, return_exceptions=True)
            await data.close()
            await error.close()

    async def forward_to(self, port: int, local: ByteStream, errors: ByteStream) -> None:
        """As `forward`, but the server's text is written to `errors` as it comes."""
        data, error = await self._pair(port)
        copying = asyncio.create_task(copy(error, errors))
        try:
            await join(local, data)
            await asyncio.wait([copying], timeout=1.0)
        finally:
            copying.cancel()
            await asyncio.gather(copying, return_exceptions=True)
            await data.close()
            await error.close()

    async def _pair(self, port: int) -> tuple[SpdyStream, SpdyStream]:
        headers = {"port": str(port), "requestid": str(next(self._ids))}
        error = await self._session.open({"streamtype": "error", **headers})
        await error.finish()
        return await self._session.open({"streamtype": "data", **headers}), error


async def _text(stream: ByteStream) -> str:
    parts = []
    while data := await stream.read():
        parts.append(data)
    return b"".join(parts).decode("utf-8", "replace")


async def websocket_to_spdy(
    socket: WebSocket, ports: Sequence[int], session: SpdySession, *, base64: bool = False
) -> None:
    """Serve the channel form (data 2n, error 2n + 1, each begun with the port in two bytes) by streams of `session`."""
    channels = ChannelSet(socket, 2 * len(ports), base64=base64)
    channels.start(ignored=range(1, 2 * len(ports), 2))
    for number in range(2 * len(ports)):
        await channels.send(number, struct.pack("<H", ports[number // 2]))

    forwarder = PortForwarder(session)

    async def one(index: int, port: int) -> None:
        data, error = channels.channels[2 * index], channels.channels[2 * index + 1]
        try:
            await forwarder.forward_to(port, data, error)
        except (ConnectionError, TimeoutError) as problem:
            with contextlib.suppress(ConnectionError):
                await error.write(str(problem).encode())

    work = [asyncio.create_task(one(index, port)) for index, port in enumerate(ports)]
    left = asyncio.create_task(channels.closed.wait())
    try:
        waiting: set[asyncio.Task[Any]] = set(work)
        while waiting and not left.done():
            done, _ = await asyncio.wait({*waiting, left}, return_when=asyncio.FIRST_COMPLETED)
            waiting -= done
    finally:
        for task in (*work, left):
            task.cancel()
        await asyncio.gather(*work, left, return_exceptions=True)
        await channels.close()

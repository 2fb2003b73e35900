"""Exec, attach and port-forward: the client's stream joined to the runtime's.

What: `command` and `port_forward`. Why: clients come with SPDY or WebSocket, runtimes speak SPDY.
Flow: request → CRI gives a URL →
upgrade there → 101 to the client → copy. SPDY clients get the runtime's bytes as they are (same protocol on both sides);
WebSocket clients are translated channel by channel. Source: pkg/kubelet/server/server.go, cri-streaming.
"""

from __future__ import annotations

from kubelite.kubelet.http.http1 import HttpError, Request
from kubelite.machinery.errors import StatusError
from kubelite.streaming import dial, handshake, portforward, remotecommand
from kubelite.streaming.bytestream import ByteStream, SocketStream, relay
from kubelite.streaming.handshake import Upgrade, UpgradeRefused
from kubelite.streaming.remotecommand import Options
from kubelite.streaming.spdy import SpdySession
from kubelite.streaming.websocket import MessageStream, WebSocket


def options_of(request: Request, *, tty: bool | None = None) -> Options:
    """Which streams the query asks for. Raises HttpError 400 for none."""

    def flag(*names: str) -> bool:
        return request.first(*names) in ("1", "true", "t", "T", "TRUE", "True")

    options = Options(
        stdin=flag("input", "stdin"),
        stdout=flag("output", "stdout"),
        stderr=flag("error", "stderr"),
        tty=flag("tty") if tty is None else tty,
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise HttpError(400, "you must specify at least 1 of stdin, stdout, stderr")
    if options.tty and options.stderr:
        # With a terminal there is one output; upstream logs and drops the wish.
        options = Options(options.stdin, options.stdout, False, True)
    return options


def asked(request: Request) -> Upgrade:
    """The upgrade a client wants. Raises HttpError."""
    try:
        upgrade = handshake.parse(request.headers)
    except UpgradeRefused as error:
        raise HttpError(error.code, str(error)) from error
    if upgrade is None:
        raise HttpError(400, "unable to upgrade: missing upgrade headers in request")
    return upgrade


def _choose(upgrade: Upgrade, supported: tuple[str, ...]) -> str:
    try:
        return handshake.choose(upgrade, supported)
    except UpgradeRefused as error:
        raise HttpError(error.code, str(error)) from error


async def _dialed(url: str, upgrade: Upgrade) -> tuple[ByteStream, str]:
    opener, target = dial.url_opener(url)
    try:
        return await dial.upgrade(opener, "POST", target, upgrade)
    except StatusError as error:
        raise HttpError(error.code, error.message) from error
    except (OSError, UpgradeRefused, TimeoutError) as error:
        raise HttpError(502, f"error dialing backend: {error}") from error


async def _switch(request: Request, upgrade: Upgrade, protocol: str) -> SocketStream:
    """Send the 101 answer: from here on the connection is a stream."""
    request.upgraded = True
    io = SocketStream(request.reader, request.writer)
    await io.write(handshake.response_head(upgrade, protocol))
    return io


async def command(request: Request, url: str, options: Options) -> None:
    """Serve an exec or attach whose runtime side is at `url`; returns when it has ended."""
    upgrade = asked(request)
    if upgrade.transport == "spdy":
        await _pass_through(request, upgrade, url)
        return
    protocol = _choose(upgrade, remotecommand.WEBSOCKET_PROTOCOLS)
    opener, target = dial.url_opener(url)
    try:
        back = await dial.command(opener, target, options, websocket=False)
    except StatusError as error:
        raise HttpError(error.code, error.message) from error
    except (OSError, UpgradeRefused, TimeoutError) as error:
        raise HttpError(502, f"error dialing backend: {error}") from error
    try:
        socket = WebSocket(await _switch(request, upgrade, protocol), client=False)
        front = await remotecommand.websocket_server(socket, options, protocol or "channel.k8s.io")
    except BaseException:
        await back.close()
        raise
    await remotecommand.bridge(front, back)


async def _pass_through(request: Request, upgrade: Upgrade, url: str) -> None:
    back, protocol = await _dialed(url, upgrade)
    try:
        front = await _switch(request, upgrade, protocol)
    except BaseException:
        await back.close()
        raise
    await relay(front, back)


async def port_forward(request: Request, url: str, ports: list[int]) -> None:
    """Serve a port-forward whose runtime side is at `url`; `ports` for the channel form of WebSocket."""
    upgrade = asked(request)
    if upgrade.transport == "spdy":
        _choose(upgrade, (portforward.SPDY_PROTOCOL,))
        await _pass_through(request, upgrade, url)
        return
    protocol = _choose(upgrade, (portforward.TUNNEL_PROTOCOL, *portforward.WEBSOCKET_PROTOCOLS))
    if protocol != portforward.TUNNEL_PROTOCOL and not ports:
        raise HttpError(400, 'query parameter "port" is required')
    back, _ = await _dialed(url, Upgrade("spdy", (portforward.SPDY_PROTOCOL,)))
    try:
        socket = WebSocket(await _switch(request, upgrade, protocol), client=False)
    except BaseException:
        await back.close()
        raise
    if protocol == portforward.TUNNEL_PROTOCOL:
        await relay(MessageStream(socket), back)
        return
    async with SpdySession(back, server=False) as session:
        await portforward.websocket_to_spdy(socket, ports, session, base64="base64" in protocol)

"""Remote commands (exec and attach): the five streams of a command over SPDY or WebSocket, for server and client.

What: `CommandStreams` (stdin, stdout, stderr, error, resize), four ways to get one, `bridge` between two of them, and the
status object at the end. Why: the kubelet faces clients of either transport and a runtime that speaks SPDY; the CLI
faces either kind of server. Flow: upgraded connection → `*_streams` → copy → `Status` JSON on the error stream → close.
Source: apimachinery/pkg/util/remotecommand/constants.go, kubelet/pkg/cri/streaming/remotecommand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from kubelite.streaming.bytestream import ByteStream, copy
from kubelite.streaming.channels import ChannelSet
from kubelite.streaming.spdy import SpdySession, SpdyStream
from kubelite.streaming.websocket import WebSocket

V5: Final = "v5.channel.k8s.io"
V4: Final = "v4.channel.k8s.io"
SPDY_PROTOCOLS: Final = (V5, V4, "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
"""What a SPDY server accepts; v3 and older carry the error as text and (before v3) no resize."""
WEBSOCKET_PROTOCOLS: Final = (V5, V4, "v4.base64.channel.k8s.io", "channel.k8s.io", "base64.channel.k8s.io")
STREAM_SECONDS: Final = 30.0
DRAIN_SECONDS: Final = 10.0

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
NAMES: Final = ("stdin", "stdout", "stderr", "error", "resize")


@dataclass(frozen=True, slots=True)
class Options:
    """Which streams a command has. With a terminal there is no stderr, as upstream."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    tty: bool = False

    def wanted(self, protocol: str) -> set[str]:
        names = {name for name in ("stdin", "stdout", "stderr") if getattr(self, name)} | {"error"}
        if self.tty:
            names.discard("stderr")
            if has_resize(protocol):
                names.add("resize")
        return names


@dataclass(slots=True)
class CommandStreams:
    """The streams of one running command; those not asked for are None. `gone` is set when the peer has left."""

    error: ByteStream
    close: Callable[[], Awaitable[None]]
    """End the connection after all that was written has left."""
    gone: asyncio.Event
    stdin: ByteStream | None = None
    stdout: ByteStream | None = None
    stderr: ByteStream | None = None
    resize: ByteStream | None = None
    protocol: str = V4


def has_status(protocol: str) -> bool:
    """True when the error stream carries a Status object, from version 4 on."""
    return protocol.startswith(("v4.", "v5."))


def has_resize(protocol: str) -> bool:
    return protocol.startswith(("v3.", "v4.", "v5."))


async def spdy_server(session: SpdySession, options: Options, protocol: str) -> CommandStreams:
    """Await the streams that the client opens. Raises TimeoutError or ConnectionError when they do not come."""
    wanted = options.wanted(protocol)
    got: dict[str, SpdyStream] = {}
    async with asyncio.timeout(STREAM_SECONDS):
        while wanted - got.keys():
            stream = await session.accept()
            if stream is None:
                raise ConnectionResetError("the client closed the connection before all streams were opened")
            name = stream.headers.get("streamtype", "")
            if name in NAMES:
                got[name] = stream
            else:
                await stream.close()
    return _from_spdy(session, got, protocol)


async def spdy_client(session: SpdySession, options: Options, protocol: str) -> CommandStreams:
    """Open the streams, the error stream first, as upstream's clients do."""
    wanted = options.wanted(protocol)
    got: dict[str, SpdyStream] = {}
    for name in ("error", "stdin", "stdout", "stderr", "resize"):
        if name in wanted:
            got[name] = await session.open({"streamtype": name})
    return _from_spdy(session, got, protocol)


def _from_spdy(session: SpdySession, got: dict[str, SpdyStream], protocol: str) -> CommandStreams:
    return CommandStreams(
        error=got["error"],
        close=session.close,
        gone=session.closed,
        stdin=got.get("stdin"),
        stdout=got.get("stdout"),
        stderr=got.get("stderr"),
        resize=got.get("resize"),
        protocol=protocol,
    )


async def websocket_server(socket: WebSocket, options: Options, protocol: str) -> CommandStreams:
    """The channels of a WebSocket client; the lowest one is written empty at once, which tells the client of success."""
    channels = _channels(socket, protocol)
    reading = {STDIN} if options.stdin else set()
    if options.tty:
        reading.add(RESIZE)
    channels.start(ignored=set(range(5)) - reading)
    first = STDOUT if options.stdout else STDERR if options.stderr and not options.tty else ERROR
    await channels.send(first, b"")
    return _from_channels(channels, options, protocol)


async def websocket_client(socket: WebSocket, options: Options, protocol: str) -> CommandStreams:
    """The channels towards a WebSocket server."""
    channels = _channels(socket, protocol)
    channels.start(ignored={STDIN, RESIZE})
    return _from_channels(channels, options, protocol)


def _channels(socket: WebSocket, protocol: str) -> ChannelSet:
    return ChannelSet(socket, 5, base64="base64." in protocol, half_close=protocol.startswith("v5."))


def _from_channels(channels: ChannelSet, options: Options, protocol: str) -> CommandStreams:
    wanted = options.wanted(protocol if has_status(protocol) else V4)
    stdin, stdout, stderr, error, resize = channels.channels
    return CommandStreams(
        error=error,
        close=channels.close,
        gone=channels.closed,
        stdin=stdin if "stdin" in wanted else None,
        stdout=stdout if "stdout" in wanted else None,
        stderr=stderr if "stderr" in wanted else None,
        resize=resize if "resize" in wanted else None,
        protocol=protocol,
    )


# --- the end of a command ------------------------------------------------------------------------------------------------


def success() -> dict[str, Any]:
    return {"metadata": {}, "status": "Success"}


def exit_status(code: int, message: str = "") -> dict[str, Any]:
    """The Status of a command that ended with `code`."""
    if code == 0:
        return success()
    return {
        "metadata": {},
        "status": "Failure",
        "message": message or f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure(message: str) -> dict[str, Any]:
    """The Status of a command that could not be run."""
    text = f"Internal error occurred: {message}"
    causes = [{"message": message}]
    return {
        "metadata": {},
        "status": "Failure",
        "message": text,
        "reason": "InternalError",
        "details": {"causes": causes},
        "code": 500,
    }


async def write_status(streams: CommandStreams, status: dict[str, Any]) -> None:
    """End a command: the Status as JSON, or as text for versions before 4 (nothing on success)."""
    with contextlib.suppress(ConnectionError):
        if has_status(streams.protocol):
            await streams.error.write(json.dumps(status, separators=(",", ":")).encode())
        elif status["status"] != "Success":
            await streams.error.write(status["message"].encode())
        await streams.error.finish()


class CommandFailed(Exception):
    """The command ended badly: `exit_code` is its code, or None when it could not run."""

    def __init__(self, message: str, exit_code: int | None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def read_status(data: bytes, protocol: str) -> CommandFailed | None:
    """What the error stream said: None for success."""
    if not data:
        return None
    if not has_status(protocol):
        return CommandFailed(f"error executing remote command: {data.decode('utf-8', 'replace')}", None)
    try:
        status = json.loads(data)
    except ValueError:
        return CommandFailed(f"error stream protocol error: unmarshal error, error stream: {data!r}", None)
    if status.get("status") == "Success":
        return None
    if status.get("reason") == "NonZeroExitCode":
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdigit():
                code = int(cause["message"])
                return CommandFailed(f"command terminated with exit code {code}", code)
    return CommandFailed(str(status.get("message") or "unknown error"), None)


def resize_message(width: int, height: int) -> bytes:
    return b'{"Width":%d,"Height":%d}\n' % (width, height)


async def sizes(stream: ByteStream) -> AsyncIterator[tuple[int, int]]:
    """(width, height) for each message of a resize stream; what is not JSON is skipped."""
    decoder = json.JSONDecoder()
    text = ""
    while data := await stream.read():
        text += data.decode("utf-8", "replace")
        while text := text.lstrip():
            try:
                value, end = decoder.raw_decode(text)
            except ValueError:
                break
            text = text[end:]
            if isinstance(value, dict):
                yield int(value.get("Width", 0)), int(value.get("Height", 0))
        text = text[-4096:]


# --- copying -------------------------------------------------------------------------------------------------------------


async def bridge(front: CommandStreams, back: CommandStreams) -> None:
    """Join a client (`front`) to a runtime (`back`) until the command ends or either side leaves; closes both."""
    forward = [
        asyncio.create_task(_quiet_copy(source, target))
        for source, target in ((front.stdin, back.stdin), (front.resize, back.resize))
        if source is not None and target is not None
    ]
    output = [
        asyncio.create_task(_quiet_copy(source, target))
        for source, target in ((back.stdout, front.stdout), (back.stderr, front.stderr))
        if source is not None and target is not None
    ]
    status = asyncio.create_task(_read_all(back.error))
    left = asyncio.create_task(front.gone.wait())
    try:
        waiting: set[asyncio.Task[Any]] = {status, *output}
        while waiting and not left.done():
            done, _ = await asyncio.wait({*waiting, left}, return_when=asyncio.FIRST_COMPLETED)
            waiting -= done
        if not waiting:
            await _pass_status(front, back, status.result())
    finally:
        for task in (*forward, *output, status, left):
            task.cancel()
        await asyncio.gather(*forward, *output, status, left, return_exceptions=True)
        await back.close()
        await front.close()


async def _pass_status(front: CommandStreams, back: CommandStreams, data: bytes) -> None:
    """The runtime's last word, translated when one side speaks an older version."""
    if not data and has_status(back.protocol):
        await write_status(front, failure("the container runtime closed the connection"))
        return
    if has_status(front.protocol) == has_status(back.protocol):
        with contextlib.suppress(ConnectionError):
            await front.error.write(data)
            await front.error.finish()
        return
    error = read_status(data, back.protocol)
    if error is None:
        await write_status(front, success())
    elif error.exit_code is not None:
        await write_status(front, exit_status(error.exit_code))
    else:
        await write_status(front, failure(str(error)))


async def _quiet_copy(source: ByteStream, target: ByteStream) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        await copy(source, target)


async def _read_all(stream: ByteStream) -> bytes:
    parts = []
    while data := await stream.read():
        parts.append(data)
    return b"".join(parts)


async def run(
    streams: CommandStreams,
    *,
    stdin: ByteStream | None = None,
    stdout: Callable[[bytes], Awaitable[None]] | None = None,
    stderr: Callable[[bytes], Awaitable[None]] | None = None,
    resizes: AsyncIterator[tuple[int, int]] | None = None,
) -> None:
    """A client's side of a command: feed stdin and sizes, hand output on, return at success.

    Raises CommandFailed with the exit code or the server's message, ConnectionError when the connection broke.
    """
    tasks = [
        asyncio.create_task(_pump(source, sink))
        for source, sink in ((streams.stdout, stdout), (streams.stderr, stderr))
        if source is not None and sink is not None
    ]
    feeding: list[asyncio.Task[None]] = []
    if streams.stdin is not None and stdin is not None:
        feeding.append(asyncio.create_task(_quiet_copy(stdin, streams.stdin)))
    if streams.resize is not None and resizes is not None:
        feeding.append(asyncio.create_task(_send_sizes(resizes, streams.resize)))
    try:
        data = await _read_all(streams.error)
        # Output may still be on its way, but a process left behind can hold its end open for ever.
        done, _ = await asyncio.wait(tasks, timeout=DRAIN_SECONDS) if tasks else (set(), None)
        for task in done:
            task.result()
    finally:
        for task in (*tasks, *feeding):
            task.cancel()
        await asyncio.gather(*tasks, *feeding, return_exceptions=True)
        await streams.close()
    if not data and has_status(streams.protocol):
        raise ConnectionResetError("the connection was lost before the command ended")
    error = read_status(data, streams.protocol)
    if error is not None:
        raise error


async def _pump(source: ByteStream, sink: Callable[[bytes], Awaitable[None]]) -> None:
    while data := await source.read():
        await sink(data)


async def _send_sizes(resizes: AsyncIterator[tuple[int, int]], target: ByteStream) -> None:
    with contextlib.suppress(ConnectionError):
        async for width, height in resizes:
            await target.write(resize_message(width, height))

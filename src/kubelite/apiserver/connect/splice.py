"""An upgraded connection, passed through byte by byte.

What: `pass_through` sends a client's upgrade request to a kubelet, and if that switches protocols joins the two connections until
either ends. Why: WebSocket and SPDY then need not be understood here, and each byte is copied once.
Flow: client → head → kubelet → its answer → 101: the client's transport is hijacked, both get a `Pipe`; else: the kubelet's
answer is the client's. Back-pressure: a side that does not read stops the reading of the other; nothing is queued without bound.
Source: apimachinery/pkg/util/proxy/upgradeaware.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from kubelite.apiserver.connect.kubelet import Kubelets, Place
from kubelite.apiserver.request import HIJACKED, Request, Response
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError

FORWARDED = (
    "upgrade",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
    "x-stream-protocol-version",
    "user-agent",
    "origin",
    "accept",
)
REPEATED = ("x-stream-protocol-version",)
"""Headers whose values go out one to a line, as clients send them."""
MAX_HEAD = 64 * 1024
MAX_REFUSAL = 64 * 1024
ANSWER_SECONDS = 30.0


Connect = Callable[["Dialogue"], Awaitable[asyncio.Transport]]
"""Opens the connection to the other side."""


class Pipe(asyncio.Protocol):
    """One end: what arrives here is written to `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Pipe | None = None

    def join(self, transport: asyncio.Transport, other: Pipe) -> None:
        """Takes over a transport that another protocol had."""
        self.transport, self.other = transport, other
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        other = self.other
        if other is not None and other.transport is not None and not other.transport.is_closing():
            other.transport.write(data)

    def pause_writing(self) -> None:
        other = self.other
        if other is not None and other.transport is not None and not other.transport.is_closing():
            other.transport.pause_reading()

    def resume_writing(self) -> None:
        other = self.other
        if other is not None and other.transport is not None and not other.transport.is_closing():
            other.transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        other, self.other = self.other, None
        if other is not None and other.transport is not None:
            other.transport.close()  # after what is still to be written


class Dialogue(asyncio.Protocol):
    """The beginning of the connection to the kubelet: collects the head of its answer, and a refusal's body."""

    def __init__(self, who: str = "the kubelet") -> None:
        self._who = who
        self.answered: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()
        """(status, head with its empty line, what followed)"""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.answered.done():
            end = self.received.find(b"\r\n\r\n")
            if end >= 0:
                self._answer(end + 4)
            elif len(self.received) > MAX_HEAD:
                self.answered.set_exception(errors.internal_error(f"{self._who}'s answer has no end"))
        elif len(self.received) > MAX_REFUSAL and self._transport is not None:
            self._transport.close()

    def _answer(self, end: int) -> None:
        head = bytes(self.received[:end])
        status = head.split(b" ", 2)[1] if head.startswith(b"HTTP/1.") else b""
        if not status[:3].isdigit():
            self.answered.set_exception(errors.internal_error(f"{self._who}'s answer is not HTTP"))
            return
        if status[:3] == b"101" and self._transport is not None:
            self._transport.pause_reading()
        self.answered.set_result((int(status[:3]), head, bytes(self.received[end:])))
        del self.received[:end]

    def connection_lost(self, error: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(errors.internal_error(f"{self._who} closed the connection: {error or 'EOF'}"))
        if not self.ended.done():
            self.ended.set_result(None)


def request_head(request: Request, place: Place, target: str) -> bytes:
    """The upgrade request as the kubelet gets it: without the client's credentials."""
    lines = [f"{request.method} {target} HTTP/1.1", f"Host: {place.host}:{place.port}", "Connection: Upgrade"]
    for name in FORWARDED:
        value = request.headers.get(name)
        if value is None:
            continue
        values = [one.strip() for one in value.split(",")] if name in REPEATED else [value]
        lines += [f"{name.title()}: {one}" for one in values]
    if request.connection is not None:
        lines.append(f"X-Forwarded-For: {request.connection.peer_address}")
    if request.method == "POST":
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def upgrade_head(request: Request, host: str, target: str, lines: Sequence[str]) -> bytes:
    """An upgrade request with these header lines."""
    first = [f"{request.method} {target} HTTP/1.1", f"Host: {host}", "Connection: Upgrade"]
    first.append(f"Upgrade: {request.headers.get('upgrade', '')}")
    if request.method == "POST":
        first.append("Content-Length: 0")
    return "\r\n".join([*first, *lines, "", ""]).encode("latin-1", "replace")


async def pass_through(request: Request, kubelets: Kubelets, place: Place, target: str) -> Response:
    """Joins the client with the kubelet. Raises StatusError if the kubelet cannot be reached or refuses."""
    head = request_head(request, place, target)
    return await upgrade(request, lambda dialogue: kubelets.connect(place, dialogue, target), head, "the kubelet")


async def upgrade(request: Request, connect: Connect, sent: bytes, who: str) -> Response:
    """Sends the head `sent` to what `connect` opens, and joins both ends if that switches protocols."""
    connection = request.connection
    if connection is None:
        raise errors.bad_request("Upgrade request required")
    dialogue = Dialogue(who)
    backend = await connect(dialogue)
    joined = False
    try:
        backend.write(sent)
        async with asyncio.timeout(ANSWER_SECONDS):
            status, head, rest = await dialogue.answered
        if status != 101:
            return await _refused(dialogue, status, head, who)
        transport, early = connection.hijack()
        joined = True
        _join(transport, early, backend, head + rest)
        return HIJACKED
    except TimeoutError:
        raise errors.timeout(f"{who} did not answer the upgrade request") from None
    finally:
        if not joined:
            backend.close()


def _join(transport: asyncio.Transport, early: bytes, backend: asyncio.Transport, answer: bytes) -> None:
    """Both directions, each with what has arrived already."""
    front, back = Pipe(), Pipe()
    front.join(transport, back)
    back.join(backend, front)
    transport.write(answer)
    if early:
        backend.write(early)
    transport.resume_reading()
    backend.resume_reading()


async def _refused(dialogue: Dialogue, status: int, head: bytes, who: str) -> Response:
    """The refusal, as the other side words it."""
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    }
    length = fields.get("content-length", "")
    try:
        async with asyncio.timeout(5):
            while not dialogue.ended.done() and not (length.isdigit() and len(dialogue.received) >= int(length)):
                await asyncio.wait([dialogue.ended], timeout=0.02)
    except TimeoutError:
        pass
    body = bytes(dialogue.received)
    if fields.get("transfer-encoding", "").lower() == "chunked":
        raise StatusError(status, "", f"{who} refused the upgrade with status {status}")
    return Response(status, body, fields.get("content-type", "text/plain; charset=utf-8"))

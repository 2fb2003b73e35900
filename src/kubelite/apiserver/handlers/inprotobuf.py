"""Answers in protobuf, for the few clients that take nothing else.

What: `encoded(request, answer)` turns a finished JSON answer into protobuf: objects, lists, Status, and the events of a watch.
Why: objects are kept and copied as JSON, so this form is made only when JSON is not acceptable; everything before stays as it
is. Flow: last step of the chain, before compression. An answer that has no protobuf form becomes 406, as upstream's
does for a Table. A large list is encoded in a thread. Source of the frames: apimachinery/pkg/util/framer, and
apimachinery/pkg/runtime/serializer/protobuf (length-delimited WatchEvents).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from kubelite.apiserver.handlers import negotiate
from kubelite.apiserver.request import Request, Response
from kubelite.apiserver.watchcache.watcher import Sink
from kubelite.machinery.errors import StatusError

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
LARGE = 64 * 1024


def wanted(request: Request) -> bool:
    """Whether the client takes this answer as protobuf only."""
    accept = request.headers.get("accept", "")
    if MEDIA_TYPE not in accept or not request.info.is_resource:
        return False
    try:
        return negotiate.choose(accept).protobuf
    except StatusError:
        return False


def encoded(request: Request, answer: Response) -> Response | Awaitable[Response]:
    """The answer in protobuf, if it is JSON; text, like logs, stays."""
    if answer.content_type != negotiate.JSON or not answer.status:
        return answer
    if answer.takeover is not None:
        return _watch(answer, answer.takeover) if request.info.verb == "watch" else answer
    body = answer.body
    if not isinstance(body, bytes | list):
        return answer
    joined = body if isinstance(body, bytes) else b"".join(body)
    if len(joined) > LARGE:
        return asyncio.to_thread(_object, answer, joined)
    return _object(answer, joined)


def _object(answer: Response, body: bytes) -> Response:
    from kubelite.api import wire

    try:
        encoded_body = wire.encode(msgspec.json.decode(body))
    except StatusError as error:
        return Response(error.code, msgspec.json.encode(error.status()), headers=answer.headers)
    return Response(answer.status, encoded_body, MEDIA_TYPE, answer.headers)


def _watch(answer: Response, start: Callable[[Any], None]) -> Response:
    def takeover(stream: Any) -> None:
        start(ProtobufSink(stream))

    return Response(answer.status, b"", f"{MEDIA_TYPE};stream=watch", answer.headers, takeover)


class ProtobufSink:
    """Stands between a watcher, which writes lines of JSON, and the client's stream."""

    chunked = False
    """The watcher leaves the HTTP chunks to this class."""

    def __init__(self, stream: Sink) -> None:
        self._stream = stream

    @property
    def closed(self) -> bool:
        return self._stream.closed

    @property
    def full(self) -> bool:
        return self._stream.full

    @property
    def on_drain(self) -> Callable[[], None]:
        return self._stream.on_drain

    @on_drain.setter
    def on_drain(self, callback: Callable[[], None]) -> None:
        self._stream.on_drain = callback

    @property
    def on_lost(self) -> Callable[[], None]:
        return self._stream.on_lost

    @on_lost.setter
    def on_lost(self, callback: Callable[[], None]) -> None:
        self._stream.on_lost = callback

    def write(self, framed: bytes) -> None:
        """Sends whole lines as length-delimited events; one that has no protobuf form becomes an ERROR event."""
        data = b"".join(_event(line) for line in framed.splitlines())
        self._stream.write(b"%x\r\n%b\r\n" % (len(data), data) if self._stream.chunked else data)

    def end(self) -> None:
        self._stream.end()

    def abort(self) -> None:
        self._stream.abort()


def _event(line: bytes) -> bytes:
    from kubelite.api import wire

    event = msgspec.json.decode(line)
    try:
        return wire.encode_watch_frame(event["type"], event["object"])
    except StatusError as error:
        return wire.encode_watch_frame("ERROR", error.status())

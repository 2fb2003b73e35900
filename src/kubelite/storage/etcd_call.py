"""One gRPC call: its request, the pieces of its answer, its end.

What: `Call` and `RpcError`. Why: the connection knows frames; what belongs to a call is kept here. Flow: `etcd_channel` makes a
Call, `etcd_http2` sends it and feeds it. No I/O. Source: gRPC's PROTOCOL-HTTP2.md.
"""

from __future__ import annotations

import asyncio
from collections import deque

OK, CANCELLED, DEADLINE_EXCEEDED, NOT_FOUND, RESOURCE_EXHAUSTED = 0, 1, 4, 5, 8
INVALID_ARGUMENT, OUT_OF_RANGE, INTERNAL, UNAVAILABLE = 3, 11, 13, 14
HEAD = 5
"""Bytes before each message: one that says whether it is compressed, which we never ask for, and its length."""


class RpcError(Exception):
    """A call that failed: gRPC's status code and words. `sent` False: the member has surely not carried it out."""

    def __init__(self, code: int, details: str, *, sent: bool = True) -> None:
        super().__init__(f"gRPC status {code}: {details}")
        self.code = code
        self.details = details
        self.sent = sent


def message(body: bytes) -> bytes:
    """A gRPC message: not compressed, its length, itself."""
    return b"\0%b%b" % (len(body).to_bytes(4, "big"), body)


class Call:
    """One call. `answered` is done at the end: with the message of a unary call, None for a stream, or an `RpcError`."""

    __slots__ = (
        "_chunks",
        "_have",
        "_need",
        "answered",
        "block",
        "credit",
        "deadline",
        "id",
        "messages",
        "sent",
        "streams",
        "unsent",
        "waiter",
        "window",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, block: bytes, body: bytes, deadline: float, *, streams: bool
    ) -> None:
        self.id = 0
        self.block = block
        """The header block of the request."""
        self.unsent = body
        self.deadline = deadline
        """Time of the loop; 0 for none."""
        self.streams = streams
        self.window = 0
        self.sent = False
        self.credit = 0
        """Bytes received that the member has not been given room for again."""
        self.messages: deque[bytes] = deque()
        self.answered: asyncio.Future[bytes | None] = loop.create_future()
        self.waiter: asyncio.Future[None] | None = None
        self._chunks: list[bytes] = []
        self._have = 0
        self._need = HEAD

    def receive(self, data: bytes) -> None:
        """Takes a piece of the answer; complete messages are put in `messages`."""
        if self._have:
            self._chunks.append(data)
            self._have += len(data)
            if self._have < self._need:
                return
            data = b"".join(self._chunks)
        at, end = 0, len(data)
        need = HEAD
        while end - at >= HEAD:
            need = HEAD + int.from_bytes(data[at + 1 : at + HEAD], "big")
            if at + need > end:
                break
            self.messages.append(data[at + HEAD : at + need])
            at += need
            need = HEAD
        rest = data[at:]
        self._chunks, self._have, self._need = [rest], len(rest), need
        if self.messages:
            self.wake()

    def end(self, error: RpcError | None) -> None:
        """The last thing that happens to a call; None is success."""
        if self.answered.done():
            return
        if error is None and not self.streams:
            if self.messages:
                self.answered.set_result(self.messages.popleft())
                return
            error = RpcError(INTERNAL, "the answer has no message")
        if error is None:
            self.answered.set_result(None)
        else:
            self.answered.set_exception(error)
            self.answered.exception()  # whoever still waits raises it; nobody may be waiting any more
        self.wake()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

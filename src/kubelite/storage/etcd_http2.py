"""gRPC calls to one etcd member over one HTTP/2 connection, in the event loop.

What: `Http2`, the asyncio protocol of a connection. Why: see docs/adr/0010: a call through the
grpc library costs 130 to 165 µs of CPU and a change of threads, here 30. Only what etcd needs is here: unary calls, and
streams with one request.
Flow: `start` writes headers and message → frames come back → `Call.answered` or `Call.read`. When the connection breaks,
every call fails with `RpcError`; `sent` tells whether the member may have seen it.

Bounds: calls beyond the member's limit of streams wait here; what the member's flow control does not admit waits in its call;
a stream whose reader is slow stops the member after `WINDOW` bytes.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import unquote

from kubelite.storage import etcd_headers as headers
from kubelite.storage.etcd_call import CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE, Call, RpcError

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
REFUSED_STREAM, CANCEL = 7, 8

WINDOW = 4 << 20
CREDIT = WINDOW // 4
CONNECTION_WINDOW = 1 << 30
LAST_STREAM = (1 << 31) - 1
SWEEP_SECONDS = 0.25
HEARTBEAT_SECONDS = 10.0
SILENCE_SECONDS = 30.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_frame_head = struct.Struct(">HBBBI")
_setting = struct.Struct(">HI")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    size = len(payload)
    return _frame_head.pack(size >> 8, size & 255, kind, flags, stream) + payload


class Http2(asyncio.Protocol):
    """`ready` is done when the member has sent its settings; `on_closed` is called once when no more calls can start."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_closed: Callable[[Http2], None]) -> None:
        self.ready: asyncio.Future[None] = loop.create_future()
        self.usable = True
        self._loop = loop
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self._calls: dict[int, Call] = {}
        self._queue: deque[Call] = deque()
        self._blocked: dict[int, Call] = {}
        self._next = 1
        self._most_calls = LAST_STREAM
        self._most_frame = 16384
        self._stream_window = self._window = 65535
        self._received = 0
        self._rest = b""
        self._block = b""
        self._heard = 0.0
        self._sweeper: asyncio.TimerHandle | None = None
        self._heart: asyncio.TimerHandle | None = None
        self._handlers: dict[int, Callable[[int, int, bytes], None]] = {
            DATA: self._on_data,
            HEADERS: self._on_headers,
            CONTINUATION: self._on_continuation,
            RST_STREAM: self._on_reset,
            SETTINGS: self._on_settings,
            PING: self._on_ping,
            GOAWAY: self._on_goaway,
            WINDOW_UPDATE: self._on_window,
        }

    # -- calls

    def start(self, call: Call) -> None:
        """Sends a call, now or when the member's limit of streams allows it."""
        if len(self._calls) >= self._most_calls:
            self._queue.append(call)
        else:
            self._begin(call)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    async def read(self, call: Call) -> bytes | None:
        """The next message of a stream; None at its end. Raises `RpcError`."""
        while not call.messages:
            if call.answered.done():
                return call.answered.result()
            call.waiter = self._loop.create_future()
            await call.waiter
        found = call.messages.popleft()
        self._give_room(call)
        return found

    def cancel(self, call: Call) -> None:
        """Ends a call whose answer nobody wants any more."""
        if not call.answered.done():
            call.answered.cancel()
        if call.id and self._calls.pop(call.id, None) is not None:
            self._write(frame(RST_STREAM, 0, call.id, CANCEL.to_bytes(4, "big")))
            self._ended(call)

    def close(self) -> None:
        """Fails all calls and closes."""
        self._lose("the connection was closed")
        if self._transport is not None:
            self._transport.close()

    def _begin(self, call: Call) -> None:
        if call.answered.done():
            return
        call.id = stream = self._next
        self._next += 2
        if self._next > LAST_STREAM:
            self._retire()
        call.window = self._stream_window
        call.sent = True
        self._calls[stream] = call
        body = call.unsent
        size = len(body)
        head = frame(HEADERS, END_HEADERS, stream, call.block)
        if size <= self._most_frame and size <= self._window and size <= call.window and not self._blocked:
            self._window -= size
            call.window -= size
            call.unsent = b""
            self._write(head + frame(DATA, 0 if call.streams else END_STREAM, stream, body))
        else:
            self._write(head)
            self._blocked[stream] = call
            self._pump()

    def _pump(self) -> None:
        """Sends what flow control admits of the calls that wait for it, in their order."""
        for stream, call in list(self._blocked.items()):
            while call.unsent:
                size = min(len(call.unsent), self._window, call.window, self._most_frame)
                if size <= 0:
                    break
                piece, call.unsent = call.unsent[:size], call.unsent[size:]
                self._window -= size
                call.window -= size
                last = not call.unsent and not call.streams
                self._write(frame(DATA, END_STREAM if last else 0, stream, piece))
            if not call.unsent:
                del self._blocked[stream]
            if self._window <= 0:
                return

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _ended(self, call: Call) -> None:
        """A call has left `_calls`: the next may start; a connection without a future ends with its last call."""
        self._blocked.pop(call.id, None)
        while self._queue and len(self._calls) < self._most_calls:
            self._begin(self._queue.popleft())
        if not self.usable and not self._calls and self._transport is not None:
            self._transport.close()

    def _sweep(self) -> None:
        """Ends what is overdue; one timer for all calls, and none while there are none."""
        self._sweeper = None
        now = self._loop.time()
        late = [call for call in (*self._calls.values(), *self._queue) if 0 < call.deadline < now]
        for call in late:
            call.end(RpcError(DEADLINE_EXCEEDED, "deadline exceeded", sent=call.sent))
            self.cancel(call)
        if self._queue or any(call.deadline for call in self._calls.values()):
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    # -- the connection's life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # No dynamic table (1), no pushes (2), room for a stream's answer (4).
        wanted = _setting.pack(1, 0) + _setting.pack(2, 0) + _setting.pack(4, WINDOW)
        room = (CONNECTION_WINDOW - 65535).to_bytes(4, "big")
        self._transport.write(PREFACE + frame(SETTINGS, 0, 0, wanted) + frame(WINDOW_UPDATE, 0, 0, room))
        self._heard = self._loop.time()
        self._heart = self._loop.call_later(HEARTBEAT_SECONDS, self._beat)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lose(f"connection lost: {exc}" if exc else "connection closed by the member")

    def _lose(self, why: str) -> None:
        self._retire()
        for timer in (self._heart, self._sweeper):
            if timer is not None:
                timer.cancel()
        if not self.ready.done():
            self.ready.set_exception(RpcError(UNAVAILABLE, why, sent=False))
        calls, self._calls = [*self._calls.values(), *self._queue], {}
        self._queue.clear()
        self._blocked.clear()
        for call in calls:
            call.end(RpcError(UNAVAILABLE, why, sent=call.sent))

    def _retire(self) -> None:
        if self.usable:
            self.usable = False
            self._on_closed(self)

    def _beat(self) -> None:
        """Asks a silent member for a sign of life while something is expected of it; without one the connection is given up."""
        silent = self._loop.time() - self._heard
        if silent > SILENCE_SECONDS + HEARTBEAT_SECONDS and self._calls:
            if self._transport is not None:
                self._transport.abort()
            return
        if silent > SILENCE_SECONDS - HEARTBEAT_SECONDS and self._calls:
            self._write(frame(PING, 0, 0, b"kubelite"))
        self._heart = self._loop.call_later(HEARTBEAT_SECONDS, self._beat)

    # -- what comes in

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        try:
            while end - at >= 9:
                high, low, kind, flags, stream = _frame_head.unpack_from(data, at)
                after = at + 9 + (high << 8) + low
                if after > end:
                    break
                handler = self._handlers.get(kind)
                if handler is not None:
                    handler(flags, stream & LAST_STREAM, data[at + 9 : after])
                at = after
        except (headers.BadHeaders, struct.error, IndexError) as error:
            self._lose(f"the member breaks the protocol: {error}")
            if self._transport is not None:
                self._transport.abort()
            return
        self._rest = data[at:]

    def _on_data(self, flags: int, stream: int, payload: bytes) -> None:
        size = len(payload)
        self._received += size
        if self._received > CONNECTION_WINDOW // 4:
            self._write(frame(WINDOW_UPDATE, 0, 0, self._received.to_bytes(4, "big")))
            self._received = 0
        call = self._calls.get(stream)
        if call is None:
            return
        call.credit += size
        call.receive(payload[1 : size - payload[0]] if flags & PADDED else payload)
        self._give_room(call)
        if flags & END_STREAM:
            self._finish(stream, {})

    def _give_room(self, call: Call) -> None:
        """Lets the member send more, unless a stream's reader has messages left to read."""
        if call.credit > CREDIT and not (call.streams and call.messages) and call.id in self._calls:
            self._write(frame(WINDOW_UPDATE, 0, call.id, call.credit.to_bytes(4, "big")))
            call.credit = 0

    def _on_headers(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & (PADDED | PRIORITY):
            start = (1 if flags & PADDED else 0) + (5 if flags & PRIORITY else 0)
            payload = payload[start : len(payload) - (payload[0] if flags & PADDED else 0)]
        if not flags & END_HEADERS:
            # END_STREAM belongs to the block that goes on: it is kept as its first byte.
            self._block = bytes((flags & END_STREAM,)) + payload
            return
        if flags & END_STREAM:
            self._finish(stream, headers.decode(payload))
        else:
            self._check_status(stream, headers.decode(payload))

    def _on_continuation(self, flags: int, stream: int, payload: bytes) -> None:
        self._block += payload
        if flags & END_HEADERS:
            block, self._block = self._block, b""
            self._on_headers(END_HEADERS | block[0], stream, block[1:])

    def _check_status(self, stream: int, fields: dict[str, str]) -> None:
        if fields.get(":status", "200") != "200" and (call := self._calls.get(stream)) is not None:
            call.end(RpcError(UNAVAILABLE, f"HTTP status {fields[':status']}"))
            self.cancel(call)

    def _finish(self, stream: int, fields: dict[str, str]) -> None:
        """The member has ended a call."""
        call = self._calls.pop(stream, None)
        if call is None:
            return
        status = fields.get("grpc-status", "")
        if status == "0":
            call.end(None)
        elif status.isdigit():
            call.end(RpcError(int(status), unquote(fields.get("grpc-message", ""))))
        else:
            call.end(RpcError(UNAVAILABLE, f"no gRPC status (HTTP status {fields.get(':status', '?')})"))
        self._ended(call)

    def _on_reset(self, flags: int, stream: int, payload: bytes) -> None:
        call = self._calls.pop(stream, None)
        if call is None:
            return
        reason = int.from_bytes(payload[:4], "big")
        if reason == REFUSED_STREAM:
            call.end(RpcError(UNAVAILABLE, "stream refused", sent=False))
        else:
            call.end(RpcError(CANCELLED if reason == CANCEL else UNAVAILABLE, f"stream reset, HTTP/2 error {reason}"))
        self._ended(call)

    def _on_settings(self, flags: int, stream: int, payload: bytes) -> None:
        if flags & ACK:
            return
        for name, value in _setting.iter_unpack(payload):
            if name == 3:
                self._most_calls = value
            elif name == 4:
                for call in self._calls.values():
                    call.window += value - self._stream_window
                self._stream_window = value
            elif name == 5:
                self._most_frame = value
        self._write(frame(SETTINGS, ACK, 0))
        if not self.ready.done():
            self._most_calls = max(self._most_calls, 1)
            self.ready.set_result(None)
        self._pump()

    def _on_ping(self, flags: int, stream: int, payload: bytes) -> None:
        if not flags & ACK:
            self._write(frame(PING, ACK, 0, payload))

    def _on_goaway(self, flags: int, stream: int, payload: bytes) -> None:
        """The member takes no new calls; those after the last one that it took were not carried out."""
        last = int.from_bytes(payload[:4], "big") & LAST_STREAM
        self._retire()
        refused = [call for number, call in self._calls.items() if number > last] + [*self._queue]
        self._queue.clear()
        for call in refused:
            self._calls.pop(call.id, None)
            call.end(RpcError(UNAVAILABLE, "the member is going away", sent=False))
            self._ended(call)
        if not self._calls and self._transport is not None:
            self._transport.close()

    def _on_window(self, flags: int, stream: int, payload: bytes) -> None:
        more = int.from_bytes(payload[:4], "big") & LAST_STREAM
        if not stream:
            self._window += more
        elif (call := self._calls.get(stream)) is not None:
            call.window += more
        if self._blocked:
            self._pump()

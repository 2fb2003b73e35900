"""A SPDY/3.1 session over any byte stream, for servers and clients: streams in, streams out.

What: `SpdySession` and `SpdyStream` (a ByteStream). Why: remote commands and port forwarding are sets of SPDY streams.
Flow: one task reads frames into bounded inboxes; when a stream's consumer is slow the task stops reading, and TCP slows the
peer. WINDOW_UPDATE is read and not used: the SPDY library of Kubernetes neither sends nor awaits it. Streams the peer
opens wait in a queue of 128; more are refused with RST_STREAM.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Final

from kubelite.streaming import spdy_frames as frames
from kubelite.streaming.bytestream import CHUNK, ByteStream, Inbox
from kubelite.streaming.spdy_frames import Headers, SpdyError

MAX_WAITING_STREAMS: Final = 128
OPEN_SECONDS: Final = 30.0


class SpdyStream:
    """One stream of a session."""

    def __init__(self, session: SpdySession, stream_id: int, headers: Headers) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self.reset = False
        """True once the peer has cut the stream."""
        self._session = session
        self._inbox = Inbox()
        self._write_ended = False
        self._replied: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        return await self._inbox.get()

    async def write(self, data: bytes) -> None:
        if self._write_ended or self.reset:
            raise ConnectionResetError("the SPDY stream is closed")
        for at in range(0, len(data), CHUNK):
            await self._session.send(frames.Data(self.stream_id, data[at : at + CHUNK]))

    async def finish(self) -> None:
        if self._write_ended or self.reset:
            return
        self._write_ended = True
        with contextlib.suppress(ConnectionError):
            await self._session.send(frames.Data(self.stream_id, b"", fin=True))
        self._session.forget_if_done(self)

    async def close(self) -> None:
        if not self.done:
            with contextlib.suppress(ConnectionError):
                await self._session.send(frames.RstStream(self.stream_id, frames.CANCEL))
        self.reset = True
        self._write_ended = True
        self._inbox.discard()
        self._session.forget_if_done(self)

    @property
    def done(self) -> bool:
        return self.reset or (self._write_ended and self._inbox.ended)

    async def receive(self, data: bytes, fin: bool) -> None:
        """For the session: bytes arrived."""
        await self._inbox.put(data)
        if fin:
            self._inbox.end()
            self._session.forget_if_done(self)

    def replied(self, error: ConnectionError | None = None) -> None:
        """For the session: the peer accepted or refused the stream."""
        if self._replied is not None and not self._replied.done():
            if error is None:
                self._replied.set_result(None)
            else:
                self._replied.set_exception(error)

    def cut(self) -> None:
        """For the session: the peer reset the stream, or the connection is gone. What was received can still be read."""
        self.reset = True
        self._inbox.end()
        self.replied(ConnectionResetError("the SPDY stream was refused"))

    async def wait_open(self, seconds: float) -> None:
        """Wait for SYN_REPLY of a stream that this side opened."""
        self._replied = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(seconds):
            await self._replied


class SpdySession:
    """One connection. Use as `async with SpdySession(io, server=True) as session:`."""

    def __init__(self, io: ByteStream, *, server: bool) -> None:
        self._io = io
        self._server = server
        self._encoder = frames.Encoder()
        self._decoder = frames.Decoder()
        self._streams: dict[int, SpdyStream] = {}
        self._incoming: asyncio.Queue[SpdyStream | None] = asyncio.Queue(MAX_WAITING_STREAMS + 1)
        self._next_id = 2 if server else 1
        self._last_seen = 0
        self._gone = False
        self._task: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()
        """Set when the peer is gone or `close` was called."""

    async def __aenter__(self) -> SpdySession:
        self._task = asyncio.create_task(self._read_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def accept(self) -> SpdyStream | None:
        """The next stream the peer opens, already answered; None when the connection has ended."""
        if self.closed.is_set() and self._incoming.empty():
            return None
        return await self._incoming.get()

    async def open(self, headers: Headers, *, fin: bool = False) -> SpdyStream:
        """Open a stream and wait for the peer's answer. Raises ConnectionError or TimeoutError."""
        if self._gone:
            raise ConnectionResetError("the SPDY connection is going away")
        stream = SpdyStream(self, self._next_id, dict(headers))
        self._next_id += 2
        self._streams[stream.stream_id] = stream
        await self.send(frames.SynStream(stream.stream_id, dict(headers), fin))
        await stream.wait_open(OPEN_SECONDS)
        return stream

    async def send(self, frame: frames.Frame) -> None:
        """Encode and write; frames leave in the order of the calls because encoding and writing happen in one step."""
        if self.closed.is_set():
            raise ConnectionResetError("the SPDY connection is closed")
        await self._io.write(self._encoder.encode(frame))

    def forget_if_done(self, stream: SpdyStream) -> None:
        if stream.done:
            self._streams.pop(stream.stream_id, None)

    async def ping(self, ping_id: int) -> None:
        await self.send(frames.Ping(ping_id))

    async def close(self) -> None:
        """GOAWAY, end every stream, free the transport. Never raises."""
        if not self.closed.is_set():
            with contextlib.suppress(ConnectionError, TimeoutError):
                await self.send(frames.GoAway(self._last_seen))
        self._end()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._io.close()

    def _end(self) -> None:
        self._gone = True
        if self.closed.is_set():
            return
        self.closed.set()
        for stream in list(self._streams.values()):
            stream.cut()
        self._streams.clear()
        self._incoming.put_nowait(None)

    async def _read_loop(self) -> None:
        try:
            while data := await self._io.read():
                for frame in self._decoder.feed(data):
                    await self._handle(frame)
        except (ConnectionError, TimeoutError, OSError):
            return  # A lost connection ends every stream, which is what the users of the session see.
        finally:
            self._end()

    async def _handle(self, frame: frames.Frame) -> None:
        match frame:
            case frames.Data(stream_id, payload, fin):
                await self._deliver(stream_id, payload, fin)
            case frames.SynStream():
                await self._accepted(frame)
            case frames.SynReply(stream_id, _headers, fin):
                if stream := self._streams.get(stream_id):
                    stream.replied()
                await self._deliver(stream_id, b"", fin)
            case frames.RstStream(stream_id, _status):
                if stream := self._streams.pop(stream_id, None):
                    stream.cut()
            case frames.HeadersFrame(stream_id, _headers, fin):
                await self._deliver(stream_id, b"", fin)
            case frames.Ping(ping_id):
                # Odd ids belong to the client: one of this side's own parity is the answer to a ping sent from here.
                if (ping_id % 2 == 1) == self._server:
                    await self.send(frame)
            case frames.GoAway():
                self._gone = True

    async def _deliver(self, stream_id: int, payload: bytes, fin: bool) -> None:
        if stream := self._streams.get(stream_id):
            await stream.receive(payload, fin)

    async def _accepted(self, frame: frames.SynStream) -> None:
        if (frame.stream_id % 2 == 1) != self._server or frame.stream_id <= self._last_seen:
            raise SpdyError(f"SPDY stream {frame.stream_id} is out of order")
        self._last_seen = frame.stream_id
        if self._gone or self._incoming.qsize() >= MAX_WAITING_STREAMS:
            await self.send(frames.RstStream(frame.stream_id, frames.REFUSED_STREAM))
            return
        stream = SpdyStream(self, frame.stream_id, dict(frame.headers))
        self._streams[frame.stream_id] = stream
        await self.send(frames.SynReply(frame.stream_id))
        await stream.receive(b"", frame.fin)
        self._incoming.put_nowait(stream)

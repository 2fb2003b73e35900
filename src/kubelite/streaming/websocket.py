"""A WebSocket connection over any byte stream, for servers and clients.

What: `WebSocket` (messages in, messages out, ping, close) and `MessageStream`, a byte stream made of binary messages.
Why: channels and the port-forward tunnel need messages, not frames. Flow: ByteStream → frames → messages and back. Pings are
answered and closes are echoed while `receive` waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass

from kubelite.streaming import websocket_frames as frames
from kubelite.streaming.bytestream import CLOSE_SECONDS, ByteStream
from kubelite.streaming.websocket_frames import Frame, WebSocketError


@dataclass(frozen=True, slots=True)
class Message:
    data: bytes
    text: bool = False


class WebSocket:
    """One connection after its handshake. One task receives; any number may send."""

    def __init__(self, io: ByteStream, *, client: bool, early: bytes = b"") -> None:
        self._io = io
        self.is_client = client
        self._decoder = frames.Decoder(masked=not client)
        self._pending: list[Frame] = list(self._decoder.feed(early)) if early else []
        self._parts: list[bytes] = []
        self._text = False
        self._fragmented = False
        self._close_sent = False
        self.close_code: int | None = None
        """The peer's close code, once it closed."""
        self.close_reason = ""

    async def receive(self) -> Message | None:
        """The next whole message, None when the peer closed. Raises WebSocketError (after telling the peer why)."""
        try:
            while True:
                while self._pending:
                    message = await self._take(self._pending.pop(0))
                    if message is not None:
                        return message
                    if self.close_code is not None:
                        return None
                data = await self._io.read()
                if not data:
                    self.close_code = self.close_code or 1006
                    return None
                self._pending.extend(self._decoder.feed(data))
        except WebSocketError as error:
            with contextlib.suppress(ConnectionError):
                await self._send_close(error.code, str(error))
            raise

    async def _take(self, frame: Frame) -> Message | None:
        if frame.opcode == frames.PING:
            await self._send(Frame(frames.PONG, frame.payload))
        elif frame.opcode == frames.CLOSE:
            self.close_code = struct.unpack(">H", frame.payload[:2])[0] if len(frame.payload) >= 2 else 1005
            self.close_reason = frame.payload[2:].decode("utf-8", "replace")
            with contextlib.suppress(ConnectionError):
                await self._send_close(frames.NORMAL if self.close_code == 1005 else self.close_code, "")
        elif frame.opcode != frames.PONG:
            return self._assemble(frame)
        return None

    def _assemble(self, frame: Frame) -> Message | None:
        if (frame.opcode == frames.CONTINUATION) != self._fragmented:
            raise WebSocketError("WebSocket message fragments out of order")
        if frame.opcode != frames.CONTINUATION:
            self._text = frame.opcode == frames.TEXT
            if frame.fin:
                return Message(frame.payload, self._text)
        self._parts.append(frame.payload)
        if sum(map(len, self._parts)) > frames.MAX_MESSAGE:
            raise WebSocketError("WebSocket message is too big", frames.TOO_BIG)
        self._fragmented = not frame.fin
        if not frame.fin:
            return None
        data = b"".join(self._parts)
        self._parts.clear()
        return Message(data, self._text)

    async def send(self, data: bytes, *, text: bool = False) -> None:
        """Send one message; ConnectionError when the connection is closing or gone."""
        if self._close_sent:
            raise ConnectionResetError("the WebSocket is closed")
        await self._send(Frame(frames.TEXT if text else frames.BINARY, data))

    async def ping(self, data: bytes = b"") -> None:
        await self._send(Frame(frames.PING, data))

    async def _send(self, frame: Frame) -> None:
        await self._io.write(frames.encode(frame, mask=self.is_client))

    async def _send_close(self, code: int, reason: str) -> None:
        if self._close_sent:
            return
        self._close_sent = True
        await self._send(Frame(frames.CLOSE, struct.pack(">H", code) + reason.encode()[:120]))

    async def say_goodbye(self, code: int = frames.NORMAL, reason: str = "") -> None:
        """Send the close frame; whoever receives sees the peer's answer. Never raises."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._send_close(code, reason)

    async def close(self, code: int = frames.NORMAL, reason: str = "") -> None:
        """Say goodbye and free the transport. Never raises."""
        await self.say_goodbye(code, reason)
        await self._io.close()


class MessageStream:
    """A byte stream carried as binary messages (the SPDY tunnel of port-forward)."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        while True:
            message = await self._socket.receive()
            if message is None:
                return b""
            if message.data:
                return message.data

    async def write(self, data: bytes) -> None:
        await self._socket.send(data)

    async def finish(self) -> None:
        """A tunnel has no half-close."""

    async def close(self) -> None:
        await self._socket.close()

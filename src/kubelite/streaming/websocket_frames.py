"""WebSocket frames as values: encode, decode, masking (RFC 6455, section 5). No I/O here.

What: `Frame`, `encode`, `Decoder`. Why: new kubectl versions, browsers and the Python client speak WebSocket where older ones
speak SPDY. Flow: bytes → `Decoder.feed` → frames; `encode` → bytes. The decoder of a server insists on masked frames and
that of a client on unmasked ones.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

CONTINUATION: Final = 0x0
TEXT: Final = 0x1
BINARY: Final = 0x2
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
TOO_BIG: Final = 1009
INTERNAL: Final = 1011

MAX_MESSAGE: Final = 32 * 1024 * 1024


class WebSocketError(ConnectionError):
    """The peer broke the protocol; `code` is the close code to answer with."""

    def __init__(self, message: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Frame:
    opcode: int
    payload: bytes = b""
    fin: bool = True

    @property
    def is_control(self) -> bool:
        return self.opcode >= CLOSE


def mask_bytes(data: bytes, key: bytes) -> bytes:
    """`data` XOR the repeated 4-byte key; its own inverse. One big-integer XOR is the fastest form in plain Python."""
    size = len(data)
    pattern = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def encode(frame: Frame, *, mask: bool) -> bytes:
    """One frame as bytes; `mask` for what a client sends."""
    size = len(frame.payload)
    first = (0x80 if frame.fin else 0) | frame.opcode
    bit = 0x80 if mask else 0
    if size < 126:
        head = struct.pack(">BB", first, bit | size)
    elif size < 0x10000:
        head = struct.pack(">BBH", first, bit | 126, size)
    else:
        head = struct.pack(">BBQ", first, bit | 127, size)
    if not mask:
        return head + frame.payload
    key = os.urandom(4)
    return head + key + mask_bytes(frame.payload, key)


class Decoder:
    """Bytes → frames of one direction."""

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked
        self._rest = b""

    def feed(self, data: bytes) -> Iterable[Frame]:
        """The frames that `data` completes. Raises WebSocketError on reserved bits, wrong masking or oversize."""
        buffer = self._rest + data if self._rest else data
        frames: list[Frame] = []
        at = 0
        while True:
            found = self._one(buffer, at)
            if found is None:
                break
            frame, at = found
            frames.append(frame)
        self._rest = buffer[at:]
        return frames

    def _one(self, buffer: bytes, at: int) -> tuple[Frame, int] | None:
        if len(buffer) - at < 2:
            return None
        first, second = buffer[at], buffer[at + 1]
        fin, opcode = bool(first & 0x80), first & 0x0F
        _check(first, second, opcode, fin, self._masked)
        size = second & 0x7F
        start = at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < start + width:
                return None
            size = int.from_bytes(buffer[start : start + width], "big")
            start += width
            if size > MAX_MESSAGE:
                raise WebSocketError(f"WebSocket frame of {size} bytes", TOO_BIG)
        key = b""
        if self._masked:
            key = buffer[start : start + 4]
            start += 4
        if len(buffer) < start + size:
            return None
        payload = buffer[start : start + size]
        return Frame(opcode, mask_bytes(payload, key) if self._masked else payload, fin), start + size


def _check(first: int, second: int, opcode: int, fin: bool, masked: bool) -> None:
    if first & 0x70:
        raise WebSocketError("WebSocket frame with reserved bits")
    if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
        raise WebSocketError(f"WebSocket frame with unknown opcode {opcode}")
    if bool(second & 0x80) != masked:
        raise WebSocketError("WebSocket frame is not masked" if masked else "WebSocket frame is masked")
    if opcode >= CLOSE and (not fin or second & 0x7F > 125):
        raise WebSocketError("fragmented or oversize WebSocket control frame")

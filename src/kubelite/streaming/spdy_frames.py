"""SPDY/3.1 frames as values: encode, decode, and the zlib header blocks with their dictionary.

What: one dataclass per frame, `Encoder` and `Decoder` (one of each per connection: header compression has a state).
Why: `kubectl exec`, `attach` and `port-forward` and every CRI runtime speak SPDY/3.1. Flow: bytes → `Decoder.feed` → frames;
frame → `Encoder.encode` → bytes. Layout after the SPDY/3.1 draft, sections 2.2 and 2.6. No I/O here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

VERSION: Final = 3
FLAG_FIN: Final = 0x01
FLAG_UNIDIRECTIONAL: Final = 0x02
MAX_FRAME: Final = 0xFFFFFF
MAX_HEADERS: Final = 64 * 1024
_ID: Final = 0x7FFFFFFF

PROTOCOL_ERROR: Final = 1
INVALID_STREAM: Final = 2
REFUSED_STREAM: Final = 3
CANCEL: Final = 5

Headers: TypeAlias = dict[str, str]
"""Lower-case names; several values of one name are joined by NUL, as on the wire."""


class SpdyError(ConnectionError):
    """The peer broke the protocol: the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class SynStream:
    stream_id: int
    headers: Headers = field(default_factory=dict)
    fin: bool = False
    unidirectional: bool = False
    associated: int = 0
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SynReply:
    stream_id: int
    headers: Headers = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class RstStream:
    stream_id: int
    status: int


@dataclass(frozen=True, slots=True)
class Settings:
    entries: tuple[tuple[int, int, int], ...] = ()
    """(flags, id, value)"""


@dataclass(frozen=True, slots=True)
class Ping:
    ping_id: int


@dataclass(frozen=True, slots=True)
class GoAway:
    last_stream_id: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class HeadersFrame:
    stream_id: int
    headers: Headers = field(default_factory=dict)
    fin: bool = False


@dataclass(frozen=True, slots=True)
class WindowUpdate:
    stream_id: int
    delta: int


@dataclass(frozen=True, slots=True)
class Data:
    stream_id: int
    payload: bytes
    fin: bool = False


Frame: TypeAlias = SynStream | SynReply | RstStream | Settings | Ping | GoAway | HeadersFrame | WindowUpdate | Data

_DICTIONARY_WORDS: Final = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
_DICTIONARY_TAIL: Final = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    words = (word.replace("_", " ").encode() for word in _DICTIONARY_WORDS.split())
    return b"".join(struct.pack(">I", len(word)) + word for word in words) + _DICTIONARY_TAIL.encode()


DICTIONARY: Final = _dictionary()
"""The initial zlib window of SPDY/3 header blocks (draft, section 2.6.10.1)."""


class Encoder:
    """Frames → bytes of one direction of a connection. Frames must be sent in the order in which they are encoded."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        match frame:
            case Data():
                flags = FLAG_FIN if frame.fin else 0
                return struct.pack(">II", frame.stream_id & _ID, flags << 24 | len(frame.payload)) + frame.payload
            case SynStream():
                flags = (FLAG_FIN if frame.fin else 0) | (FLAG_UNIDIRECTIONAL if frame.unidirectional else 0)
                head = struct.pack(">IIBB", frame.stream_id, frame.associated, frame.priority << 5, 0)
                return _control(1, flags, head + self._block(frame.headers))
            case SynReply():
                return _control(2, int(frame.fin), struct.pack(">I", frame.stream_id) + self._block(frame.headers))
            case RstStream():
                return _control(3, 0, struct.pack(">II", frame.stream_id, frame.status))
            case Settings():
                body = b"".join(struct.pack(">II", flags << 24 | key, value) for flags, key, value in frame.entries)
                return _control(4, 0, struct.pack(">I", len(frame.entries)) + body)
            case Ping():
                return _control(6, 0, struct.pack(">I", frame.ping_id))
            case GoAway():
                return _control(7, 0, struct.pack(">II", frame.last_stream_id, frame.status))
            case HeadersFrame():
                return _control(8, int(frame.fin), struct.pack(">I", frame.stream_id) + self._block(frame.headers))
            case WindowUpdate():
                return _control(9, 0, struct.pack(">II", frame.stream_id, frame.delta))

    def _block(self, headers: Headers) -> bytes:
        parts = [struct.pack(">I", len(headers))]
        for name, value in headers.items():
            for text in (name.lower().encode(), value.encode()):
                parts += (struct.pack(">I", len(text)), text)
        return self._deflate.compress(b"".join(parts)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


class Decoder:
    """Bytes → frames of one direction of a connection."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._rest = b""

    def feed(self, data: bytes) -> Iterable[Frame]:
        """The frames that `data` completes; an incomplete one is kept. Raises SpdyError."""
        buffer = self._rest + data if self._rest else data
        at = 0
        frames: list[Frame] = []
        while len(buffer) - at >= 8:
            first, second = struct.unpack_from(">II", buffer, at)
            end = at + 8 + (second & MAX_FRAME)
            if end > len(buffer):
                break
            frame = self._frame(first, second >> 24, buffer[at + 8 : end])
            if frame is not None:
                frames.append(frame)
            at = end
        self._rest = buffer[at:]
        return frames

    def _frame(self, first: int, flags: int, body: bytes) -> Frame | None:
        if not first & 0x80000000:
            return Data(first, body, bool(flags & FLAG_FIN))
        if first >> 16 & 0x7FFF != VERSION:
            raise SpdyError(f"unsupported SPDY version {first >> 16 & 0x7FFF}")
        try:
            return self._control(first & 0xFFFF, flags, body)
        except struct.error as error:
            raise SpdyError(f"truncated SPDY control frame of type {first & 0xFFFF}") from error

    def _control(self, kind: int, flags: int, body: bytes) -> Frame | None:
        fin = bool(flags & FLAG_FIN)
        match kind:
            case 1:
                stream_id, associated, priority, _slot = struct.unpack_from(">IIBB", body)
                headers = self._headers(body[10:])
                one_way = bool(flags & FLAG_UNIDIRECTIONAL)
                return SynStream(stream_id & _ID, headers, fin, one_way, associated & _ID, priority >> 5)
            case 2:
                return SynReply(struct.unpack_from(">I", body)[0] & _ID, self._headers(body[4:]), fin)
            case 3:
                stream_id, status = struct.unpack_from(">II", body)
                return RstStream(stream_id & _ID, status)
            case 4:
                (count,) = struct.unpack_from(">I", body)
                if len(body) != 4 + 8 * count:
                    raise SpdyError("SPDY SETTINGS frame of wrong length")
                pairs = struct.iter_unpack(">II", body[4:])
                return Settings(tuple((key >> 24, key & 0xFFFFFF, value) for key, value in pairs))
            case 6:
                return Ping(struct.unpack_from(">I", body)[0])
            case 7:
                last, status = struct.unpack_from(">II", body)
                return GoAway(last & _ID, status)
            case 8:
                return HeadersFrame(struct.unpack_from(">I", body)[0] & _ID, self._headers(body[4:]), fin)
            case 9:
                stream_id, delta = struct.unpack_from(">II", body)
                return WindowUpdate(stream_id & _ID, delta & _ID)
        return None  # Unknown control frames are skipped, as the draft asks.

    def _headers(self, block: bytes) -> Headers:
        try:
            data = self._inflate.decompress(block, MAX_HEADERS)
        except zlib.error as error:
            raise SpdyError(f"broken SPDY header block: {error}") from error
        if self._inflate.unconsumed_tail:
            raise SpdyError(f"SPDY header block of more than {MAX_HEADERS} bytes")
        (count,) = struct.unpack_from(">I", data)
        at = 4
        headers: Headers = {}
        for _ in range(count):
            name, at = _text(data, at)
            value, at = _text(data, at)
            headers[name.lower()] = value
        return headers


def _text(data: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from(">I", data, at)
    end = at + 4 + size
    if end > len(data):
        raise SpdyError("truncated SPDY header block")
    return data[at + 4 : end].decode("utf-8", "replace"), end


def _control(kind: int, flags: int, body: bytes) -> bytes:
    return struct.pack(">HHI", 0x8000 | VERSION, kind, flags << 24 | len(body)) + body

"""HTTP/2 header blocks, as far as gRPC calls need them.

What: `encode` for requests, `decode` for answers. Why: the connection tells its peer to use no dynamic table, so a block
means the same whatever came before it: each is decoded once and then known by its bytes, which are nearly always the same.
Flow: `etcd_http2` → bytes ⇄ names and values. Pure. Format and code lengths: RFC 7541.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

STATIC_NAMES = {1: ":authority", 4: ":path", 28: "content-length", 31: "content-type", 33: "date", 54: "server"}
STATIC_STATUS = {8: "200", 9: "204", 10: "206", 11: "304", 12: "400", 13: "404", 14: "500"}
METHOD_POST, SCHEME_HTTP, SCHEME_HTTPS = 0x83, 0x86, 0x87

_BY_LENGTH = (
    (5, "012aceiost"),
    (6, " %-./3456789=A_bdfghlmnpru"),
    (7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, "&*,;XZ"),
    (10, '!"()?'),
    (11, "'+|"),
    (12, "#>"),
    (13, "\0$@[]~"),
    (14, "^}"),
    (15, "<`{"),
    (19, "\\"),
)
"""The Huffman code is canonical: lengths and order give the codes. Characters that are missing here are not sent by gRPC."""


def _codes() -> dict[tuple[int, int], str]:
    codes: dict[tuple[int, int], str] = {}
    code, length = 0, 5
    for bits, characters in _BY_LENGTH:
        code <<= bits - length
        length = bits
        for character in characters:
            codes[(bits, code)] = character
            code += 1
    return codes


_CODES = _codes()


class BadHeaders(ValueError):
    """A block that breaks the rules, or uses a dynamic table."""


def encode(first: Iterable[int], fields: Iterable[tuple[str, str]]) -> bytes:
    """A block: indexed fields by their first bytes, then literals that nobody may index."""
    out = bytearray(first)
    for name, value in fields:
        out += b"\0"
        for text in (name, value):
            raw = text.encode()
            out += _integer(len(raw), 7) + raw
    return bytes(out)


@lru_cache(maxsize=64)
def decode(block: bytes) -> dict[str, str]:
    """Names and values of a block; the caller must not change it. Raises `BadHeaders`."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _read_integer(block, at, 7)
                if index > 61 or not index:
                    raise BadHeaders("indexed field outside of the static table")
                if index in STATIC_STATUS:
                    found[":status"] = STATIC_STATUS[index]
            elif first & 0xE0 == 0x20:
                _, at = _read_integer(block, at, 5)  # the new size of the dynamic table, which is nought
            else:
                index, at = _read_integer(block, at, 6 if first & 0x40 else 4)
                name = ":status" if index in STATIC_STATUS else STATIC_NAMES.get(index, "")
                if not index:
                    name, at = _read_text(block, at)
                value, at = _read_text(block, at)
                found[name] = value
    except IndexError:
        raise BadHeaders("header block ends too early") from None
    return found


def _integer(number: int, bits: int) -> bytes:
    most = (1 << bits) - 1
    if number < most:
        return bytes((number,))
    out = bytearray((most,))
    number -= most
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    number = block[at] & most
    at += 1
    if number < most:
        return number, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        number += (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at
        if shift > 28:
            raise BadHeaders("integer too large")


def _read_text(block: bytes, at: int) -> tuple[str, int]:
    packed = block[at] & 0x80
    length, at = _read_integer(block, at, 7)
    raw = block[at : at + length]
    if len(raw) < length:
        raise BadHeaders("header block ends too early")
    return _unpack(raw) if packed else raw.decode("latin-1"), at + length


def _unpack(raw: bytes) -> str:
    """Huffman-coded text."""
    out = []
    code = length = 0
    for byte in raw:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            character = _CODES.get((length, code))
            if character is not None:
                out.append(character)
                code = length = 0
            elif length > 30:
                raise BadHeaders("unknown Huffman code")
    return "".join(out)

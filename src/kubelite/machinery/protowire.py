"""The protobuf wire format itself: varints, tags, lengths, and values to skip.

What: `varint`, `span`, `skip` and `read_tag` read at an offset and return where they stopped; `put_varint`, `put_number` and
`put_bytes` write. Why: readers and writers of messages share them and nothing else knows the format. Flow: bytes and offsets
in, offsets out. Whatever the bytes, the failure is `Malformed`, with the texts of gogo's generated readers.
"""

from __future__ import annotations

import struct

VARINT, FIXED64, BYTES, GROUP, GROUP_END, FIXED32 = 0, 1, 2, 3, 4, 5


class Malformed(ValueError):
    """Bytes that are no message, or not the message they should be."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A varint and where it ends. Raises Malformed."""
    value = shift = 0
    while True:
        if at >= end:
            raise Malformed("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift >= 64:
            raise Malformed("proto: integer overflow")


def span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a length-delimited value begins and ends. Raises Malformed."""
    if at < end and data[at] < 0x80:
        size = data[at]
        at += 1
    else:
        size, at = varint(data, at, end)
    if size >> 63:
        raise Malformed("proto: negative length found during unmarshaling")
    if size > end - at:
        raise Malformed("unexpected EOF")
    return at, at + size


def skip(data: bytes, at: int, end: int, wire: int) -> int:
    """The end of a value that nobody asks for. Raises Malformed."""
    depth = 0
    while True:
        if wire == VARINT:
            _, at = varint(data, at, end)
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
            if at > end:
                raise Malformed("unexpected EOF")
        elif wire == BYTES:
            _, at = span(data, at, end)
        elif wire == GROUP:
            depth += 1
        elif wire == GROUP_END and depth:
            depth -= 1
        elif wire == GROUP_END:
            raise Malformed("proto: unexpected end of group")
        else:
            raise Malformed(f"proto: illegal wireType {wire}")
        if not depth:
            return at
        tag, at = varint(data, at, end)
        wire = tag & 7


def read_tag(data: bytes, at: int, end: int, name: str) -> tuple[int, int, int]:
    """(field number, wire type, where its value begins) in a message `name`. Raises Malformed."""
    if at < end and 0x07 < data[at] < 0x80:
        tag = data[at]
        at += 1
    else:
        tag, at = varint(data, at, end)
    number, wire = tag >> 3, tag & 7
    if wire == GROUP_END or not number:
        short = name.rpartition(".")[2]
        if wire == GROUP_END:
            raise Malformed(f"proto: {short}: wiretype end group for non-group")
        raise Malformed(f"proto: {short}: illegal tag {number} (wire type {wire})")
    return number, wire, at


def wrong_type(wire: int, name: str) -> Malformed:
    """The complaint about a value of another form than its field has."""
    return Malformed(f"proto: wrong wireType = {wire} for field {name[:1].upper()}{name[1:]}")


def put_varint(out: bytearray, value: int) -> None:
    """Appends a varint; a negative number takes ten bytes, as in every signed field of protobuf."""
    value &= 0xFFFFFFFFFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def put_number(out: bytearray, number: int, value: int) -> None:
    """Appends a field that holds a number."""
    put_varint(out, number << 3)
    put_varint(out, value)


def put_double(out: bytearray, number: int, value: float) -> None:
    """Appends a field that holds a number with a fraction."""
    put_varint(out, number << 3 | FIXED64)
    out += struct.pack("<d", float(value))


def put_bytes(out: bytearray, number: int, value: bytes | bytearray) -> None:
    """Appends a field that holds bytes."""
    put_varint(out, number << 3 | BYTES)
    put_varint(out, len(value))
    out += value

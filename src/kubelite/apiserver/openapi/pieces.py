"""Compressed bytes that can be put together: a large document of which a small part changed is not compressed anew.

What: `piece` compresses a part, `assemble` makes one gzip file of parts. Why: the document of everything has megabytes, and each
new definition changes a thousandth of it. Flow: every part is a run of deflate blocks that ends at a byte and refers to nothing
before it; the file is header, runs, an empty last block, checksum. The checksum of the whole follows from those of the parts.
Sources: RFC 1951, RFC 1952.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

LEVEL = 6
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x03\x00"
_ZEROS = bytes(1 << 16)


class Piece(NamedTuple):
    """A part: compressed, its size and its checksum before that."""

    packed: bytes
    size: int
    crc: int


def piece(data: bytes) -> Piece:
    """Compresses a part."""
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = squeeze.compress(data) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return Piece(packed, len(data), zlib.crc32(data))


def assemble(pieces: Iterable[Piece]) -> bytes:
    """One gzip file with all parts, one after the other."""
    out, size, crc = [_HEADER], 0, 0
    for one in pieces:
        out.append(one.packed)
        crc = _joined(crc, one) if size else one.crc
        size += one.size
    return b"".join([*out, _END, struct.pack("<II", crc, size & 0xFFFFFFFF)])


def _joined(crc: int, after: Piece) -> int:
    """The checksum of what has `crc`, followed by a part.

    It is linear: what is before adds what it would add in front of as many zeros.
    """
    moved, plain, left = crc, 0, after.size
    while left:
        zeros = _ZEROS[:left] if left < len(_ZEROS) else _ZEROS
        moved, plain = zlib.crc32(zeros, moved), zlib.crc32(zeros, plain)
        left -= len(zeros)
    return moved ^ plain ^ after.crc

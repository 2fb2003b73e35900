"""Compressed parts: whatever is put together is what a reader finds."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.openapi.pieces import assemble, piece

parts = st.lists(st.one_of(st.binary(max_size=200), st.integers(0, 200_000).map(lambda size: b"ab" * size)), max_size=6)


@given(parts)
def test_any_parts_make_one_file(data: list[bytes]) -> None:
    made = assemble(piece(one) for one in data)
    assert gzip.decompress(made) == b"".join(data)
    # Readers that know one member only find everything, too.
    reader = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert reader.decompress(made) == b"".join(data)
    assert reader.eof and not reader.unused_data

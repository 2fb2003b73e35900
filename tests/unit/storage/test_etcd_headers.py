"""Header blocks of HTTP/2 against the examples of RFC 7541 and the rules for broken ones."""

from __future__ import annotations

import pytest

from kubelite.storage import etcd_headers as headers


def test_a_block_that_was_encoded_decodes_to_the_same_fields() -> None:
    block = headers.encode((headers.METHOD_POST,), (("te", "trailers"), ("x", "v" * 300)))
    assert headers.decode(block) == {"te": "trailers", "x": "v" * 300}


def test_an_indexed_status_is_known() -> None:
    assert headers.decode(b"\x88") == {":status": "200"}


def test_huffman_coded_text_is_unpacked() -> None:
    # RFC 7541, C.4.1 and C.6.1: ":authority: www.example.com", "date: Mon, 21 Oct 2013 20:13:21 GMT"
    assert headers.decode(bytes.fromhex("418cf1e3c2e5f23a6ba0ab90f4ff")) == {":authority": "www.example.com"}
    date = headers.decode(bytes.fromhex("6196d07abe941054d444a8200595040b8166e082a62d1bff"))
    assert date == {"date": "Mon, 21 Oct 2013 20:13:21 GMT"}


def test_a_change_of_the_dynamic_tables_size_is_skipped() -> None:
    assert headers.decode(b"\x20\x88") == {":status": "200"}


@pytest.mark.parametrize("block", [b"\x00", b"\x00\x05ab", b"\xbe", b"\x80", b"\x00\xff\xff\xff\xff\xff\xff\xff\x01"])
def test_broken_blocks_are_refused(block: bytes) -> None:
    with pytest.raises(headers.BadHeaders):
        headers.decode(block)

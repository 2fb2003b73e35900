"""SPDY/3.1 frames: golden bytes from the draft, round trips, and refusal of broken input."""

from __future__ import annotations

import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.streaming import spdy_frames as spdy
from kubelite.streaming.spdy_frames import (
    Data,
    Decoder,
    Encoder,
    GoAway,
    Ping,
    RstStream,
    Settings,
    SpdyError,
    SynReply,
    SynStream,
)

ids = st.integers(1, 2**31 - 1)
names = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20)
headers = st.dictionaries(names, st.text(max_size=50), max_size=8)
frame = st.one_of(
    st.builds(Data, ids, st.binary(max_size=300), st.booleans()),
    st.builds(SynStream, ids, headers, st.booleans(), st.booleans(), st.integers(0, 2**31 - 1), st.integers(0, 7)),
    st.builds(SynReply, ids, headers, st.booleans()),
    st.builds(RstStream, ids, st.integers(1, 11)),
    st.builds(
        Settings, st.lists(st.tuples(st.integers(0, 255), st.integers(0, 2**24 - 1), ids), max_size=4).map(tuple)
    ),
    st.builds(Ping, ids),
    st.builds(GoAway, ids, st.integers(0, 2)),
    st.builds(spdy.HeadersFrame, ids, headers, st.booleans()),
    st.builds(spdy.WindowUpdate, ids, ids),
)


def test_the_dictionary_has_the_published_checksum():
    assert len(spdy.DICTIONARY) == 1423
    assert zlib.adler32(spdy.DICTIONARY) == 0xE3C6A7C2


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (Ping(1), "800300060000000400000001"),
        (GoAway(5, 0), "80030007000000080000000500000000"),
        (RstStream(3, 5), "80030003000000080000000300000005"),
        (spdy.WindowUpdate(1, 4096), "80030009000000080000000100001000"),
        (Settings(((1, 4, 100),)), "800300040000000c000000010100000400000064"),
        (Data(1, b"hi", fin=True), "00000001010000026869"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_frames_have_the_layout_of_the_draft(value, wire):
    assert Encoder().encode(value).hex() == wire
    assert list(Decoder().feed(bytes.fromhex(wire))) == [value]


@given(st.lists(frame, max_size=12), st.integers(1, 40))
def test_any_frames_survive_any_split_of_their_bytes(sent, size):
    encoder, decoder = Encoder(), Decoder()
    wire = b"".join(encoder.encode(one) for one in sent)
    got = [one for at in range(0, len(wire), size) for one in decoder.feed(wire[at : at + size])]
    assert got == sent


def test_header_names_arrive_in_lower_case():
    wire = Encoder().encode(SynStream(1, {"StreamType": "error"}))
    assert list(Decoder().feed(wire)) == [SynStream(1, {"streamtype": "error"})]


def test_unknown_control_frames_are_skipped():
    unknown = bytes.fromhex("80030063000000020000")
    assert list(Decoder().feed(unknown + Encoder().encode(Ping(1)))) == [Ping(1)]


@pytest.mark.parametrize(
    "wire",
    [
        "800200060000000400000001",
        "800300060000000100",
        "800300040000000c000000090100000400000064",
        "800300010000001000000001000000000000deadbeef0000",
    ],
    ids=["version 2", "short ping", "settings count", "garbage headers"],
)
def test_broken_frames_are_refused(wire):
    with pytest.raises(SpdyError):
        list(Decoder().feed(bytes.fromhex(wire)))


def test_a_header_bomb_is_refused():
    bomb = Encoder().encode(SynStream(1, {"x": "a" * 1_000_000}))
    with pytest.raises(SpdyError, match="header block"):
        list(Decoder().feed(bomb))


@given(st.binary(max_size=200))
def test_random_bytes_never_raise_anything_else(data):
    with contextlib.suppress(SpdyError):
        list(Decoder().feed(data))

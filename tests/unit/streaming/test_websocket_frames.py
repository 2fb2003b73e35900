"""WebSocket frames: the examples of RFC 6455 section 5.7, round trips, and refusal of broken input."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.streaming import websocket_frames as ws
from kubelite.streaming.websocket_frames import Decoder, Frame, WebSocketError, encode, mask_bytes


@pytest.mark.parametrize(
    ("wire", "masked", "frame"),
    [
        ("810548656c6c6f", False, Frame(ws.TEXT, b"Hello")),
        ("818537fa213d7f9f4d5158", True, Frame(ws.TEXT, b"Hello")),
        ("010348656c", False, Frame(ws.TEXT, b"Hel", fin=False)),
        ("80026c6f", False, Frame(ws.CONTINUATION, b"lo")),
        ("890548656c6c6f", False, Frame(ws.PING, b"Hello")),
        ("8a8537fa213d7f9f4d5158", True, Frame(ws.PONG, b"Hello")),
    ],
)
def test_the_examples_of_the_rfc_are_read(wire, masked, frame):
    assert list(Decoder(masked=masked).feed(bytes.fromhex(wire))) == [frame]


@pytest.mark.parametrize(
    ("size", "head"), [(125, "827d"), (126, "827e007e"), (65535, "827effff"), (65536, "827f0000000000010000")]
)
def test_the_length_takes_the_shortest_form(size, head):
    assert encode(Frame(ws.BINARY, b"x" * size), mask=False).hex().startswith(head)


@given(st.binary(max_size=500), st.binary(min_size=4, max_size=4))
def test_masking_is_the_bytewise_xor_of_the_rfc(data, key):
    assert mask_bytes(data, key) == bytes(byte ^ key[i % 4] for i, byte in enumerate(data))


frames = st.builds(
    Frame, st.sampled_from([ws.TEXT, ws.BINARY, ws.CONTINUATION]), st.binary(max_size=70_000), st.booleans()
)


@given(st.lists(frames, max_size=4), st.booleans(), st.integers(1, 5000))
def test_any_frames_survive_any_split_of_their_bytes(sent, mask, size):
    wire = b"".join(encode(frame, mask=mask) for frame in sent)
    decoder = Decoder(masked=mask)
    assert [frame for at in range(0, len(wire), size) for frame in decoder.feed(wire[at : at + size])] == sent


@pytest.mark.parametrize(
    ("wire", "masked", "text"),
    [
        ("c10548656c6c6f", False, "reserved bits"),
        ("830548656c6c6f", False, "unknown opcode"),
        ("810548656c6c6f", True, "not masked"),
        ("818537fa213d7f9f4d5158", False, "is masked"),
        ("0900", False, "fragmented or oversize"),
        ("827f00000000ffffffff", False, "frame of"),
    ],
)
def test_broken_frames_are_refused(wire, masked, text):
    with pytest.raises(WebSocketError, match=text):
        list(Decoder(masked=masked).feed(bytes.fromhex(wire)))

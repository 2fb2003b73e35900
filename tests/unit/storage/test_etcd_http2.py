"""The HTTP/2 connection to etcd, frame by frame: what it sends for calls, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from kubelite.storage import etcd_headers as headers
from kubelite.storage.etcd_call import NOT_FOUND, UNAVAILABLE, Call, RpcError, message
from kubelite.storage.etcd_http2 import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    REFUSED_STREAM,
    RST_STREAM,
    SETTINGS,
    WINDOW,
    WINDOW_UPDATE,
    Http2,
    frame,
)

TRAILERS = headers.encode((), (("grpc-status", "0"), ("grpc-message", "")))


class Peer(asyncio.Transport):
    """The other end: records the frames that were sent."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[tuple[int, int, int, bytes]] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        data = bytes(data).removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        while data:
            size = int.from_bytes(data[:3], "big")
            self.frames.append((data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
            data = data[9 + size :]

    def close(self) -> None:
        self.closed = True

    abort = close

    def sent(self, kind: int) -> list[tuple[int, int, bytes]]:
        """(flags, stream, payload) of the frames of a kind so far, which are then forgotten."""
        found = [one[1:] for one in self.frames if one[0] == kind]
        self.frames = [one for one in self.frames if one[0] != kind]
        return found


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def connection(peer: Peer) -> Http2:
    made = Http2(asyncio.get_running_loop(), lambda connection: None)
    made.connection_made(peer)
    made.data_received(frame(SETTINGS, 0, 0))
    return made


@pytest.fixture
async def begin(connection: Http2) -> Callable[..., Call]:
    def begin(body: bytes = b"ask", *, streams: bool = False) -> Call:
        call = Call(asyncio.get_running_loop(), b"\x83", message(body), 0.0, streams=streams)
        connection.start(call)
        return call

    return begin


def answer(stream: int, body: bytes) -> bytes:
    return (
        frame(HEADERS, END_HEADERS, stream, b"\x88")
        + frame(DATA, 0, stream, message(body))
        + frame(HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS)
    )


async def test_answers_in_any_order_reach_their_calls(connection: Http2, begin: Callable[..., Call]) -> None:
    first, second = begin(), begin()
    connection.data_received(answer(3, b"two") + answer(1, b"one"))
    assert (await first.answered, await second.answered) == (b"one", b"two")


async def test_an_answer_may_come_byte_by_byte(connection: Http2, begin: Callable[..., Call]) -> None:
    call = begin()
    for byte in answer(1, b"slow"):
        connection.data_received(bytes((byte,)))
    assert await call.answered == b"slow"


async def test_a_refusal_carries_its_code_and_words(connection: Http2, begin: Callable[..., Call]) -> None:
    call = begin()
    block = headers.encode((), (("grpc-status", "5"), ("grpc-message", "no%20lease")))
    connection.data_received(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))
    with pytest.raises(RpcError) as found:
        await call.answered
    assert (found.value.code, found.value.details) == (NOT_FOUND, "no lease")


async def test_a_large_request_waits_for_the_peers_windows(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    body = bytes(range(256)) * 400
    begin(body)
    sent = peer.sent(DATA)
    assert sum(len(payload) for _, _, payload in sent) == 65535
    connection.data_received(frame(WINDOW_UPDATE, 0, 1, (1 << 20).to_bytes(4, "big")))
    assert peer.sent(DATA) == []
    connection.data_received(frame(WINDOW_UPDATE, 0, 0, (1 << 20).to_bytes(4, "big")))
    sent += peer.sent(DATA)
    assert b"".join(payload for _, _, payload in sent) == message(body)
    assert [flags for flags, _, _ in sent] == [0] * (len(sent) - 1) + [END_STREAM]
    assert max(len(payload) for _, _, payload in sent) <= 16384


async def test_calls_beyond_the_limit_of_streams_wait(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    connection.data_received(frame(SETTINGS, 0, 0, b"\0\3" + (1).to_bytes(4, "big")))
    begin()
    second = begin()
    assert [stream for _, stream, _ in peer.sent(HEADERS)] == [1]
    connection.data_received(answer(1, b"one") + answer(3, b"two"))
    assert await second.answered == b"two"


async def test_a_reader_that_does_not_read_gets_no_more_than_the_window(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    call = begin(streams=True)
    peer.frames.clear()
    piece = message(bytes(16000))
    for _ in range(WINDOW // len(piece)):
        connection.data_received(frame(DATA, 0, 1, piece))
    assert peer.sent(WINDOW_UPDATE) == []
    while call.messages:
        await connection.read(call)
    assert [stream for _, stream, _ in peer.sent(WINDOW_UPDATE)] == [1]


async def test_a_lost_connection_fails_calls_that_may_have_been_carried_out(
    connection: Http2, begin: Callable[..., Call]
) -> None:
    unary, stream = begin(), begin(streams=True)
    connection.connection_lost(None)
    for waiting in (unary.answered, connection.read(stream)):
        with pytest.raises(RpcError) as found:
            await waiting
        assert (found.value.code, found.value.sent) == (UNAVAILABLE, True)
    assert not connection.usable


async def test_going_away_refuses_later_calls_and_lets_earlier_ones_finish(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    first, second = begin(), begin()
    connection.data_received(frame(GOAWAY, 0, 0, (1).to_bytes(4, "big") + bytes(4)))
    with pytest.raises(RpcError) as found:
        await second.answered
    assert not found.value.sent
    assert not (connection.usable or peer.closed)
    connection.data_received(answer(1, b"one"))
    assert await first.answered == b"one"
    assert peer.closed


async def test_a_refused_stream_was_not_carried_out(connection: Http2, begin: Callable[..., Call]) -> None:
    call = begin()
    connection.data_received(frame(RST_STREAM, 0, 1, REFUSED_STREAM.to_bytes(4, "big")))
    with pytest.raises(RpcError) as found:
        await call.answered
    assert not found.value.sent


async def test_a_cancelled_call_is_reset_and_its_late_answer_ignored(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    call, other = begin(), begin()
    connection.cancel(call)
    assert [stream for _, stream, _ in peer.sent(RST_STREAM)] == [1]
    connection.data_received(answer(1, b"late") + answer(3, b"fine"))
    assert await other.answered == b"fine"


async def test_a_ping_is_answered(connection: Http2, peer: Peer) -> None:
    connection.data_received(frame(PING, 0, 0, b"12345678"))
    assert peer.sent(PING) == [(ACK, 0, b"12345678")]


async def test_a_peer_that_breaks_the_protocol_is_left(
    connection: Http2, peer: Peer, begin: Callable[..., Call]
) -> None:
    call = begin()
    connection.data_received(frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x00\x7f"))
    with pytest.raises(RpcError):
        await call.answered
    assert peer.closed

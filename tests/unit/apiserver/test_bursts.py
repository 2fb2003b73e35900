"""Large bodies in pieces and bursts."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubelite.apiserver.bursts import BURST, GROUP, Sending, grouped


@given(st.lists(st.binary(max_size=40)), st.integers(1, 60))
def test_grouped_pieces_are_the_same_bytes_in_pieces_of_that_size(pieces: list[bytes], size: int) -> None:
    found = list(grouped(pieces, size))
    assert b"".join(found) == b"".join(pieces)
    assert all(len(piece) >= size for piece in found[:-1])
    assert all(found)


def test_pieces_are_joined_when_they_are_asked_for_and_not_before() -> None:
    taken = 0

    def pieces() -> Any:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(GROUP // 2)

    groups = grouped(pieces())
    assert taken == 0
    next(groups)
    assert taken == 2


class Client:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.got: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.got.append(data)


def send(sending: Sending, client: Any, blocked: Any = lambda: None) -> bool:
    return sending.burst(client, blocked)


def test_a_burst_ends_so_that_others_have_their_turn() -> None:
    body = [bytes([number % 251]) * 3000 for number in range(1200)]
    sending, client, bursts = Sending(body, keep=True), Client(), 0
    while not send(sending, client):
        bursts += 1
        assert sum(map(len, client.got)) <= bursts * (BURST + 2 * GROUP)
    assert b"".join(client.got) == b"".join(body)
    assert bursts == 1


def test_nothing_is_written_while_the_client_does_not_read() -> None:
    body = [b"x" * GROUP] * 5
    sending, client = Sending(body, keep=True), Client()
    assert not send(sending, client, lambda: True)
    assert client.got == []
    assert not send(sending, client, lambda: True if len(client.got) == 2 else None)
    assert len(client.got) == 2
    assert send(sending, client)
    assert client.got == body


async def test_a_turn_is_asked_for_once_however_many_want_it() -> None:
    sending, client, turns = Sending([b"x"], keep=True), Client(), 0
    loop = asyncio.get_running_loop()

    def turn() -> None:
        nonlocal turns
        turns += 1
        send(sending, client)

    for _ in range(3):
        sending.later(loop, turn)
    await asyncio.sleep(0)
    assert turns == 1
    sending.later(loop, turn)
    await asyncio.sleep(0)
    assert turns == 2

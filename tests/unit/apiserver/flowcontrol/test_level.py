"""One level: free seats, queues, fairness."""

from __future__ import annotations

import pytest

from kubelite.apiserver.flowcontrol.level import FULL, NO_SEAT, Flow, Level, Rejected, Seat, Waiting, seat_of


def level(limit: int, queues: int = 8, hand: int = 2, length: int = 4) -> Level:
    made = Level("one", "uid", exempt=False, now=0.0)
    made.limit = limit
    made.configure(queues, hand, length)
    return made


def flow(of: Level, name: str) -> Flow:
    return Flow("schema", name, of, b"", of.stats_of("schema"))


def take(of: Level, one: Flow, width: int = 1) -> Seat:
    seat = of.enter(one, width, 0.0)
    assert seat is not None
    return seat


async def test_a_free_seat_is_given_at_once_and_a_full_level_gives_none() -> None:
    busy = level(2)
    first, _ = take(busy, flow(busy, "a")), take(busy, flow(busy, "b"))
    assert busy.enter(flow(busy, "c"), 1, 0.0) is None
    busy.leave(first, 1.0)
    assert busy.enter(flow(busy, "c"), 1, 1.0) is not None


async def test_a_level_without_queues_rejects_what_finds_no_seat() -> None:
    busy = level(1, queues=0)
    take(busy, flow(busy, "a"))
    with pytest.raises(Rejected) as refused:
        busy.wait(flow(busy, "b"), 1, 0.0, "get", "/")
    assert refused.value.reason == NO_SEAT


async def test_a_full_queue_rejects() -> None:
    busy = level(1, queues=1, hand=1, length=2)
    take(busy, flow(busy, "a"))
    for _ in range(2):
        busy.wait(flow(busy, "b"), 1, 0.0, "get", "/")
    with pytest.raises(Rejected) as refused:
        busy.wait(flow(busy, "b"), 1, 0.0, "get", "/")
    assert refused.value.reason == FULL


async def test_exempt_requests_always_find_a_seat() -> None:
    free = Level("exempt", "uid", exempt=True, now=0.0)
    assert all(free.enter(flow(free, "a"), 1, 0.0) is not None for _ in range(1000))


async def test_a_request_wider_than_the_level_runs_alone() -> None:
    narrow = level(2)
    seat = take(narrow, flow(narrow, "a"), 5)
    assert narrow.enter(flow(narrow, "b"), 1, 0.0) is None
    waiting = narrow.wait(flow(narrow, "b"), 1, 0.0, "get", "/")
    narrow.leave(seat, 1.0)
    assert waiting.turn.done()


async def test_a_flood_of_one_flow_does_not_starve_another() -> None:
    """One flow fills its queues; requests of the other are served in turn, not after all of the flood."""
    busy = level(1, queues=64, hand=1, length=50)
    flood, other = flow(busy, "flood"), flow(busy, "other")
    running = take(busy, flood)
    queued = [busy.wait(flood, 1, 0.0, "get", "/") for _ in range(40)]
    late = [busy.wait(other, 1, 0.0, "get", "/") for _ in range(5)]
    assert flood.hand != other.hand
    order: list[Waiting] = []
    now, seat = 0.0, running
    for _ in range(12):
        now += 1.0
        busy.leave(seat, now)
        turn = next(one for one in [*queued, *late] if one.turn.done() and one not in order)
        order.append(turn)
        seat = seat_of(turn, now)
    assert sum(one in late for one in order) == 5


async def test_who_stops_waiting_frees_its_place() -> None:
    busy = level(1, queues=1, hand=1, length=1)
    seat = take(busy, flow(busy, "a"))
    gone = busy.wait(flow(busy, "b"), 1, 0.0, "get", "/")
    busy.forget(gone, 1.0)
    stays = busy.wait(flow(busy, "b"), 1, 1.0, "get", "/")
    busy.leave(seat, 2.0)
    assert stays.turn.done() and not gone.turn.done()
    assert (busy.waiting, busy.seats_waiting, busy.seats) == (0, 0, 1)


async def test_who_waits_keeps_waiting_when_the_queues_change() -> None:
    busy = level(1, queues=8)
    seat = take(busy, flow(busy, "a"))
    waiting = [busy.wait(flow(busy, str(number)), 1, 0.0, "get", "/") for number in range(4)]
    busy.configure(2, 1, 4)
    busy.leave(seat, 1.0)
    for now in range(2, 6):
        done = next((one for one in waiting if one.turn.done()), None)
        assert done is not None
        waiting.remove(done)
        busy.leave(seat_of(done, now - 1.0), float(now))
    assert (busy.waiting, busy.seats) == (0, 0)

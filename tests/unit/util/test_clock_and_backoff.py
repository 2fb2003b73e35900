"""Time that stands still until it is moved, and waiting times after failures."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from kubelite.util.backoff import Backoff
from kubelite.util.clock import FakeClock, SystemClock


async def test_sleepers_wake_in_order_of_their_deadlines_at_their_own_moment() -> None:
    clock, woken = FakeClock(), []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    tasks = [asyncio.create_task(sleeper(*one)) for one in (("late", 5.0), ("early", 1.0), ("later", 60.0))]
    await clock.advance(10)
    assert woken == [("early", 1.0), ("late", 5.0)]
    await clock.advance(50)
    assert woken[-1] == ("later", 60.0)
    await asyncio.gather(*tasks)


async def test_who_sleeps_again_wakes_again_within_one_advance() -> None:
    clock, ticks = FakeClock(), []

    async def ticker() -> None:
        while True:
            await clock.sleep(2)
            ticks.append(clock.monotonic())

    task = asyncio.create_task(ticker())
    await clock.advance(7)
    assert ticks == [2, 4, 6]
    task.cancel()
    await clock.advance(100)
    assert ticks == [2, 4, 6]


async def test_now_moves_with_the_elapsed_time() -> None:
    start = datetime(2031, 5, 1, tzinfo=UTC)
    clock = FakeClock(start)
    await clock.sleep(0)
    await clock.advance(90)
    assert clock.now() == start + timedelta(seconds=90)
    assert clock.monotonic() == 90


def test_the_machines_time_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()


def test_waits_grow_up_to_the_cap_and_start_again_after_a_reset() -> None:
    backoff = Backoff(initial=1, factor=3, cap=20, jitter=0)
    assert [backoff.next() for _ in range(5)] == [1, 3, 9, 20, 20]
    backoff.reset()
    assert backoff.next() == 1


def test_jitter_spreads_within_its_fraction_and_thousands_of_failures_do_no_harm() -> None:
    backoff = Backoff(initial=1, cap=10, jitter=0.2, rng=random.Random(1), failures=10_000)
    waits = [backoff.next() for _ in range(200)]
    assert all(8 <= wait <= 12 for wait in waits)
    assert len(set(waits)) > 100

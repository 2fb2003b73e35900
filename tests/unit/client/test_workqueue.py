"""The work queue: each key once, never twice at a time, later after failures."""

from __future__ import annotations

import asyncio

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from kubelite.client.workqueue import WorkQueue


async def test_a_key_added_twice_is_worked_on_once():
    queue = WorkQueue()
    queue.add("a")
    queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_a_key_added_while_it_is_worked_on_comes_again_afterwards():
    queue = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await queue.get() == "a"


def test_waits_too_short_for_a_timer_of_uvloop_are_waits():
    async def both() -> set[str]:
        queue = WorkQueue()
        queue.add_after("a", 0.0001)
        queue.add_after("b", 0.0002)
        async with asyncio.timeout(5):
            return {await queue.get(), await queue.get()}

    assert uvloop.run(both()) == {"a", "b"}


async def test_of_two_waits_for_a_key_the_shorter_counts():
    queue = WorkQueue()
    queue.add_after("a", 60)
    queue.add_after("a", 0.01)
    queue.add_after("a", 60)
    assert await asyncio.wait_for(queue.get(), 5) == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_failures_double_the_wait_until_the_key_is_forgotten():
    queue = WorkQueue(base=0.001)
    for expected in (1, 2, 3):
        queue.add_rate_limited("a")
        assert queue.failures("a") == expected
        assert await asyncio.wait_for(queue.get(), 5) == "a"
        queue.done("a")
    queue.forget("a")
    assert queue.failures("a") == 0


async def test_a_cancelled_worker_passes_its_turn_on():
    queue = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 5) == "a"


async def test_closing_lets_waiting_workers_end():
    queue = WorkQueue()
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    with pytest.raises(asyncio.CancelledError):
        await worker


@given(st.lists(st.tuples(st.sampled_from("adg"), st.sampled_from("xyz")), max_size=60))
def test_no_added_key_is_ever_lost_and_none_is_in_two_hands(steps):
    async def play() -> None:
        queue = WorkQueue()
        working: set[str] = set()
        wanted: set[str] = set()
        for step, key in steps:
            if step == "a":
                queue.add(key)
                wanted.add(key)
            elif step == "g" and len(queue):
                taken = await queue.get()
                assert taken not in working
                working.add(taken)
                wanted.discard(taken)
            elif step == "d" and key in working:
                working.discard(key)
                queue.done(key)
        for key in working:
            queue.done(key)
        left = {await queue.get() for _ in range(len(queue))}
        assert left == wanted

    asyncio.run(play())

"""Waiting for a revision, and the store's revision, asked once for all who want it."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.apiserver.watchcache.freshness import Freshness
from kubelite.storage.interface import Unavailable


class Asked:
    """A store's revision: every question is answered by the test."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Future[int]] = []

    async def __call__(self) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.questions.append(future)
        return await future


async def turns(count: int = 5) -> None:
    """Lets everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_asks_in_the_same_turn_shares_one_question() -> None:
    asked = Asked()
    freshness = Freshness(asked)
    futures = [freshness.newest() for _ in range(50)]
    await turns()
    assert len(asked.questions) == 1
    asked.questions[0].set_result(7)
    assert await asyncio.gather(*futures) == [7] * 50


async def test_a_question_under_way_is_too_old_for_newcomers_and_the_next_one_is_shared_by_them() -> None:
    asked = Asked()
    freshness = Freshness(asked)
    first = freshness.newest()
    await turns()
    late = [freshness.newest() for _ in range(10)]
    await turns()
    assert len(asked.questions) == 1, "one question at a time"
    asked.questions[0].set_result(7)
    assert await first == 7
    await turns()
    assert not any(future.done() for future in late)
    asked.questions[1].set_result(9)
    assert await asyncio.gather(*late) == [9] * 10
    await turns()
    assert len(asked.questions) == 2


async def test_a_failed_question_fails_those_who_shared_it_and_nobody_else() -> None:
    asked = Asked()
    freshness = Freshness(asked)
    first, also = freshness.newest(), freshness.newest()
    await turns()
    late = freshness.newest()
    asked.questions[0].set_exception(Unavailable("no leader"))
    for future in (first, also):
        with pytest.raises(Unavailable):
            await future
    await turns()
    asked.questions[1].set_result(3)
    assert await late == 3
    again = freshness.newest()
    await turns()
    asked.questions[2].set_result(4)
    assert await again == 4


async def test_a_reader_who_goes_away_leaves_the_question_to_the_others() -> None:
    asked = Asked()
    freshness = Freshness(asked)
    gone, stays = freshness.newest(), freshness.newest()
    await turns()
    gone.cancel()
    asked.questions[0].set_result(5)
    assert await stays == 5


async def test_nobody_waits_for_ever_when_the_question_is_broken_off() -> None:
    asked = Asked()
    freshness = Freshness(asked)
    first = freshness.newest()
    await turns()
    late = freshness.newest()
    asked.questions[0].cancel()
    await turns()
    assert first.cancelled()
    assert late.cancelled()
    again = freshness.newest()
    await turns()
    asked.questions[1].set_result(1)
    assert await again == 1


async def test_waiters_go_on_when_their_revision_is_there_and_not_before() -> None:
    freshness = Freshness(Asked())
    freshness.advance(3)
    assert await freshness.reach(3, 0)
    waiting = {revision: asyncio.create_task(freshness.reach(revision, 60)) for revision in (9, 4, 6, 5)}
    await turns()
    freshness.advance(5)
    await turns()
    assert sorted(revision for revision, task in waiting.items() if task.done()) == [4, 5]
    freshness.advance(10)
    assert await asyncio.gather(*waiting.values()) == [True] * 4


async def test_a_wait_ends_with_its_time() -> None:
    freshness = Freshness(Asked())
    assert not await freshness.reach(1, 0)
    freshness.advance(1)
    assert await freshness.reach(1, 0)

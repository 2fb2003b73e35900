"""The initial events of a watch go out in bursts, as the client reads; what changes meanwhile follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelite.apiserver.bursts import grouped
from kubelite.apiserver.handlers.presentation import form_of
from kubelite.apiserver.watchcache import watcher as module
from kubelite.apiserver.watchcache.watcher import Watcher, frame
from tests.unit.apiserver.watchcache.test_crowd import PODS, SELECTIONS, Client, World, reference

NAMES = [f"{namespace}/{name}" for namespace in "ab" for name in range(1, 5)]
STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.sampled_from(["", "n1", "n2"]), st.sampled_from(["1", "2"])),
    st.tuples(st.just("delete"), st.sampled_from(NAMES)),
    st.tuples(st.just("round")),
    st.tuples(st.just("turn")),
    st.tuples(st.just("stop reading"), st.just(0)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("bookmark")),
)


@pytest.fixture
def small_bursts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each event is a write of its own, and two are a burst."""
    monkeypatch.setattr(module, "grouped", partial(grouped, size=1))
    monkeypatch.setattr(module, "BURST", 200)
    yield


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SELECTIONS), st.booleans(), st.lists(STEPS, max_size=40))
def test_the_state_of_the_start_comes_first_then_every_change_once(
    small_bursts: None, selection: Any, full: bool, steps: list[tuple[Any, ...]]
) -> None:
    async def run() -> None:
        world, client = World(), Client()
        for name in NAMES:
            world.step(("put", name, "n1", "1"))
        entries = list(world.cache.select(selection))
        began = world.revision
        watcher = Watcher(world.cache, selection, form_of(PODS), world.cache.end, bookmarks=True)
        client.full = full
        watcher.start(client, 3600, (frame("ADDED", entry.body) for entry in entries))
        world.watching.append((watcher, client, began))
        for step in steps:
            if step[0] == "turn":
                await asyncio.sleep(0)
            elif step[0] == "bookmark":
                watcher.bookmark(world.revision)
            else:
                world.step(step)
        world.step(("read", 0))
        for _ in range(2 * len(NAMES)):
            await asyncio.sleep(0)
        world.step(("round",))
        watcher.stop()
        expected = [("ADDED", str(entry.revision)) for entry in entries] + reference(world.cache, selection, began)
        assert [one for one in client.seen() if one[0] != "BOOKMARK"] == expected
        kinds = [one[0] for one in client.seen()]
        assert "BOOKMARK" not in kinds[: len(entries)], "no progress is marked before the state is complete"

    asyncio.run(run())


async def test_a_client_that_goes_away_gets_nothing_more(small_bursts: None) -> None:
    world, client = World(), Client()
    for name in NAMES:
        world.step(("put", name, "n1", "1"))
    watcher = Watcher(world.cache, SELECTIONS[0], form_of(PODS), world.cache.end, bookmarks=False)
    watcher.start(client, 3600, (frame("ADDED", entry.body) for entry in world.cache.select(SELECTIONS[0])))
    got = len(client.lines)
    assert 0 < got < len(NAMES)
    client.on_lost()
    await asyncio.sleep(0)
    assert len(client.lines) == got

"""The watch cache over a store: following, waiting, being read anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kubelite import api
from kubelite.apiserver.watchcache import cache as module
from kubelite.apiserver.watchcache.cache import WatchCache
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Compacted, WatchBatch
from kubelite.storage.memory import MemoryStore


def config_maps() -> Kind:
    found = api.scheme().by_resource("", "v1", "configmaps")
    assert found is not None
    return found


class BreakingStore(MemoryStore):
    """A real store whose watch can be made to lose its history."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = asyncio.Event()
        self.fills = 0

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        self.fills += 1
        if self.fills == 1:
            await self.broken.wait()
            raise Compacted(1)
        async for batch in super().watch(prefix, after):
            yield batch


@asynccontextmanager
async def running(store: MemoryStore, *, exclusive: bool = True) -> AsyncIterator[WatchCache]:
    cache = WatchCache(store, [config_maps()], exclusive=exclusive)
    task = asyncio.create_task(cache.run())
    try:
        await cache.ready.wait()
        yield cache
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await store.close()


def body(name: str) -> bytes:
    return f'{{"metadata":{{"name":"{name}"}}}}'.encode()


async def test_it_holds_what_was_there_and_what_is_written() -> None:
    store = MemoryStore()
    await store.create("/registry/configmaps/a/1", body("1"))
    async with running(store) as cache:
        revision = await store.create("/registry/configmaps/a/2", body("2"))
        assert await cache.reach(revision)
        assert list(cache.of(config_maps()).entries) == ["a/1", "a/2"]


async def test_a_fresh_read_waits_for_everything_written_before_it() -> None:
    store = MemoryStore()
    async with running(store, exclusive=False) as cache:
        await store.create("/registry/configmaps/a/1", body("1"))
        assert not cache.is_current()
        await asyncio.gather(*(cache.fresh() for _ in range(20)))
        assert "a/1" in cache.of(config_maps()).entries


async def test_a_revision_that_never_comes_is_not_waited_for_for_ever() -> None:
    async with running(MemoryStore()) as cache:
        assert not await cache.reach(10**9, seconds=0.01)


class StandingStore(MemoryStore):
    """A real store whose watch can be made to stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.goes = asyncio.Event()

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        async for batch in super().watch(prefix, after):
            await self.goes.wait()
            yield batch


async def test_nobody_waits_again_for_a_cache_that_still_stands_where_it_was_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = StandingStore()
    async with running(store, exclusive=False) as cache:
        first = await store.create("/registry/configmaps/a/1", body("1"))
        monkeypatch.setattr(module, "LAG_SECONDS", 0.01)
        assert await cache.caught_up() == first
        monkeypatch.setattr(module, "LAG_SECONDS", 3600.0)
        second = await store.create("/registry/configmaps/a/2", body("2"))
        assert await cache.caught_up() == second
        store.goes.set()
        assert await cache.reach(second)
        assert await cache.caught_up() == 0


async def test_subscribers_see_every_object_and_every_change_in_order() -> None:
    store = MemoryStore()
    await store.create("/registry/configmaps/a/1", body("1"))
    async with running(store) as cache:
        seen: list[tuple[str, bool, bool]] = []
        cache.subscribe(config_maps(), lambda key, old, new: seen.append((key, old is not None, new is not None)))
        made = await store.create("/registry/configmaps/a/2", body("2"))
        changed = await store.update("/registry/configmaps/a/2", body("2"), made)
        await cache.reach(await store.delete("/registry/configmaps/a/2", changed))
        assert seen == [("a/1", False, True), ("a/2", False, True), ("a/2", True, True), ("a/2", True, False)]


async def test_a_faulty_subscriber_does_not_stop_the_cache() -> None:
    store = MemoryStore()
    async with running(store) as cache:
        cache.subscribe(config_maps(), lambda key, old, new: 1 / 0)  # type: ignore[arg-type,return-value]
        assert await cache.reach(await store.create("/registry/configmaps/a/1", body("1")))


async def test_keys_of_unknown_resources_only_move_the_revision() -> None:
    store = MemoryStore()
    async with running(store) as cache:
        assert await cache.reach(await store.create("/registry/unknown.example/a/1", body("1")))
        assert not cache.of(config_maps()).entries


async def test_when_the_history_is_lost_everything_is_read_anew_and_subscribers_are_told_the_difference() -> None:
    store = BreakingStore()
    first = await store.create("/registry/configmaps/a/gone", body("gone"))
    async with running(store) as cache:
        seen: list[tuple[str, bool]] = []
        cache.subscribe(config_maps(), lambda key, old, new: seen.append((key, new is not None)))
        await store.delete("/registry/configmaps/a/gone", first)
        revision = await store.create("/registry/configmaps/a/new", body("new"))
        store.broken.set()
        assert await cache.reach(revision)
        assert list(cache.of(config_maps()).entries) == ["a/new"]
        assert seen == [("a/gone", True), ("a/gone", False), ("a/new", True)]
        assert cache.of(config_maps()).floor == revision

"""The contract of `kubelite.storage.interface.Store`, on every back end: watches."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubelite.storage.interface import Compacted, Event, Store
from tests.contract.storage_backends import Backend


async def collect(store: Store, prefix: str, after: int, until: int) -> list[Event]:
    """The events of (after, until]; checks that each batch keeps the order and its own revision."""
    events: list[Event] = []
    async with aclosing(store.watch(prefix, after)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            events += batch.events
            assert not batch.events or batch.events[-1].revision <= batch.revision
            assert batch.revision > after
            after = batch.revision
            if after >= until:
                return events
    raise AssertionError("the watch ended")


async def test_a_watch_tells_of_creation_change_and_deletion_with_previous_values(
    store: Store, backend: Backend
) -> None:
    start = await store.revision()
    task = asyncio.create_task(collect(store, backend.prefix, start, start + 3))
    await asyncio.sleep(0)
    key = backend.prefix + "a"
    one = await store.create(key, b"one")
    two = await store.update(key, b"two", one)
    three = await store.delete(key, two)
    assert await task == [
        Event(key, b"one", None, one, one),
        Event(key, b"two", b"one", two, one),
        Event(key, None, b"two", three, one),
    ]


async def test_a_watch_from_the_past_replays_and_goes_on(store: Store, backend: Backend) -> None:
    start = await store.revision()
    revisions = [await store.create(f"{backend.prefix}{i:03}", b"x") for i in range(20)]
    async with aclosing(store.watch(backend.prefix, revisions[4])) as batches:  # type: ignore[type-var]
        seen = (await anext(batches)).events
        while len(seen) < 15:
            seen += (await anext(batches)).events
        assert [e.revision for e in seen] == revisions[5:]
        revisions.append(await store.create(f"{backend.prefix}new", b"x"))
        assert [e.revision for e in (await anext(batches)).events] == revisions[-1:]
    assert [e.revision for e in await collect(store, backend.prefix, start, revisions[-1])] == revisions


async def test_a_watch_sees_only_its_prefix(store: Store, backend: Backend) -> None:
    start = await store.revision()
    await store.create(backend.prefix + "pods/a", b"")
    await store.create(backend.prefix + "podsx", b"")
    await store.create(backend.prefix + "nodes/a", b"")
    last = await store.create(backend.prefix + "pods/b", b"")
    events = await collect(store, backend.prefix + "pods/", start, last)
    assert [e.key for e in events] == [backend.prefix + "pods/a", backend.prefix + "pods/b"]


async def test_writes_to_other_keys_move_the_revision_of_a_watch(store: Store, backend: Backend) -> None:
    start = await store.revision()
    task = asyncio.create_task(collect(store, backend.prefix + "pods/", start, start + 2))
    await asyncio.sleep(0)
    await store.create(backend.prefix + "nodes/a", b"")
    await store.create(f"elsewhere{backend.prefix}", b"")
    async with asyncio.timeout(5):
        assert await task == []


async def test_several_watches_see_the_same(store: Store, backend: Backend) -> None:
    start = await store.revision()
    tasks = [asyncio.create_task(collect(store, backend.prefix, start, start + 50)) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.gather(*(store.create(f"{backend.prefix}{i}", b"") for i in range(50)))
    views = await asyncio.gather(*tasks)
    assert [e.revision for e in views[0]] == list(range(start + 1, start + 51))
    assert all(view == views[0] for view in views)


async def test_a_burst_reaches_a_watch_whole(store: Store, backend: Backend) -> None:
    start = await store.revision()
    async with aclosing(store.watch(backend.prefix, start)) as batches:  # type: ignore[type-var]
        first = asyncio.create_task(anext(batches))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        await asyncio.gather(*(store.create(f"{backend.prefix}{i}", b"x" * 100) for i in range(400)))
        seen = list((await first).events)
        while len(seen) < 400:
            seen += (await anext(batches)).events
    assert [e.revision for e in seen] == list(range(start + 1, start + 401))


async def test_big_objects_pass_through_a_watch(store: Store, backend: Backend) -> None:
    start = await store.revision()
    big = b"x" * 1024 * 1024
    last = start
    for i in range(6):
        last = await store.create(f"{backend.prefix}{i}", big)
    last = await store.update(f"{backend.prefix}5", b"small", last)
    events = await collect(store, backend.prefix, start, last)
    assert [len(e.value or b"") for e in events] == [len(big)] * 6 + [5]
    assert events[-1].previous == big


async def test_a_watch_that_stands_still_is_bounded(store: Store, backend: Backend) -> None:
    """It sees everything, or is told that it must read again; it holds up no writer."""
    start = await store.revision()
    async with aclosing(store.watch(backend.prefix, start)) as batches:  # type: ignore[type-var]
        first = asyncio.create_task(anext(batches))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        await store.create(f"{backend.prefix}first", b"")
        count = len((await first).events)
        for burst in range(12):
            await asyncio.gather(*(store.create(f"{backend.prefix}{burst}-{i}", b"") for i in range(1000)))
        try:
            while count < 12_001:
                count += len((await anext(batches)).events)
        except Compacted as cut:
            assert cut.oldest > start
        else:
            assert count == 12_001


async def test_closing_the_store_ends_its_watches(backend: Backend) -> None:
    store = await backend.open()
    start = await store.revision()

    async def watch_all() -> int:
        return sum([len(batch.events) async for batch in store.watch(backend.prefix, start)])

    task = asyncio.create_task(watch_all())
    await asyncio.sleep(0.05)
    await store.create(backend.prefix + "a", b"")
    await asyncio.sleep(0.05)
    await store.close()
    assert await asyncio.wait_for(task, 5) <= 1


async def test_a_cancelled_watch_leaves_the_store_working(store: Store, backend: Backend) -> None:
    start = await store.revision()
    task = asyncio.create_task(collect(store, backend.prefix, start, start + 1000))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    revision = await store.create(backend.prefix + "a", b"")
    assert [e.revision for e in await collect(store, backend.prefix, start, revision)] == [revision]


STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "update", "delete"]), st.integers(0, 3), st.binary(max_size=3)), max_size=40
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, groups=st.integers(1, 10))
async def test_a_watch_tells_exactly_what_happened_in_order(
    store: Store, backend: Backend, steps: list[tuple[str, int, bytes]], groups: int
) -> None:
    """Any mix of writes, several at once: replaying the events gives the world at every revision."""
    start = await store.revision()
    world = {e.key: (e.value, e.revision, e.created) for e in (await store.range(backend.prefix)).items}
    live = asyncio.create_task(collect(store, backend.prefix, start, start + 1)) if steps else None

    async def act(step: tuple[str, int, bytes]) -> int | None:
        verb, number, value = step
        key = f"{backend.prefix}{number}"
        current = (await store.get(key))[0]
        expected = current.revision if current else 0
        writes = {
            "create": lambda: store.create(key, value),
            "update": lambda: store.update(key, value, expected),
            "delete": lambda: store.delete(key, expected),
        }
        try:
            return await writes[verb]()
        except Exception as error:  # noqa: BLE001 - a refused write has no event; anything else fails below
            assert type(error).__name__ in ("KeyExists", "Conflict")
            return None

    done: list[int] = []
    for at in range(0, len(steps), groups):
        outcomes = await asyncio.gather(*(act(step) for step in steps[at : at + groups]))
        done += [revision for revision in outcomes if revision is not None]
    last = await store.revision()
    assert sorted(done) == list(range(start + 1, last + 1))
    if live is not None:
        if not done:
            live.cancel()
        else:
            assert (await live)[0].revision == start + 1
    if last == start:
        return
    events = await collect(store, backend.prefix, start, last)
    assert [e.revision for e in events] == sorted(done)
    for event in events:
        old = world.get(event.key)
        assert event.previous == (old[0] if old else None)
        assert event.created == (old[2] if old else event.revision)
        if event.value is None:
            del world[event.key]
        else:
            world[event.key] = (event.value, event.revision, event.created)
    found = await store.range(backend.prefix)
    assert {e.key: (e.value, e.revision, e.created) for e in found.items} == world

"""The contract of `kubelite.storage.interface.Store`, on every back end: reads and writes."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.storage.interface import Compacted, Conflict, FutureRevision, KeyExists, KeyValue, Store, Unavailable
from tests.contract.storage_backends import Backend


async def fill(store: Store, prefix: str, count: int) -> list[int]:
    return [await store.create(f"{prefix}{i:04}", f"v{i}".encode()) for i in range(count)]


async def test_an_absent_key_reads_as_none_with_the_stores_revision(store: Store, backend: Backend) -> None:
    found, revision = await store.get(backend.prefix + "a")
    assert found is None
    assert revision == await store.revision() >= 1


async def test_a_created_key_reads_back_with_its_revisions(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    revision = await store.create(key, b"one")
    assert await store.get(key) == (KeyValue(key, b"one", revision, revision), revision)


async def test_create_refuses_a_present_key_and_leaves_it(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    revision = await store.create(key, b"one")
    with pytest.raises(KeyExists):
        await store.create(key, b"two")
    found, at = await store.get(key)
    assert found is not None
    assert (found.value, at) == (b"one", revision)


async def test_update_keeps_the_created_revision(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    born = await store.create(key, b"one")
    revision = await store.update(key, b"two", born)
    assert (await store.get(key))[0] == KeyValue(key, b"two", revision, born)


async def test_a_stale_update_conflicts_and_shows_the_current_value(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    born = await store.create(key, b"one")
    revision = await store.update(key, b"two", born)
    with pytest.raises(Conflict) as caught:
        await store.update(key, b"three", born)
    assert caught.value.current == KeyValue(key, b"two", revision, born)
    assert await store.revision() == revision


@pytest.mark.parametrize("expected", [0, -1, 1])
async def test_update_and_delete_of_an_absent_key_conflict_with_nothing(
    store: Store, backend: Backend, expected: int
) -> None:
    for attempt in (store.update(backend.prefix + "a", b"x", expected), store.delete(backend.prefix + "a", expected)):
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.current is None


async def test_expecting_revision_zero_never_matches_a_present_key(store: Store, backend: Backend) -> None:
    revision = await store.create(backend.prefix + "a", b"x")
    for attempt in (store.update(backend.prefix + "a", b"y", 0), store.delete(backend.prefix + "a", 0)):
        with pytest.raises(Conflict) as caught:
            await attempt
        assert caught.value.current is not None
        assert caught.value.current.revision == revision


async def test_delete_removes_and_a_stale_one_conflicts(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    born = await store.create(key, b"one")
    revision = await store.update(key, b"two", born)
    with pytest.raises(Conflict) as caught:
        await store.delete(key, born)
    assert caught.value.current == KeyValue(key, b"two", revision, born)
    gone = await store.delete(key, revision)
    assert gone == revision + 1
    assert await store.get(key) == (None, gone)


async def test_a_key_created_again_is_born_anew(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    await store.delete(key, await store.create(key, b"one"))
    revision = await store.create(key, b"two")
    assert (await store.get(key))[0] == KeyValue(key, b"two", revision, revision)


async def test_revisions_grow_by_one_per_write(store: Store, backend: Backend) -> None:
    first = await store.revision()
    a = await store.create(backend.prefix + "a", b"1")
    b = await store.create(backend.prefix + "b", b"1")
    c = await store.update(backend.prefix + "a", b"2", a)
    d = await store.delete(backend.prefix + "b", b)
    assert [a, b, c, d] == [first + 1, first + 2, first + 3, first + 4]
    assert await store.revision() == d


async def test_concurrent_creates_of_one_key_have_one_winner(store: Store, backend: Backend) -> None:
    outcomes = await asyncio.gather(
        *(store.create(backend.prefix + "a", str(i).encode()) for i in range(20)), return_exceptions=True
    )
    won = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, int)]
    assert len(won) == 1
    assert all(isinstance(outcome, KeyExists) for i, outcome in enumerate(outcomes) if i not in won)
    found, _ = await store.get(backend.prefix + "a")
    assert found is not None
    assert found.value == str(won[0]).encode()


async def test_two_hundred_writers_lose_no_increment(store: Store, backend: Backend) -> None:
    keys = [f"{backend.prefix}counter{i}" for i in range(20)]
    for key in keys:
        await store.create(key, b"0")

    async def increment(key: str) -> None:
        current = (await store.get(key))[0]
        while True:
            assert current is not None
            try:
                await store.update(key, str(int(current.value) + 1).encode(), current.revision)
            except Conflict as conflict:
                current = conflict.current
            else:
                return

    await asyncio.gather(*(increment(keys[i % len(keys)]) for i in range(200)))
    assert [entry.value for entry in (await store.range(backend.prefix)).items] == [b"10"] * len(keys)


@pytest.mark.parametrize("size", [0, 1, 1024 * 1024, 1536 * 1024 - 4096])
async def test_values_of_any_size_come_back_whole(store: Store, backend: Backend, size: int) -> None:
    value = bytes(range(256)) * (size // 256) + b"\0" * (size % 256)
    revision = await store.create(backend.prefix + "big", value)
    found, _ = await store.get(backend.prefix + "big")
    assert found == KeyValue(backend.prefix + "big", value, revision, revision)
    assert [e.value for e in (await store.range(backend.prefix)).items] == [value]


async def test_range_sees_only_its_prefix_in_byte_order(store: Store, backend: Backend) -> None:
    names = ["b", "a/2", "a/10", "a", "é", "\U0001f600", "a-b"]
    for name in names:
        await store.create(f"{backend.prefix}in/{name}", b"")
    await store.create(f"{backend.prefix}in0", b"")
    await store.create(f"{backend.prefix}im", b"")
    page = await store.range(f"{backend.prefix}in/")
    assert [e.key for e in page.items] == [f"{backend.prefix}in/{n}" for n in sorted(names, key=str.encode)]
    assert (page.more, page.remaining, page.revision) == (False, 0, await store.revision())


async def test_an_empty_range_has_the_stores_revision(store: Store, backend: Backend) -> None:
    page = await store.range(backend.prefix)
    assert (page.items, page.more, page.remaining) == ([], False, 0)
    assert page.revision == await store.revision()


async def test_pages_at_a_revision_ignore_writes_that_go_on(store: Store, backend: Backend) -> None:
    revisions = await fill(store, backend.prefix, 25)
    at = revisions[-1]
    wanted = (await store.range(backend.prefix)).items
    seen: list[KeyValue] = []
    after, turn = "", 0
    while True:
        page = await store.range(backend.prefix, limit=10, after=after, revision=at)
        seen += page.items
        assert (page.revision, page.remaining) == (at, 25 - len(seen))
        if not page.more:
            break
        after = page.items[-1].key
        await store.update(f"{backend.prefix}{turn:04}", b"new", revisions[turn])
        await store.update(f"{backend.prefix}{turn + 20:04}", b"new", revisions[turn + 20])
        await store.delete(f"{backend.prefix}{turn + 22:04}", revisions[turn + 22])
        await store.create(f"{backend.prefix}{turn + 15:04}x", b"new")
        turn += 1
    assert seen == wanted


async def test_a_last_page_that_is_exactly_full_says_that_nothing_follows(store: Store, backend: Backend) -> None:
    await fill(store, backend.prefix, 4)
    first = await store.range(backend.prefix, limit=2)
    second = await store.range(backend.prefix, limit=2, after=first.items[-1].key)
    assert (first.more, first.remaining) == (True, 2)
    assert (second.more, second.remaining, len(second.items)) == (False, 0, 2)


async def test_a_long_range_is_complete(store: Store, backend: Backend) -> None:
    await asyncio.gather(*(store.create(f"{backend.prefix}{i:05}", b"") for i in range(2500)))
    page = await store.range(backend.prefix)
    assert [e.key for e in page.items] == [f"{backend.prefix}{i:05}" for i in range(2500)]


async def test_a_read_at_a_revision_sees_the_world_of_then(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    before = await store.revision()
    one = await store.create(key, b"one")
    two = await store.update(key, b"two", one)
    three = await store.delete(key, two)
    four = await store.create(key, b"four")
    seen = {at: (await store.get(key, revision=at))[0] for at in (before, one, two, three, four)}
    assert seen == {
        before: None,
        one: KeyValue(key, b"one", one, one),
        two: KeyValue(key, b"two", two, one),
        three: None,
        four: KeyValue(key, b"four", four, four),
    }
    assert (await store.get(key, revision=two))[1] == two
    assert [e.value for e in (await store.range(backend.prefix, revision=two)).items] == [b"two"]
    assert (await store.range(backend.prefix, revision=three)).items == []


async def test_the_future_is_refused(store: Store, backend: Backend) -> None:
    now = await store.create(backend.prefix + "a", b"")
    for attempt in (
        store.get(backend.prefix + "a", revision=now + 1000),
        store.range(backend.prefix, revision=now + 1000),
        anext(store.watch(backend.prefix, now + 1000)),
        store.compact(now + 1000),
    ):
        with pytest.raises(FutureRevision) as caught:
            await attempt
        assert caught.value.current == now


async def test_what_is_compacted_is_refused_and_the_rest_stays(store: Store, backend: Backend) -> None:
    key = backend.prefix + "a"
    one = await store.create(key, b"one")
    other = await store.create(backend.prefix + "b", b"gone")
    two = await store.update(key, b"two", one)
    await store.delete(backend.prefix + "b", other)
    three = await store.update(key, b"three", two)
    four = await store.update(key, b"four", three)
    await store.compact(three)
    for attempt in (
        store.get(key, revision=two),
        store.range(backend.prefix, revision=one),
        anext(store.watch(backend.prefix, one)),
    ):
        with pytest.raises(Compacted) as caught:
            await attempt
        assert caught.value.oldest == three
    assert (await store.get(key, revision=three))[0] == KeyValue(key, b"three", three, one)
    assert [e.value for e in (await store.range(backend.prefix, revision=three)).items] == [b"three"]
    assert (await store.get(key))[0] == KeyValue(key, b"four", four, one)
    assert await store.revision() == four


async def test_compacting_twice_is_harmless(store: Store, backend: Backend) -> None:
    now = await store.create(backend.prefix + "a", b"")
    await store.compact(now)
    await store.compact(now)
    await store.compact(now - 1)
    assert (await store.get(backend.prefix + "a"))[1] == now


async def test_a_key_with_a_ttl_goes_by_itself_and_the_watch_tells(store: Store, backend: Backend) -> None:
    lasting = await store.create(backend.prefix + "a", b"stays")
    born = await store.create(backend.prefix + "b", b"goes", ttl=1)
    assert (await store.get(backend.prefix + "b"))[0] == KeyValue(backend.prefix + "b", b"goes", born, born)
    async for batch in store.watch(backend.prefix, born):
        if batch.events:
            break
    event = batch.events[0]
    assert (event.key, event.value, event.previous, event.created) == (backend.prefix + "b", None, b"goes", born)
    page = await store.range(backend.prefix)
    assert [(e.key, e.revision) for e in page.items] == [(backend.prefix + "a", lasting)]


async def test_an_update_without_ttl_keeps_the_key(store: Store, backend: Backend) -> None:
    born = await store.create(backend.prefix + "a", b"short", ttl=1)
    kept = await store.update(backend.prefix + "a", b"kept", born)
    other = await store.create(backend.prefix + "b", b"short", ttl=1)
    async for batch in store.watch(backend.prefix, other):
        if batch.events:
            break
    assert [e.key for e in batch.events] == [backend.prefix + "b"]
    assert (await store.get(backend.prefix + "a"))[0] == KeyValue(backend.prefix + "a", b"kept", kept, born)


async def test_everything_is_there_after_a_restart(backend: Backend) -> None:
    if not backend.durable:
        pytest.skip("the memory store ends with its process")
    store = await backend.open()
    revisions = await fill(store, backend.prefix, 10)
    await store.delete(f"{backend.prefix}0003", revisions[3])
    two = await store.update(f"{backend.prefix}0005", b"new", revisions[5])
    await store.compact(revisions[4])
    before = await store.range(backend.prefix)
    await store.close()
    store = await backend.open()
    try:
        assert await store.range(backend.prefix) == before
        assert (await store.get(f"{backend.prefix}0003", revision=revisions[9]))[0] is not None
        with pytest.raises(Compacted):
            await store.get(f"{backend.prefix}0000", revision=revisions[0])
        events = (await anext(store.watch(backend.prefix, revisions[9]))).events
        assert [(e.key[-4:], e.value, e.previous) for e in events][-2:] == [
            ("0003", None, b"v3"),
            ("0005", b"new", b"v5"),
        ]
        assert await store.create(f"{backend.prefix}new", b"") == two + 1
    finally:
        await store.close()


async def test_a_ttl_counts_on_over_a_restart(backend: Backend) -> None:
    if not backend.durable:
        pytest.skip("the memory store ends with its process")
    store = await backend.open()
    born = await store.create(backend.prefix + "a", b"", ttl=1)
    await store.close()
    store = await backend.open()
    try:
        async for batch in store.watch(backend.prefix, born):
            if batch.events:
                break
        assert (batch.events[0].key, batch.events[0].value) == (backend.prefix + "a", None)
    finally:
        await store.close()


async def test_a_closed_store_says_so(backend: Backend) -> None:
    store = await backend.open()
    await store.ping()
    await store.close()
    for attempt in (store.ping(), store.get("/a"), store.create("/a", b""), store.revision()):
        with pytest.raises(Unavailable):
            await attempt

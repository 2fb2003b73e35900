"""Reads that reflect everything written before them, although they are answered from the cache where it is not behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kubelite.apiserver.watchcache import cache
from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import WatchBatch
from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready
from tests.integration.apiserver.objects import config_map

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def store(etcd: Etcd) -> AsyncIterator[EtcdStore]:
    found = await ready(await EtcdStore.open([etcd.endpoint]))
    yield found
    await found.close()


@pytest.fixture
async def api(etcd: Etcd, store: EtcdStore) -> AsyncIterator[ApiEnv]:
    async with api_server(store=store, etcd_servers=etcd.endpoint) as found:
        yield found


async def test_writes_of_other_programs_to_the_same_etcd_do_not_hold_up_reads(api: ApiEnv, store: EtcdStore) -> None:
    assert (await api.post(MAPS, config_map("here"))).status == 201
    # Nothing below /registry/ follows: only what the watch tells of this key moves the cache on.
    newest = await store.create("/elsewhere/key", b"value")
    async with asyncio.timeout(2):
        assert (await api.get(f"{MAPS}/here")).status == 200
        found = (await api.get(MAPS)).json()
    assert int(found["metadata"]["resourceVersion"]) >= newest
    assert "here" in [item["metadata"]["name"] for item in found["items"]]


class StandingStore(MemoryStore):
    """A real store whose watch can be made to stand still."""

    def __init__(self) -> None:
        super().__init__()
        self.goes = asyncio.Event()
        self.goes.set()

    async def watch(self, prefix: str, after: int) -> AsyncIterator[WatchBatch]:
        async for batch in super().watch(prefix, after):
            await self.goes.wait()
            yield batch


@pytest.fixture
async def behind(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ApiEnv]:
    """A server whose cache is behind the store: it has "old" and "gone"; the store has "old", changed, and "new"."""
    monkeypatch.setattr(cache, "LAG_SECONDS", 0.05)
    store = StandingStore()
    # Named so, the server takes it for a store that others write to as well.
    async with api_server(store=store, etcd_servers="http://127.0.0.1:1") as api:
        for name in ("old", "gone"):
            assert (await api.post(MAPS, config_map(name))).status == 201
        await api.registry.cache.fresh()
        store.goes.clear()
        assert (await api.patch(f"{MAPS}/old", {"data": {"state": "changed"}})).status == 200
        assert (await api.delete(f"{MAPS}/gone")).status == 200
        assert (await api.post(MAPS, config_map("new"))).status == 201
        yield api
        store.goes.set()
    await store.close()


async def test_an_object_is_read_from_the_store_when_the_cache_stays_behind(behind: ApiEnv) -> None:
    assert (await behind.get(f"{MAPS}/old")).json()["data"] == {"state": "changed"}
    assert (await behind.get(f"{MAPS}/new")).status == 200
    assert (await behind.get(f"{MAPS}/gone")).status == 404
    stale = await behind.get(f"{MAPS}/gone", query={"resourceVersion": "0"})
    assert stale.status == 200, "who takes what there is, gets the cache's"


async def test_a_list_is_read_from_the_store_when_the_cache_stays_behind(behind: ApiEnv) -> None:
    whole = (await behind.get(MAPS)).json()
    named = {item["metadata"]["name"]: item for item in whole["items"]}
    assert {"old", "new"} <= set(named)
    assert "gone" not in named
    assert named["old"]["data"] == {"state": "changed"}
    newest = max(int(item["metadata"]["resourceVersion"]) for item in whole["items"])
    assert int(whole["metadata"]["resourceVersion"]) >= newest


async def test_pages_of_a_list_from_the_store_are_those_of_one_revision(behind: ApiEnv) -> None:
    whole = (await behind.get(MAPS)).json()
    query, names, revisions = {"limit": "1"}, [], set()
    while True:
        page = (await behind.get(MAPS, query=query)).json()
        names += [item["metadata"]["name"] for item in page["items"]]
        revisions.add(page["metadata"]["resourceVersion"])
        if not page["metadata"].get("continue"):
            break
        assert (await behind.post(MAPS, config_map(f"later-{len(names)}"))).status == 201
        query = {"limit": "1", "continue": page["metadata"]["continue"]}
    assert names == [item["metadata"]["name"] for item in whole["items"]]
    assert len(revisions) == 1

"""etcd dies, comes back and compacts under open watches: nothing is missed, or it is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kubelite.storage.etcd import EtcdStore
from tests.apienv import ApiEnv, Watch, api_server
from tests.contract.storage_backends import Etcd, ready
from tests.integration.apiserver.objects import config_map

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api(etcd: Etcd) -> AsyncIterator[ApiEnv]:
    store = await ready(await EtcdStore.open([etcd.endpoint]))
    async with api_server(store=store, etcd_servers=etcd.endpoint) as found:
        yield found
    await store.close()


async def written(api: ApiEnv, name: str) -> int:
    """The revision of a new object; tries until the store is back."""
    async with asyncio.timeout(20):
        while (reply := await api.post(MAPS, config_map(name))).status != 201:
            assert reply.status in (503, 504, 409), reply.body
            if reply.status == 409:  # an earlier try was done after all
                reply = await api.get(f"{MAPS}/{name}")
                break
            await asyncio.sleep(0.05)
    return int(reply.json()["metadata"]["resourceVersion"])


async def names(watch: Watch, last: str) -> list[str]:
    """The objects that a watch tells of until `last`, or until it is closed because history is gone."""
    found: list[str] = []
    while last not in found:
        event: Any = await watch.next(timeout=20)
        assert event is not None, "a watch must not end without a word"
        if event["type"] == "ERROR":
            assert event["object"]["code"] == 410
            return [*found, "410"]
        found.append(event["object"]["metadata"]["name"])
    return found


async def test_a_watch_goes_on_over_the_death_of_etcd_and_a_compaction(etcd: Etcd, api: ApiEnv) -> None:
    start = await written(api, "first")
    async with api.watch(MAPS, resourceVersion=str(start)) as watch:
        await written(api, "before")
        etcd.kill()
        assert (await api.get(f"{MAPS}/first", query={"resourceVersion": "0"})).status == 200, "the cache still answers"
        etcd.start()
        revision = await written(api, "between")
        await api.store.compact(revision)
        await written(api, "after")
        assert await names(watch, "after") == ["before", "between", "after"]
    # What the store has forgotten, the server's own history still has.
    async with api.watch(MAPS, resourceVersion=str(start)) as watch:
        assert await names(watch, "after") == ["before", "between", "after"]


async def test_what_was_written_and_compacted_while_a_server_was_cut_off_is_not_missed(etcd: Etcd, api: ApiEnv) -> None:
    start = await written(api, "first")
    async with api.watch(MAPS, resourceVersion=str(start)) as watch:
        etcd.kill()
        etcd.start()
        other = await ready(await EtcdStore.open([etcd.endpoint]))
        async with api_server(store=other, etcd_servers=etcd.endpoint) as second:
            for number in range(5):
                last = await written(second, f"other-{number}")
            await other.compact(last)
        await other.close()
        seen = await names(watch, "other-4")
        wanted = [f"other-{number}" for number in range(5)]
        assert seen == wanted or (seen[-1] == "410" and seen[:-1] == wanted[: len(seen) - 1])
    listed = (await api.get(MAPS)).json()
    assert [one["metadata"]["name"] for one in listed["items"]][-5:] == wanted
    async with api.watch(MAPS, resourceVersion=listed["metadata"]["resourceVersion"]) as watch:
        await written(api, "news")
        assert await names(watch, "news") == ["news"]

"""The informer against the real API server: complete, current, and back after every kind of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite.api.core.config_map import CONFIG_MAP
from kubelite.api.types.core_v1 import ConfigMap
from kubelite.client.client import Client
from kubelite.client.informer import Change, Informer
from tests.apienv import ApiEnv, api_server
from tests.integration.controllers.manager import eventually


@asynccontextmanager
async def following(api: ApiEnv, **settings: Any) -> AsyncIterator[tuple[Client, Informer[ConfigMap]]]:
    client = Client.from_config(api.client_config(), user_agent="test")
    informer: Informer[ConfigMap] = Informer(client, CONFIG_MAP, **settings)
    task = asyncio.create_task(informer.run())
    try:
        yield client, informer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()


def config_map(name: str, **data: str) -> ConfigMap:
    made = ConfigMap(data=data)
    made.metadata.name, made.metadata.namespace = name, "default"
    return made


@pytest.fixture
async def api() -> AsyncIterator[ApiEnv]:
    async with api_server() as env:
        await env.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        yield env


async def test_holds_what_there_is_and_follows_changes_with_indexes_and_handlers(api: ApiEnv):
    async with following(api, indexers={"colour": lambda obj: [obj.data.get("colour", "")]}) as (client, informer):
        changes: list[Change[ConfigMap]] = []
        await client.create(CONFIG_MAP, config_map("a", colour="red"))
        await asyncio.wait_for(informer.synced(), 10)
        informer.add_handler(changes.append)
        changed = await client.create(CONFIG_MAP, config_map("b", colour="red"))
        changed.data = {"colour": "blue"}
        await client.update(CONFIG_MAP, changed)

        async def indexed() -> bool:
            red, blue = informer.by_index("colour", "red"), informer.by_index("colour", "blue")
            return [o.metadata.name for o in red] == ["a"] and [o.metadata.name for o in blue] == ["b"]

        await eventually(indexed)
        await client.delete(CONFIG_MAP, "a", "default")

        async def gone() -> bool:
            return informer.get("default/a") is None and informer.by_index("colour", "red") == []

        await eventually(gone)
        mine = [c for c in changes if c.object.metadata.name in ("a", "b")]
        assert [(c.old is None, c.new is None) for c in mine] == [
            (True, False),
            (True, False),
            (False, False),
            (False, True),
        ]


async def test_lists_in_pages(api: ApiEnv, monkeypatch):
    monkeypatch.setattr("kubelite.client.reflector.PAGE", 7)
    async with following(api) as (client, _):
        await asyncio.gather(*(client.create(CONFIG_MAP, config_map(f"m{i}")) for i in range(30)))
        other: Informer[ConfigMap] = Informer(client, CONFIG_MAP, namespace="default")
        task = asyncio.create_task(other.run())
        await asyncio.wait_for(other.synced(), 10)
        assert {f"m{i}" for i in range(30)} <= {obj.metadata.name for obj in other.list()}
        task.cancel()


async def test_comes_back_when_the_server_drops_every_connection(api: ApiEnv):
    async with following(api) as (client, informer):
        await asyncio.wait_for(informer.synced(), 10)
        for stream in list(client.transport._streams):
            stream._connection.abort()
        await client.create(CONFIG_MAP, config_map("later"))

        async def seen() -> bool:
            return informer.get("default/later") is not None

        await eventually(seen)


async def test_a_handler_that_fails_does_not_stop_the_others(api: ApiEnv):
    async with following(api) as (client, informer):
        seen: list[str] = []

        def faulty(change: Change[ConfigMap]) -> None:
            raise RuntimeError("fault of the handler")

        informer.add_handler(faulty)
        informer.add_handler(lambda change: seen.append(change.object.metadata.name))
        await client.create(CONFIG_MAP, config_map("a"))

        async def told() -> bool:
            return "a" in seen

        await eventually(told)


async def test_what_is_thinned_out_is_never_seen_in_lists_nor_in_events(api: ApiEnv):
    def thin(obj: ConfigMap) -> None:
        obj.data = {}

    client = Client.from_config(api.client_config(), user_agent="test")
    await client.create(CONFIG_MAP, config_map("listed", key="value"))
    async with following(api, thin=thin) as (_, informer):
        await asyncio.wait_for(informer.synced(), 10)
        seen: list[Change[ConfigMap]] = []
        informer.add_handler(seen.append)
        await client.create(CONFIG_MAP, config_map("watched", key="value"))

        async def both() -> bool:
            return len(informer) >= 2 and informer.get("default/watched") is not None

        await eventually(both)
        assert [obj.data for obj in informer.list() if obj.metadata.name in ("listed", "watched")] == [{}, {}]
        assert not any(change.object.data for change in seen)
    await client.close()

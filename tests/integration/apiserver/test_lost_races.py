"""What a client is told whose object somebody else changes or removes while its own request is under way."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.storage.memory import MemoryStore
from tests.apienv import api_server

COLLECTION = "/api/v1/namespaces/default/configmaps"


class BusyStore(MemoryStore):
    """A store in which somebody is always a moment faster: they remove or replace a key just before it is updated."""

    def __init__(self) -> None:
        super().__init__()
        self.rival = ""

    async def update(self, key: str, value: bytes, expected: int, **more: Any) -> int:
        rival, self.rival = self.rival, ""
        if rival == "removes":
            await self.delete(key, expected)
        elif rival == "replaces":
            await super().update(key, value.replace(b'"mine"', b'"theirs"'), expected)
        return await super().update(key, value, expected, **more)


@pytest.mark.parametrize(
    ("rival", "insists", "status"),
    [("removes", True, 404), ("removes", False, 404), ("replaces", True, 409), ("replaces", False, 200)],
)
async def test_an_update_that_lost_the_race_hears_what_is_there_now(rival: str, insists: bool, status: int) -> None:
    store = BusyStore()
    async with api_server(store=store) as api:
        made = (await api.post(COLLECTION, {"metadata": {"name": "m"}, "data": {"a": "old"}})).json()
        changed: dict[str, Any] = {"metadata": {"name": "m"}, "data": {"a": "mine"}}
        if insists:
            changed["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
        store.rival = rival
        reply = await api.put(f"{COLLECTION}/m", changed)
        assert reply.status == status, reply.body
        if status == 404:
            assert reply.json()["message"] == 'configmaps "m" not found'

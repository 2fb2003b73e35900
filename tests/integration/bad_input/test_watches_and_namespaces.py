"""Watches from the compacted past and from the future, expired pages, and namespaces that are going."""

from __future__ import annotations

import asyncio

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.bad_input.cases import merged
from tests.integration.bad_input.objects import VALID, is_namespaced, path_of

MAPS = path_of("ConfigMap")


@pytest.fixture
async def api() -> ApiEnv:
    async with api_server() as env:
        assert (await env.post("/api/v1/namespaces", {"metadata": {"name": "test"}})).status == 201
        yield env


async def _grow(api: ApiEnv, count: int) -> int:
    """Writes `count` config maps; the last revision."""
    revision = 0
    for number in range(count):
        reply = await api.post(MAPS, {"metadata": {"name": f"m{number}"}})
        revision = int(reply.json()["metadata"]["resourceVersion"])
    return revision


async def test_a_page_of_the_compacted_past_has_expired(api: ApiEnv) -> None:
    await _grow(api, 5)
    page = (await api.get(MAPS, query={"limit": 2})).json()["metadata"]
    last = await _grow_more(api)
    await api.store.compact(last)
    reply = await api.get(MAPS, query={"limit": 2, "continue": page["continue"]})
    assert (reply.status, reply.json()["reason"]) == (410, "Expired")
    assert "The provided continue parameter is too old" in reply.json()["message"]
    rest = await api.get(MAPS, query={"continue": reply.json()["metadata"]["continue"]})
    assert rest.status == 200 and len(rest.json()["items"]) >= 3


async def _grow_more(api: ApiEnv) -> int:
    revision = 0
    for number in range(5):
        reply = await api.post(MAPS, {"metadata": {"name": f"more{number}"}})
        revision = int(reply.json()["metadata"]["resourceVersion"])
    return revision


async def test_a_list_at_a_compacted_revision_has_expired(api: ApiEnv) -> None:
    last = await _grow(api, 5)
    await api.store.compact(last)
    reply = await api.get(MAPS, query={"resourceVersion": 2, "resourceVersionMatch": "Exact"})
    assert (reply.status, reply.json()["reason"]) == (410, "Expired")


async def test_a_watch_from_before_the_cache_gets_an_error_event() -> None:
    async with api_server() as first:
        assert (await first.post("/api/v1/namespaces", {"metadata": {"name": "test"}})).status == 201
        await _grow(first, 3)
        async with (
            api_server(store=first.store) as second,
            second.watch(MAPS, resourceVersion=2) as watch,
        ):
            event = await watch.next()
            status = event["object"]
            assert (event["type"], status["code"], status["reason"]) == ("ERROR", 410, "Expired")
            assert "too old resource version: 2" in status["message"]
            assert await watch.next() is None


async def test_a_watch_from_the_future_waits_for_it(api: ApiEnv) -> None:
    now = await _grow(api, 1)
    async with api.watch(MAPS, resourceVersion=now + 2) as watch:
        for name in ("a", "b", "c"):
            await api.post(MAPS, {"metadata": {"name": name}})
        assert (await watch.next())["object"]["metadata"]["name"] == "c"


async def test_a_watch_that_nobody_reads_does_not_stop_others(api: ApiEnv) -> None:
    async with api.watch(MAPS), api.watch(MAPS) as good:
        await _grow(api, 3)
        names = [(await good.next())["object"]["metadata"]["name"] for _ in range(3)]
    assert names == ["m0", "m1", "m2"]


async def test_a_namespace_that_is_going_takes_nothing_new(api: ApiEnv) -> None:
    assert (await api.post(MAPS, VALID["ConfigMap"][1])).status == 201
    assert (await api.delete("/api/v1/namespaces/test")).status == 200
    for kind, (path, obj) in VALID.items():
        if not is_namespaced(kind):
            continue
        reply = await api.post(path, merged(obj, {"metadata": {"name": "late"}}))
        status = reply.json()
        assert (reply.status, status["reason"]) == (403, "Forbidden"), (kind, reply.body)
        text = "is forbidden: unable to create new content in namespace test because it is being terminated"
        assert text in status["message"]
        assert [cause["reason"] for cause in status["details"]["causes"]] == ["NamespaceTerminating"]
    changed = await api.patch(f"{MAPS}/seeded", {"data": {"k": "w"}})
    assert changed.status == 200


async def test_many_bad_requests_at_once_leave_the_server_well(api: ApiEnv) -> None:
    bodies = [b"{", b"[]", b'{"metadata":5}', b'{"metadata":{"name":"A B"}}'] * 50
    headers = {"content-type": "application/json"}
    replies = await asyncio.gather(*(api.post(MAPS, body, headers=headers) for body in bodies))
    assert {reply.status for reply in replies} == {400, 422}
    assert (await api.get("/readyz")).status == 200

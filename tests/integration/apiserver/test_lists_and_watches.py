"""Lists and watches: selectors, pages, revisions, events, bookmarks, expiry."""

from __future__ import annotations

import json

import pytest

from kubelite.apiserver.watchcache.entry import make
from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server
from tests.integration.apiserver.objects import MAPS, PODS, config_map, pod


async def fill(api: ApiEnv, count: int) -> None:
    for number in range(count):
        body = config_map(f"m{number}")
        body["metadata"]["labels"] = {"parity": "even" if number % 2 == 0 else "odd"}
        assert (await api.post(MAPS, body)).status == 201


async def names(api: ApiEnv, **query: str) -> list[str]:
    reply = await api.get(MAPS, query=query)
    assert reply.status == 200, reply.body
    return [item["metadata"]["name"] for item in reply.json()["items"]]


async def test_label_and_field_selectors_narrow_a_list(api: ApiEnv) -> None:
    await fill(api, 4)
    assert await names(api, labelSelector="parity=odd") == ["m1", "m3"]
    assert await names(api, labelSelector="parity notin (odd)", fieldSelector="metadata.name!=m0") == ["m2"]
    assert await names(api, fieldSelector="metadata.name=m2") == ["m2"]
    await api.post(PODS, pod("p", nodeName="n"))
    for value, count in (("n", 1), ("other", 0)):
        reply = await api.get(PODS, query={"fieldSelector": f"spec.nodeName={value}"})
        assert len(reply.json()["items"]) == count


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"labelSelector": "a in b"}, 400),
        ({"labelSelector": "=,="}, 400),
        ({"fieldSelector": "nonsense"}, 400),
        ({"fieldSelector": "spec.unknown=1"}, 400),
        ({"limit": "many"}, 400),
        ({"continue": "%%%"}, 400),
        ({"resourceVersion": "abc"}, 400),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
        ({"resourceVersionMatch": "Roughly", "resourceVersion": "1"}, 422),
        ({"sendInitialEvents": "true"}, 422),
        ({"watch": "true", "resourceVersionMatch": "NotOlderThan", "resourceVersion": "1"}, 422),
        ({"watch": "true", "sendInitialEvents": "true"}, 422),
    ],
)
async def test_options_that_mean_nothing_are_refused(api: ApiEnv, query: dict[str, str], code: int) -> None:
    reply = await api.get(MAPS, query=query)
    assert (reply.status, reply.json()["kind"]) == (code, "Status")


async def test_pages_show_the_list_as_it_was_when_the_first_page_was_read(api: ApiEnv) -> None:
    await fill(api, 5)
    first = (await api.get(MAPS, query={"limit": "2"})).json()
    assert [i["metadata"]["name"] for i in first["items"]] == ["m0", "m1"]
    assert first["metadata"]["remainingItemCount"] == 3
    await api.delete(f"{MAPS}/m3")
    await api.post(MAPS, config_map("m9"))
    second = (await api.get(MAPS, query={"limit": "2", "continue": first["metadata"]["continue"]})).json()
    assert [i["metadata"]["name"] for i in second["items"]] == ["m2", "m3"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    last = (await api.get(MAPS, query={"limit": "2", "continue": second["metadata"]["continue"]})).json()
    assert [i["metadata"]["name"] for i in last["items"]] == ["m4"]
    assert "continue" not in last["metadata"]


async def test_an_expired_page_offers_an_inconsistent_rest(api: ApiEnv) -> None:
    await fill(api, 4)
    first = (await api.get(MAPS, query={"limit": "2"})).json()
    await api.delete(f"{MAPS}/m3")
    await api.store.compact(await api.store.revision())
    reply = await api.get(MAPS, query={"limit": "2", "continue": first["metadata"]["continue"]})
    assert (reply.status, reply.json()["reason"]) == (410, "Expired")
    rest = await api.get(MAPS, query={"continue": reply.json()["metadata"]["continue"]})
    assert [i["metadata"]["name"] for i in rest.json()["items"]] == ["m2"]


async def test_a_list_from_the_future_times_out_with_retry_after(api: ApiEnv) -> None:
    reply = await api.get(MAPS, query={"resourceVersion": "999999"})
    assert reply.status == 504
    assert "Too large resource version" in reply.json()["message"]
    assert reply.headers["retry-after"] == "1"


async def test_exact_and_not_older_than(api: ApiEnv) -> None:
    await fill(api, 1)
    revision = (await api.get(MAPS)).json()["metadata"]["resourceVersion"]
    await api.post(MAPS, config_map("later"))
    assert await names(api, resourceVersion=revision, resourceVersionMatch="Exact") == ["m0"]
    assert await names(api, resourceVersion=revision, resourceVersionMatch="NotOlderThan") == ["later", "m0"]


async def test_a_watch_sends_what_is_there_and_then_every_change(api: ApiEnv) -> None:
    await fill(api, 1)
    async with api.watch(MAPS) as watch:
        assert (await watch.next())["type"] == "ADDED"
        await api.patch(f"{MAPS}/m0", {"data": {"k": "v"}})
        event = await watch.next()
        assert (event["type"], event["object"]["data"]) == ("MODIFIED", {"k": "v"})
        await api.delete(f"{MAPS}/m0")
        gone = await watch.next()
        assert gone["type"] == "DELETED"
        assert int(gone["object"]["metadata"]["resourceVersion"]) > int(event["object"]["metadata"]["resourceVersion"])


async def test_a_watch_resumes_after_a_revision(api: ApiEnv) -> None:
    await fill(api, 3)
    revision = (await api.get(f"{MAPS}/m0")).json()["metadata"]["resourceVersion"]
    async with api.watch(MAPS, resourceVersion=revision) as watch:
        assert [(await watch.next())["object"]["metadata"]["name"] for _ in range(2)] == ["m1", "m2"]


async def test_an_object_that_enters_or_leaves_a_selection_is_added_or_deleted(api: ApiEnv) -> None:
    await fill(api, 1)
    async with api.watch(MAPS, labelSelector="parity=odd") as watch:
        await api.patch(f"{MAPS}/m0", {"metadata": {"labels": {"parity": "odd"}}})
        assert (await watch.next())["type"] == "ADDED"
        await api.patch(f"{MAPS}/m0", {"metadata": {"labels": {"parity": "even"}}})
        left = await watch.next()
        assert left["type"] == "DELETED"
        assert left["object"]["metadata"]["labels"] == {"parity": "odd"}


async def test_initial_events_end_with_a_bookmark(api: ApiEnv) -> None:
    await fill(api, 2)
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}
    async with api.watch(MAPS, **query) as watch:
        assert [(await watch.next())["type"] for _ in range(3)] == ["ADDED", "ADDED", "BOOKMARK"]
        await api.post(MAPS, config_map("later"))
        assert (await watch.next())["object"]["metadata"]["name"] == "later"


async def test_a_watch_from_a_forgotten_revision_gets_an_error_event() -> None:
    async with api_server(watch_history=4) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        await fill(api, 8)
        async with api.watch(MAPS, resourceVersion="1") as watch:
            event = await watch.next()
            assert event["type"] == "ERROR"
            assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
            assert await watch.next() is None


async def test_a_watch_ends_after_its_timeout(api: ApiEnv) -> None:
    async with api.watch(MAPS, timeoutSeconds="1") as watch:
        assert await watch.next() is None


async def test_objects_survive_a_restart_of_the_server() -> None:
    store = MemoryStore()
    async with api_server(store=store) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "test"}})
        before = (await api.post(MAPS, config_map("a"))).json()
    async with api_server(store=store) as api:
        assert (await api.get(f"{MAPS}/a")).json() == before


async def test_a_table_has_the_kinds_columns_and_partial_objects(api: ApiEnv) -> None:
    await api.post(PODS, pod("p"))
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = (await api.get(PODS, headers={"accept": accept})).json()
    assert table["kind"] == "Table"
    assert [c["name"] for c in table["columnDefinitions"]][:3] == ["Name", "Ready", "Status"]
    assert table["rows"][0]["cells"][0] == "p"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    one = (await api.get(f"{PODS}/p", headers={"accept": accept}, query={"includeObject": "None"})).json()
    assert "object" not in one["rows"][0]


async def test_watched_tables_are_one_line_each(api: ApiEnv) -> None:
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    await fill(api, 2)
    query = {"watch": "true", "allowWatchBookmarks": "true", "sendInitialEvents": "true", "timeoutSeconds": "1"}
    query["resourceVersionMatch"] = "NotOlderThan"
    reply = await api.get(MAPS, query=query, headers={"accept": accept})
    events = [json.loads(line) for line in reply.body.splitlines()]
    assert [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK"]
    assert [event["object"]["rows"][0]["cells"][0] for event in events] == ["m0", "m1", ""]


async def test_whoever_reads_a_deprecated_kind_is_warned(api: ApiEnv) -> None:
    for path in ("/api/v1/endpoints", "/api/v1/namespaces/test/endpoints/none"):
        reply = await api.get(path)
        assert "Endpoints is deprecated" in reply.headers["warning"]
    assert "warning" not in (await api.get(MAPS)).headers


async def test_metadata_only_lists(api: ApiEnv) -> None:
    await fill(api, 1)
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = (await api.get(MAPS, headers={"accept": accept})).json()
    assert found["kind"] == "PartialObjectMetadataList"
    assert found["items"][0]["metadata"]["name"] == "m0" and "data" not in found["items"][0]


async def test_unknown_media_types_are_not_acceptable(api: ApiEnv) -> None:
    reply = await api.get(MAPS, headers={"accept": "text/html"})
    assert reply.status == 406
    both = await api.get(MAPS, headers={"accept": "text/html,application/json"})
    assert both.status == 200


async def test_the_fields_of_what_this_server_wrote_are_those_of_its_bytes(api: ApiEnv) -> None:
    kind = api.registry.scheme.by_resource("", "v1", "pods")
    assert kind is not None
    cache = api.registry.cache.of(kind)
    status = {"status": {"phase": "Running", "podIP": "10.0.0.7", "podIPs": [{"ip": "10.0.0.7"}]}}
    async with api.watch(PODS, fieldSelector="status.phase!=Failed"):
        await api.post(PODS, pod("a", nodeName="n1"))
        await api.get(f"{PODS}/a")
        created = cache.entries["test/a"]
        await api.patch(f"{PODS}/a/status", status)
        await api.get(f"{PODS}/a")
        running = cache.entries["test/a"]
    for entry in (created, running):
        told = entry.known_fields()
        assert told is not None and told == make(entry.key, entry.body, 1, namespaced=True).fields(kind)
    assert running.fields(kind)["status.podIP"] == "10.0.0.7" and created.fields(kind)["spec.nodeName"] == "n1"


async def test_the_fields_of_what_another_server_wrote_meanwhile_are_its_own(api: ApiEnv) -> None:
    kind = api.registry.scheme.by_resource("", "v1", "pods")
    assert kind is not None
    cache = api.registry.cache.of(kind)
    async with api.watch(PODS, fieldSelector="spec.nodeName=n1"):
        await api.post(PODS, pod("a", nodeName="n1"))
        await api.get(f"{PODS}/a")
        present = cache.entries["test/a"]
        stored, _ = await api.store.get("/registry/pods/test/a")
        assert stored is not None
        obj = api.registry.cached(kind, "test", "a")
        obj.spec.nodeName = "n2"
        cache.writing("test", "a", b"bytes that never come", obj)
        await api.store.update(stored.key, stored.value.replace(b'"name":"c"', b'"name":"d"'), present.revision)
        await api.get(f"{PODS}/a")
        assert cache.entries["test/a"].revision > present.revision
        assert cache.entries["test/a"].fields(kind)["spec.nodeName"] == "n1"

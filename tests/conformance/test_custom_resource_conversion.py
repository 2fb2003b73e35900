"""CustomResourceConversionWebhook and CustomResourceFieldSelectors: objects of two versions, converted by a real webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kubelite.client.client import Client
from kubelite.client.informer import Change, Informer
from kubelite.controllers.objects import Bare
from kubelite.machinery.kind import Kind
from tests.apienv import ApiEnv, Watch
from tests.conformance.harness import eventually, good
from tests.integration.custom_resources.converter import conversion_webhook
from tests.integration.custom_resources.definitions import changed, custom, definition, established, path, until

NAME = "crontabs.stable.example.com"
TEXT = {"type": "string"}


def version(name: str, *fields: str) -> dict[str, Any]:
    """A version whose root has these texts, all of them selectable."""
    schema = {"type": "object", "properties": dict.fromkeys(fields, TEXT)}
    return {
        "name": name,
        "served": True,
        "storage": name == "v1",
        "schema": {"openAPIV3Schema": schema},
        "selectableFields": [{"jsonPath": f".{field}"} for field in fields],
    }


def convert(obj: dict[str, Any], api_version: str) -> dict[str, Any]:
    """v1 has hostPort, v2 has host and port."""
    out = {**obj, "apiVersion": api_version}
    if api_version.endswith("/v2"):
        out["host"], _, out["port"] = out.pop("hostPort", ":").partition(":")
    else:
        out["hostPort"] = f"{out.pop('host', '')}:{out.pop('port', '')}"
    return out


@asynccontextmanager
async def converted(api: ApiEnv) -> AsyncIterator[None]:
    """The definition with both versions, and the webhook that converts between them."""
    async with conversion_webhook(convert) as webhook:
        versions = [version("v1", "hostPort"), version("v2", "host", "port")]
        await established(api, definition(versions=versions, conversion=webhook.config()))
        yield
        assert webhook.reviews


async def test_should_be_able_to_convert_from_cr_v1_to_cr_v2(api: ApiEnv) -> None:
    """What was written in v1 is read in v2 with v2's fields.

    [sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to
    CR v2 [Conformance]
    """
    async with converted(api):
        made = good(await api.post(path(), custom("cr-instance-1", hostPort="localhost:8080")), 201)
        found = good(await api.get(path(version="v2", name="cr-instance-1")))
        assert (found["host"], found["port"], found.get("hostPort")) == ("localhost", "8080", None)
        assert found["metadata"]["uid"] == made["metadata"]["uid"]


async def test_should_be_able_to_convert_a_non_homogeneous_list_of_crs(api: ApiEnv) -> None:
    """Objects stored in different versions come in one list in the version asked for.

    [sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert a non
    homogeneous list of CRs [Conformance]
    """
    async with converted(api):
        good(await api.post(path(), custom("cr-instance-1", hostPort="localhost:8080")), 201)
        swap = [{"op": "replace", "path": f"/spec/versions/{n}/storage", "value": bool(n)} for n in (0, 1)]
        found = await changed(api, NAME, swap, "json")
        assert found["status"]["storedVersions"] == ["v1", "v2"]
        await until(api, path(version="v2"), lambda reply: reply.status == 200)
        body = custom("cr-instance-2", version="v2", host="example.com", port="80")
        good(await api.post(path(version="v2"), body), 201)
        listed = good(await api.get(path(version="v2")))
        assert (listed["kind"], listed["apiVersion"]) == ("CronTabList", "stable.example.com/v2")
        assert [(one["apiVersion"], one["host"], one["port"]) for one in listed["items"]] == [
            ("stable.example.com/v2", "localhost", "8080"),
            ("stable.example.com/v2", "example.com", "80"),
        ]


Events = set[tuple[str, str]]


async def heard(watch: Watch, count: int) -> Events:
    """The next `count` events, by type and name."""
    events = [await watch.next() for _ in range(count)]
    return {(event["type"], event["object"]["metadata"]["name"]) for event in events}


@asynccontextmanager
async def informed(client: Client, selector: str) -> AsyncIterator[Events]:
    """What an informer of v2 with this selector tells: ADDED and DELETED."""
    kind = Kind(group="stable.example.com", version="v2", kind="CronTab", plural="crontabs", type=Bare)
    informer: Informer[Bare] = Informer(client, kind, namespace="default", field_selector=selector)
    events: Events = set()

    def handle(change: Change[Bare]) -> None:
        if change.new is None or change.old is None:
            events.add(("ADDED" if change.old is None else "DELETED", change.object.metadata.name))

    informer.add_handler(handle)
    task = asyncio.create_task(informer.run())
    try:
        await informer.synced()
        yield events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def became(events: Events, wanted: Events) -> None:
    async def same() -> bool:
        return events == wanted

    await eventually(same)


async def test_must_list_and_watch_custom_resources_matching_the_field_selector(api: ApiEnv) -> None:
    """Lists, watches and informers of both versions show what their selectors match, before and after changes.

    [sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and
    watch custom resources matching the field selector [Conformance]
    """
    v1, v2 = path(), path(version="v2")
    client = Client.from_config(api.client_config(), user_agent="conformance")

    async def listed(place: str, selector: str) -> set[str]:
        items = good(await api.get(place, query={"fieldSelector": selector}))["items"]
        return {one["metadata"]["name"] for one in items}

    async with (
        converted(api),
        api.watch(v2, fieldSelector="host=host1") as of_host,
        api.watch(v2, fieldSelector="host=host1,port=80") as of_both,
        api.watch(v1, fieldSelector="hostPort=host1:80") as of_v1,
        informed(client, "host=host1") as host_informer,
        informed(client, "host=host1,port=80") as both_informer,
    ):
        for name, content in (
            ("a", {"host": "host1", "port": "80"}),
            ("b", {"host": "host1", "port": "8080"}),
            ("c", {"host": "host2"}),
        ):
            good(await api.post(v2, custom(name, version="v2", **content)), 201)
        assert await listed(v2, "host=host1") == {"a", "b"}
        assert await listed(v2, "host=host1,port=80") == {"a"}
        assert await listed(v1, "hostPort=host1:80") == {"a"}
        assert await listed(v1, "hostPort=host1:8080") == {"b"}
        a, b = {("ADDED", "a")}, {("ADDED", "b")}
        assert await heard(of_host, 2) == a | b
        assert await heard(of_both, 1) == a
        assert await heard(of_v1, 1) == a
        await became(host_informer, a | b)
        await became(both_informer, a)
        selected = {"fieldSelector": "host=host1,port=80"}
        good(await api.request("DELETE", v2, {"gracePeriodSeconds": 0}, query=selected), 200)
        moved = good(await api.get(f"{v2}/b")) | {"host": "host2"}
        good(await api.put(f"{v2}/b", moved), 200)
        assert await listed(v2, "host=host1") == await listed(v2, "host=host1,port=80") == set()
        gone = {("DELETED", "a")}
        assert await heard(of_host, 2) == gone | {("DELETED", "b")}
        assert await heard(of_both, 1) == await heard(of_v1, 1) == gone
        await became(host_informer, a | b | gone | {("DELETED", "b")})
        await became(both_informer, a | gone)
    await client.close()

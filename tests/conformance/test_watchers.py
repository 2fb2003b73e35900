"""Watchers: what a watch tells, from when on, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.apienv import ApiEnv, Watch
from tests.conformance.harness import good, namespace

LABEL = "watch-this-configmap"


def config_map(name: str, label: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {LABEL: label}}, "data": data}


async def change(api: ApiEnv, path: str, mutation: int) -> str:
    """Sets data.mutation; the new resource version."""
    changed = good(await api.patch(path, {"data": {"mutation": str(mutation)}}))
    return str(changed["metadata"]["resourceVersion"])


async def told(watch: Watch, *events: tuple[str, str]) -> None:
    """The next events are of these types, about objects with this `data.mutation`."""
    for type_, mutation in events:
        event = await watch.next()
        assert (event["type"], event["object"].get("data", {}).get("mutation", "")) == (type_, mutation)


async def nothing_more(api: ApiEnv, path: str, watch: Watch, label: str) -> None:
    """A watch tells in order: what is made now is the next that it says."""
    good(await api.post(path, config_map("last", label)))
    event = await watch.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "last")


async def test_watchers_should_observe_add_update_and_delete_watch_notifications_on_configmaps(api: ApiEnv) -> None:
    """Three watches, for label A, for B and for either, hear of exactly the config maps that have their label.

    [sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]
    """
    path = f"{await namespace(api)}/configmaps"
    a, b, either = ({"labelSelector": f"{LABEL} in ({text})"} for text in ("A", "B", "A,B"))
    async with api.watch(path, **a) as for_a, api.watch(path, **b) as for_b, api.watch(path, **either) as for_both:
        good(await api.post(path, config_map("a", "A")))
        await change(api, f"{path}/a", 1)
        await change(api, f"{path}/a", 2)
        good(await api.delete(f"{path}/a"))
        about_a = (("ADDED", ""), ("MODIFIED", "1"), ("MODIFIED", "2"), ("DELETED", "2"))
        await told(for_a, *about_a)
        await told(for_both, *about_a)
        good(await api.post(path, config_map("b", "B")))
        good(await api.delete(f"{path}/b"))
        about_b = (("ADDED", ""), ("DELETED", ""))
        await told(for_b, *about_b)
        await told(for_both, *about_b)
        await nothing_more(api, path, for_a, "A")
        good(await api.delete(f"{path}/last"))
        await nothing_more(api, path, for_b, "B")


async def test_watchers_should_be_able_to_start_watching_from_a_specific_resource_version(api: ApiEnv) -> None:
    """A watch from the version of the first change hears of the second change and of the deletion alone.

    [sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]
    """
    path = f"{await namespace(api)}/configmaps"
    good(await api.post(path, config_map("w", "from")))
    first = await change(api, f"{path}/w", 1)
    await change(api, f"{path}/w", 2)
    good(await api.delete(f"{path}/w"))
    async with api.watch(path, resourceVersion=first, labelSelector=f"{LABEL}=from") as watch:
        await told(watch, ("MODIFIED", "2"), ("DELETED", "2"))


async def test_able_to_restart_watching_from_the_last_resource_version_observed(api: ApiEnv) -> None:
    """What happens between a closed watch and one from the last version it saw is told by the second.

    [sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the
    previous watch [Conformance]
    """
    path = f"{await namespace(api)}/configmaps"
    async with api.watch(path, labelSelector=f"{LABEL}=closed") as watch:
        good(await api.post(path, config_map("w", "closed")))
        await change(api, f"{path}/w", 1)
        await told(watch, ("ADDED", ""))
        event = await watch.next()
        assert event["type"] == "MODIFIED"
        version = event["object"]["metadata"]["resourceVersion"]
    await change(api, f"{path}/w", 2)
    async with api.watch(path, resourceVersion=version, labelSelector=f"{LABEL}=closed") as again:
        good(await api.delete(f"{path}/w"))
        await told(again, ("MODIFIED", "2"), ("DELETED", "2"))


async def test_observe_an_object_deletion_if_it_stops_meeting_the_requirements(api: ApiEnv) -> None:
    """An object that loses its label is deleted for the watch, and added when it has the label again.

    [sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector
    [Conformance]
    """
    path = f"{await namespace(api)}/configmaps"
    async with api.watch(path, labelSelector=f"{LABEL}=right") as watch:
        good(await api.post(path, config_map("w", "right")))
        await change(api, f"{path}/w", 1)
        good(await api.patch(f"{path}/w", {"metadata": {"labels": {LABEL: "wrong"}}}))
        await told(watch, ("ADDED", ""), ("MODIFIED", "1"), ("DELETED", "1"))
        await change(api, f"{path}/w", 2)
        good(await api.patch(f"{path}/w", {"metadata": {"labels": {LABEL: "right"}}}))
        await change(api, f"{path}/w", 3)
        good(await api.delete(f"{path}/w"))
        await told(watch, ("ADDED", "2"), ("MODIFIED", "3"), ("DELETED", "3"))


async def test_watchers_should_receive_events_on_concurrent_watches_in_same_order(api: ApiEnv) -> None:
    """While others write, each event starts one more watch from its version; all of them agree on what comes next.

    [sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]
    """
    path = f"{await namespace(api)}/configmaps"

    async def write() -> None:
        for step in range(60):
            name = f"c{step % 5}"
            if step < 5:
                good(await api.post(path, config_map(name, "many", mutation=str(step))))
            elif step % 7 == 0 and (await api.delete(f"{path}/{name}")).status == 200:
                good(await api.post(path, config_map(name, "many")))
            else:
                await change(api, f"{path}/{name}", step)

    writer = asyncio.create_task(write())
    others: list[Any] = []
    versions = []
    try:
        async with api.watch(path) as watch:
            for _ in range(40):
                versions.append((await watch.next())["object"]["metadata"]["resourceVersion"])
                if len(others) < 20:
                    context = api.watch(path, resourceVersion=versions[-1])
                    others.append((context, await context.__aenter__()))
            for start, (_, other) in enumerate(others, 1):
                heard = [(await other.next())["object"]["metadata"]["resourceVersion"] for _ in versions[start:]]
                assert heard == versions[start:]
        await writer
    finally:
        writer.cancel()
        for context, _ in others:
            await context.__aexit__(None, None, None)

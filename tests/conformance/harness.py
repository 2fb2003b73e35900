"""What the conformance tests do again and again: discovery, every operation of a kind, waiting, controllers over TLS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.apienv import ApiEnv, Reply, Watch
from tests.integration.controllers.manager import World, eventually, running

__all__ = [
    "VERBS",
    "controllers",
    "eventually",
    "every_operation",
    "find_resources",
    "good",
    "namespace",
    "seen",
    "updated_object",
]

VERBS = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"}
RUN = {"conformance-run": "this"}
SELECTED = {"labelSelector": "conformance-run=this"}


def good(reply: Reply, status: int = 0) -> Any:
    """The answer's object; fails with the answer's text."""
    assert reply.status == status if status else reply.status in (200, 201), (reply.status, reply.body)
    return reply.json()


async def namespace(api: ApiEnv, name: str = "conformance", **labels: str) -> str:
    """Makes a namespace; the path of what is in it (core group)."""
    good(await api.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}}), 201)
    return f"/api/v1/namespaces/{name}"


async def seen(watch: Watch, type_: str, name: str = "") -> Any:
    """The object of the next event of this type (and name), others being skipped."""
    while (event := await watch.next()) is not None:
        if event["type"] == type_ and (not name or event["object"]["metadata"]["name"] == name):
            return event["object"]
    raise AssertionError(f"the watch ended without {type_} {name}")


async def find_resources(api: ApiEnv, group: str, version: str, plurals: Sequence[str]) -> dict[str, Any]:
    """Walks the discovery documents /apis, /apis/GROUP and /apis/GROUP/VERSION; the resources asked for, by name."""
    (entry,) = [one for one in good(await api.get("/apis"))["groups"] if one["name"] == group]
    assert {"groupVersion": f"{group}/{version}", "version": version} in entry["versions"]
    alone = good(await api.get(f"/apis/{group}"))
    assert (alone["kind"], alone["name"]) == ("APIGroup", group)
    assert {"groupVersion": f"{group}/{version}", "version": version} in alone["versions"]
    listed = good(await api.get(f"/apis/{group}/{version}"))
    assert listed["groupVersion"] == f"{group}/{version}"
    found = {one["name"]: one for one in listed["resources"]}
    assert set(plurals) <= set(found)
    return found


async def every_operation(api: ApiEnv, path: str, body: dict[str, Any], subresources: Sequence[str] = ()) -> None:
    """create, get, list, watch, patch, update, subresources, delete and deletecollection, as the suite calls them."""
    made = []
    for _ in range(3):
        metadata = {"generateName": "e2e-example-", "labels": RUN}
        made.append(good(await api.post(path, {**body, "metadata": metadata}), 201))
    name = made[-1]["metadata"]["name"]
    assert good(await api.get(f"{path}/{name}"))["metadata"]["uid"] == made[-1]["metadata"]["uid"]
    listing = good(await api.get(path, query=SELECTED))
    assert {one["metadata"]["uid"] for one in listing["items"]} == {one["metadata"]["uid"] for one in made}
    version = listing["metadata"]["resourceVersion"]
    async with api.watch(path, resourceVersion=version, **SELECTED) as watch:
        await _change(api, path, name)
        while "updated" not in (await seen(watch, "MODIFIED", name))["metadata"].get("annotations", {}):
            pass  # controllers of the server may write too
    for subresource in subresources:
        await _subresource(api, f"{path}/{name}/{subresource}")
    good(await api.delete(f"{path}/{name}"), 200)

    async def gone() -> bool:
        found = await api.get(f"{path}/{name}")
        return found.status == 404 or "deletionTimestamp" in found.json()["metadata"]

    await eventually(gone)
    assert len(await _left(api, path)) == 2
    good(await api.request("DELETE", path, query=SELECTED), 200)
    assert await _left(api, path) == []


async def _left(api: ApiEnv, path: str) -> list[Any]:
    """What is still there and not on its way out."""
    items = good(await api.get(path, query=SELECTED))["items"]
    return [one for one in items if "deletionTimestamp" not in one["metadata"]]


async def _change(api: ApiEnv, path: str, name: str) -> None:
    patch = {"metadata": {"annotations": {"patched": "true"}}}
    patched = good(await api.patch(f"{path}/{name}", patch))
    assert patched["metadata"]["annotations"]["patched"] == "true"
    updated = await updated_object(
        api, f"{path}/{name}", lambda one: one["metadata"]["annotations"].update(updated="true")
    )
    assert updated["metadata"]["annotations"].items() >= {"patched": "true", "updated": "true"}.items()


async def updated_object(api: ApiEnv, path: str, change: Callable[[Any], Any]) -> Any:
    """The object as it is, changed and put back; again after a conflict, as clients do."""
    while True:
        found = good(await api.get(path))
        change(found)
        reply = await api.put(path, found)
        if reply.status != 409:
            return good(reply)


async def _subresource(api: ApiEnv, path: str) -> None:
    """get, patch and update of a status: a condition goes in, and the spec stays."""
    before = good(await api.get(path))
    condition = {"type": "StatusPatched", "status": "True", "reason": "E2E", "message": "Set from e2e test"}
    condition["lastTransitionTime"] = "2026-01-01T00:00:00Z"
    old = before.get("status", {}).get("conditions", [])
    patched = good(await api.patch(path, {"status": {"conditions": [*old, condition]}}))
    assert "StatusPatched" in [one["type"] for one in patched["status"]["conditions"]]
    added = {**condition, "type": "StatusUpdated"}
    updated = await updated_object(api, path, lambda one: one["status"]["conditions"].append(added))
    assert "StatusUpdated" in [one["type"] for one in updated["status"]["conditions"]]
    assert updated["spec"] == before["spec"]


@asynccontextmanager
async def controllers(*names: str, **settings: Any) -> AsyncIterator[World]:
    """A server over TLS with the namespace `default` and these controllers."""
    async with running(*names, tls=True, **settings) as world:
        yield world

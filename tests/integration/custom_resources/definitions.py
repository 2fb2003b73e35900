"""Definitions for the tests of custom resources, and what they all do with them."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.apienv import ApiEnv, Reply

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "stable.example.com"


def version(name: str = "v1", schema: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A served version; the first is the stored one unless it is said otherwise."""
    whole = schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"name": name, "served": True, "storage": name == "v1", "schema": {"openAPIV3Schema": whole}, **more}


def spec_schema(**properties: Any) -> dict[str, Any]:
    """A schema with a spec of these properties and an open status."""
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}, "status": status}}


def definition(
    plural: str = "crontabs",
    kind: str = "CronTab",
    *,
    group: str = GROUP,
    versions: list[dict[str, Any]] | None = None,
    scope: str = "Namespaced",
    names: dict[str, Any] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": plural, "kind": kind, **(names or {})},
            "versions": versions or [version()],
            **spec,
        },
    }


async def established(api: ApiEnv, crd: dict[str, Any]) -> dict[str, Any]:
    """Creates the definition; returns it when its kind is served."""
    reply = await api.post(CRDS, crd)
    assert reply.status == 201, reply.body
    return await until_condition(api, crd["metadata"]["name"], "Established")


async def until_condition(api: ApiEnv, name: str, type_: str, status: str = "True") -> dict[str, Any]:
    """The definition once a condition has a status, and once the kind is served."""
    async with asyncio.timeout(10):
        while True:
            found = (await api.get(f"{CRDS}/{name}")).json()
            conditions = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", [])}
            if conditions.get(type_) == status:
                break
            await asyncio.sleep(0.01)
        if type_ == "Established" and status == "True":
            spec = found["spec"]
            served = next(one["name"] for one in spec["versions"] if one["served"])
            url = f"/apis/{spec['group']}/{served}/{spec['names']['plural']}"
            await until(api, url, lambda reply: reply.status == 200)
    return dict(found)


async def changed(api: ApiEnv, name: str, patch: Any, kind: str = "merge") -> dict[str, Any]:
    """Patches a definition."""
    reply = await api.patch(f"{CRDS}/{name}", patch, kind)
    assert reply.status == 200, reply.body
    return dict(reply.json())


async def until(api: ApiEnv, path: str, good: Any, **more: Any) -> Reply:
    """The first answer that `good(reply)` likes."""
    async with asyncio.timeout(10):
        while True:
            reply = await api.get(path, **more)
            if good(reply):
                return reply
            await asyncio.sleep(0.01)


def path(
    plural: str = "crontabs", name: str = "", *, group: str = GROUP, version: str = "v1", namespace: str = "default"
) -> str:
    """The URL of a custom resource."""
    root = f"/apis/{group}/{version}" + (f"/namespaces/{namespace}" if namespace else "")
    return f"{root}/{plural}" + (f"/{name}" if name else "")


def custom(
    name: str = "", *, version: str = "v1", kind: str = "CronTab", group: str = GROUP, **content: Any
) -> dict[str, Any]:
    """A custom object."""
    return {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name}, **content}

"""Which resources the API server serves: asked of the server, so that custom resources are included.

What: `Discovery(client).resources()`. Why: the namespace controller must empty namespaces of every kind, and the garbage
collector must follow owners of every kind, also of kinds that nobody here has declared.
Flow: /api and /apis in the aggregated form, which a server answers with 304 while nothing changed, else each group version → one
`Kind` per listable, deletable resource, with `Bare` as its type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api.types.meta_v1 import APIGroupList, APIResourceList, APIVersions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed, status_error
from kubelite.controllers.objects import Bare
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


@dataclass(frozen=True, slots=True)
class Resources:
    """`kinds` in the preferred version of each; `failed`: the group versions that did not answer, and why."""

    kinds: tuple[Kind, ...]
    failed: tuple[str, ...] = ()

    def find(self, api_version: str, name: str) -> Kind | None:
        """The kind that an owner reference names: the exact version, or another of the group."""
        group = api_version.rpartition("/")[0]
        candidates = [kind for kind in self.kinds if kind.kind == name and kind.group == group]
        exact = [kind for kind in candidates if kind.api_version == api_version]
        return next(iter(exact or candidates), None)


ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


class _Resource(msgspec.Struct):
    resource: str
    responseKind: dict[str, str] | None = None
    scope: str = ""
    verbs: list[str] = []


class _Version(msgspec.Struct):
    version: str
    resources: list[_Resource] = []
    freshness: str = ""


class _Group(msgspec.Struct):
    metadata: dict[str, Any] = {}
    versions: list[_Version] = []


class _Aggregated(msgspec.Struct):
    items: list[_Group] = []


class Discovery:
    """Asks as often as anybody wants to know: as long as nothing changed that costs two empty answers."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[str, Resources]] = {}

    async def resources(self) -> Resources:
        """All resources that can be listed and deleted. Raises when not even the groups can be read."""
        parts = [await self._part(path) for path in ("/api", "/apis")]
        if None in parts:
            return await discover(self._client)
        found = [part for part in parts if part is not None]
        return Resources(
            tuple(kind for part in found for kind in part.kinds), tuple(name for part in found for name in part.failed)
        )

    async def _part(self, path: str) -> Resources | None:
        """One half; None from a server that does not know the aggregated form."""
        etag, known = self._known.get(path, ("", Resources(())))
        headers = {"Accept": ACCEPT, **({"If-None-Match": etag} if etag else {})}
        response = await self._client.request("GET", path, headers=headers, raw=True)
        if response.status == 304:
            return known
        if response.status >= 400:
            raise status_error(response.status, response.body)
        if "APIGroupDiscoveryList" not in response.headers.get("content-type", ""):
            return None
        known = _of_groups(msgspec.json.decode(response.body, type=_Aggregated).items)
        self._known[path] = (response.headers.get("etag", ""), known)
        return known


def _of_groups(groups: Iterable[_Group]) -> Resources:
    kinds: list[Kind] = []
    failed: list[str] = []
    for group in groups:
        name, seen = group.metadata.get("name", ""), set[str]()
        for version in group.versions:
            if version.freshness == "Stale":
                stale = f"{name}/{version.version}" if name else version.version
                failed.append(f"{stale}: stale GroupVersion discovery: {stale}")
            for one in version.resources:
                if one.resource in seen or not {"list", "delete"} <= set(one.verbs):
                    continue
                seen.add(one.resource)
                kinds.append(
                    Kind(
                        group=name,
                        version=version.version,
                        kind=(one.responseKind or {}).get("kind", ""),
                        plural=one.resource,
                        type=Bare,
                        namespaced=one.scope == "Namespaced",
                        verbs=tuple(one.verbs),
                    )
                )
    return Resources(tuple(kinds), tuple(failed))


async def discover(client: Client) -> Resources:
    """Group by group: all resources that can be listed and deleted. Raises when not even the groups can be read."""
    kinds: list[Kind] = []
    failed: list[str] = []
    for path, api_version in await _versions(client):
        try:
            response = await client.request("GET", path)
            listed = msgspec.json.decode(response.body, type=APIResourceList)
        except (StatusError, ConnectionFailed, msgspec.DecodeError) as error:
            failed.append(f"{api_version}: {error}")
            continue
        kinds.extend(_kinds(api_version, listed))
    return Resources(tuple(kinds), tuple(failed))


async def _versions(client: Client) -> list[tuple[str, str]]:
    """(path, apiVersion) of the preferred version of every group."""
    legacy = msgspec.json.decode((await client.request("GET", "/api")).body, type=APIVersions)
    groups = msgspec.json.decode((await client.request("GET", "/apis")).body, type=APIGroupList)
    found = [(f"/api/{version}", version) for version in legacy.versions]
    for group in groups.groups:
        preferred = group.preferredVersion or (group.versions[0] if group.versions else None)
        if preferred is not None:
            found.append((f"/apis/{preferred.groupVersion}", preferred.groupVersion))
    return found


def _kinds(api_version: str, listed: APIResourceList) -> Iterable[Kind]:
    group, _, version = api_version.rpartition("/")
    for resource in listed.resources:
        if "/" in resource.name or not {"list", "delete"} <= set(resource.verbs):
            continue
        yield Kind(
            group=group,
            version=version,
            kind=resource.kind,
            plural=resource.name,
            type=Bare,
            namespaced=bool(resource.namespaced),
            verbs=tuple(resource.verbs),
        )

"""Which resources the API server serves: asked of the server, so that custom resources are included.

What: `discover(client) -> Resources`. Why: the namespace controller must empty namespaces of every kind, and the garbage
collector must follow owners of every kind, also of kinds that nobody here has declared.
Flow: /api, /apis and each group version → one `Kind` per listable, deletable resource, with `Bare` as its type.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from kubelite.api.types.meta_v1 import APIGroupList, APIResourceList, APIVersions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.controllers.objects import Bare
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind


@dataclass(frozen=True, slots=True)
class Resources:
    """`kinds` in the preferred version of each; `failed` names the group versions that did not answer."""

    kinds: tuple[Kind, ...]
    failed: tuple[str, ...] = ()

    def find(self, api_version: str, name: str) -> Kind | None:
        """The kind that an owner reference names: the exact version, or another of the group."""
        group = api_version.rpartition("/")[0]
        candidates = [kind for kind in self.kinds if kind.kind == name and kind.group == group]
        exact = [kind for kind in candidates if kind.api_version == api_version]
        return next(iter(exact or candidates), None)


async def discover(client: Client) -> Resources:
    """All resources that can be listed and deleted. Raises when not even the groups can be read."""
    kinds: list[Kind] = []
    failed: list[str] = []
    for path, api_version in await _versions(client):
        try:
            response = await client.request("GET", path)
            listed = msgspec.json.decode(response.body, type=APIResourceList)
        except (StatusError, ConnectionFailed, msgspec.DecodeError):
            failed.append(api_version)
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

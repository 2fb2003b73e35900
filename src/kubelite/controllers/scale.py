"""The scale of any object that has one, custom resources too.

What: `Scales.get` and `Scales.resize`. Why: an autoscaler and an owner reference name a kind; the API server is asked which
resource serves it, because nobody here knows the kinds that people define. Flow: (apiVersion, kind) → discovery → path → the
`scale` subresource.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from kubelite.api.types.autoscaling_v1 import Scale
from kubelite.api.types.meta_v1 import APIGroup, APIResourceList
from kubelite.client.client import Client
from kubelite.machinery.errors import StatusError

WRITES = 5
"""How often a size is tried against others' writes."""
KNOWN_SECONDS = 60.0


class Resource(NamedTuple):
    """Where a kind is served: `root` is such as "/apis/apps/v1"."""

    root: str
    group: str
    plural: str
    namespaced: bool
    scalable: bool = False


class NoSuchKind(Exception):
    """No resource of that kind."""


class Scales:
    """`monotonic` gives seconds; what the server serves is asked again after a minute."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._now = monotonic
        self._known: dict[tuple[str, str], tuple[Resource, float]] = {}

    async def get(self, api_version: str, kind: str, namespace: str, name: str) -> tuple[Scale, str]:
        """The scale and its path. Raises NoSuchKind, StatusError."""
        resource = await self.resource(api_version, kind)
        path = f"{resource.root}/namespaces/{namespace}/{resource.plural}/{name}/scale"
        response = await self._client.request("GET", path)
        return msgspec.json.decode(response.body, type=Scale), path

    async def resize(self, path: str, scale: Scale, size: int) -> None:
        """Write a size; a target that somebody else writes at the same time is read again. Raises StatusError."""
        for left in reversed(range(WRITES)):
            wanted = copy.deepcopy(scale)
            wanted.spec.replicas = size
            try:
                await self._put(path, wanted)
                return
            except StatusError as error:
                if error.code != 409 or not left:
                    raise
            scale = msgspec.json.decode((await self._client.request("GET", path)).body, type=Scale)

    async def _put(self, path: str, scale: Scale) -> None:
        headers = {"Content-Type": "application/json"}
        await self._client.request("PUT", path, body=msgspec.json.encode(scale), headers=headers)

    async def resource(self, api_version: str, kind: str) -> Resource:
        """The resource of a kind, in that version or another of its group. Raises NoSuchKind, StatusError."""
        found, until = self._known.get((api_version, kind), (None, 0.0))
        if found is not None and self._now() < until:
            return found
        group = api_version.rpartition("/")[0]
        found = await self._find(api_version, kind)
        for version in await self._versions(group) if found is None else ():
            found = found or await self._find(version, kind)
        if found is None:
            shown = f'"{group}"' if group else '""'
            raise NoSuchKind(f'no matches for kind "{kind}" in group {shown}')
        self._known[api_version, kind] = (found, self._now() + KNOWN_SECONDS)
        return found

    async def _find(self, api_version: str, kind: str) -> Resource | None:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            listed = msgspec.json.decode((await self._client.request("GET", root)).body, type=APIResourceList)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        names = {one.name for one in listed.resources}
        for one in listed.resources:
            if one.kind == kind and "/" not in one.name:
                group = api_version.rpartition("/")[0]
                return Resource(root, group, one.name, bool(one.namespaced), f"{one.name}/scale" in names)
        return None

    async def _versions(self, group: str) -> list[str]:
        if not group:
            return ["v1"]
        try:
            found = msgspec.json.decode((await self._client.request("GET", f"/apis/{group}")).body, type=APIGroup)
        except StatusError as error:
            if error.code == 404:
                return []
            raise
        return [one.groupVersion for one in found.versions]

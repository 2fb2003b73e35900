"""Which resources the server has, and what people call them.

What: `Resources` is the server's discovery as an index: `named("deploy")`, `for_kind("apps/v1", "Deployment")`. Why: the CLI
must work with kinds it has never heard of (custom resources) and with any server. Flow: aggregated discovery of /api and
/apis → `Resource` values. A server without aggregated discovery is asked group by group.
Name resolution follows client-go/restmapper (shortcuts, priorities) and cli-runtime.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubelite.cli.failures import CliError
from kubelite.client.client import Client

ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the server tells it."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str = ""
    namespaced: bool = True
    verbs: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """`deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def printed(self) -> str:
        """`deployment.apps`, `pod`: what stands before the slash in messages."""
        word = self.singular or self.kind.lower()
        return f"{word}.{self.group}" if self.group else word

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path; "" for `namespace` means all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if self.namespaced and namespace:
            root += f"/namespaces/{namespace}"
        root += f"/{self.plural}"
        if name:
            from urllib.parse import quote

            root += f"/{quote(name, safe='')}" if "/" not in name else f"/{name}"
        return f"{root}/{subresource}" if subresource else root


class Resources:
    """The index. The order is the server's: the first resource that answers to a name is meant."""

    def __init__(self, found: Iterable[Resource]) -> None:
        self.all = tuple(found)
        self._by_kind = {(resource.api_version, resource.kind): resource for resource in self.all}

    def for_kind(self, api_version: str, kind: str) -> Resource | None:
        return self._by_kind.get((api_version, kind))

    def named(self, word: str) -> Resource:
        """The resource of `pods`, `po`, `deployment.apps`, `deployments.v1.apps`. Raises CliError."""
        lowered = word.lower()
        for resource in self.all:
            if lowered in (resource.plural, resource.singular, resource.kind.lower()) and resource.singular != "":
                return resource
        for resource in self.all:
            if lowered == resource.plural or lowered in resource.short_names or lowered == resource.kind.lower():
                return resource
        head, _, rest = lowered.partition(".")
        if rest:
            for resource in self.all:
                names = (resource.plural, resource.singular, resource.kind.lower(), *resource.short_names)
                full = f"{resource.version}.{resource.group}" if resource.group else resource.version
                if head in names and rest in (full, resource.group, f"{resource.version}."):
                    return resource
            raise CliError(f'the server doesn\'t have a resource type "{word.partition(".")[0]}"')
        raise CliError(f'the server doesn\'t have a resource type "{word}"')

    def expand(self, words: str) -> list[Resource]:
        """The resources of `pods,svc` or of a category such as `all`."""
        found: list[Resource] = []
        for word in words.split(","):
            members = [r for r in self.all if word in r.categories and "list" in r.verbs]
            found += members if members else [self.named(word)]
        return list(dict.fromkeys(found))


async def discover(client: Client) -> Resources:
    """Ask the server. Raises StatusError or ConnectionFailed."""
    headers = {"Accept": ACCEPT}
    # One after the other, on one connection: a second TLS handshake costs more than the wait.
    core = await client.request("GET", "/api", headers=headers)
    groups = await client.request("GET", "/apis", headers=headers)
    found: list[Resource] = []
    for response in (core, groups):
        document = _json(response.body)
        if str(document.get("kind")) == "APIGroupDiscoveryList":
            found += _from_aggregated(document)
        else:
            found += await _from_groups(client, document)
    return Resources(found)


def _json(body: bytes) -> dict[str, Any]:
    import msgspec

    return msgspec.json.decode(body, type=dict[str, Any])


def _from_aggregated(document: dict[str, Any]) -> list[Resource]:
    found = []
    for group in document.get("items") or ():
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            for item in version.get("resources") or ():
                subresources = item.get("subresources") or ()
                found.append(
                    Resource(
                        group=name,
                        version=version["version"],
                        plural=item["resource"],
                        kind=(item.get("responseKind") or {}).get("kind", ""),
                        singular=item.get("singularResource", ""),
                        namespaced=item.get("scope") == "Namespaced",
                        verbs=tuple(item.get("verbs") or ()),
                        short_names=tuple(item.get("shortNames") or ()),
                        categories=tuple(item.get("categories") or ()),
                        subresources=tuple(sub["subresource"] for sub in subresources),
                    )
                )
    return found


async def _from_groups(client: Client, document: dict[str, Any]) -> list[Resource]:
    """The older way: a request for each group version."""
    if document.get("kind") == "APIVersions":
        paths = [("", version, f"/api/{version}") for version in document.get("versions") or ()]
    else:
        paths = [
            (group["name"], version["version"], f"/apis/{version['groupVersion']}")
            for group in document.get("groups") or ()
            for version in group.get("versions") or ()
        ]
    answers = await asyncio.gather(*(client.request("GET", path, raw=True) for _, _, path in paths))
    found = []
    for (group, version, _), answer in zip(paths, answers, strict=True):
        if answer.status == 200:
            found += _from_list(group, version, _json(answer.body).get("resources") or [])
    return found


def _from_list(group: str, version: str, items: list[dict[str, Any]]) -> list[Resource]:
    subresources: dict[str, list[str]] = {}
    for item in items:
        parent, slash, name = item["name"].partition("/")
        if slash:
            subresources.setdefault(parent, []).append(name)
    return [
        Resource(
            group=item.get("group") or group,
            version=item.get("version") or version,
            plural=item["name"],
            kind=item["kind"],
            singular=item.get("singularName", ""),
            namespaced=bool(item.get("namespaced")),
            verbs=tuple(item.get("verbs") or ()),
            short_names=tuple(item.get("shortNames") or ()),
            categories=tuple(item.get("categories") or ()),
            subresources=tuple(subresources.get(item["name"], ())),
        )
        for item in items
        if "/" not in item["name"]
    ]

"""What the server says it serves: its OpenAPI documents as a list of operations.

What: `Documents.load(fetch)` reads `/openapi/v3` and every document that it names; `operations` is one entry for each path and
method. Why: a kind added to the server is fuzzed without a change here. Flow: loaded once when a run starts.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
REFERENCE = "#/components/schemas/"


@dataclass(frozen=True)
class Operation:
    """One method of one path. `schema` is the name of the body's schema, "" for none."""

    method: str
    path: str
    action: str
    api_version: str
    kind: str
    schema: str
    parameters: tuple[str, ...]
    media: tuple[str, ...]

    @property
    def subresource(self) -> str:
        """`status` of `.../{name}/status`."""
        return self.path.rpartition("{name}/")[2] if "{name}/" in self.path else ""


@dataclass
class Documents:
    """Everything that a generator of requests needs to know of the server."""

    operations: list[Operation] = field(default_factory=list)
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    async def load(cls, fetch: Callable[[str], Awaitable[bytes]]) -> Documents:
        """`fetch(path)` is the body of a GET."""
        found = cls()
        index = json.loads(await fetch("/openapi/v3"))
        for _, place in sorted(index["paths"].items()):
            found.add(json.loads(await fetch(place["serverRelativeURL"])))
        return found

    def add(self, document: dict[str, Any]) -> None:
        """Takes over one document."""
        self.schemas.update(document.get("components", {}).get("schemas", {}))
        for path, item in sorted(document["paths"].items()):
            shared = [one["name"] for one in item.get("parameters", ()) if one["in"] == "query"]
            for method in METHODS:
                if method in item:
                    self.operations.append(_operation(method, path, item[method], shared))

    def schema(self, name: str) -> dict[str, Any]:
        """A named schema."""
        return self.schemas.get(name, {"type": "object"})

    def of_kind(self, api_version: str, kind: str) -> str:
        """The name of the schema of a kind; "" if no document has it."""
        return self._kinds.get((api_version, kind), "")

    @property
    def _kinds(self) -> dict[tuple[str, str], str]:
        known: dict[tuple[str, str], str] | None = self.__dict__.get("_known")
        if known is None:
            known = {}
            for name, schema in self.schemas.items():
                for gvk in schema.get("x-kubernetes-group-version-kind", ()):
                    known[f"{gvk['group']}/{gvk['version']}".lstrip("/"), gvk["kind"]] = name
            self.__dict__["_known"] = known
        return known


def _operation(method: str, path: str, entry: dict[str, Any], shared: list[str]) -> Operation:
    gvk = entry.get("x-kubernetes-group-version-kind", {})
    content = entry.get("requestBody", {}).get("content", {})
    schema = next((one["schema"].get("$ref", "") for one in content.values()), "").removeprefix(REFERENCE)
    own = [one["name"] for one in entry.get("parameters", ()) if one["in"] == "query"]
    api_version = f"{gvk.get('group', '')}/{gvk.get('version', '')}".lstrip("/")
    return Operation(
        method.upper(),
        path,
        entry.get("x-kubernetes-action", ""),
        api_version,
        gvk.get("kind", ""),
        schema,
        tuple(sorted({*shared, *own})),
        tuple(sorted(content)),
    )

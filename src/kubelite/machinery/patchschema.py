"""What strategic merge patch needs to know of a type: which lists merge, by which key, which fields retain keys.

What: `PatchSchema`, a view of OpenAPI schema facts. Why: whether a list in a patch replaces or merges is a property of the
field. Flow: `kubelite.api.schemas.patch_schema("apps/v1", "Deployment")` → `strategicpatch.apply` and `create`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_STRATEGY = "x-kubernetes-patch-strategy"
_MERGE_KEY = "x-kubernetes-patch-merge-key"

Resolve = Callable[[str], Mapping[str, Any]]
"""The definition behind a `$ref`'s last part."""


class PatchSchema:
    """One field's schema. A field that the schema does not know has no strategy: maps merge, lists replace."""

    __slots__ = ("_fields", "_item", "_resolve", "_schema", "merge_key", "strategies")

    def __init__(self, schema: Mapping[str, Any], resolve: Resolve) -> None:
        self._resolve = resolve
        self.strategies = tuple(str(schema.get(_STRATEGY, "")).split(",")) if _STRATEGY in schema else ()
        self.merge_key = str(schema.get(_MERGE_KEY, ""))
        reference = schema.get("$ref")
        self._schema = resolve(reference.rpartition("/")[2]) if reference else schema
        self._fields: dict[str, PatchSchema] = {}
        """Of declared fields, as they are asked for: a schema is asked the same by every patch."""
        self._item: PatchSchema | None = None

    @property
    def merges(self) -> bool:
        """Lists: whether items merge instead of replacing the list."""
        return "merge" in self.strategies

    @property
    def retains_keys(self) -> bool:
        """Maps: whether a patch names the keys that stay (unions, where setting one member clears the other)."""
        return "retainKeys" in self.strategies

    @property
    def replaces(self) -> bool:
        return "replace" in self.strategies

    def field(self, name: str) -> PatchSchema:
        """The schema of a member of a struct or map."""
        known = self._fields.get(name)
        if known is not None:
            return known
        properties = self._schema.get("properties", {})
        if name in properties:
            found = self._fields[name] = PatchSchema(properties[name], self._resolve)
            return found
        more = self._schema.get("additionalProperties")
        return PatchSchema(more, self._resolve) if isinstance(more, Mapping) else UNKNOWN

    def item(self) -> PatchSchema:
        """The schema of a list's items; retainKeys on a list is about its items."""
        if self._item is not None:
            return self._item
        items = self._schema.get("items")
        found = PatchSchema(items, self._resolve) if isinstance(items, Mapping) else PatchSchema({}, self._resolve)
        if self.retains_keys:
            found.strategies = (*found.strategies, "retainKeys")
        self._item = found
        return found


def _nothing(name: str) -> Mapping[str, Any]:
    return {}


UNKNOWN = PatchSchema({}, _nothing)

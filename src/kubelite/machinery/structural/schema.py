"""`Node`: an OpenAPI v3 schema of a custom resource, read once.

What: `node_of(schema)` turns the plain JSON of a schema into a tree with everything that pruning, defaulting and validation
ask for. Why: objects are checked on every write; looking the keywords up in dicts each time would cost more than the
checks. Flow: `spec.versions[].schema.openAPIV3Schema` → `Node` → kept with the served version. There are no references, so
no cycles.
"""

from __future__ import annotations

from typing import Any, Final

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))


class _Absent:
    """The mark for "there is no value", where null is one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


ABSENT: Final[Any] = _Absent()


class Node:
    """One schema. `additional` is the schema of a map's values, True for any value, None for no such keyword."""

    __slots__ = (
        "additional",
        "all_of",
        "any_of",
        "checks",
        "default",
        "embedded",
        "embeds",
        "int_or_string",
        "items",
        "list_type",
        "map_keys",
        "map_type",
        "not_",
        "nullable",
        "one_of",
        "preserve",
        "properties",
        "raw",
        "required",
        "rules",
        "types",
        "unique",
    )

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.types: tuple[str, ...] = (raw["type"],) if raw.get("type") else ()
        self.int_or_string = bool(raw.get("x-kubernetes-int-or-string"))
        if self.int_or_string and not self.types:
            self.types = ("integer", "string")
        self.nullable = bool(raw.get("nullable"))
        self.preserve = bool(raw.get("x-kubernetes-preserve-unknown-fields"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.list_type: str = raw.get("x-kubernetes-list-type") or ""
        self.map_type: str = raw.get("x-kubernetes-map-type") or ""
        self.map_keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.default: Any = ABSENT if raw.get("default") is None else raw["default"]
        self.required: tuple[str, ...] = tuple(raw.get("required") or ())
        self.properties = {name: Node(inner) for name, inner in (raw.get("properties") or {}).items()}
        additional = raw.get("additionalProperties")
        self.additional: Node | bool | None = Node(additional) if isinstance(additional, dict) else additional
        items = raw.get("items")
        self.items: Node | None = Node(items) if isinstance(items, dict) else None
        self.all_of = [Node(inner) for inner in raw.get("allOf") or ()]
        self.any_of = [Node(inner) for inner in raw.get("anyOf") or ()]
        self.one_of = [Node(inner) for inner in raw.get("oneOf") or ()]
        self.not_: Node | None = Node(raw["not"]) if isinstance(raw.get("not"), dict) else None
        self.rules: list[dict[str, Any]] = raw.get("x-kubernetes-validations") or []
        self.checks: Any = None
        """The compiled checks of `values`; made when first needed."""
        below = [one for one in (*self.properties.values(), self.additional, self.items) if isinstance(one, Node)]
        self.embeds: bool = self.embedded or any(one.embeds for one in below)
        """Whether there is a whole object in it, here or below."""
        self.unique: bool = self.list_type in ("set", "map") or any(one.unique for one in below)
        """Whether there is a list without duplicates, here or below."""

    @property
    def type(self) -> str:
        return self.raw.get("type") or ""

    def of_key(self, key: str) -> Node | None:
        """The schema of a field: a property's own, else that of a map's values; None if neither says anything."""
        found = self.properties.get(key)
        if found is None and isinstance(self.additional, Node):
            return self.additional
        return found


def node_of(schema: dict[str, Any] | None) -> Node:
    """The tree of a schema; of no schema one that keeps and allows everything."""
    return Node(schema if schema is not None else {"type": "object", "x-kubernetes-preserve-unknown-fields": True})


def elements_by_key(node: Node, elements: Any) -> dict[tuple[Any, ...], Any]:
    """The elements of an old list of type map by their keys, to find what a new element was before."""
    if node.list_type != "map" or not isinstance(elements, list):
        return {}
    found: dict[tuple[Any, ...], Any] = {}
    for element in elements:
        if isinstance(element, dict):
            key = key_of(node, element)
            if key is not None:
                found.setdefault(key, element)
    return found


def key_of(node: Node, element: dict[str, Any]) -> tuple[Any, ...] | None:
    """The key of an element of a list of type map; None if a part is no scalar."""
    key = tuple(element.get(name) for name in node.map_keys)
    return None if any(isinstance(part, dict | list) for part in key) else key

"""Types of data that an OpenAPI schema describes.

What: `from_schema` for structural schemas of custom resources and, with `resolve` for `$ref`, for the schemas of
built-in kinds; names of fields escaped as expressions write them; bounds of sizes for the cost estimate. Why: rules
are checked against them. Flow: schema in, `Type` out. Rules follow apiextensions' schema/cel/model,
apiserver/pkg/cel/common/schemas.go and cel/escaping.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kubelite.machinery.cel.lexer import RESERVED
from kubelite.machinery.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Field,
    ObjectType,
    Type,
    list_of,
    map_of,
)

Schema = Mapping[str, Any]
Resolve = Callable[[str], Schema | None]

MAX_REQUEST = 3 * 1024 * 1024
_MAX_DURATION, _MAX_TIME, _MAX_DATE = 32, 22, 12
_RESERVED = RESERVED | {"true", "false", "null", "in"}
_ACCESSIBLE = re.compile(r"[a-zA-Z_.\-/][a-zA-Z0-9_.\-/]*")
_REPLACED = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_UNDERSCORES = re.compile(r"__|[./-]")


def escape(name: str) -> str | None:
    """How expressions write the name of a property; None if they cannot."""
    if name in _RESERVED:
        return f"__{name}__"
    if not _ACCESSIBLE.fullmatch(name):
        return None
    return _UNDERSCORES.sub(lambda found: _REPLACED[found[0]], name)


def _bounded(base: Type, max_elements: int) -> Type:
    return Type(base.kind, base.name, max_elements=max_elements)


def _string(schema: Schema) -> Type:
    length = schema.get("maxLength")
    match schema.get("format"):
        case "byte":
            return _bounded(BYTES, length if length is not None else MAX_REQUEST - 2)
        case "duration":
            return _bounded(DURATION, _MAX_DURATION)
        case "date":
            return _bounded(TIMESTAMP, _MAX_DATE)
        case "date-time":
            return _bounded(TIMESTAMP, _MAX_TIME)
    if length is not None:
        # The length counts code points, of up to four bytes each.
        return _bounded(STRING, max(length, 0) * 4)
    options = schema.get("enum")
    if options:
        return _bounded(STRING, max((len(option) for option in options if isinstance(option, str)), default=0))
    return _bounded(STRING, MAX_REQUEST - 2)


def min_size(schema: Schema, depth: int = 0) -> int:
    """The fewest bytes of JSON that a value takes."""
    if schema.get("x-kubernetes-int-or-string") or depth > 20:
        return 1
    match schema.get("type"):
        case "array" | "string":
            sizes = {"duration": 3, "date": _MAX_DATE, "date-time": _MAX_TIME} if schema["type"] == "string" else {}
            return sizes.get(schema.get("format", ""), 2)
        case "object":
            properties = schema.get("properties") or {}
            required = [name for name in schema.get("required") or () if "default" not in properties.get(name, {})]
            return 2 + sum(len(name) + 4 + min_size(properties.get(name, {}), depth + 1) for name in required)
        case "boolean":
            return 4
    return 1


class _Builder:
    def __init__(self, resolve: Resolve | None) -> None:
        self.resolve = resolve
        self.named: dict[str, Type | None] = {}

    def build(self, schema: Schema, name: str, root: bool = False) -> Type | None:
        """The type, or None for what rules cannot see: data without a schema."""
        reference = self._reference(schema)
        if reference is not None:
            return self._referenced(reference)
        if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
            return _bounded(DYN, MAX_REQUEST - 2)
        match schema.get("type"):
            case "array":
                return self._array(schema, name)
            case "object":
                return self._object(schema, name, root)
            case "string":
                return _string(schema)
            case "boolean":
                return BOOL
            case "number":
                return DOUBLE
            case "integer":
                return INT
        return DYN if self.resolve is not None and not schema.get("type") else None

    @staticmethod
    def _reference(schema: Schema) -> str | None:
        if "$ref" in schema:
            return str(schema["$ref"])
        parts = schema.get("allOf") or ()
        return next((str(part["$ref"]) for part in parts if "$ref" in part), None)

    def _referenced(self, reference: str) -> Type | None:
        if reference not in self.named:
            schema = self.resolve(reference) if self.resolve else None
            short = reference.rsplit("/", 1)[-1]
            self.named[reference] = DYN if schema is None else self.build(schema, short)
        return self.named[reference]

    def _array(self, schema: Schema, name: str) -> Type | None:
        items = schema.get("items")
        element = (
            self.build(items, f"{name}.@idx", bool(items.get("x-kubernetes-embedded-resource"))) if items else None
        )
        if element is None:
            return None
        limit = schema.get("maxItems")
        made = list_of(element, limit if limit is not None else (MAX_REQUEST - 2) // (min_size(items or {}) + 1))
        made.list_type = schema.get("x-kubernetes-list-type") or ""
        made.list_keys = tuple(schema.get("x-kubernetes-list-map-keys") or ())
        return made

    def _object(self, schema: Schema, name: str, root: bool) -> Type | None:
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping) and not schema.get("properties"):
            element = self.build(values, f"{name}.@elem", bool(values.get("x-kubernetes-embedded-resource")))
            if element is None:
                return None
            limit = schema.get("maxProperties")
            limit = limit if limit is not None else (MAX_REQUEST - 2) // (min_size(values) + 6)
            return map_of(_bounded(STRING, MAX_REQUEST - 2), element, limit)
        if self.resolve is not None and not schema.get("properties"):
            # A built-in kind's field without properties (managedFields' fieldsV1, raw extensions) may hold anything.
            return DYN
        return ObjectType(name, load=lambda: self._fields(schema, name, root))

    def _fields(self, schema: Schema, name: str, root: bool) -> dict[str, Field]:
        fields = {}
        properties = dict(schema.get("properties") or {})
        if root or schema.get("x-kubernetes-embedded-resource"):
            meta = {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}}
            properties |= {"kind": {"type": "string"}, "apiVersion": {"type": "string"}, "metadata": meta}
        for property_name, property_schema in properties.items():
            escaped = escape(property_name)
            if escaped is None:
                continue
            made = self.build(
                property_schema, f"{name}.{escaped}", bool(property_schema.get("x-kubernetes-embedded-resource"))
            )
            if made is not None:
                fields[escaped] = Field(made, property_name)
        return fields


def from_schema(schema: Schema, *, name: str = "object", root: bool = False, resolve: Resolve | None = None) -> Type:
    """The type of data with this schema.

    `root` adds apiVersion, kind, metadata.name and metadata.generateName, as for the top of a custom resource;
    `resolve` finds the schema of a `$ref`. Data without a schema is dyn at the top and has no field below.
    """
    return _Builder(resolve).build(schema, name, root) or DYN

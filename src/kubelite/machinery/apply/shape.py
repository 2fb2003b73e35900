"""Shapes: how the fields of a type merge and who can own them, read off an OpenAPI schema.

What: `of_openapi(schema, resolve)` makes the `Shape` of a built-in type or of a custom resource. Why: whether a list merges by
key, as a set or only as a whole decides what a manager owns; walkers ask a shape instead of the schema, because they run on
every write. Flow: schema → Shape (structs fill their fields when first asked, so that types may contain themselves) →
`compare`, `merge`, `remove`, `typed`. Source: kube-openapi/pkg/schemaconv, structured-merge-diff schema/elements.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kubelite.machinery.apply.element import of_field, of_key, of_value

Resolve = Callable[[str], Mapping[str, Any]]
"""The definition behind the last part of a `$ref`; {} for one that is not known."""
Always = Callable[[str, str, Mapping[str, Any]], bool]
"""(type name, field, its schema) → whether upstream's empty object has the field already (a struct, not a pointer to one)."""

SCALAR, MAP, LIST, DEDUCED = "scalar", "map", "list", "deduced"
STRING, NUMERIC, BOOLEAN, UNTYPED = "string", "numeric", "boolean", "untyped"
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_SCALARS = {"string": STRING, "integer": NUMERIC, "number": NUMERIC, "boolean": BOOLEAN}
_EXTENSION = "x-kubernetes-"

Field = tuple[str, "Shape"]
"""The element of a field and its shape."""
Plan = tuple[str, tuple[tuple[str, "Shape", str], ...]]
"""How `text` writes a struct or map of certain names: its start, then for each value in it name, shape and what follows."""
Part = tuple[str, str, "Shape", Any]
"""One field for `text`: how its element is written, name, shape, and what upstream's empty object has there."""


class Shape:
    """One type: a scalar, a struct or map (`fields`, `item`), a list (`item`, `keys`) or whatever the value is (deduced)."""

    __slots__ = (
        "_fill",
        "_key",
        "always",
        "atomic",
        "defaults",
        "elements",
        "fields",
        "is_set",
        "item",
        "keys",
        "kind",
        "parts",
        "plans",
        "scalar",
    )

    fields: dict[str, Field]
    always: dict[str, Any]

    def __init__(
        self,
        kind: str,
        *,
        scalar: str = UNTYPED,
        item: Shape | None = None,
        atomic: bool = False,
        keys: tuple[str, ...] = (),
        is_set: bool = False,
        fill: Callable[[Shape], None] | None = None,
    ) -> None:
        self.kind = kind
        self.scalar = scalar
        self.item = item
        """Of a list's items or of a map's values; None for a struct, which takes no fields but its own."""
        self.atomic = atomic
        self.keys = keys
        self.is_set = is_set
        self.defaults: dict[str, Any] = {}
        """Of a list: the values of keys that items may leave out."""
        self.elements: dict[str, tuple[str, str]] = {}
        """Of a list with one key: elements that `text` has met, by the value of the key, and how it writes them."""
        self.parts: dict[tuple[str, ...], tuple[Part, ...]] = {}
        self.plans: dict[tuple[str, ...], Plan] = {}
        """Of a struct or map: what `text` has worked out, by the names that are there."""
        self._key = f'k:{{"{keys[0]}":' if len(keys) == 1 else None
        self._fill = fill
        if fill is None:
            self.fields = {}
            self.always = {}

    def __getattr__(self, name: str) -> Any:
        """Fills `fields` (field → element and shape) and `always` (field → its zero value) when first asked for them."""
        if name not in ("fields", "always") or self._fill is None:
            raise AttributeError(name)
        self.fields, self.always = {}, {}
        fill, self._fill = self._fill, None
        fill(self)
        return self.fields if name == "fields" else self.always

    def field(self, name: str) -> Field | None:
        """A field that `fields` does not have: an entry of a map; None where the type takes none."""
        return None if self.item is None else (of_field(name), self.item)

    def element_of(self, item: Any) -> str:
        """The path element of an item of a granular list. Raises ValueError for an item that can have none."""
        if self._key is not None:
            # The usual case, at a third of the cost: one key, and its value is a text.
            value = item.get(self.keys[0]) if type(item) is dict else None
            if type(value) is str:
                return self._key + _text(value) + "}"
        if self.is_set:
            return of_value(_of_set(item))
        if not isinstance(item, dict):
            what = "a null element" if item is None else "non-map elements"
            raise ValueError(f"associative list with keys may not have {what}")
        try:
            return of_key({name: item[name] for name in self.keys})
        except KeyError:
            return of_key({name: self._key_of(item, name) for name in self.keys})

    def _key_of(self, item: Mapping[str, Any], name: str) -> Any:
        if name in item:
            return item[name]
        if name in self.defaults:
            return self.defaults[name]
        raise ValueError(
            f'associative list with keys has an element that omits key field "{name}" (and doesn\'t have default value)'
        )

    def __repr__(self) -> str:
        return f"Shape({self.kind}{' atomic' if self.atomic else ''})"


_encode = msgspec.json.Encoder().encode


def _text(value: str) -> str:
    """A JSON string."""
    return f'"{value}"' if value.isidentifier() else _encode(value).decode()


def _of_set(item: Any) -> Any:
    if isinstance(item, dict):
        raise ValueError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise ValueError("not supported: associative list with lists as elements")
    if item is None:
        raise ValueError("associative list without keys has an element that's an explicit null")
    return item


UNTYPED_SCALAR = Shape(SCALAR)
ANYTHING = Shape(DEDUCED)
"""What has no schema: maps are granular, lists and scalars are owned as a whole."""
ANYTHING.item = ANYTHING


def _never(type_name: str, field: str, schema: Mapping[str, Any]) -> bool:
    return False


def of_openapi(schema: Mapping[str, Any], resolve: Resolve, always: Always = _never) -> Shape:
    """The shape of a schema. Definitions that refer to each other are resolved when first walked."""
    return _Reader(resolve, always).read(schema)


def of_custom(schema: Mapping[str, Any] | None, resolve: Resolve) -> Shape:
    """The shape of a custom resource's `openAPIV3Schema`, with the metadata that every object has; without one: deduced."""
    reader = _Reader(resolve, _never)
    if not schema:
        schema = {"type": "object", f"{_EXTENSION}preserve-unknown-fields": True}
    return reader.resource(schema)


class _Reader:
    """Reads the schemas of one set of definitions; every definition once."""

    def __init__(self, resolve: Resolve, always: Always) -> None:
        self._resolve = resolve
        self._always = always
        self._named: dict[tuple[str, str], Shape] = {}

    def read(self, schema: Mapping[str, Any], type_name: str = "") -> Shape:
        reference = _reference(schema)
        if reference:
            return self._reference(reference, str(schema.get(f"{_EXTENSION}map-type", "")))
        if schema.get(f"{_EXTENSION}int-or-string"):
            return UNTYPED_SCALAR
        kind = _type_of(schema)
        if kind == "array":
            return self._list(schema)
        if kind == "object" or (not kind and "properties" in schema):
            return self._map(schema, type_name)
        if kind in _SCALARS:
            return Shape(SCALAR, scalar=UNTYPED if "oneOf" in schema else _SCALARS[kind])
        return ANYTHING

    def resource(self, schema: Mapping[str, Any]) -> Shape:
        """An object with apiVersion, kind and metadata of its own: a custom resource or one embedded in it."""
        shape = self._map(schema, "")
        text = Shape(SCALAR, scalar=STRING)
        metadata = self._reference(OBJECT_META, "")
        shape.fields.update(
            apiVersion=(of_field("apiVersion"), text),
            kind=(of_field("kind"), text),
            metadata=(of_field("metadata"), metadata),
        )
        shape.always["metadata"] = {}
        return shape

    def _reference(self, name: str, relationship: str) -> Shape:
        known = self._named.get((name, relationship))
        if known is not None:
            return known
        definition = self._resolve(name)
        if name.endswith((".Quantity", ".IntOrString", ".Time", ".MicroTime")):
            shape = UNTYPED_SCALAR
        else:
            if relationship:
                definition = {**definition, f"{_EXTENSION}map-type": relationship}
            shape = self.read(definition, name)
        self._named[name, relationship] = shape
        return shape

    def _map(self, schema: Mapping[str, Any], type_name: str) -> Shape:
        properties = schema.get("properties") or {}
        more = schema.get("additionalProperties")
        preserves = bool(schema.get(f"{_EXTENSION}preserve-unknown-fields"))
        if isinstance(more, Mapping) and more:
            item: Shape | None = self.read(more)
        elif preserves or more or more == {} or not properties:
            item = ANYTHING
        else:
            item = None
        required = schema.get("required") or ()

        def fill(shape: Shape) -> None:
            for name, inner in properties.items():
                shape.fields[name] = (of_field(name), self._property(inner))
                if name in required or self._always(type_name, name, inner):
                    self._zero(shape, type_name, name)

        return Shape(
            MAP, item=item, atomic=schema.get(f"{_EXTENSION}map-type") == "atomic", fill=fill if properties else None
        )

    def _property(self, schema: Mapping[str, Any]) -> Shape:
        if schema.get(f"{_EXTENSION}embedded-resource"):
            return self.resource(schema)
        return self.read(schema)

    def _zero(self, shape: Shape, type_name: str, name: str) -> None:
        """A field that upstream's empty object has: a struct as {}, a list or map as null. Only built-in types have such."""
        inner = shape.fields[name][1]
        if type_name and not inner.atomic and inner.kind in (MAP, LIST):
            shape.always[name] = {} if inner.kind == MAP and inner.item is None else None

    def _list(self, schema: Mapping[str, Any]) -> Shape:
        items = schema.get("items") or {}
        item = self._property(items)
        relationship = schema.get(f"{_EXTENSION}list-type", "atomic")
        keys = tuple(sorted(schema.get(f"{_EXTENSION}list-map-keys") or ()))
        shape = Shape(
            LIST,
            item=item,
            atomic=relationship == "atomic" or (relationship == "map" and not keys),
            keys=keys,
            is_set=relationship == "set",
        )
        reference = _reference(items)
        properties = (self._resolve(reference) if reference else items).get("properties") or {}
        for name in keys:
            if "default" in properties.get(name, ()):
                shape.defaults[name] = properties[name]["default"]
        return shape


def _reference(schema: Mapping[str, Any]) -> str:
    reference = schema.get("$ref", "")
    if not reference and len(schema.get("allOf") or ()) == 1:
        reference = schema["allOf"][0].get("$ref", "")
    return str(reference).rpartition("/")[2]


def _type_of(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "")
    return kinds if isinstance(kinds, str) else next((kind for kind in kinds if kind != "null"), "")

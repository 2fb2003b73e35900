"""The keywords of a definition's schema: which may be used, where, and how they go together.

What: `validate(schema, path)` checks the plain JSON of a schema, node by node. Why: OpenAPI has more than Kubernetes can
prune, merge and evaluate in bounded time. Flow: after `invariants`; the rules in CEL are compiled last, when nothing else
is wrong. Source of rules and words: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural.invariants import Schema, items_of, values_of
from kubelite.machinery.structural.lists import validate_lists
from kubelite.machinery.structural.ruletexts import validate_rules

TYPES = ("array", "boolean", "integer", "number", "object", "string")
META = ("metadata", "kind", "apiVersion")
_PRESERVE, _EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_REFUSED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a schema a node stands: `no_default` is why it may have none, `meta`: inside a whole object's own fields."""

    root: bool = False
    meta: bool = False
    no_default: str | None = None


def validate(schema: Schema, path: Path) -> list[FieldError]:
    """What is wrong with a schema besides its structure."""
    out: list[FieldError] = []
    _node(schema, path, Place(root=True), out)
    return out


def _node(schema: Schema, path: Path, place: Place, out: list[FieldError]) -> None:
    _keywords(schema, path, place, out)
    for inner, where, there in _children(schema, path, place):
        _node(inner, where, there, out)
    if schema.get(_PRESERVE) is False:
        out.append(fe.invalid(path / _PRESERVE, False, "must be true or undefined"))
    out += validate_lists(schema, path)
    out += validate_rules(schema, path)


def _keywords(schema: Schema, path: Path, place: Place, out: list[FieldError]) -> None:
    type_ = schema.get("type") or ""
    if type_ and type_ not in TYPES:
        out.append(fe.not_supported(path / "type", type_, TYPES))
    if schema.get("default") is not None and place.no_default is not None:
        out.append(fe.forbidden(path / "default", f"must not be set {place.no_default}"))
    out += [fe.forbidden(path / name, f"{name} is not supported") for name in _REFUSED if schema.get(name)]
    if type_ == "null":
        out.append(fe.forbidden(path / "type", "type cannot be set to null, use nullable as an alternative"))
    if isinstance(schema.get("items"), list):
        out.append(fe.forbidden(path / "items", "items must be a schema object and not an array"))
    if place.meta and schema.get(_EMBEDDED):
        out.append(fe.forbidden(path / _EMBEDDED, "must not be used inside of resource meta"))
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        out.append(fe.forbidden(path / "uniqueItems", text))
    additional = schema.get("additionalProperties")
    if additional is not None and additional is not True and schema.get("properties"):
        text = "additionalProperties and properties are mutual exclusive"
        out.append(fe.forbidden(path / "additionalProperties", text))


def _children(schema: Schema, path: Path, place: Place) -> Iterator[tuple[Schema, Path, Place]]:
    below = replace(place, root=False)
    values, items = values_of(schema), items_of(schema)
    if values is not None:
        reason = "inside additionalProperties applying to object metadata" if place.meta else place.no_default
        yield values, path / "additionalProperties", replace(below, no_default=reason)
    for name, inner in (schema.get("properties") or {}).items():
        there = below
        if (place.root or schema.get(_EMBEDDED)) and name in META:
            reason = f"in top-level {name}" if place.root else place.no_default
            there = replace(below, meta=True, no_default=reason)
        yield inner, (path / "properties").key(name), there
    if isinstance(schema.get("not"), dict):
        yield schema["not"], path / "not", below
    for word in ("allOf", "oneOf", "anyOf"):
        for index, inner in enumerate(schema.get(word) or ()):
            yield inner, (path / word).index(index), below
    if items is not None:
        yield items, path / "items", below
    elif isinstance(schema.get("items"), list):
        for index, inner in enumerate(schema["items"]):
            yield inner, (path / "items").index(index), below


def nodes(schema: Schema) -> Iterator[Any]:
    """The schema and every schema below it."""
    yield schema
    for inner, _, _ in _children(schema, Path(), Place()):
        yield from nodes(inner)

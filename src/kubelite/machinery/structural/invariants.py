"""Structural schemas: what a schema must be so that objects can be pruned, filled in and described by it.

What: `validate(schema, path)` checks the plain JSON of a schema. Why: types and fields must be told by the schema itself,
never only inside alternatives, else nobody knows what an object may have. Flow: creation and update of a definition →
errors, sorted. Source of rules and words: apiextensions-apiserver/pkg/apiserver/schema/{validation,complete}.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural import patterns

Schema = dict[str, Any]
ROOT, ITEM, FIELD = "at the root", "for specified array items", "for specified object fields"
INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_PRESERVE, _EMBEDDED = "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"
_EITHER, _RULES = "x-kubernetes-int-or-string", "x-kubernetes-validations"
_JUNCTORS = ("anyOf", "allOf", "oneOf")
_NOT_NESTED = (
    ("type", "must be empty to be structural"),
    ("additionalProperties", "must be undefined to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("externalDocs", "must be undefined to be structural"),
    (_PRESERVE, "must be false to be structural"),
    (_EMBEDDED, "must be false to be structural"),
    (_EITHER, "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
    (_RULES, "must be empty to be structural"),
)


def validate(schema: Schema, path: Path) -> list[FieldError]:
    """What keeps the schema from being structural."""
    out: list[FieldError] = []
    _invariants(schema, ROOT, path, out)
    _complete(schema, path, out)
    return sorted(out, key=str)


def items_of(schema: Schema) -> Schema | None:
    """The schema of a list's elements."""
    found = schema.get("items")
    return found if isinstance(found, dict) else None


def values_of(schema: Schema) -> Schema | None:
    """The schema of a map's values."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


# -- invariants


def _invariants(schema: Schema, level: str, path: Path, out: list[FieldError]) -> None:
    type_, properties = schema.get("type") or "", schema.get("properties") or {}
    if type_ == "array" and schema.get("items") is None:
        out.append(fe.required(path / "items", "must be specified"))
    items, values = items_of(schema), values_of(schema)
    if items is not None:
        _invariants(items, ITEM, path / "items", out)
    for name, inner in properties.items():
        _invariants(inner, FIELD, (path / "properties").key(name), out)
    if schema.get("additionalProperties") is not None and level == ROOT:
        out.append(fe.forbidden(path / "additionalProperties", "must not be used at the root"))
    if values is not None:
        _invariants(values, FIELD, path / "additionalProperties", out)
    _extensions(schema, path, out)
    either = schema.get("anyOf") == INT_OR_STRING
    first = (schema.get("allOf") or [{}])[0].get("anyOf") == INT_OR_STRING
    _value_validation(schema, path, out, skip_any=either, skip_first=first)
    _type(schema, level, path, out)
    _meta(schema, level, path, out)
    if schema.get(_EMBEDDED):
        if schema.get("additionalProperties") is not None:
            text = f"must not be used if {_EMBEDDED} is set"
            out.append(fe.forbidden(path / "additionalProperties", text))
        if not schema.get(_PRESERVE) and not properties:
            text = f"must not be empty if {_EMBEDDED} is true without {_PRESERVE}"
            out.append(fe.required(path / "properties", text))


def _extensions(schema: Schema, path: Path, out: list[FieldError]) -> None:
    if schema.get(_EITHER):
        for name in (_PRESERVE, _EMBEDDED):
            if schema.get(name):
                out.append(fe.invalid(path / name, True, f"must be false if {_EITHER} is true"))


def _type(schema: Schema, level: str, path: Path, out: list[FieldError]) -> None:
    type_ = schema.get("type") or ""
    if schema.get(_EMBEDDED) and type_ != "object":
        text = f"must be object if {_EMBEDDED} is true"
        out.append(fe.invalid(path / "type", type_, text) if type_ else fe.required(path / "type", text))
    elif not type_ and not schema.get(_EITHER) and not schema.get(_PRESERVE):
        out.append(fe.required(path / "type", f"must not be empty {level}"))
    if level == ROOT and type_ and type_ != "object":
        out.append(fe.invalid(path / "type", type_, "must be object at the root"))


def _meta(schema: Schema, level: str, path: Path, out: list[FieldError]) -> None:
    """apiVersion and kind are texts; of the metadata at the root only the name can be restricted."""
    properties = schema.get("properties") or {}
    whole = level == ROOT or bool(schema.get(_EMBEDDED))
    for name in ("kind", "apiVersion"):
        type_ = (properties.get(name) or {}).get("type") or ""
        if whole and name in properties and type_ != "string":
            out.append(fe.invalid((path / "properties").key(name) / "type", type_, "must be string"))
    metadata = properties.get("metadata")
    if metadata is None:
        return
    here = (path / "properties").key("metadata")
    if whole and metadata.get("type") != "object":
        out.append(fe.invalid(here / "type", metadata.get("type") or "", "must be object"))
    if level == ROOT:
        names = set(metadata.get("properties") or {})
        rest = {key for key, value in metadata.items() if value not in (None, "", [], {}, False)}
        rest -= {"type", "properties", "default"}
        if rest or not names <= {"name", "generateName"}:
            text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            out.append(fe.forbidden(here, text))


def _value_validation(
    schema: Schema, path: Path, out: list[FieldError], *, skip_any: bool = False, skip_first: bool = False
) -> None:
    for word in _JUNCTORS:
        if word == "anyOf" and skip_any:
            continue
        for index, inner in enumerate(schema.get(word) or ()):
            _nested(inner, (path / word).index(index), out, skip_any=word == "allOf" and skip_first and index == 0)
    if isinstance(schema.get("not"), dict):
        _nested(schema["not"], path / "not", out)
    if schema.get("pattern"):
        why = patterns.complaint(schema["pattern"])
        if why:
            text = f"must be a valid regular expression, but isn't: {why}"
            out.append(fe.invalid(path / "pattern", schema["pattern"], text))


def _nested(schema: Schema, path: Path, out: list[FieldError], *, skip_any: bool = False) -> None:
    """Below an alternative only value validations may stand."""
    _value_validation(schema, path, out, skip_any=skip_any)
    items = items_of(schema)
    if items is not None:
        _nested(items, path / "items", out)
    properties = schema.get("properties") or {}
    for name, inner in properties.items():
        _nested(inner, (path / "properties").key(name), out)
    for name, text in _NOT_NESTED:
        value = schema.get(name)
        if value or (name in ("default", "additionalProperties") and value is not None):
            out.append(fe.forbidden(path / name, text))
    if "metadata" in properties:
        text = "must not be specified in a nested context"
        out.append(fe.forbidden((path / "properties").key("metadata"), text))


# -- completeness


def _complete(schema: Schema, path: Path, out: list[FieldError]) -> None:
    """Whatever alternatives speak of must be specified outside of them as well."""
    _complete_values(schema, schema, path, path, out)
    items, values = items_of(schema), values_of(schema)
    if items is not None:
        _complete(items, path / "items", out)
    for name, inner in (schema.get("properties") or {}).items():
        _complete(inner, (path / "properties").key(name), out)
    if values is not None:
        _complete(values, path / "additionalProperties", out)


def _complete_values(nested: Schema, schema: Schema, path: Path, where: Path, out: list[FieldError]) -> None:
    for word in _JUNCTORS:
        for index, inner in enumerate(nested.get(word) or ()):
            _complete_nested(inner, schema, path, (where / word).index(index), out)
    if isinstance(nested.get("not"), dict):
        _complete_nested(nested["not"], schema, path, where / "not", out)


def _complete_nested(nested: Schema, schema: Schema | None, path: Path, where: Path, out: list[FieldError]) -> None:
    if schema is None:
        out.append(fe.required(path, f"because it is defined in {where}"))
        return
    _complete_values(nested, schema, path, where, out)
    items = items_of(nested)
    if items is not None:
        _complete_nested(items, items_of(schema), path / "items", where / "items", out)
    known = schema.get("properties") or {}
    for name, inner in (nested.get("properties") or {}).items():
        _complete_nested(inner, known.get(name), (path / "properties").key(name), (where / "properties").key(name), out)

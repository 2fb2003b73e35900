"""Lists as sets and maps, maps as a whole: the x-kubernetes extensions that say how values are merged.

What: `validate_lists(schema, path)` checks list-type, list-map-keys and map-type of one node. Why: a list without usable
keys could not be merged. Flow: `openapi.validate` calls it for every node. Source:
apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go.
"""

from __future__ import annotations

from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.structural.invariants import Schema, items_of

_LIST, _KEYS, _MAP = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"


def _unsupported(path: Path, value: str, known: tuple[str, ...]) -> FieldError:
    shown = ", ".join(f'"{one}"' for one in known)
    return FieldError("FieldValueNotSupported", path.text, f'Unsupported value: "{value}": supported values: {shown}')


def validate_lists(schema: Schema, path: Path) -> list[FieldError]:
    """The mistakes of one node."""
    out: list[FieldError] = []
    type_, kind, keys, map_type = (schema.get(key) or "" for key in ("type", _LIST, _KEYS, _MAP))
    for name, value, wanted in ((_MAP, map_type, "object"), (_LIST, kind, "array")):
        if value and type_ != wanted:
            text = f"must be {wanted} if {name} is specified"
            out.append(fe.invalid(path / "type", type_, text) if type_ else fe.required(path / "type", text))
    if map_type and map_type not in ("atomic", "granular"):
        out.append(_unsupported(path / _MAP, map_type, ("atomic", "granular")))
    if kind == "set" and type_ == "array":
        out += _validate_set(schema, path)
    if kind and kind not in ("atomic", "set", "map"):
        out.append(_unsupported(path / _LIST, kind, ("atomic", "set", "map")))
    if keys and kind != "map":
        text = f"must be map if {_KEYS} is non-empty"
        out.append(fe.invalid(path / _LIST, kind, text) if kind else fe.required(path / _LIST, text))
    if kind == "map":
        out += _validate_map(schema, path)
    items = items_of(schema)
    if kind in ("set", "map") and items is not None:
        if items.get("nullable"):
            text = f"cannot be nullable when x-kubernetes-list-type is {kind}"
            out.append(fe.forbidden(path / "items" / "nullable", text))
        if kind == "map":
            out += _validate_keys(schema, items, path / "items" / "properties")
    return out


def _validate_set(schema: Schema, path: Path) -> list[FieldError]:
    items = items_of(schema) or {}
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if items.get("type") == "array" and (items.get(_LIST) or "atomic") != "atomic":
        return [fe.invalid(path / "items" / _LIST, items.get(_LIST), text)]
    if items.get("type") == "object" and items.get(_MAP) != "atomic":
        return [fe.invalid(path / "items" / _MAP, items.get(_LIST), text)]
    return []


def _validate_map(schema: Schema, path: Path) -> list[FieldError]:
    out: list[FieldError] = []
    keys, items = schema.get(_KEYS) or [], schema.get("items")
    if not keys:
        out.append(fe.required(path / _KEYS, f"must not be empty if {_LIST} is map"))
    if items is None:
        out.append(fe.required(path / "items", f"must have a schema if {_LIST} is map"))
        return out
    if not isinstance(items, dict):
        out.append(fe.invalid(path / "items", items, f"must only have a single schema if {_LIST} is map"))
        return out
    type_ = items.get("type") or ""
    if type_ != "object":
        text = f"must be object if parent array's {_LIST} is map"
        out.append(fe.invalid(path / "items" / "type", type_, text))
        return out
    properties = items.get("properties") or {}
    for index, key in enumerate(keys):
        known = properties.get(key)
        if known is None:
            out.append(fe.invalid(path / _KEYS, keys, "entries must all be names of item properties"))
        elif known.get("type") in ("array", "object"):
            text = f"must be a scalar type if parent array's {_LIST} is map"
            out.append(fe.invalid((path / "items" / "properties").key(key) / "type", type_, text))
        if key in keys[:index]:
            out.append(fe.invalid(path / _KEYS, keys, "must not contain duplicate entries"))
    return out


def _validate_keys(schema: Schema, items: Schema, path: Path) -> list[FieldError]:
    out: list[FieldError] = []
    reason = f"this property is in {_KEYS}, so it"
    for key in schema.get(_KEYS) or ():
        known = (items.get("properties") or {}).get(key)
        if known is None:
            continue
        if key not in (items.get("required") or ()) and known.get("default") is None:
            text = f"{reason} must have a default or be a required property"
            out.append(fe.required(path.key(key) / "default", text))
        if known.get("nullable"):
            out.append(fe.forbidden(path.key(key) / "nullable", f"{reason} cannot be nullable"))
    return out

"""Strict decoding: the unknown and the repeated fields of a body, with their paths.

What: the complaints behind `fieldValidation=Strict` and `Warn`. Why: a misspelt field that is silently dropped costs hours;
Warn is the server's default, so the check runs on nearly every write and its common outcome (nothing wrong) must be cheap.
Flow: raw bytes and the type → a compiled decoder that knows every field says "clean" in microseconds; only when it does not
are the paths worked out. Texts and paths follow sigs.k8s.io/json: `unknown field "spec.foo"`, `duplicate field "spec.foo"`.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec

from kubelite.machinery.shapes import Shape, shape_of
from kubelite.machinery.unstructured import Unstructured

MAX_ERRORS = 100
_generic = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
_mirrors: dict[Any, Any] = {}
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


class _Pairs(list[tuple[str, Any]]):
    """An object with its fields in order, repeated ones included."""


def strict_errors(raw: bytes, type_: Any) -> list[str]:
    """Every unknown and duplicate field of `raw` (JSON) against `type_`, in order, at most 100; [] for a clean body.

    `raw` must have been decoded before: malformed JSON yields [].
    """
    if _is_clean(raw, type_):
        return []
    errors: list[str] = []
    # A body too deep to walk keeps what was found on the way down.
    with contextlib.suppress(ValueError, RecursionError):
        _walk(json.loads(raw, object_pairs_hook=_Pairs), _shape(type_), "", errors)
    return errors[:MAX_ERRORS]


def unknown_fields(raw: bytes | dict[str, Any], type_: Any) -> list[str]:
    """Every field of `raw` that `type_` lacks: `unknown field "spec.foo"`."""
    document = _generic.decode(raw) if isinstance(raw, bytes) else raw
    errors: list[str] = []
    _walk(document, _shape(type_), "", errors)
    return errors[:MAX_ERRORS]


def _shape(type_: Any) -> Shape:
    return _OPEN if type_ is Unstructured else shape_of(type_)


def field_errors(errors: list[str]) -> str:
    """The complaints as one text, the way a strict decoding error lists them."""
    return f"strict decoding error: {', '.join(errors)}"


def _is_clean(raw: bytes, type_: Any) -> bool:
    """True if certainly clean; False only means that a closer look is due."""
    try:
        decoder = _decoders.get(type_)
        if decoder is None:
            wanted = Any if type_ is Unstructured else _mirror(type_)
            decoder = _decoders[type_] = msgspec.json.Decoder(wanted)
        decoded = decoder.decode(raw)
        if type_ is Unstructured:
            msgspec.convert(decoded.get("metadata"), _mirror(Unstructured.metadata_type))
        # A repeated field shortens the body when it is decoded and encoded again; so do nulls, spaces and escapes.
        size = len(_encode(decoded))
        if size == len(raw.rstrip()):
            return True
        compact = len(msgspec.json.format(raw, indent=-1))
        # Go's encoder writes nulls and empty values, which only a type leaves out.
        if compact in (size, len(_encode(_generic.decode(raw)))):
            return True
        json.loads(raw, object_pairs_hook=_no_repeats)
        return True
    except (ValueError, UnicodeError, RecursionError):
        return False


def _no_repeats(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("repeated field")


def _mirror(type_: Any) -> Any:
    """A type with the same fields that refuses others and takes any scalar: it judges field names only."""
    found = _mirrors.get(type_)
    return found if found is not None else _build_mirror(type_)


def _build_mirror(type_: Any) -> Any:
    shape = shape_of(type_)
    if shape.kind == "list":
        return list[_mirror_of(shape.item)] | None  # type: ignore[misc]
    if shape.kind == "dict":
        return dict[str, _mirror_of(shape.item)] | None  # type: ignore[misc]
    if shape.kind != "struct":
        return Any
    return _mirror_of(shape)


_structs: dict[int, Any] = {}
_building: set[int] = set()


def _mirror_of(shape: Shape) -> Any:
    if shape.kind == "list":
        return list[_mirror_of(shape.item)] | None  # type: ignore[misc]
    if shape.kind == "dict":
        return dict[str, _mirror_of(shape.item)] | None  # type: ignore[misc]
    if shape.kind != "struct":
        return Any
    if id(shape) in _structs:
        return _structs[id(shape)] | None
    if id(shape) in _building:
        # A type that contains itself (JSONSchemaProps): taking only null here leaves everything else to the closer look.
        return None
    _building.add(id(shape))
    try:
        fields = [
            (f"f{number}", _mirror_of(inner), msgspec.field(default=None, name=name))
            for number, (name, inner) in enumerate(shape.fields.items())
        ]
        made = msgspec.defstruct(
            f"Strict{shape.name}", fields, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False
        )
    finally:
        _building.discard(id(shape))
    _structs[id(shape)] = made
    return made | None


def _walk(value: Any, shape: Shape, path: str, errors: list[str]) -> None:
    if isinstance(value, _Pairs | dict):
        _walk_object(value, shape, path, errors)
    elif isinstance(value, list):
        inner = shape.item if shape.kind == "list" else None
        for index, element in enumerate(value):
            _walk(element, inner or _ANY, f"{path}[{index}]", errors)


_ANY = shape_of(Any)
_OPEN = Shape("any", "Unstructured")
"""An object with known metadata and fields that only its schema knows."""


def _walk_object(value: Any, shape: Shape, path: str, errors: list[str]) -> None:
    seen: set[str] = set()
    for key, inner in value if isinstance(value, _Pairs) else value.items():
        here = f"{path}.{key}" if path else key
        if key in seen:
            errors.append(f'duplicate field "{here}"')
            continue
        seen.add(key)
        if shape.kind == "struct":
            known = shape.fields.get(key)
            if known is None:
                errors.append(f'unknown field "{here}"')
            else:
                _walk(inner, known, here, errors)
        elif shape is _OPEN:
            _walk(inner, shape_of(Unstructured.metadata_type) if key == "metadata" else _ANY, here, errors)
        else:
            _walk(inner, shape.item if shape.kind == "dict" else _ANY, here, errors)

"""Path elements: the keys of FieldsV1, `f:name`, `k:{"name":"x"}`, `v:"x"`, `i:0`, and how error texts write them.

What: makes the texts, orders them, and turns a path of them into `.spec.containers[name="x"].image`. Why: a field set is a
tree whose keys are these texts, so that FieldsV1 is its own representation and costs nothing to read or write. Flow:
`shape` makes elements while it walks, `fieldset` sorts them, `conflict` shows paths. Source of the forms and their order:
sigs.k8s.io/structured-merge-diff fieldpath (element.go, serialize-pe.go, path.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

FIELD, KEY, VALUE, INDEX = "f:", "k:", "v:", "i:"
SELF = "."
_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode
_KINDS = {FIELD: 0, KEY: 1, VALUE: 2, INDEX: 3}

SortKey = tuple[Any, ...]


def of_field(name: str) -> str:
    return FIELD + name


def of_value(value: Any) -> str:
    """The element of an item of a set."""
    return VALUE + _encode(value).decode()


def of_key(key: Mapping[str, Any]) -> str:
    """The element of an item of an associative list, by the values of its keys."""
    return KEY + _encode(key).decode()


def is_valid(element: str) -> bool:
    """Whether FieldsV1 may hold such a key."""
    prefix, rest = element[:2], element[2:]
    if prefix == FIELD:
        return True
    try:
        if prefix == INDEX:
            return isinstance(int(rest), int)
        if prefix == VALUE:
            _decode(rest)
            return True
        return prefix == KEY and isinstance(_decode(rest), dict)
    except (ValueError, RecursionError):
        return False


def shown(element: str) -> str:
    """An element as error texts show it."""
    prefix, rest = element[:2], element[2:]
    if prefix == FIELD:
        return f".{rest}"
    if prefix == INDEX:
        return f"[{rest}]"
    if prefix == VALUE:
        return f"[={rest}]"
    key = _decode(rest)
    return f"[{','.join(f'{name}={_scalar(key[name])}' for name in sorted(key))}]"


def path_text(path: Iterable[str]) -> str:
    """`.spec.containers[name="x"].image`."""
    return "".join(map(shown, path))


def _scalar(value: Any) -> str:
    return _encode(value).decode()


def sort_key(element: str) -> SortKey:
    """Fields, then keys, values and indices; numbers by size, texts by their bytes."""
    prefix, rest = element[:2], element[2:]
    kind = _KINDS.get(prefix, 4)
    if prefix == KEY:
        key = _decode(rest)
        return kind, tuple((name, *_comparable(key[name])) for name in sorted(key))
    if prefix == VALUE:
        return kind, _comparable(_decode(rest))
    if prefix == INDEX:
        return kind, int(rest)
    return kind, rest


def _comparable(value: Any) -> tuple[int, Any]:
    """Values of different types compare by type, as upstream does: numbers, texts, booleans, the rest."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return 3, _scalar(value)

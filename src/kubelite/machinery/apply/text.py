"""The FieldsV1 of new values, written without a tree in between.

What: `of_field(shape, name, value)`, the node of one field of a new object, as `compare` and `fieldset.encode` would make it.
Why: every create pays for this walk; which of a struct's fields end there follows from their names alone, so it is planned once
for each set of names and only what contains something is looked into. Flow: plain values beside a Shape in, text out. Bounds:
`MOST_PLANS` plans a shape. Only for values that have the types of their shapes: of built-in kinds, after decoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from kubelite.machinery.apply import element
from kubelite.machinery.apply.compare import ABSENT
from kubelite.machinery.apply.element import of_field as field_element
from kubelite.machinery.apply.shape import ANYTHING, DEDUCED, LIST, MAP, SCALAR, STRING, Field, Plan, Shape

MOST_PLANS = 256
LEAF = "{}"
SELF = '".":{}'
_encode = msgspec.json.Encoder().encode


def of_field(shape: Shape, name: str, value: Any) -> str:
    """The node of the field `name` of a new object; "" if it has no fields that can be owned."""
    return _beside(_known(shape, name)[1], shape.always.get(name, ABSENT), value)


def _known(shape: Shape, name: str) -> Field:
    return shape.fields.get(name) or shape.field(name) or (field_element(name), ANYTHING)


def _beside(shape: Shape, old: Any, value: Any) -> str:
    """The node of a value, of which upstream's empty object has `old` already (ABSENT, {} or null)."""
    if old is ABSENT:
        return _whole(shape, value)
    if shape.atomic or not value:
        return "" if old == value else LEAF
    if type(value) is dict and shape.kind in (MAP, DEDUCED):
        always = shape.always
        return _joined(
            (known[0], _beside(known[1], always.get(name, ABSENT), inner))
            for name, inner in value.items()
            if (known := _known(shape, name))
        )
    if type(value) is list and shape.kind == LIST:
        items = _items(shape, value)
        return f"{{{','.join(items)}}}" if items else ""
    return LEAF


def _joined(nodes: Iterable[tuple[str, str]]) -> str:
    texts = [f"{_text(name)}:{node}" for name, node in sorted(nodes) if node]
    return f"{{{','.join(texts)}}}" if texts else ""


def _whole(shape: Shape, value: Any) -> str:
    """The node of a value that was not there before: itself and all below it."""
    if not value or shape.atomic:
        return LEAF
    if type(value) is dict:
        if shape.item is not None or shape.kind != MAP:
            return _entries(shape, value)
        start, inside = shape.plans.get(names := tuple(value)) or _planned(shape, names)
        if not inside:
            return start
        out = [start]
        for name, inner, after in inside:
            out += _whole(inner, value[name]), after
        return "".join(out)
    if type(value) is list and shape.kind == LIST:
        return f"{{{','.join((SELF, *_items(shape, value)))}}}"
    return LEAF


def _entries(shape: Shape, value: dict[str, Any]) -> str:
    texts = [SELF]
    for name in sorted(value):
        known, inner = _known(shape, name)
        texts.append(f"{_text(known)}:{_whole(inner, value[name])}")
    return f"{{{','.join(texts)}}}"


def _items(shape: Shape, items: list[Any]) -> list[str]:
    """Items in canonical order; those that can have no element are left out, repeated ones are one thing as a whole."""
    assert shape.item is not None
    nodes: dict[str, str] = {}
    for item in items:
        try:
            name = shape.element_of(item)
        except ValueError:
            continue
        nodes[name] = LEAF if name in nodes else _whole(shape.item, item)
    names: Iterable[str] = nodes
    if len(nodes) > 1:
        names = sorted(nodes, key=None if _sorts_as_text(shape) else element.sort_key)
    return [f"{_text(name)}:{nodes[name]}" for name in names]


def _sorts_as_text(shape: Shape) -> bool:
    """Whether elements sort as their texts do: numbers of different lengths do not."""
    assert shape.item is not None
    if len(shape.keys) == 1:
        return shape.item.fields[shape.keys[0]][1].scalar == STRING
    return shape.is_set and shape.item.scalar == STRING


def _planned(shape: Shape, names: tuple[str, ...]) -> Plan:
    """How the node of a struct with these fields is written: its start, and what follows each field that is looked into."""
    text = f"{{{SELF}"
    pieces: list[tuple[str, Shape, str]] = []
    start = ""
    last: tuple[str, Shape] | None = None
    for name in sorted(names):
        known, inner = _known(shape, name)
        text += f",{_text(known)}:"
        if inner.atomic or inner.kind == SCALAR:
            text += LEAF
            continue
        if last is None:
            start = text
        else:
            pieces.append((*last, text))
        last, text = (name, inner), ""
    text += "}"
    if last is None:
        start = text
    else:
        pieces.append((*last, text))
    if len(shape.plans) >= MOST_PLANS:
        shape.plans.clear()
    plan = shape.plans[names] = (start, tuple(pieces))
    return plan


def _text(name: str) -> str:
    """An element as the key of a JSON object."""
    return _encode(name).decode()

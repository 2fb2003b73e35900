"""The FieldsV1 of new values, written without a tree in between.

What: `of_field(shape, name, value)`, the node of one field of a new object, as `compare` and `fieldset.encode` would make it.
Why: every create pays for this walk; which fields of a struct or map end there follows from their names alone, so it is
planned once for each set of names and only what contains something is looked into. Flow: plain values beside a Shape in, text
out. Bounds: `MOST_PLANS` plans of a struct or map, `MOST_ELEMENTS` elements of a list. Only for values that have the types of
their shapes: of built-in kinds, after decoding.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import msgspec

from kubelite.machinery.apply import element
from kubelite.machinery.apply.compare import ABSENT
from kubelite.machinery.apply.element import of_field as field_element
from kubelite.machinery.apply.shape import ANYTHING, DEDUCED, LIST, MAP, SCALAR, STRING, Field, Part, Plan, Shape

MOST_PLANS = 256
MOST_ELEMENTS = 512
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
        names = tuple(value)
        parts = shape.parts.get(names) or _parts(shape, names)
        texts = [text + node for text, name, inner, was in parts if (node := _beside(inner, was, value[name]))]
        return f"{{{','.join(texts)}}}" if texts else ""
    if type(value) is list and shape.kind == LIST:
        items = _items(shape, value)
        return f"{{{','.join(items)}}}" if items else ""
    return LEAF


def _parts(shape: Shape, names: tuple[str, ...]) -> tuple[Part, ...]:
    """The fields with these names in canonical order, each with what upstream's empty object has."""
    known = sorted(((*_known(shape, name), name) for name in names), key=itemgetter(0))
    if len(shape.parts) >= MOST_PLANS:
        shape.parts.clear()
    found = tuple((f"{_text(node)}:", name, inner, shape.always.get(name, ABSENT)) for node, inner, name in known)
    shape.parts[names] = found
    return found


def _whole(shape: Shape, value: Any) -> str:
    """The node of a value that was not there before: itself and all below it."""
    if not value or shape.atomic:
        return LEAF
    if type(value) is dict:
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


def _items(shape: Shape, items: list[Any]) -> list[str]:
    """Items in canonical order; those that can have no element are left out, repeated ones are one thing as a whole."""
    inner, identify = shape.item, _by_text if _has_text_key(shape) else _by_any
    assert inner is not None
    plans = inner.plans
    nodes: dict[str, str] = {}
    for item in items:
        found = identify(shape, item)
        if found is None:
            continue
        name, text = found
        if name in nodes:
            nodes[name] = text + LEAF
            continue
        # A planned struct that ends there, as most items are, is written without a call.
        plan = plans.get(tuple(item)) if plans else None
        nodes[name] = text + (_whole(inner, item) if plan is None or plan[1] else plan[0])
    if len(nodes) < 2:
        return list(nodes.values())
    names = sorted(nodes, key=None if identify is _by_text or _sorts_as_text(shape) else element.sort_key)
    return [nodes[name] for name in names]


def _by_text(shape: Shape, item: Any) -> tuple[str, str] | None:
    """The element of an item whose only key is a text, and how it is written: for most items known from others."""
    key = item.get(shape.keys[0])
    if key is None:
        return _by_any(shape, item)
    found = shape.elements.get(key)
    if found is None:
        if len(shape.elements) >= MOST_ELEMENTS:
            shape.elements.clear()
        found = _by_any(shape, item)
        if found is not None:
            shape.elements[key] = found
    return found


def _by_any(shape: Shape, item: Any) -> tuple[str, str] | None:
    try:
        name = shape.element_of(item)
    except ValueError:
        return None
    return name, f"{_text(name)}:"


def _has_text_key(shape: Shape) -> bool:
    assert shape.item is not None
    return len(shape.keys) == 1 and shape.item.fields[shape.keys[0]][1].scalar == STRING


def _sorts_as_text(shape: Shape) -> bool:
    """Whether elements sort as their texts do: numbers of different lengths do not."""
    assert shape.item is not None
    return shape.is_set and shape.item.scalar == STRING


def _planned(shape: Shape, names: tuple[str, ...]) -> Plan:
    """How the node of a struct or map with these names is written: its start, and what follows each value that is looked into."""
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

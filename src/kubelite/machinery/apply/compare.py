"""Comparison: which fields a write adds, removes and modifies, as trees of path elements.

What: `compare(shape, old, new)`, `everything` (all there is under a new value) and `field_set` (what an applied
configuration names). Why: ownership moves with what changes; this is the walk that every create and update pays for, so
equal parts are passed over by comparing them first. Flow: plain values beside a Shape in, trees (`fieldset`) out. Source:
structured-merge-diff typed/{compare,tofieldset}.go.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubelite.machinery.apply.element import SELF
from kubelite.machinery.apply.fieldset import LEAF, Tree
from kubelite.machinery.apply.shape import ANYTHING, DEDUCED, LIST, MAP, Shape

ABSENT: Any = object()
"""No value at all, which differs from null."""
_CONTAINERS = (dict, list)


class Comparison(NamedTuple):
    """Roots of field sets."""

    added: Tree
    removed: Tree
    modified: Tree


def everything(shape: Shape, value: Any) -> Tree:
    """The node of a value that was not there before: itself and all below it."""
    type_ = type(value)
    if not value or shape.atomic:
        return LEAF
    if type_ is dict:
        out: Tree = {SELF: LEAF}
        fields = shape.fields
        for name, inner in value.items():
            known = fields.get(name) or shape.field(name) or ("f:" + name, ANYTHING)
            inner_type = type(inner)
            out[known[0]] = everything(known[1], inner) if inner_type is dict or inner_type is list else LEAF
        return out
    if type_ is list and shape.kind == LIST and shape.item is not None:
        return _every_item(shape, shape.item, value)
    return LEAF


def _every_item(shape: Shape, item_shape: Shape, items: list[Any]) -> Tree:
    out: Tree = {SELF: LEAF}
    element_of = shape.element_of
    for item in items:
        try:
            element = element_of(item)
        except ValueError:
            continue
        out[element] = LEAF if element in out else everything(item_shape, item)
    return out


def compare(shape: Shape, old: Any, new: Any) -> Comparison:
    """The fields that differ between two objects."""
    out = Comparison({}, {}, {})
    if old != new:
        _maps(shape, old, new, out)
    return out


def _maps(shape: Shape, old: dict[str, Any], new: dict[str, Any], out: Comparison) -> None:
    fields, always = shape.fields, shape.always
    for name, value in new.items():
        before = old.get(name, ABSENT)
        if before == value and before is not ABSENT:
            continue
        if before is ABSENT and name in always:
            before = always[name]
        known = fields.get(name) or shape.field(name) or ("f:" + name, ANYTHING)
        _values(known[0], known[1], before, value, out)
    for name, value in old.items():
        if name not in new:
            known = fields.get(name) or shape.field(name) or ("f:" + name, ANYTHING)
            _values(known[0], known[1], value, always.get(name, ABSENT), out)


def _values(element: str, shape: Shape, old: Any, new: Any, out: Comparison) -> None:
    """Compares two values, one of which may be absent, and puts what differs under `element`."""
    if old is ABSENT:
        out.added[element] = everything(shape, new)
    elif new is ABSENT:
        out.removed[element] = everything(shape, old)
    elif shape.atomic or not (old or new):
        if old != new:
            out.modified[element] = LEAF
    else:
        _inside(element, shape, old, new, out)


def _inside(element: str, shape: Shape, old: Any, new: Any, out: Comparison) -> None:
    """Two present values, at least one of them not empty."""
    if _is(dict, old, new) and shape.kind in (MAP, DEDUCED):
        below = Comparison({}, {}, {})
        _maps(shape, old or {}, new or {}, below)
    elif _is(list, old, new) and shape.kind == LIST:
        below = Comparison({}, {}, {})
        _lists(shape, old or [], new or [], below)
    else:
        if old != new:
            out.modified[element] = LEAF
        return
    for mine, theirs in zip(out, below, strict=True):
        if theirs:
            mine[element] = theirs


def _is(type_: type, old: Any, new: Any) -> bool:
    """Both of the type, or one of them null."""
    return (type(old) is type_ or old is None) and (type(new) is type_ or new is None)


def _lists(shape: Shape, old: list[Any], new: list[Any], out: Comparison) -> None:
    before, after = _by_element(shape, old), _by_element(shape, new)
    assert shape.item is not None
    for element in before | after:
        left, right = before.get(element, []), after.get(element, [])
        if left == right:
            continue
        if len(left) <= 1 and len(right) <= 1:
            _values(element, shape.item, left[0] if left else ABSENT, right[0] if right else ABSENT, out)
        elif not left:
            out.added[element] = LEAF
        elif not right:
            out.removed[element] = LEAF
        else:
            # A repeated item has no fields of its own: it is one thing as a whole.
            out.modified[element] = LEAF


def _by_element(shape: Shape, items: list[Any]) -> dict[str, list[Any]]:
    """Items by their element; those that can have none are left out, as they cannot be owned."""
    found: dict[str, list[Any]] = {}
    for item in items:
        try:
            found.setdefault(shape.element_of(item), []).append(item)
        except ValueError:
            continue
    return found


def field_set(shape: Shape, value: Any) -> Tree:
    """The root of what a configuration names: leaves, list items and map entries, but not the structs around them."""
    if type(value) is dict:
        return {} if shape.atomic else _named(shape, value)
    if type(value) is list and shape.kind == LIST and not shape.atomic:
        return _listed(shape, value)
    return {}


def _named(shape: Shape, value: dict[str, Any]) -> Tree:
    out: Tree = {}
    for name, inner in value.items():
        known = shape.fields.get(name)
        declared = known is not None
        element, item = known or shape.field(name) or ("f:" + name, ANYTHING)
        if _is_leaf(item, inner):
            # An empty list of a struct is the one thing that nobody can own.
            if not declared or inner != [] or item.atomic or item.kind == DEDUCED:
                out[element] = LEAF
            continue
        below = field_set(item, inner)
        if not declared:
            out[element] = {SELF: LEAF, **below}
        elif below:
            out[element] = below
    return out


def _is_leaf(shape: Shape, value: Any) -> bool:
    """Whether nothing below the value can be named."""
    if not value or shape.atomic or type(value) not in _CONTAINERS:
        return True
    return type(value) is list and shape.kind != LIST


def _listed(shape: Shape, value: list[Any]) -> Tree:
    assert shape.item is not None
    out: Tree = {}
    for element, items in _by_element(shape, value).items():
        below = field_set(shape.item, items[0]) if len(items) == 1 else {}
        out[element] = {SELF: LEAF, **below} if below else LEAF
    return out

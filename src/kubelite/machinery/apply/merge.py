"""Merging an applied configuration into an object, and taking items out of one.

What: `merge` (the configuration wins, list items keep an order that fits both), `remove` (without the members of a field
set), `extract` (only them). Why: these are the three things that apply does to values. Flow: `updater.apply`. The inputs stay
as they are; results share what did not change. Source: structured-merge-diff typed/{merge,remove}.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.machinery.apply.compare import ABSENT
from kubelite.machinery.apply.element import of_field
from kubelite.machinery.apply.fieldset import Tree, is_member
from kubelite.machinery.apply.shape import ANYTHING, DEDUCED, LIST, MAP, Shape


def merge(shape: Shape, live: Any, config: Any) -> Any:
    """`live` with what `config` sets; null in a configuration is a value, except that it does not empty a map or list."""
    if config is ABSENT:
        return live
    if live is ABSENT or shape.atomic or (not live and not config):
        return config
    if _both(dict, live, config) and shape.kind in (MAP, DEDUCED):
        return _merge_maps(shape, live or {}, config or {})
    if _both(list, live, config) and shape.kind == LIST:
        return _merge_lists(shape, live or [], config or [])
    return config


def _both(type_: type, live: Any, config: Any) -> bool:
    return (live is None or isinstance(live, type_)) and (config is None or isinstance(config, type_))


def _child(shape: Shape, name: str) -> Shape:
    known = shape.fields.get(name) or shape.field(name)
    return ANYTHING if known is None else known[1]


def _merge_maps(shape: Shape, live: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    out = dict(live)
    for name, value in config.items():
        out[name] = merge(_child(shape, name), live.get(name, ABSENT), value)
    return out


def _merge_lists(shape: Shape, live: list[Any], config: list[Any]) -> list[Any]:
    """The order of `config`, with the items that only `live` has where they stood between their neighbours."""
    assert shape.item is not None
    left = _elements(shape, live)
    right = _elements(shape, config)
    # A repeated item of the live list is no partner of an applied one: it is replaced as a whole.
    by_left: dict[str, Any] = {}
    for name, item in zip(left, live, strict=True):
        by_left[name] = ABSENT if name in by_left else item
    by_right = dict(zip(right, config, strict=True))

    def merged(name: str) -> Any:
        assert shape.item is not None
        return merge(shape.item, by_left.get(name, ABSENT), by_right[name])

    return _interleaved(left, live, right, by_right, merged)


def _interleaved(
    left: list[str], live: list[Any], right: list[str], by_right: dict[str, Any], merged: Callable[[str], Any]
) -> list[Any]:
    known = set(left)
    shared = [name for name in right if name in known]
    shared.reverse()
    out: list[Any] = []
    done: set[str] = set()
    at, to = 0, 0
    while at < len(left) or to < len(right):
        if at < len(left) and to < len(right):
            name = left[at]
            if name == right[to]:
                out.append(merged(name))
                done.add(name)
                at, to = at + 1, to + 1
                if shared:
                    shared.pop()
                continue
            if name in by_right and shared and shared[-1] != name:
                # Both have it, but its turn comes where the configuration puts it.
                at += 1
                continue
        if at < len(left):
            name = left[at]
            if name not in by_right:
                out.append(live[at])
                at += 1
                continue
            if name in done:
                at += 1
        if to < len(right):
            name = right[to]
            out.append(merged(name))
            done.add(name)
            to += 1
            if shared and shared[-1] == name:
                shared.pop()
    return out


def _elements(shape: Shape, items: list[Any]) -> list[str]:
    """One element an item; an item that can have none is known by its place and merges with nothing."""
    found = []
    for position, item in enumerate(items):
        try:
            found.append(shape.element_of(item))
        except ValueError:
            found.append(f"i:{position}:{id(items)}")
    return found


def remove(shape: Shape, value: Any, members: Tree) -> Any:
    """`value` without the items that are members; ABSENT where a map or list has nothing left."""
    if not members or shape.atomic:
        return ABSENT if shape.atomic and isinstance(value, dict | list) else value
    if isinstance(value, dict) and shape.kind in (MAP, DEDUCED):
        return _remove_fields(shape, value, members)
    if isinstance(value, list) and shape.kind == LIST:
        return _remove_items(shape, value, members)
    return value


def _remove_fields(shape: Shape, value: dict[str, Any], members: Tree) -> Any:
    if not value:
        return ABSENT
    out: dict[str, Any] = {}
    for name, inner in value.items():
        node = members.get(of_field(name))
        if node is None:
            out[name] = inner
        elif not is_member(node):
            rest = remove(_child(shape, name), inner, node)
            if rest is not ABSENT:
                out[name] = rest
    return out or ABSENT


def _remove_items(shape: Shape, value: list[Any], members: Tree) -> Any:
    assert shape.item is not None
    out: list[Any] = []
    for name, item in zip(_elements(shape, value), value, strict=True):
        node = members.get(name)
        if node is None:
            out.append(item)
        elif not is_member(node):
            rest = remove(shape.item, item, node)
            out.append({} if rest is ABSENT else rest)
    return out or ABSENT


def extract(shape: Shape, value: Any, members: Tree) -> Any:
    """Only what the members name; whole values where a member has nothing below it. ABSENT if that is nothing."""
    if shape.atomic or not members:
        return value
    out: Any = ABSENT
    if isinstance(value, dict) and shape.kind in (MAP, DEDUCED):
        kept = {
            name: extract(_child(shape, name), inner, members[of_field(name)])
            for name, inner in value.items()
            if of_field(name) in members
        }
        out = {name: inner for name, inner in kept.items() if inner is not ABSENT} or ABSENT
    elif isinstance(value, list) and shape.kind == LIST:
        assert shape.item is not None
        picked = [
            extract(shape.item, item, members[name])
            for name, item in zip(_elements(shape, value), value, strict=True)
            if name in members
        ]
        out = [item for item in picked if item is not ABSENT] or ABSENT
    else:
        out = value
    return out

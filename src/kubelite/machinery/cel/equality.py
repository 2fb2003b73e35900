"""Equality of values as CEL defines it.

What: numbers are equal across their types, booleans are no numbers, lists and maps compare by element. Why: Python
takes True for 1. Flow: `equals` for anything; the compiler compares directly where it knows both types.
"""

from __future__ import annotations

from collections.abc import Callable, Sized
from typing import Any

from kubelite.machinery.cel.errors import CostExceeded
from kubelite.machinery.cel.types import ObjectType, Type
from kubelite.machinery.cel.values import Optional

Equals = Callable[[Any, Any], bool]

_PLAIN = (str, bytes, type(None))
MAX_PAIRS = 2_000_000
"""More comparisons than this are not begun: they would cost more than an evaluation may."""
MAX_ITEMS = 1_000_000
"""Longer lists are not made."""


def equals(left: Any, right: Any) -> bool:
    """Whether two values are equal; values of different types are not, without an error."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(equals, left, right))
    if isinstance(left, dict):
        if not isinstance(right, dict) or len(left) != len(right):
            return False
        return all(key in right and equals(value, right[key]) for key, value in left.items())
    if isinstance(left, Optional):
        if not isinstance(right, Optional) or left.present != right.present:
            return False
        return not left.present or equals(left.value, right.value)
    if isinstance(left, _PLAIN) and type(left) is not type(right):
        return False
    return bool(left == right)


def contains(needle: Any, items: Any) -> bool:
    """`needle in items` for a list."""
    return any(equals(item, needle) for item in items)


def affordable(left: Sized, right: Sized) -> None:
    """Raises CostExceeded if comparing every element with every other is too much."""
    if len(left) * len(right) > MAX_PAIRS:
        raise CostExceeded


def concatenated(left: list[Any], right: list[Any]) -> list[Any]:
    """`+` of lists."""
    if len(left) + len(right) > MAX_ITEMS:
        raise CostExceeded
    return left + right


def set_equals(left: list[Any], right: Any) -> bool:
    """Equality of lists of type set: the order does not matter."""
    if not isinstance(left, list) or not isinstance(right, list):
        return equals(left, right)
    if len(left) != len(right):
        return False
    affordable(left, right)
    return all(contains(item, right) for item in left) and all(contains(item, left) for item in right)


def set_union(left: list[Any], right: list[Any]) -> list[Any]:
    """`+` of lists of type set: what is new is appended."""
    affordable(left, right)
    result = list(left)
    for item in right:
        if not contains(item, result):
            result.append(item)
    return result


def _key(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...] | None:
    return tuple(repr(item.get(key)) for key in keys) if isinstance(item, dict) else None


def map_list_equals(left: list[Any], right: Any, keys: tuple[str, ...], same: Equals = equals) -> bool:
    """Equality of lists of type map: elements are paired by their keys."""
    if not isinstance(left, list) or not isinstance(right, list):
        return equals(left, right)
    if len(left) != len(right):
        return False
    known = {_key(item, keys): item for item in right}
    return all(_key(item, keys) in known and same(item, known[_key(item, keys)]) for item in left)


def map_list_merge(left: list[Any], right: list[Any], keys: tuple[str, ...]) -> list[Any]:
    """`+` of lists of type map: elements with known keys replace, in place; others are appended."""
    result = list(left)
    places = {_key(item, keys): index for index, item in enumerate(result)}
    for item in right:
        index = places.get(_key(item, keys))
        if index is None:
            places[_key(item, keys)] = len(result)
            result.append(item)
        else:
            result[index] = item
    return result


def comparator(kind: Type, known: dict[str, Equals] | None = None) -> Equals:
    """Equality of values of a type, by the kinds of lists its schema has, however deep."""
    known = known if known is not None else {}
    if kind.kind == "list":
        return _list_comparator(kind, known)
    if kind.kind == "map":
        inner = comparator(kind.params[1], known)
        return equals if inner is equals else lambda a, b: _by_key(a, b, dict.fromkeys(a or (), inner))
    if not isinstance(kind, ObjectType):
        return equals
    if kind.name not in known:
        # A type that contains itself is compared plainly within itself.
        known[kind.name] = equals
        known[kind.name] = _object_comparator(kind, known)
    return known[kind.name]


def _object_comparator(kind: ObjectType, known: dict[str, Equals]) -> Equals:
    parts = {field.name: comparator(field.type, known) for field in kind.fields.values()}
    if all(part is equals for part in parts.values()):
        return equals
    return lambda a, b: _by_key(a, b, parts)


def _list_comparator(kind: Type, known: dict[str, Equals]) -> Equals:
    if kind.list_type == "set":
        return set_equals
    inner = comparator(kind.params[0], known)
    if kind.list_type == "map":
        keys = kind.list_keys
        return lambda a, b: map_list_equals(a, b, keys, inner)
    if inner is equals:
        return equals
    return lambda a, b: _in_order(a, b, inner)


def _in_order(left: Any, right: Any, same: Equals) -> bool:
    if not isinstance(left, list) or not isinstance(right, list):
        return equals(left, right)
    return len(left) == len(right) and all(map(same, left, right))


def _by_key(left: Any, right: Any, parts: dict[str, Equals]) -> bool:
    if not isinstance(left, dict) or not isinstance(right, dict):
        return equals(left, right)
    return left.keys() == right.keys() and all(parts.get(key, equals)(value, right[key]) for key, value in left.items())

"""Equality of values as CEL defines it.

What: numbers are equal across their types, booleans are no numbers, lists and maps compare by element. Why: Python
takes True for 1. Flow: `equals` for anything; the compiler compares directly where it knows both types.
"""

from __future__ import annotations

from typing import Any

from kubelite.machinery.cel.values import Optional

_PLAIN = (str, bytes, type(None))


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


def set_equals(left: list[Any], right: Any) -> bool:
    """Equality of lists of type set: the order does not matter."""
    if not isinstance(right, list) or len(left) != len(right):
        return False
    return all(contains(item, right) for item in left) and all(contains(item, left) for item in right)


def set_union(left: list[Any], right: list[Any]) -> list[Any]:
    """`+` of lists of type set: what is new is appended."""
    result = list(left)
    for item in right:
        if not contains(item, result):
            result.append(item)
    return result


def _key(item: Any, keys: tuple[str, ...]) -> tuple[Any, ...] | None:
    return tuple(repr(item.get(key)) for key in keys) if isinstance(item, dict) else None


def map_list_equals(left: list[Any], right: Any, keys: tuple[str, ...]) -> bool:
    """Equality of lists of type map: elements are paired by their keys."""
    if not isinstance(right, list) or len(left) != len(right):
        return False
    known = {_key(item, keys): item for item in right}
    return all(_key(item, keys) in known and equals(item, known[_key(item, keys)]) for item in left)


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

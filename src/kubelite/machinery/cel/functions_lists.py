"""Lists, sets and optionals.

What: Kubernetes' isSorted, sum, min, max, indexOf and lastIndexOf, the lists and sets extensions of cel-go, and
optional values. Why: rules look at lists as a whole. Flow: three libraries. Errors follow
apiserver/pkg/cel/library/lists.go and cel-go's ext/lists.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.machinery.cel.declarations import Library
from kubelite.machinery.cel.equality import affordable, contains, equals
from kubelite.machinery.cel.errors import EvaluationError, no_overload
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN, UINT_MAX
from kubelite.machinery.cel.values import NONE, Duration, Optional, Timestamp, Uint

_ORDERED = ("int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes")
_FAMILIES = (bool, (int, float), str, bytes, Duration, Timestamp)
MAX_RANGE = 1_000_000


def _comparable(items: list[Any]) -> list[Any]:
    """The items, if they can be compared with each other."""
    for family in _FAMILIES:
        if items and isinstance(items[0], family):
            if all(isinstance(item, family) and (family is bool or not isinstance(item, bool)) for item in items):
                return items
            raise no_overload()
    if items:
        raise no_overload()
    return items


def _is_sorted(items: list[Any]) -> bool:
    _comparable(items)
    return all(not items[index] > items[index + 1] for index in range(len(items) - 1))


def _extreme(name: str, pick: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def run(items: list[Any]) -> Any:
        if not items:
            raise EvaluationError(f"{name} called on empty list")
        return pick(_comparable(items))

    return run


def _sum(items: list[Any]) -> Any:
    if any(type(item) is not type(items[0]) for item in items):
        raise no_overload()
    first = items[0] if items else 0
    if isinstance(first, bool) or not isinstance(first, int | float | Duration):
        raise no_overload()
    if isinstance(first, float):
        return sum(items)
    if isinstance(first, Duration):
        return Duration(sum(item.nanos for item in items))
    total = sum(map(int, items))
    if isinstance(first, Uint):
        if total > UINT_MAX:
            raise EvaluationError("unsigned integer overflow")
        return Uint(total)
    if not INT_MIN <= total <= INT_MAX:
        raise EvaluationError("integer overflow")
    return total


def _index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index, item in enumerate(items) if equals(item, wanted)), -1)


def _last_index_of(items: list[Any], wanted: Any) -> int:
    return next((index for index in range(len(items) - 1, -1, -1) if equals(items[index], wanted)), -1)


def _slice(items: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def _flatten(items: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    flat = items
    for _ in range(min(depth, 100)):
        if not any(isinstance(item, list) for item in flat):
            break
        flat = [part for item in flat for part in (item if isinstance(item, list) else [item])]
    return flat


def _distinct(items: list[Any]) -> list[Any]:
    if all(isinstance(item, str) for item in items):
        return list(dict.fromkeys(items))
    affordable(items, items)
    result: list[Any] = []
    for item in items:
        if not contains(item, result):
            result.append(item)
    return result


def _sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    _comparable(keys)
    order = sorted(range(len(items)), key=keys.__getitem__)
    return [items[index] for index in order]


def _range(count: int) -> list[int]:
    if count > MAX_RANGE:
        raise EvaluationError(f"lists.range size {count} exceeds the limit of {MAX_RANGE}")
    return list(range(count))


def library() -> Library:
    """Kubernetes' lists library and cel-go's."""
    made = Library("lists")
    for kind in _ORDERED:
        made.add(f"isSorted: list({kind}).() -> bool", _is_sorted, "list")
        made.add(f"min: list({kind}).() -> {kind}", _extreme("min", min), "list")
        made.add(f"max: list({kind}).() -> {kind}", _extreme("max", max), "list")
        made.add(f"sort: list({kind}).() -> list({kind})", lambda items: sorted(_comparable(items)), "quadratic")
        made.add(f"@sortByAssociatedKeys: list(A).(list({kind})) -> list(A)", _sort_by, "quadratic")
    for kind in ("int", "uint", "double", "duration"):
        made.add(f"sum: list({kind}).() -> {kind}", _sum, "list")
    return made.add_all(
        [
            ("indexOf: list(A).(A) -> int", _index_of, "list"),
            ("lastIndexOf: list(A).(A) -> int", _last_index_of, "list"),
            ("slice: list(A).(int, int) -> list(A)", _slice, "made"),
            ("flatten: list(list(A)).() -> list(A)", _flatten, "made"),
            ("flatten: list(dyn).(int) -> list(dyn)", _flatten, "made"),
            ("distinct: list(A).() -> list(A)", _distinct, "quadratic"),
            ("reverse: list(A).() -> list(A)", lambda items: items[::-1], "made"),
            ("lists.range: (int) -> list(int)", _range, "range"),
        ]
    )


def _set_contains(items: list[Any], wanted: list[Any]) -> bool:
    affordable(items, wanted)
    return all(contains(item, items) for item in wanted)


def _intersect(left: list[Any], right: list[Any]) -> bool:
    affordable(left, right)
    return any(contains(item, right) for item in left)


def sets() -> Library:
    """cel-go's ext.Sets."""
    return Library("sets").add_all(
        [
            ("sets.contains: (list(A), list(A)) -> bool", _set_contains, "sets"),
            (
                "sets.equivalent: (list(A), list(A)) -> bool",
                lambda a, b: _set_contains(a, b) and _set_contains(b, a),
                "sets",
            ),
            ("sets.intersects: (list(A), list(A)) -> bool", _intersect, "sets"),
        ]
    )


def _non_zero(value: Any) -> Optional:
    zero = value is None or value is False or (isinstance(value, int | float | str | bytes | list | dict) and not value)
    return NONE if zero else Optional(value)


def _unwrap(value: Optional) -> Any:
    if not value.present:
        raise EvaluationError("optional.none() dereference")
    return value.value


def _present_values(items: list[Any]) -> list[Any]:
    if not all(isinstance(item, Optional) for item in items):
        raise no_overload()
    return [item.value for item in items if item.present]


def optionals() -> Library:
    """cel-go's OptionalTypes; `or` and `orValue` are compiled to look at their argument only if they need it."""
    return Library("optionals", types=("optional_type",)).add_all(
        [
            ("optional.of: (A) -> optional(A)", Optional),
            ("optional.ofNonZeroValue: (A) -> optional(A)", _non_zero),
            ("optional.none: () -> optional(A)", lambda: NONE),
            ("optional.unwrap: (list(optional(A))) -> list(A)", _present_values, "list"),
            ("unwrapOpt: list(optional(A)).() -> list(A)", _present_values, "list"),
            ("hasValue: optional(A).() -> bool", lambda value: value.present),
            ("value: optional(A).() -> A", _unwrap),
            ("or: optional(A).(optional(A)) -> optional(A)", lambda value, other: value if value.present else other),
            ("orValue: optional(A).(A) -> A", lambda value, other: value.value if value.present else other),
            ("first: list(A).() -> optional(A)", lambda items: Optional(items[0]) if items else NONE),
            ("last: list(A).() -> optional(A)", lambda items: Optional(items[-1]) if items else NONE),
        ]
    )

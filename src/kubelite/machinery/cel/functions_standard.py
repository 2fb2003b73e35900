"""The standard library: operators, sizes, strings and conversions.

What: the functions of the CEL specification. Why: every environment has them. Flow: `library()` is gathered by
`Environment`; what works on times is in `kubelite.machinery.cel.functions_time`. Errors are cel-go's (common/types).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from kubelite.machinery.cel import patterns
from kubelite.machinery.cel.declarations import Library
from kubelite.machinery.cel.equality import concatenated, contains, equals
from kubelite.machinery.cel.errors import EvaluationError, no_such_key
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN, UINT_MAX
from kubelite.machinery.cel.numbers import double_text, parse_double, parse_int, parse_uint, to_int, to_uint
from kubelite.machinery.cel.values import NONE, Optional, TypeValue, Uint, type_name

MAX_CONCATENATION = 5_000_000
"""Longer strings are not made: they would cost more than an evaluation may."""


def _bounded(apply: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def run(left: int, right: int) -> int:
        value = apply(left, right)
        if not INT_MIN <= value <= INT_MAX:
            raise EvaluationError("integer overflow")
        return value

    return run


def _unsigned(apply: Callable[[int, int], int]) -> Callable[[Any, Any], Uint]:
    def run(left: int, right: int) -> Uint:
        value = apply(int(left), int(right))
        if not 0 <= value <= UINT_MAX:
            raise EvaluationError("unsigned integer overflow")
        return Uint(value)

    return run


def _quotient(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("division by zero")
    value = abs(left) // abs(right)
    return -value if (left < 0) != (right < 0) else value


def _remainder(left: int, right: int) -> int:
    if right == 0:
        raise EvaluationError("modulus by zero")
    value = abs(left) % abs(right)
    return -value if left < 0 else value


def divide_doubles(left: float, right: float) -> float:
    """Division as IEEE 754 has it: by zero it is infinite or no number."""
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _negate(value: int) -> int:
    if value == INT_MIN:
        raise EvaluationError("integer overflow")
    return -value


def _in_list(needle: Any, items: list[Any]) -> bool:
    return needle in items if type(needle) is str else contains(needle, items)


def _in_map(needle: Any, items: dict[Any, Any]) -> bool:
    if not isinstance(needle, str | int | float) or needle not in items:
        return False
    # Python takes true for 1 and false for 0.
    return needle not in (0, 1) or any(equals(key, needle) for key in items)


def _whole(index: Any) -> int:
    if isinstance(index, float) and not index.is_integer():
        raise EvaluationError(f"unsupported index value {index}")
    return int(index)


def index_list(items: list[Any], index: Any) -> Any:
    """`items[index]`"""
    place = _whole(index)
    if 0 <= place < len(items):
        return items[place]
    raise EvaluationError(f"index out of bounds: {place}")


def index_map(items: dict[Any, Any], key: Any) -> Any:
    """`items[key]`"""
    try:
        value = items[key]
        if key in (0, 1) and not _in_map(key, items):
            raise KeyError
        return value
    except (KeyError, TypeError):
        raise no_such_key(key) from None


def _optional_index(items: Any, key: Any) -> Optional:
    if isinstance(items, Optional):
        return _optional_index(items.value, key) if items.present else NONE
    if isinstance(items, list):
        place = _whole(key)
        return Optional(items[place]) if 0 <= place < len(items) else NONE
    return Optional(items[key]) if isinstance(items, dict) and key in items else NONE


def _to_bool(text: str) -> bool:
    if text in ("true", "True", "TRUE", "t", "T", "1"):
        return True
    if text in ("false", "False", "FALSE", "f", "F", "0"):
        return False
    raise EvaluationError(f"type conversion error from '{text}' to 'bool'")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None


def _bool_order(apply: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return apply


def _choose(condition: bool, yes: Any, no: Any) -> Any:
    return yes if condition else no


def _comparisons(library: Library) -> None:
    for name, apply in (("_<_", operator.lt), ("_<=_", operator.le), ("_>_", operator.gt), ("_>=_", operator.ge)):
        for kind in ("int", "uint", "double", "bool", "duration", "timestamp"):
            library.add(f"{name}: ({kind}, {kind}) -> bool", apply)
        for left in ("int", "uint", "double"):
            for right in {"int", "uint", "double"} - {left}:
                library.add(f"{name}: ({left}, {right}) -> bool", apply)
        for kind in ("string", "bytes"):
            library.add(f"{name}: ({kind}, {kind}) -> bool", apply, "compare")
    library.add("_==_: (A, A) -> bool", equals, "compare")
    library.add("_!=_: (A, A) -> bool", lambda left, right: not equals(left, right), "compare")


def _arithmetic(library: Library) -> None:
    whole = {
        "_+_": operator.add, "_-_": operator.sub, "_*_": operator.mul, "_/_": _quotient, "_%_": _remainder,
    }  # fmt: skip
    for name, apply in whole.items():
        library.add(f"{name}: (int, int) -> int", _bounded(apply))
        library.add(f"{name}: (uint, uint) -> uint", _unsigned(apply))
    doubles = {"_+_": operator.add, "_-_": operator.sub, "_*_": operator.mul, "_/_": divide_doubles}
    for name, divide in doubles.items():
        library.add(f"{name}: (double, double) -> double", divide)
    library.add("_+_: (string, string) -> string", _joined, "both")
    library.add("_+_: (bytes, bytes) -> bytes", _joined, "both")
    library.add("_+_: (list(A), list(A)) -> list(A)", concatenated)
    library.add("-_: (int) -> int", _negate)
    library.add("-_: (double) -> double", operator.neg)
    library.add("!_: (bool) -> bool", operator.not_)


def _joined(left: Any, right: Any) -> Any:
    if len(left) + len(right) > MAX_CONCATENATION:
        raise EvaluationError("string is too long")
    return left + right


def _conversions(library: Library) -> None:
    library.add_all(
        [
            ("int: (int) -> int", lambda value: value),
            ("int: (uint) -> int", to_int),
            ("int: (double) -> int", to_int),
            ("int: (string) -> int", parse_int, "traverse"),
            ("uint: (uint) -> uint", lambda value: value),
            ("uint: (int) -> uint", to_uint),
            ("uint: (double) -> uint", to_uint),
            ("uint: (string) -> uint", parse_uint, "traverse"),
            ("double: (double) -> double", lambda value: value),
            ("double: (int) -> double", float),
            ("double: (uint) -> double", float),
            ("double: (string) -> double", parse_double, "traverse"),
            ("string: (string) -> string", lambda value: value),
            ("string: (int) -> string", str),
            ("string: (uint) -> string", lambda value: str(int(value))),
            ("string: (double) -> string", double_text),
            ("string: (bool) -> string", lambda value: "true" if value else "false"),
            ("string: (bytes) -> string", _decoded, "traverse"),
            ("bytes: (bytes) -> bytes", lambda value: value),
            ("bytes: (string) -> bytes", str.encode, "traverse"),
            ("bool: (bool) -> bool", lambda value: value),
            ("bool: (string) -> bool", _to_bool),
            ("dyn: (A) -> dyn", lambda value: value),
            ("type: (A) -> type", lambda value: TypeValue(type_name(value))),
        ]
    )


def _strings(library: Library) -> None:
    library.add_all(
        [
            ("contains: string.(string) -> bool", lambda text, part: part in text, "contains"),
            ("startsWith: string.(string) -> bool", lambda text, part: text.startswith(part), "traverse_second"),
            ("endsWith: string.(string) -> bool", lambda text, part: text.endswith(part), "traverse_second"),
            ("matches: string.(string) -> bool", patterns.matches, "pattern"),
            ("matches: (string, string) -> bool", patterns.matches, "pattern"),
        ]
    )
    for kind in ("string", "bytes", "list(A)", "map(A, B)"):
        library.add(f"size: ({kind}) -> int", len)
        library.add(f"size: {kind}.() -> int", len)


def library() -> Library:
    """The standard library, without times."""
    made = Library(
        "standard", types=("bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint")
    )
    _comparisons(made)
    _arithmetic(made)
    _conversions(made)
    _strings(made)
    return made.add_all(
        [
            ("_?_:_: (bool, A, A) -> A", _choose),
            ("_&&_: (bool, bool) -> bool", operator.and_),
            ("_||_: (bool, bool) -> bool", operator.or_),
            ("@in: (A, list(A)) -> bool", _in_list, "in"),
            ("@in: (A, map(A, B)) -> bool", _in_map),
            ("_[_]: (list(A), int) -> A", index_list),
            ("_[_]: (map(A, B), A) -> B", index_map),
            ("_[_]: (optional(list(A)), int) -> optional(A)", _optional_index),
            ("_[_]: (optional(map(A, B)), A) -> optional(B)", _optional_index),
            ("_[?_]: (list(A), int) -> optional(A)", _optional_index),
            ("_[?_]: (map(A, B), A) -> optional(B)", _optional_index),
            ("_[?_]: (optional(list(A)), int) -> optional(A)", _optional_index),
            ("_[?_]: (optional(map(A, B)), A) -> optional(B)", _optional_index),
        ]
    )

"""What calls cost when they run.

What: a rule per kind of function, of the sizes of its operands and its result. Why: an evaluation stops when its
budget is spent. Flow: an overload names its rule; none means a cost of one. Factors follow cel-go's
interpreter/runtimecost.go and apiserver/pkg/cel/library/cost.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Rule = Callable[[Sequence[Any], Any], int]


_SIZED = (str, bytes, list, dict)


def size(value: Any) -> int:
    """The size of strings, bytes, lists and maps; one for anything else."""
    return len(value) if isinstance(value, _SIZED) else 1


def tenth(length: int) -> int:
    """The cost of reading so many characters."""
    return -(-length // 10)


def traversal(value: Any) -> int:
    """The cost of reading a string, or a list with its strings."""
    if isinstance(value, str | bytes):
        return tenth(len(value))
    if isinstance(value, list):
        return sum(1 + (tenth(len(item)) if isinstance(item, str | bytes) else 0) for item in value)
    return 1


def _pattern(args: Sequence[Any], _: Any) -> int:
    return tenth(1 + size(args[0])) * -(-size(args[1]) // 4)


RULES: dict[str, Rule] = {
    "traverse": lambda args, _: tenth(size(args[0])),
    "traverse2": lambda args, _: tenth(2 * size(args[0])),
    "result": lambda _, result: tenth(2 * size(result)),
    "list": lambda args, _: traversal(args[0]),
    "in": lambda args, _: size(args[1]),
    "both": lambda args, _: tenth(size(args[0]) + size(args[1])),
    "compare": lambda args, _: tenth(min(size(args[0]), size(args[1]))),
    "contains": lambda args, _: tenth(size(args[0])) * tenth(size(args[1])),
    "pattern": _pattern,
    "traverse_second": lambda args, _: tenth(size(args[1])),
    "quadratic": lambda args, _: max(1, traversal(args[0]) * max(1, size(args[0]).bit_length())),
    "sets": lambda args, _: max(1, size(args[0]) * size(args[1])),
    "range": lambda _, result: 10 + size(result),
    "made": lambda _, result: 10 + size(result),
    "check": lambda _args, _result: 350_000,
    "cidr": lambda args, _: tenth(2 * args[0].octets) + (tenth(size(args[1])) if isinstance(args[1], str) else 0),
    "cidr2": lambda args, _: (
        tenth(2 * args[0].octets)
        + tenth(args[0].octets)
        + 1
        + (tenth(size(args[1])) if isinstance(args[1], str) else 0)
    ),
}

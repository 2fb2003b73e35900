"""What a call may cost and how large its result may be, from the sizes of its operands.

What: a rule per kind of function, named by its overloads, as `kubelite.machinery.cel.runtimecost` has them for actual
sizes. Why: a pattern on a long string costs more than a comparison of numbers. Flow: the estimate of a tree asks for
each call. Rules follow cel-go's checker/cost.go and apiserver/pkg/cel/library/cost.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from kubelite.machinery.cel import ast
from kubelite.machinery.cel.types import UNBOUNDED, Type

MAX = 2**64 - 1


class Estimate(NamedTuple):
    """A range of costs or sizes."""

    min: int
    max: int

    def plus(self, other: Estimate) -> Estimate:
        """Both, one after the other."""
        return Estimate(min(self.min + other.min, MAX), min(self.max + other.max, MAX))

    def times(self, other: Estimate) -> Estimate:
        """The one as often as the other says."""
        return Estimate(min(self.min * other.min, MAX), min(self.max * other.max, MAX))

    def either(self, other: Estimate) -> Estimate:
        """The one or the other."""
        return Estimate(min(self.min, other.min), max(self.max, other.max))

    def divided(self, by: int, factor: int = 1) -> Estimate:
        """The cost of reading so much: rounded up, unbounded if that is."""
        low = -(-self.min * factor // by)
        return Estimate(low, MAX if self.max >= MAX else -(-self.max * factor // by))


NOTHING, ONE = Estimate(0, 0), Estimate(1, 1)
Sizes = list[Estimate]
Rule = Callable[[ast.Call, Sizes], tuple[Estimate, Estimate | None]]


def bounded(low: int, high: int) -> Estimate:
    """A range; what no schema bounds has no end."""
    return Estimate(low, MAX if high >= UNBOUNDED else high)


def _traverse(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    keeps = node.function in ("lowerAscii", "upperAscii", "substring", "trim", "reverse", "string", "bytes")
    size = Estimate(0, sizes[0].max) if node.function in ("substring", "trim") else sizes[0]
    return sizes[0].divided(10), size if keeps else None


def _traverse_second(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    return sizes[1].divided(10), None


def _traverse2(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    cost = sizes[0].divided(10, 2)
    if node.function == "replace":
        return cost, Estimate(0, _replaced(*sizes[:3]))
    return cost, Estimate(0, sizes[0].max) if node.function == "split" else sizes[0]


def _replaced(text: Estimate, old: Estimate, new: Estimate) -> int:
    """The longest result of a replacement."""
    if text.max >= MAX:
        return MAX
    if old.min == 0:
        return min((text.max + 1) * new.max + text.max, MAX)
    if new.max <= old.min:
        return text.max
    return min(-(-text.max // old.min) * new.max, MAX)


def _result(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    element = _element(node.operands[0].type)
    size = sizes[0].times(element)
    if len(sizes) > 1:
        size = size.plus(Estimate(max(sizes[0].min - 1, 0), max(sizes[0].max - 1, 0)).times(sizes[1]))
    return size.divided(10), size


def _element(kind: Type) -> Estimate:
    """The size of the elements of a list, as far as it matters for comparing them."""
    if kind.kind == "list" and kind.params[0].kind in ("string", "bytes", "dyn"):
        return bounded(0, kind.params[0].max_elements)
    return NOTHING


def _list(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    kind = node.operands[0].type
    if kind.kind != "list":
        return sizes[0].divided(10), None
    return sizes[0].times(ONE.plus(_element(kind).divided(10))), None


def _quadratic(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    cost, _ = _list(node, sizes)
    return cost.times(Estimate(1, max(1, sizes[0].max.bit_length()))), Estimate(0, sizes[0].max)


def _in(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    return sizes[1], None


def _both(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    size = sizes[0].plus(sizes[1])
    return size.divided(10), size


def _compare(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    low, high = min(sizes[0].min, sizes[1].min), min(sizes[0].max, sizes[1].max)
    return Estimate(low, high).divided(10), None


def _contains(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    return sizes[0].divided(10).times(sizes[1].divided(10)), None


def _pattern(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    text = sizes[0].plus(ONE).divided(10)
    return text.times(sizes[1].divided(4)), Estimate(0, sizes[0].max)


def _sets(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    return ONE.plus(sizes[0].times(sizes[1])), None


def _made(_: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    return Estimate(10, 10).plus(Estimate(0, sizes[0].max)), Estimate(0, sizes[0].max)


def _range(_: ast.Call, __: Sizes) -> tuple[Estimate, Estimate | None]:
    return Estimate(10, 1_000_010), Estimate(0, 1_000_000)


def _check(_: ast.Call, __: Sizes) -> tuple[Estimate, Estimate | None]:
    return Estimate(350_000, 350_000), None


def _cidr(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    octets = Estimate(4, 16)
    cost = octets.plus(octets).divided(10)
    if node.function == "containsCIDR":
        cost = cost.plus(octets.divided(10)).plus(ONE)
    if node.operands[1].type.kind == "string":
        cost = cost.plus(sizes[1].divided(10))
    return cost, None


_RULES: dict[str, Rule] = {
    "traverse": _traverse,
    "traverse_second": _traverse_second,
    "traverse2": _traverse2,
    "result": _result,
    "list": _list,
    "quadratic": _quadratic,
    "in": _in,
    "both": _both,
    "compare": _compare,
    "contains": _contains,
    "pattern": _pattern,
    "sets": _sets,
    "made": _made,
    "range": _range,
    "check": _check,
    "cidr": _cidr,
    "cidr2": _cidr,
}


def call(node: ast.Call, sizes: Sizes) -> tuple[Estimate, Estimate | None]:
    """The cost of a call itself and the size of its result, if that is not what its type says."""
    if node.function == "_+_" and node.args[0].type.kind == "list":
        return ONE, sizes[0].plus(sizes[1])
    found: tuple[Estimate, Estimate | None] | None = None
    for overload in node.overloads:
        rule = _RULES.get(overload.cost)
        cost, size = rule(node, sizes) if rule is not None else (ONE, None)
        if found is None:
            found = cost, size
        else:
            known = found[1]
            found = found[0].either(cost), known.either(size) if known is not None and size is not None else None
    return found or (ONE, None)

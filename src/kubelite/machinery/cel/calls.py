"""Calls: one closure for what is certain, a choice at run time for what is not.

What: operators on known numbers, strings and equal types directly; other functions by their only overload, or by the
first whose guards hold. Why: most of a rule is comparisons of fields. Flow: `compile_call(node, codes of operands)`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubelite.machinery.cel import ast, runtimecost
from kubelite.machinery.cel.declarations import Overload, guard
from kubelite.machinery.cel.equality import comparator, equals, map_list_merge, set_union
from kubelite.machinery.cel.errors import CelError, CostExceeded, EvaluationError, no_overload
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN
from kubelite.machinery.cel.types import Type

if TYPE_CHECKING:
    from kubelite.machinery.cel.compile import Code, Frame, Run

_DIRECT = frozenset({"int", "string", "bytes", "bool"})
_ORDERED = frozenset({"int", "uint", "double", "duration", "timestamp"})
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "_<_": operator.lt, "_<=_": operator.le, "_>_": operator.gt, "_>=_": operator.ge,
}  # fmt: skip
_CHECKED: dict[str, Callable[[Any, Any], int]] = {"_+_": operator.add, "_-_": operator.sub, "_*_": operator.mul}
_PURE = frozenset({"timestamp", "duration", "quantity", "ip", "cidr", "url", "semver"})
"""Functions that make a value of literals once and for all."""
_UNCERTAIN = frozenset({"dyn", "param", "error"})


def compile_call(node: ast.Call, codes: list[Code]) -> tuple[Run, int]:
    """The closure of a call and its certain cost."""
    cost = sum(code.cost for code in codes)
    runs = [code.run for code in codes]
    kinds = [operand.type for operand in node.operands]
    if node.function in ("_==_", "_!=_"):
        short = any(_short(operand) for operand in node.args)
        return _equality(node.function == "_!=_", runs, kinds, short), cost + 1
    if node.function == "_+_" and kinds[0].list_type in ("set", "map"):
        return _merged(runs, kinds[0]), cost + 1
    if node.function in ("or", "orValue") and node.target is not None and kinds[0].kind == "opaque":
        return _alternative(runs[0], runs[1], node.function == "orValue"), cost + 1
    direct = _direct(node, runs, kinds)
    if direct is not None:
        return direct, cost + 1
    run = _dispatched(node.overloads, runs, kinds)
    if node.function in _PURE and all(isinstance(operand, ast.Literal) for operand in node.operands):
        run = _folded(run)
    return run, cost + (0 if any(found.cost for found in node.overloads) else 1)


def _short(node: ast.Node) -> bool:
    """Whether it is a literal that is compared at a cost of one."""
    return isinstance(node, ast.Literal) and isinstance(node.value, str | bytes) and len(node.value) <= 10


def _folded(run: Run) -> Run:
    """A constructor of literals, evaluated once; what it costs each time is little, and taken from the first frame only.

    One that fails is left to fail when it runs.
    """
    frame: list[Any] = [1_000_000]
    try:
        value = run(frame)
    except (CelError, TypeError, ValueError):
        return run
    spent = 1_000_000 - frame[0]

    def constant(frame: Frame) -> Any:
        frame[0] -= spent
        return value

    return constant


def _direct(node: ast.Call, runs: list[Run], kinds: list[Type]) -> Run | None:
    """The closure of an operator on two operands of one known type."""
    if len(runs) != 2 or kinds[0].kind != kinds[1].kind:
        return None
    kind, function = kinds[0].kind, node.function
    right = node.args[1] if len(node.args) == 2 else None
    if kind in _ORDERED and function in _COMPARISONS:
        if isinstance(right, ast.Literal):
            return _with_constant(_COMPARISONS[function], runs[0], right.value)
        return _applied(_COMPARISONS[function], *runs)
    if kind == "int" and function in _CHECKED:
        return _checked(_CHECKED[function], *runs)
    return None


def _applied(apply: Callable[[Any, Any], Any], left: Run, right: Run) -> Run:
    return lambda frame: apply(left(frame), right(frame))


def _with_constant(apply: Callable[[Any, Any], Any], left: Run, constant: Any) -> Run:
    return lambda frame: apply(left(frame), constant)


def _checked(apply: Callable[[Any, Any], int], left: Run, right: Run) -> Run:
    def run(frame: Frame) -> Any:
        value = apply(left(frame), right(frame))
        if INT_MIN <= value <= INT_MAX:
            return value
        raise EvaluationError("integer overflow")

    return run


def _traversed(compare: Callable[[Any, Any], bool], left: Run, right: Run, negate: bool) -> Run:
    """A comparison whose cost grows with its operands; one is in the certain cost already."""

    def run(frame: Frame) -> Any:
        first, second = left(frame), right(frame)
        size = min(runtimecost.size(first), runtimecost.size(second))
        if size > 10:
            frame[0] -= (size - 1) // 10
            if frame[0] < 0:
                raise CostExceeded
        return compare(first, second) is not negate

    return run


def _equality(negate: bool, runs: list[Run], kinds: list[Type], short: bool) -> Run:
    left, right = runs
    kind = kinds[0]
    if kind.kind == kinds[1].kind and (kind.kind in ("int", "bool") or (short and kind.kind in _DIRECT)):
        return _applied(operator.ne if negate else operator.eq, left, right)
    compare: Callable[[Any, Any], bool] = equals
    if kind.kind == kinds[1].kind and kind.kind in _DIRECT:
        compare = operator.ne if negate else operator.eq
        negate = False
    elif kind.kind == kinds[1].kind:
        compare = comparator(kind)
    return _traversed(compare, left, right, negate)


def _alternative(first: Run, second: Run, unwrap: bool) -> Run:
    """`a.or(b)` and `a.orValue(b)`: b is evaluated only if a has no value."""

    def run(frame: Frame) -> Any:
        value = first(frame)
        if value.present:
            return value.value if unwrap else value
        return second(frame)

    return run


def _merged(runs: list[Run], kind: Type) -> Run:
    left, right = runs
    keys = kind.list_keys
    if kind.list_type == "set":
        return lambda frame: set_union(left(frame), right(frame))
    return lambda frame: map_list_merge(left(frame), right(frame), keys)


def _certain(wanted: Type, given: Type) -> bool:
    """Whether the static type alone tells that a value fits."""
    return wanted.kind in _UNCERTAIN or (given.kind == wanted.kind and not (wanted.kind == "opaque" and wanted.params))


def _dispatched(overloads: list[Overload], runs: list[Run], kinds: list[Type]) -> Run:
    if len(overloads) == 1:
        only = overloads[0]
        if all(_certain(wanted, given) for wanted, given in zip(only.params, kinds, strict=True)):
            return _single(only, runs)
    if len(overloads) == 1 and len(runs) <= 2:
        return _guarded(overloads[0], runs)
    choose = _chooser(overloads)

    def run(frame: Frame) -> Any:
        values = [operand(frame) for operand in runs]
        apply, rule = choose(values)
        result = apply(*values)
        if rule is not None:
            frame[0] -= rule(values, result)
            if frame[0] < 0:
                raise CostExceeded
        return result

    return run


_Choice = tuple[Callable[..., Any], runtimecost.Rule | None]


def _chooser(overloads: list[Overload]) -> Callable[[list[Any]], _Choice]:
    """What finds the overload for some values; it remembers by their Python types where those decide."""
    table = [
        (tuple(guard(wanted) for wanted in overload.params), (overload.run, runtimecost.RULES.get(overload.cost)))
        for overload in overloads
    ]
    # Whether an optional fits depends on what is in it.
    decisive = not any(
        wanted.kind == "opaque" and wanted.params for overload in overloads for wanted in overload.params
    )
    known: dict[tuple[type, ...], _Choice] = {}

    def choose(values: list[Any]) -> _Choice:
        kinds = tuple(map(type, values))
        found = known.get(kinds)
        if found is not None:
            return found
        for guards, choice in table:
            if all(holds(value) for holds, value in zip(guards, values, strict=True)):
                if decisive:
                    known[kinds] = choice
                return choice
        raise no_overload()

    return choose


def _guarded(overload: Overload, runs: list[Run]) -> Run:
    """The only overload, of one or two operands that may be of other types."""
    apply, rule = overload.run, runtimecost.RULES.get(overload.cost)
    guards = [guard(wanted) for wanted in overload.params]
    if len(runs) == 2:
        return _guarded_two(apply, rule, runs, guards)
    (first,), (fits,) = runs, guards

    def run(frame: Frame) -> Any:
        value = first(frame)
        if not fits(value):
            raise no_overload()
        result = apply(value)
        if rule is not None:
            frame[0] -= rule((value,), result)
            if frame[0] < 0:
                raise CostExceeded
        return result

    return run


def _guarded_two(
    apply: Callable[..., Any], rule: runtimecost.Rule | None, runs: list[Run], guards: list[Callable[[Any], bool]]
) -> Run:
    (first, second), (fits, suits) = runs, guards

    def run(frame: Frame) -> Any:
        one, two = first(frame), second(frame)
        if not fits(one) or not suits(two):
            raise no_overload()
        result = apply(one, two)
        if rule is not None:
            frame[0] -= rule((one, two), result)
            if frame[0] < 0:
                raise CostExceeded
        return result

    return run


def _single(overload: Overload, runs: list[Run]) -> Run:
    apply = overload.run
    rule = runtimecost.RULES.get(overload.cost)
    if rule is not None:
        return _ruled(apply, rule, runs)
    if len(runs) == 1:
        first = runs[0]
        return lambda frame: apply(first(frame))
    if len(runs) == 2:
        one, two = runs
        return lambda frame: apply(one(frame), two(frame))
    return lambda frame: apply(*[run(frame) for run in runs])


def _ruled(apply: Callable[..., Any], rule: runtimecost.Rule, runs: list[Run]) -> Run:
    def run(frame: Frame) -> Any:
        values = [operand(frame) for operand in runs]
        result = apply(*values)
        frame[0] -= rule(values, result)
        if frame[0] < 0:
            raise CostExceeded
        return result

    return run

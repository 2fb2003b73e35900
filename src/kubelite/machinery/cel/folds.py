"""Loops: what macros over lists and maps become.

What: one closure per macro. Why: a loop in Python over a slot of the frame is far faster than cel-go's expanded form
would be. Flow: `compile_fold` from the compiler; each turn pays what the expanded form costs, so that no loop
outlives its budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from kubelite.machinery.cel import ast
from kubelite.machinery.cel.errors import CostExceeded, EvaluationError, no_overload

if TYPE_CHECKING:
    from kubelite.machinery.cel.compile import Code, Frame, Run

START = {
    "all": 1,
    "exists": 1,
    "exists_one": 2,
    "map": 11,
    "filter": 11,
    "transformList": 11,
    "transformMap": 31,
    "transformMapEntry": 31,
}
TURN = {
    "all": 3,
    "exists": 4,
    "exists_one": 1,
    "map": 12,
    "filter": 1,
    "transformList": 12,
    "transformMap": 3,
    "transformMapEntry": 32,
}
"""What cel-go's expansion costs at the beginning and per turn, without the arguments of the macro."""
KEPT = 12
"""What filter pays for an element it keeps."""


def compile_fold(
    node: ast.Fold, source: Code, condition: Code | None, result: Code | None, slots: list[int]
) -> tuple[Run, int]:
    """The closure of a macro and its certain cost."""
    each = _advance(slots)
    turn = TURN[node.kind] + (condition.cost if condition is not None else 0)
    if condition is None and result is not None:
        turn += result.cost
    args = _Loop(source.run, each, turn, condition.run if condition else None, result)
    return _MAKERS[node.kind](args), source.cost + START[node.kind]


class _Loop:
    """What the makers of loops share."""

    def __init__(
        self,
        source: Run,
        each: Callable[[Any, Frame], Iterator[Any]],
        turn: int,
        condition: Run | None,
        result: Code | None,
    ) -> None:
        self.source = source
        self.each = each
        self.turn = turn
        self.condition = condition
        self.result: Run = _nothing
        if result is not None:
            from kubelite.machinery.cel.compile import charged

            self.result = charged(result) if condition is not None else result.run

    def turns(self, frame: Frame) -> Iterator[Any]:
        """Sets the variables for each element in turn, and pays."""
        turn = self.turn
        for key in self.each(self.source(frame), frame):
            frame[0] -= turn
            if frame[0] < 0:
                raise CostExceeded
            yield key


def _nothing(_: Frame) -> None:
    return None


def _advance(slots: list[int]) -> Callable[[Any, Frame], Iterator[Any]]:
    """A generator that puts each element into its slots and yields the key (or the element, with one variable)."""
    if len(slots) == 1:
        slot = slots[0]

        def one(items: Any, frame: Frame) -> Iterator[Any]:
            if not isinstance(items, list | dict):
                raise no_overload()
            for item in items:
                frame[slot] = item
                yield item

        return one
    first, second = slots

    def two(items: Any, frame: Frame) -> Iterator[Any]:
        if not isinstance(items, list | dict):
            raise no_overload()
        for key, value in items.items() if isinstance(items, dict) else enumerate(items):
            frame[first] = key
            frame[second] = value
            yield key

    return two


def _quantified(loop: _Loop, decisive: bool) -> Run:
    condition = loop.condition or _nothing
    source, each, turn = loop.source, loop.each, loop.turn

    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        for _ in each(source(frame), frame):
            frame[0] -= turn
            if frame[0] < 0:
                raise CostExceeded
            try:
                value = condition(frame)
            except EvaluationError as error:
                failed = failed or error
                continue
            if value is decisive:
                return decisive
            if not isinstance(value, bool):
                failed = failed or no_overload()
        if failed is not None:
            raise failed
        return not decisive

    return run


def _test(condition: Run, frame: Frame) -> bool:
    value = condition(frame)
    if value is True or value is False:
        return bool(value)
    raise no_overload()


def _exists_one(loop: _Loop) -> Run:
    condition = loop.condition or _nothing

    def run(frame: Frame) -> Any:
        return sum(_test(condition, frame) for _ in loop.turns(frame)) == 1

    return run


def _filter(loop: _Loop) -> Run:
    condition = loop.condition or _nothing

    def run(frame: Frame) -> Any:
        kept = []
        for item in loop.turns(frame):
            if _test(condition, frame):
                frame[0] -= KEPT
                kept.append(item)
        return kept

    return run


def _map(loop: _Loop) -> Run:
    condition, result = loop.condition, loop.result

    def run(frame: Frame) -> Any:
        return [result(frame) for _ in loop.turns(frame) if condition is None or _test(condition, frame)]

    return run


def _transform_map(loop: _Loop) -> Run:
    condition, result = loop.condition, loop.result

    def run(frame: Frame) -> Any:
        return {key: result(frame) for key in loop.turns(frame) if condition is None or _test(condition, frame)}

    return run


def _transform_entry(loop: _Loop) -> Run:
    condition, result = loop.condition, loop.result

    def run(frame: Frame) -> Any:
        made: dict[Any, Any] = {}
        for _ in loop.turns(frame):
            if condition is not None and not _test(condition, frame):
                continue
            entries = result(frame)
            if not isinstance(entries, dict):
                raise no_overload()
            for key, value in entries.items():
                if key in made:
                    raise EvaluationError(f"insert failed: key {key} already exists")
                made[key] = value
        return made

    return run


_MAKERS: dict[str, Callable[[_Loop], Run]] = {
    "all": lambda loop: _quantified(loop, False),
    "exists": lambda loop: _quantified(loop, True),
    "exists_one": _exists_one,
    "map": _map,
    "filter": _filter,
    "transformList": _map,
    "transformMap": _transform_map,
    "transformMapEntry": _transform_entry,
}


def bound(init: Run, slot: int, body: Run) -> Run:
    """`cel.bind`: the variable is evaluated when it is bound; an error of it is one of the body."""

    def run(frame: Frame) -> Any:
        frame[slot] = init(frame)
        return body(frame)

    return run

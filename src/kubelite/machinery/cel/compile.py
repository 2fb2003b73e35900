"""A checked tree to one Python closure.

What: every node becomes `run(frame)`; a frame is a list of the rest of the budget, the variables and those of macros.
Why: types are known, so most nodes need no dispatch, and names are slots. Flow: `Compiler(types of
variables).program(tree)`; costs that are certain are taken once per straight line of the expression, others where
they arise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kubelite.machinery.cel import ast, calls, convert, folds
from kubelite.machinery.cel.errors import CostExceeded, EvaluationError, no_overload, no_such_key
from kubelite.machinery.cel.types import ObjectType, is_optional
from kubelite.machinery.cel.values import NONE, ObjectValue, Optional

Frame = list[Any]
Run = Callable[[Frame], Any]


class Code(NamedTuple):
    """What runs, and what that costs at least: the cost of parts that always run."""

    run: Run
    cost: int


def charged(code: Code) -> Run:
    """The closure that takes its cost when it runs."""
    run, cost = code
    if cost == 0:
        return run

    def paid(frame: Frame) -> Any:
        frame[0] -= cost
        if frame[0] < 0:
            raise CostExceeded
        return run(frame)

    return paid


class Compiler:
    """Compiles one tree; `slots` tells which variable is where in a frame."""

    def __init__(self) -> None:
        self.slots: dict[str, int] = {}
        self.used: dict[str, int] = {}
        self.scopes: list[dict[str, int]] = []
        self.size = 1
        self.visits: dict[type, Callable[[Any], Code]] = {
            ast.Literal: self.literal,
            ast.Ident: self.ident,
            ast.Select: self.select,
            ast.Call: self.call,
            ast.Logic: self.logic,
            ast.Conditional: self.conditional,
            ast.ListNode: self.list,
            ast.MapNode: self.map,
            ast.Struct: self.struct,
            ast.Fold: self.fold,
            ast.Bind: self.bind,
            ast.OptionalMap: self.optional_map,
        }

    def compile(self, node: ast.Node) -> Code:
        """The code of a node."""
        return self.visits[type(node)](node)

    def literal(self, node: ast.Literal) -> Code:
        value = node.value
        return Code(lambda frame: value, 0)

    def slot(self, name: str) -> int:
        """The place of a variable."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        name = name.removeprefix(".")
        if name not in self.used:
            self.used[name] = self.new_slot()
        return self.used[name]

    def new_slot(self) -> int:
        """A place nobody has."""
        self.size += 1
        return self.size - 1

    def within(self, scope: dict[str, int], node: ast.Node) -> Code:
        """The code of a node that sees the variables of a macro."""
        self.scopes.append(scope)
        try:
            return self.compile(node)
        finally:
            self.scopes.pop()

    def ident(self, node: ast.Ident) -> Code:
        local = any(node.name in scope for scope in self.scopes)
        slot = self.slot(node.name)
        change = None if local else convert.converter(node.type)
        if change is None:
            return Code(lambda frame: frame[slot], 1)
        fixed = change
        return Code(lambda frame: fixed(frame[slot]), 1)

    def select(self, node: ast.Select) -> Code:
        run, cost = self.compile(node.operand)
        operand = node.operand.type
        inner = operand.params[0] if is_optional(operand) else operand
        name, change = node.field, None
        if isinstance(inner, ObjectType):
            field = inner.fields[node.field]
            name, change = field.name, convert.converter(field.type)
        if node.test:
            return Code(_present(run, name), max(cost - 1, 0))
        if node.optional or is_optional(operand) or operand.kind in ("dyn", "param"):
            return Code(_optional_select(run, name, change, node.optional), cost + 1)
        if isinstance(node.operand, ast.Ident) and cost == 1 and convert.converter(operand) is None:
            return Code(_slot_select(self.slot(node.operand.name), name, change), cost + 1)
        return Code(_select(run, name, change), cost + 1)

    def call(self, node: ast.Call) -> Code:
        return Code(*calls.compile_call(node, [self.compile(operand) for operand in node.operands]))

    def logic(self, node: ast.Logic) -> Code:
        codes = [self.compile(term) for term in node.terms]
        runs = [codes[0].run, *(charged(code) for code in codes[1:])]
        make = _two_terms if len(runs) == 2 else _terms
        return Code(make(runs, node.disjunction), codes[0].cost)

    def conditional(self, node: ast.Conditional) -> Code:
        condition, cost = self.compile(node.condition)
        yes, no = charged(self.compile(node.yes)), charged(self.compile(node.no))

        def run(frame: Frame) -> Any:
            chosen = condition(frame)
            if chosen is True:
                return yes(frame)
            if chosen is False:
                return no(frame)
            raise no_overload()

        return Code(run, cost)

    def list(self, node: ast.ListNode) -> Code:
        codes = [self.compile(item) for item in node.items]
        cost = 10 + sum(code.cost for code in codes)
        runs = [code.run for code in codes]
        if not node.optional:
            if all(isinstance(item, ast.Literal) for item in node.items):
                constant = [item.value for item in node.items if isinstance(item, ast.Literal)]
                return Code(lambda frame: constant, cost)
            return Code(lambda frame: [run(frame) for run in runs], cost)
        pairs = [(run, index in node.optional) for index, run in enumerate(runs)]

        def make(frame: Frame) -> Any:
            result = []
            for run, optional in pairs:
                value = run(frame)
                if optional:
                    if not unwrapped(value).present:
                        continue
                    value = value.value
                result.append(value)
            return result

        return Code(make, cost)

    def map(self, node: ast.MapNode) -> Code:
        codes = [(self.compile(entry.key), self.compile(entry.value), entry.optional) for entry in node.entries]
        parts = [(key.run, value.run, optional) for key, value, optional in codes]

        def make(frame: Frame) -> Any:
            result: dict[Any, Any] = {}
            for key_run, value_run, optional in parts:
                key = key_run(frame)
                if not isinstance(key, str | int):
                    raise EvaluationError("unsupported key type")
                value = value_run(frame)
                if optional:
                    if not unwrapped(value).present:
                        continue
                    value = value.value
                if key in result:
                    raise EvaluationError(f"Failed with repeated key: {key}")
                result[key] = value
            return result

        return Code(make, 30 + sum(key.cost + value.cost for key, value, _ in codes))

    def struct(self, node: ast.Struct) -> Code:
        known = node.type.fields if isinstance(node.type, ObjectType) else {}
        codes = [(known[entry.key].name, self.compile(entry.value), entry.optional) for entry in node.entries]
        parts = [(name, code.run, optional) for name, code, optional in codes]
        type_name = node.type.name

        def make(frame: Frame) -> Any:
            fields: dict[str, Any] = {}
            for name, run, optional in parts:
                value = run(frame)
                if optional:
                    if not unwrapped(value).present:
                        continue
                    value = value.value
                fields[name] = value
            return ObjectValue(type_name, fields)

        return Code(make, 40 + sum(code.cost for _, code, _ in codes))

    def fold(self, node: ast.Fold) -> Code:
        source = self.compile(node.range)
        slots = [self.new_slot() for _ in node.variables]
        scope = dict(zip(node.variables, slots, strict=True))
        condition = self.within(scope, node.condition) if node.condition is not None else None
        result = self.within(scope, node.result) if node.result is not None else None
        return Code(*folds.compile_fold(node, source, condition, result, slots))

    def bind(self, node: ast.Bind) -> Code:
        init = self.compile(node.init)
        slot = self.new_slot()
        body = self.within({node.variable: slot}, node.body)
        return Code(folds.bound(init.run, slot, body.run), init.cost + body.cost)

    def optional_map(self, node: ast.OptionalMap) -> Code:
        target = self.compile(node.target)
        slot = self.new_slot()
        body = charged(self.within({node.variable: slot}, node.body))
        flat = node.flat

        def run(frame: Frame) -> Any:
            given = unwrapped(target.run(frame))
            if not given.present:
                return NONE
            frame[slot] = given.value
            made = body(frame)
            return unwrapped(made) if flat else Optional(made)

        return Code(run, target.cost + 1)


def unwrapped(value: Any) -> Optional:
    """The value, which must be an optional."""
    if not isinstance(value, Optional):
        raise no_overload()
    return value


def _fail(value: Any, name: str) -> EvaluationError:
    """The error of a selection that failed."""
    return no_such_key(name) if isinstance(value, dict) else no_overload()


def _slot_select(slot: int, name: str, change: Callable[[Any], Any] | None) -> Run:
    """`variable.name`, the most frequent expression."""

    def run(frame: Frame) -> Any:
        try:
            return frame[slot][name]
        except (KeyError, TypeError, IndexError):
            raise _fail(frame[slot], name) from None

    if change is None:
        return run
    fixed = change
    return lambda frame: fixed(run(frame))


def _select(operand: Run, name: str, change: Callable[[Any], Any] | None) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        try:
            return value[name]
        except (KeyError, TypeError, IndexError):
            raise _fail(value, name) from None

    if change is None:
        return run
    fixed = change
    return lambda frame: fixed(run(frame))


def _optional_select(operand: Run, name: str, change: Callable[[Any], Any] | None, wrap: bool) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        wrapped = wrap
        if isinstance(value, Optional):
            if not value.present:
                return value
            value, wrapped = value.value, True
        if not isinstance(value, dict):
            raise no_overload()
        try:
            found = value[name]
        except KeyError:
            if wrapped:
                return NONE
            raise no_such_key(name) from None
        found = change(found) if change is not None else found
        return Optional(found) if wrapped else found

    return run


def _present(operand: Run, name: str) -> Run:
    def run(frame: Frame) -> Any:
        value = operand(frame)
        if isinstance(value, Optional):
            if not value.present:
                return False
            value = value.value
        if not isinstance(value, dict):
            raise no_overload()
        return name in value

    return run


def _two_terms(runs: list[Run], decisive: bool) -> Run:
    left, right = runs

    def run(frame: Frame) -> Any:
        try:
            first = left(frame)
        except EvaluationError:
            if right(frame) is decisive:
                return decisive
            raise
        if first is decisive:
            return decisive
        second = right(frame)
        if second is decisive:
            return decisive
        if not isinstance(first, bool) or not isinstance(second, bool):
            raise no_overload()
        return not decisive

    return run


def _terms(runs: list[Run], decisive: bool) -> Run:
    def run(frame: Frame) -> Any:
        failed: EvaluationError | None = None
        for term in runs:
            try:
                value = term(frame)
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

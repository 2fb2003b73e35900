"""What an expression may cost, before any data is there.

What: the least and the most cost of a checked tree, from the bounds of sizes its types have. Why: rules of custom
resource definitions that could cost too much are refused when they are written. Flow: `estimate(tree)`; sizes come
from `Type.max_elements` and from `kubelite.machinery.cel.callcost`. The model is that of cel-go's checker/cost.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubelite.machinery.cel import ast, callcost
from kubelite.machinery.cel.callcost import NOTHING, ONE, Estimate
from kubelite.machinery.cel.folds import KEPT, START, TURN
from kubelite.machinery.cel.types import Type

__all__ = ["Estimate", "estimate"]

_SIZED = frozenset({"string", "bytes", "list", "map", "dyn"})


def type_size(kind: Type) -> Estimate:
    """The sizes values of a type have."""
    if kind.kind not in _SIZED:
        return ONE
    return callcost.bounded(0, kind.max_elements)


class _Estimator:
    def __init__(self) -> None:
        self.sizes: dict[int, Estimate] = {}
        self.locals: list[tuple[str, Estimate]] = []
        self.visits: dict[type, Callable[[Any], Estimate]] = {
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

    def cost(self, node: ast.Node) -> Estimate:
        return self.visits[type(node)](node)

    def size(self, node: ast.Node) -> Estimate:
        """The sizes a visited node may have."""
        known = self.sizes.get(id(node))
        return known if known is not None else type_size(node.type)

    def literal(self, node: ast.Literal) -> Estimate:
        if isinstance(node.value, str | bytes):
            self.sizes[id(node)] = Estimate(len(node.value), len(node.value))
        return NOTHING

    def ident(self, node: ast.Ident) -> Estimate:
        for name, size in reversed(self.locals):
            if name == node.name:
                self.sizes[id(node)] = size
                break
        return ONE

    def select(self, node: ast.Select) -> Estimate:
        operand = self.cost(node.operand)
        if node.test:
            # has() itself costs nothing, nor does the variable it begins with.
            return Estimate(max(operand.min - 1, 0), max(operand.max - 1, 0))
        return operand.plus(ONE)

    def call(self, node: ast.Call) -> Estimate:
        total = NOTHING
        for operand in node.operands:
            total = total.plus(self.cost(operand))
        sizes = [self.size(operand) for operand in node.operands]
        own, result = callcost.call(node, sizes)
        if result is not None:
            self.sizes[id(node)] = result
        return total.plus(own)

    def logic(self, node: ast.Logic) -> Estimate:
        costs = [self.cost(term) for term in node.terms]
        return callcost.bounded(costs[0].min, sum(cost.max for cost in costs))

    def conditional(self, node: ast.Conditional) -> Estimate:
        condition, yes, no = self.cost(node.condition), self.cost(node.yes), self.cost(node.no)
        self.sizes[id(node)] = self.size(node.yes).either(self.size(node.no))
        return condition.plus(yes.either(no))

    def list(self, node: ast.ListNode) -> Estimate:
        total = Estimate(10, 10)
        for item in node.items:
            total = total.plus(self.cost(item))
        self.sizes[id(node)] = Estimate(len(node.items) - len(node.optional), len(node.items))
        return total

    def map(self, node: ast.MapNode) -> Estimate:
        total = Estimate(30, 30)
        for entry in node.entries:
            total = total.plus(self.cost(entry.key)).plus(self.cost(entry.value))
        self.sizes[id(node)] = Estimate(sum(not entry.optional for entry in node.entries), len(node.entries))
        return total

    def struct(self, node: ast.Struct) -> Estimate:
        total = Estimate(40, 40)
        for entry in node.entries:
            total = total.plus(self.cost(entry.value))
        return total

    def fold(self, node: ast.Fold) -> Estimate:
        source = self.cost(node.range)
        count = self.size(node.range)
        depth = len(self.locals)
        # What a variable of the macro holds has the size of its type, whatever an outer one of its name has.
        self.locals.extend((name, type_size(kind)) for name, kind in self.iterated(node))
        turn = Estimate(TURN[node.kind], TURN[node.kind])
        if node.condition is not None:
            turn = turn.plus(self.cost(node.condition))
        if node.result is not None:
            made = self.cost(node.result)
            turn = turn.plus(made if node.condition is None else Estimate(0, made.max))
        elif node.kind == "filter":
            turn = turn.plus(Estimate(0, KEPT))
        del self.locals[depth:]
        if node.kind not in ("all", "exists", "exists_one"):
            self.sizes[id(node)] = count if node.condition is None else Estimate(0, count.max)
        start = START[node.kind]
        return source.plus(Estimate(start, start)).plus(count.times(turn))

    @staticmethod
    def iterated(node: ast.Fold) -> Sequence[tuple[str, Type]]:
        """The variables of a macro and their types."""
        given, names = node.range.type, node.variables
        if given.kind not in ("list", "map"):
            return [(name, given) for name in names]
        if len(names) == 1:
            return [(names[0], given.params[0])]
        key = given.params[0] if given.kind == "map" else Type("int")
        return [(names[0], key), (names[1], given.params[-1])]

    def bind(self, node: ast.Bind) -> Estimate:
        init = self.cost(node.init)
        self.locals.append((node.variable, self.size(node.init)))
        body = self.cost(node.body)
        self.locals.pop()
        self.sizes[id(node)] = self.size(node.body)
        return init.plus(body)

    def optional_map(self, node: ast.OptionalMap) -> Estimate:
        target = self.cost(node.target)
        inner = node.target.type.params[0] if node.target.type.params else node.target.type
        self.locals.append((node.variable, type_size(inner)))
        body = self.cost(node.body)
        self.locals.pop()
        return target.plus(ONE).plus(Estimate(0, body.max))


def estimate(tree: ast.Node) -> Estimate:
    """The range of what an evaluation costs."""
    try:
        return _Estimator().cost(tree)
    except RecursionError:
        return callcost.bounded(0, callcost.MAX)

"""Types of macros.

What: the part of the checker for comprehensions, bind and optMap. Why: they have variables of their own. Flow: mixed
into `kubelite.machinery.cel.checker.Checker`. Texts are what cel-go says of the expanded macro.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubelite.machinery.cel import ast, types
from kubelite.machinery.cel.types import DYN, ERROR, Bindings, Type

_RANGE = "expression of type '{}' cannot be range of a comprehension (must be list, map, or dynamic)"


class FoldChecks:
    """Checks what macros make."""

    bindings: Bindings
    locals: list[dict[str, Type]]

    if TYPE_CHECKING:

        def visit(self, node: ast.Node) -> ast.Node: ...
        def report(self, position: int, message: str) -> Type: ...
        def boolean(self, position: int, name: str, given: list[Type], which: int) -> Type: ...
        def mismatch(self, position: int, expected: Type, found: Type) -> Type: ...

    def within(self, scope: dict[str, Type], node: ast.Node) -> ast.Node:
        self.locals.append(scope)
        try:
            return self.visit(node)
        finally:
            self.locals.pop()

    def fold(self, node: ast.Fold) -> ast.Node:
        node.range = self.visit(node.range)
        given = self.bindings.resolve(node.range.type)
        first, second = self.ranged(node, given)
        names = node.variables
        if len(names) == 2:
            scope = {names[0]: first, names[1]: second}
        else:
            scope = {names[0]: second if given.kind == "list" else first}
        if node.condition is not None:
            node.condition = self.within(scope, node.condition)
        if node.result is not None:
            node.result = self.within(scope, node.result)
        node.type = self.fold_type(node, first, second)
        if node.condition is not None and self.predicate(node, node.condition.type) is ERROR:
            node.type = ERROR
        return node

    def ranged(self, node: ast.Fold, given: Type) -> tuple[Type, Type]:
        """The types of what one iterates: keys or indices, and values."""
        if given.kind == "list":
            return types.INT, given.params[0]
        if given.kind == "map":
            return given.params[0], given.params[1]
        if given.kind in ("dyn", "param"):
            return DYN, DYN
        if given.kind != "error":
            self.report(node.range.position, _RANGE.format(given))
        return ERROR, ERROR

    def predicate(self, node: ast.Fold, given: Type) -> Type:
        kind = self.bindings.resolve(given)
        match node.kind:
            case "all":
                return self.boolean(node.position, "_&&_", [types.BOOL, kind], 1)
            case "exists":
                return self.boolean(node.position, "_||_", [types.BOOL, kind], 1)
            case "exists_one":
                return self.boolean(node.position, "_?_:_", [kind, types.INT, types.INT], 0)
        return self.boolean(node.position, "_?_:_", [kind, node.type, node.type], 0)

    def fold_type(self, node: ast.Fold, first: Type, second: Type) -> Type:
        if node.kind in ("all", "exists", "exists_one"):
            return types.BOOL
        if node.kind == "filter":
            return types.list_of(second if self.bindings.resolve(node.range.type).kind == "list" else first)
        made = self.bindings.resolve(node.result.type) if node.result is not None else DYN
        if node.kind in ("map", "transformList"):
            return types.list_of(made)
        if node.kind == "transformMap":
            return types.map_of(first, made)
        if made.kind not in ("map", "dyn", "error"):
            return self.mismatch(node.position, types.map_of(DYN, DYN), made)
        return made if made.kind == "map" else types.map_of(DYN, DYN)

    def bind(self, node: ast.Bind) -> ast.Node:
        node.init = self.visit(node.init)
        node.body = self.within({node.variable: node.init.type}, node.body)
        node.type = node.body.type
        return node

    def optional_map(self, node: ast.OptionalMap) -> ast.Node:
        node.target = self.visit(node.target)
        given = self.bindings.resolve(node.target.type)
        if not types.is_optional(given) and given.kind not in ("dyn", "error"):
            name = "optFlatMap" if node.flat else "optMap"
            node.type = self.report(node.position, f"found no matching overload for '{name}' applied to '{given}'")
            return node
        inner = given.params[0] if given.params else DYN
        node.body = self.within({node.variable: inner}, node.body)
        made = self.bindings.resolve(node.body.type)
        if not node.flat:
            node.type = types.optional_of(made)
        elif types.is_optional(made) or made.kind in ("dyn", "error"):
            node.type = made
        else:
            node.type = self.mismatch(node.body.position, types.optional_of(made), made)
        return node

"""The type of every node, or why there is none.

What: resolves names, fields and overloads, and types macros. Why: an expression that cannot work is refused when it
is written. Flow: `Checker(environment, text).check(tree)` gives the tree back, with types and candidate overloads, or
raises CompileError. Texts are those of cel-go's checker/errors.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from kubelite.machinery.cel import ast, literals, types
from kubelite.machinery.cel.checkfolds import FoldChecks
from kubelite.machinery.cel.declarations import Overload
from kubelite.machinery.cel.errors import CompileError, Issue
from kubelite.machinery.cel.types import DYN, ERROR, Bindings, Type
from kubelite.machinery.cel.values import TypeValue

_LONGEST_NAME = 4
"""No name of a type or a function has more dots."""


class Scope(Protocol):
    """What the checker asks an environment."""

    variables: Mapping[str, Type]
    functions: Mapping[str, list[Overload]]
    type_names: Mapping[str, Type]

    def struct(self, name: str) -> Type | None:
        """The type of a message literal."""


class Checker(FoldChecks):
    """Checks one expression."""

    def __init__(self, environment: Scope, text: str) -> None:
        self.environment = environment
        self.text = text
        self.issues: list[Issue] = []
        self.bindings = Bindings()
        self.locals: list[dict[str, Type]] = []
        self.visits: dict[type, Callable[[Any], ast.Node]] = {
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

    def check(self, tree: ast.Node) -> ast.Node:
        """The checked tree."""
        try:
            checked = self.visit(tree)
        except RecursionError:
            raise CompileError(self.text, [Issue(0, "expression is nested too deeply")]) from None
        if self.issues:
            raise CompileError(self.text, self.issues)
        checked.type = self.bindings.resolve(checked.type, drop=True)
        return checked

    def visit(self, node: ast.Node) -> ast.Node:
        return self.visits[type(node)](node)

    def report(self, position: int, message: str) -> Type:
        self.issues.append(Issue(position, message))
        return ERROR

    def mismatch(self, position: int, expected: Type, found: Type) -> Type:
        resolve = self.bindings.resolve
        return self.report(position, f"expected type '{resolve(expected)}' but found '{resolve(found)}'")

    def literal(self, node: ast.Literal) -> ast.Node:
        return node

    def lookup(self, name: str) -> Type | None:
        if name.startswith("."):
            return self.environment.variables.get(name[1:])
        for scope in reversed(self.locals):
            if name in scope:
                return scope[name]
        return self.environment.variables.get(name)

    def ident(self, node: ast.Ident) -> ast.Node:
        found = self.lookup(node.name)
        if found is not None:
            node.type = found
            return node
        return self.type_name(node.name, node.position) or self.undeclared(node, node.name)

    def type_name(self, name: str, position: int) -> ast.Node | None:
        named = self.environment.type_names.get(name.removeprefix("."))
        if named is None:
            return None
        return ast.Literal(position=position, value=TypeValue(name.removeprefix(".")), type=types.type_of(named))

    def undeclared(self, node: ast.Node, name: str) -> ast.Node:
        node.type = self.report(node.position, f"undeclared reference to '{name}' (in container '')")
        return node

    def qualified(self, node: ast.Node) -> str | None:
        """`a.b.c` if the node is that and `a` is no variable."""
        names: list[str] = []
        while isinstance(node, ast.Select) and not node.test and not node.optional:
            names.append(node.field)
            node = node.operand
            if len(names) > _LONGEST_NAME:
                return None
        if not isinstance(node, ast.Ident) or self.lookup(node.name) is not None:
            return None
        return ".".join([node.name, *reversed(names)])

    def dotted(self, node: ast.Select) -> ast.Node | None:
        """The variable `a.b`, where there is one beside the variable `a`."""
        head = node.operand
        if not isinstance(head, ast.Ident) or any(head.name in scope for scope in self.locals):
            return None
        name = f"{head.name}.{node.field}"
        found = self.environment.variables.get(name)
        return None if found is None else ast.Ident(position=node.position, name=name, type=found)

    def select(self, node: ast.Select) -> ast.Node:
        if not node.test and not node.optional:
            name = self.qualified(node)
            named = self.type_name(name, node.position) if name else self.dotted(node)
            if named is not None:
                return named
        node.operand = self.visit(node.operand)
        given = self.bindings.resolve(node.operand.type)
        wrapped = types.is_optional(given)
        field = self.field_type(node, given.params[0] if wrapped else given)
        if node.test:
            node.type = types.BOOL
        else:
            node.type = types.optional_of(field) if wrapped or node.optional else field
        return node

    def field_type(self, node: ast.Select, operand: Type) -> Type:
        """The type of `node.field` of a value of type `operand`."""
        if isinstance(operand, types.ObjectType):
            field = operand.fields.get(node.field)
            if field is None:
                return self.report(node.position, f"undefined field '{node.field}'")
            return field.type
        if operand.kind == "map":
            return operand.params[1]
        if operand.kind in ("dyn", "error", "param"):
            return DYN if operand.kind != "error" else ERROR
        return self.report(node.position, f"type '{operand}' does not support field selection")

    def call(self, node: ast.Call) -> ast.Node:
        name = node.function
        if node.target is not None:
            prefix = self.qualified(node.target)
            full = f"{prefix}.{name}".removeprefix(".") if prefix else ""
            if full in self.environment.functions:
                node.function, node.target = full, None
        if node.target is None:
            node.function = node.function.removeprefix(".")
        if node.target is not None:
            node.target = self.visit(node.target)
        node.args = [self.visit(arg) for arg in node.args]
        if node.function not in self.environment.functions:
            return self.undeclared(node, node.function)
        given = [operand.type for operand in node.operands]
        node.type, node.overloads = self.resolve(node.position, node.function, given, node.target is not None)
        if node.function == "type" and len(given) == 1:
            node.type = types.type_of(given[0])
        problem = literals.problem(node)
        if problem is not None:
            self.report(*problem)
        return node

    def resolve(self, position: int, name: str, given: list[Type], member: bool) -> tuple[Type, list[Overload]]:
        """The result of calling `name` and the overloads it may be at run time."""
        if any(kind.kind == "error" for kind in given):
            return ERROR, []
        result: Type | None = None
        found = []
        for overload in self.environment.functions.get(name, ()):
            if overload.member != member or len(overload.params) != len(given):
                continue
            *wanted, returned = self.bindings.instantiate((*overload.params, overload.result))
            if not self.bindings.assignable(tuple(wanted), tuple(given)):
                continue
            found.append(overload)
            returned = self.bindings.resolve(returned)
            result = returned if result is None or result == returned else DYN
        if result is None:
            return self.report(position, self.no_overload(name, given, member)), []
        return result, found

    def no_overload(self, name: str, given: list[Type], member: bool) -> str:
        shown = [str(self.bindings.resolve(kind, drop=True)) for kind in given]
        applied = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
        return f"found no matching overload for '{name}' applied to '{applied}'"

    def boolean(self, position: int, name: str, given: list[Type], which: int) -> Type:
        """BOOL, or an issue if the operand at `which` is not one."""
        kind = self.bindings.resolve(given[which])
        if kind.kind == "error":
            return ERROR
        if self.bindings.assignable((types.BOOL,), (kind,)):
            return types.BOOL
        return self.report(position, self.no_overload(name, given, False))

    def logic(self, node: ast.Logic) -> ast.Node:
        node.terms = [self.visit(term) for term in node.terms]
        name = "_||_" if node.disjunction else "_&&_"
        node.type = types.BOOL
        left = node.terms[0].type
        for term, place in zip(node.terms[1:], node.places, strict=True):
            pair = [left, term.type]
            for which in (0, 1):
                if self.boolean(place, name, pair, which) is ERROR:
                    node.type = ERROR
                    break
            left = types.BOOL if node.type is not ERROR else ERROR
        return node

    def conditional(self, node: ast.Conditional) -> ast.Node:
        node.condition, node.yes, node.no = (self.visit(part) for part in (node.condition, node.yes, node.no))
        node.type, _ = self.resolve(node.position, "_?_:_", [node.condition.type, node.yes.type, node.no.type], False)
        return node

    def join(self, known: Type | None, given: Type, position: int) -> Type:
        """The type of the elements so far and one more: all must be the same."""
        if known is None:
            return given
        if self.bindings.assignable((known,), (given,)):
            return DYN if DYN in (known, given) else known
        if known is ERROR or given is ERROR:
            return ERROR
        return self.mismatch(position, known, given)

    def element(self, value: ast.Node, optional: bool) -> Type:
        kind = self.bindings.resolve(value.type)
        if not optional or kind.kind in ("dyn", "error"):
            return kind
        if types.is_optional(kind):
            return kind.params[0]
        return self.mismatch(value.position, types.optional_of(kind), kind)

    def list(self, node: ast.ListNode) -> ast.Node:
        node.items = [self.visit(item) for item in node.items]
        joined: Type | None = None
        for index, item in enumerate(node.items):
            joined = self.join(joined, self.element(item, index in node.optional), item.position)
        node.type = ERROR if joined is ERROR else types.list_of(joined or self.bindings.fresh())
        return node

    def map(self, node: ast.MapNode) -> ast.Node:
        keys: Type | None = None
        values: Type | None = None
        for entry in node.entries:
            entry.key, entry.value = self.visit(entry.key), self.visit(entry.value)
            keys = self.join(keys, entry.key.type, entry.key.position)
            values = self.join(values, self.element(entry.value, entry.optional), entry.value.position)
        if ERROR in (keys, values):
            node.type = ERROR
        else:
            node.type = types.map_of(keys or self.bindings.fresh(), values or self.bindings.fresh())
        return node

    def struct(self, node: ast.Struct) -> ast.Node:
        made = self.environment.struct(node.name.removeprefix("."))
        for entry in node.entries:
            entry.value = self.visit(entry.value)
        if made is None:
            return self.undeclared(node, node.name)
        node.type = made
        known = made.fields if isinstance(made, types.ObjectType) else {}
        for entry in node.entries:
            field = known.get(entry.key)
            if field is None:
                self.report(entry.position, f"undefined field '{entry.key}'")
                continue
            given = self.element(entry.value, entry.optional)
            if given is not ERROR and not self.bindings.assignable((field.type,), (given,)):
                wanted, found = self.bindings.resolve(field.type), self.bindings.resolve(given)
                text = f"expected type of field '{entry.key}' is '{wanted}' but provided type is '{found}'"
                self.report(entry.position, text)
        return node

"""Calls that are no functions: has, all, exists, exists_one, map, filter, their forms with two variables, bind, optMap.

What: recognises a macro by its name and number of arguments and makes its node. Why: a macro sees its arguments
unevaluated. Flow: the parser asks for each call; None means an ordinary call. Texts are those of cel-go's
parser/macro.go and ext.
"""

from __future__ import annotations

from collections.abc import Callable

from kubelite.machinery.cel import ast

Complain = Callable[[int, str], ast.Node]

_ONE = {("all", 2), ("exists", 2), ("exists_one", 2), ("existsOne", 2), ("map", 2), ("map", 3), ("filter", 2)}
_TWO = {("all", 3), ("exists", 3), ("exists_one", 3), ("existsOne", 3)} | {
    (name, count) for name in ("transformList", "transformMap", "transformMapEntry") for count in (3, 4)
}
_PREDICATES = frozenset({"all", "exists", "exists_one", "existsOne", "filter"})


def call(complain: Complain, position: int, name: str, args: list[ast.Node]) -> ast.Node | None:
    """The macro that a call without target is, if it is one."""
    if name != "has" or len(args) != 1:
        return None
    argument = args[0]
    if not isinstance(argument, ast.Select) or argument.test or argument.optional:
        return complain(argument.position, "invalid argument to has() macro")
    return ast.Select(position=position, operand=argument.operand, field=argument.field, test=True)


def member(
    complain: Complain, position: int, target: ast.Node, name: str, args: list[ast.Node], extra: frozenset[str]
) -> ast.Node | None:
    """The macro that a call with a target is, if it is one."""
    if (
        name == "bind"
        and len(args) == 3
        and "bindings" in extra
        and isinstance(target, ast.Ident)
        and target.name == "cel"
    ):
        if not isinstance(args[0], ast.Ident):
            return complain(args[0].position, "cel.bind() variable names must be simple identifiers")
        return ast.Bind(position=position, variable=args[0].name, init=args[1], body=args[2])
    if name in ("optMap", "optFlatMap") and len(args) == 2:
        if not isinstance(args[0], ast.Ident):
            return complain(args[0].position, f"{name}() variable name must be a simple identifier")
        flat = name == "optFlatMap"
        return ast.OptionalMap(position=position, variable=args[0].name, target=target, body=args[1], flat=flat)
    if name == "sortBy" and len(args) == 2:
        keys = _fold(complain, position, target, "map", args, 1)
        return ast.Call(position=position, function="@sortByAssociatedKeys", target=target, args=[keys])
    if (name, len(args)) in _ONE:
        return _fold(complain, position, target, name, args, 1)
    if (name, len(args)) in _TWO:
        return _fold(complain, position, target, name, args, 2)
    return None


def _fold(complain: Complain, position: int, target: ast.Node, name: str, args: list[ast.Node], count: int) -> ast.Node:
    names: list[str] = []
    for argument in args[:count]:
        if not isinstance(argument, ast.Ident) or argument.name.startswith("."):
            return complain(argument.position, "argument must be a simple name")
        if argument.name in ("__result__", "@result"):
            return complain(argument.position, "iteration variable overwrites accumulator variable")
        if argument.name in names:
            return complain(argument.position, f"duplicate variable name: {argument.name}")
        names.append(argument.name)
    rest = args[count:]
    kind = "exists_one" if name == "existsOne" else name
    if name in _PREDICATES:
        return ast.Fold(position=position, kind=kind, range=target, variables=names, condition=rest[0], result=None)
    condition = rest[0] if len(rest) == 2 else None
    return ast.Fold(position=position, kind=kind, range=target, variables=names, condition=condition, result=rest[-1])

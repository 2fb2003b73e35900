"""Checks of constant arguments.

What: durations, times and patterns written as literals are parsed when the expression is. Why: otherwise a rule would
fail at its first use. Flow: the checker asks about each call. Texts follow cel-go's cel/validator.go.
"""

from __future__ import annotations

from kubelite.machinery.cel import ast, patterns
from kubelite.machinery.cel.values import parse_duration, parse_timestamp


def problem(node: ast.Call) -> tuple[int, str] | None:
    """The place and the text of what is wrong with a literal argument, if anything."""
    if node.function in ("duration", "timestamp") and len(node.args) == 1 and node.target is None:
        argument = node.args[0]
        if not isinstance(argument, ast.Literal) or not isinstance(argument.value, str):
            return None
        try:
            if node.function == "duration":
                parse_duration(argument.value)
            else:
                parse_timestamp(argument.value)
        except ValueError:
            return argument.position, f"invalid {node.function} argument"
    if node.function == "matches" and node.args:
        argument = node.args[-1]
        if isinstance(argument, ast.Literal) and isinstance(argument.value, str) and patterns.error(argument.value):
            return argument.position, "invalid matches argument"
    return None

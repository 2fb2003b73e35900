"""`'%s is %d'.format([...])` and quoted strings.

What: the clauses %s %d %f %e %b %x %X %o %% with a precision. Why: messages of rules are made with it. Flow: used by
the strings library. Texts follow cel-go's ext/formatting.go.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.numbers import double_text
from kubelite.machinery.cel.values import Duration, Timestamp, TypeValue, type_name

_CLAUSE = re.compile(r"%(%|(?:\.(\d{1,3}))?([a-zA-Z])|.?)", re.DOTALL)
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}


def quote(text: str) -> str:
    """The text in double quotes, with what is special escaped."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def _wrong(clause: str, value: Any, allowed: str) -> EvaluationError:
    return EvaluationError(
        f"error during formatting: {clause} clause can only be used on {allowed}, was given {type_name(value)}"
    )


def _infinite(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return None


def _string(value: Any, _: int | None = None) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case str():
            return value
        case int():
            return str(int(value))
        case float():
            return _infinite(value) or double_text(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case list():
            return f"[{', '.join(_string(item) for item in value)}]"
        case dict():
            pairs = sorted((_string(key), _string(item)) for key, item in value.items())
            return "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
        case Duration() | Timestamp() | TypeValue():
            return str(value)
    raise _wrong("string", value, "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps")


def _whole(value: Any, _: int | None) -> str:
    if isinstance(value, float) and (special := _infinite(value)) is not None:
        return special
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong("decimal", value, "integers")
    return str(int(value))


def _number(clause: str, value: Any) -> float:
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(clause, value, "doubles")
    return float(value)


def _fixed(value: Any, precision: int | None) -> str:
    number = _number("fixed-point", value)
    return _infinite(number) or f"{number:.{6 if precision is None else precision}f}"


def _scientific(value: Any, precision: int | None) -> str:
    number = _number("scientific", value)
    return _infinite(number) or f"{number:.{6 if precision is None else precision}e}"


def _based(name: str, form: str) -> Callable[[Any, int | None], str]:
    def run(value: Any, _: int | None) -> str:
        if isinstance(value, bool) and form == "b":
            return "1" if value else "0"
        if isinstance(value, int) and not isinstance(value, bool):
            return format(int(value), form)
        data = value.encode() if isinstance(value, str) else value
        if isinstance(data, bytes) and form in "xX":
            return data.hex().upper() if form == "X" else data.hex()
        raise _wrong(name, value, "integers" + (", byte buffers, and strings" if form in "xX" else ""))

    return run


_CLAUSES: dict[str, Callable[[Any, int | None], str]] = {
    "s": _string,
    "d": _whole,
    "f": _fixed,
    "e": _scientific,
    "b": _based("binary", "b"),
    "x": _based("hex", "x"),
    "X": _based("hex", "X"),
    "o": _based("octal", "o"),
}


def format_text(template: str, args: list[Any]) -> str:
    """The template with its clauses replaced by the arguments in turn."""
    used = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal used
        if found[1] == "%":
            return "%"
        if not found[3]:
            raise EvaluationError("error during formatting: unexpected end of string")
        clause = _CLAUSES.get(found[3])
        if clause is None:
            raise EvaluationError(f'could not parse formatting clause: unrecognized formatting clause "{found[3]}"')
        if used >= len(args):
            raise EvaluationError(f"index {used} out of range")
        used += 1
        return clause(args[used - 1], int(found[2]) if found[2] else None)

    return _CLAUSE.sub(replace, template)

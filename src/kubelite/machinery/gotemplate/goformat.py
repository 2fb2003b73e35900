"""Values as Go's fmt writes them.

What: `show` is the verb %v, `sprint`, `sprintln` and `sprintf` are fmt's functions. Why: a template prints maps, lists and
numbers in Go's way. Flow: decoded JSON in, text out; int is Go's int64, float is float64. Rules: pkg.go.dev/fmt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*)?)?(?P<verb>.)", re.DOTALL)


class Int(int):
    """A constant of a template is an int, a whole number of JSON an int64."""


def show(value: Any) -> str:
    """%v of a value."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{show(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(show(one) for one in value) + "]"
    return str(value)


def number(value: float) -> str:
    """%v of a float64: the shortest digits, with an exponent from 1e+06 up and below 1e-04."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, power = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    exponent = len(text) - 1 + int(power)
    minus = "-" if sign else ""
    if value and not -4 <= exponent < 6:
        point = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{point}e{exponent:+03d}"
    return minus + format(abs(Decimal(repr(value)).normalize()), "f")


def type_name(value: Any) -> str:
    """Go's name of a decoded value's type."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    names = {
        Int: "int",
        int: "int64",
        float: "float64",
        str: "string",
        list: "[]interface {}",
        dict: "map[string]interface {}",
    }
    return names.get(type(value), "interface {}")


def sprint(values: Sequence[Any]) -> str:
    """fmt.Sprint: a space between two operands of which neither is a string."""
    text = ""
    for place, value in enumerate(values):
        if place and not isinstance(value, str) and not isinstance(values[place - 1], str):
            text += " "
        text += show(value)
    return text


def sprintln(values: Sequence[Any]) -> str:
    return " ".join(show(value) for value in values) + "\n"


def sprintf(form: str, values: Sequence[Any]) -> str:
    """fmt.Sprintf with Go's notes about operands that do not fit."""
    used = 0

    def replace(match: re.Match[str]) -> str:
        nonlocal used
        verb = match["verb"]
        if verb == "%":
            return "%"
        numbers = []
        for name in ("width", "precision"):
            asked = match[name]
            if asked == "*":
                asked = str(int(values[used])) if used < len(values) else None
                used += 1
            numbers.append(None if asked is None else int(asked))
        if used >= len(values):
            return f"%!{verb}(MISSING)"
        value = values[used]
        used += 1
        return _pad(_verb(verb, match["flags"], numbers[1], value), match["flags"], numbers[0], value)

    text = _VERB.sub(replace, form)
    if used < len(values):
        extra = ", ".join(f"{type_name(one)}={show(one)}" if one is not None else "<nil>" for one in values[used:])
        text += f"%!(EXTRA {extra})"
    return text


def _verb(verb: str, flags: str, precision: int | None, value: Any) -> str:
    if verb == "v":
        return _sharp(value) if "#" in flags else show(value)
    if verb == "T":
        return type_name(value)
    if isinstance(value, dict) and verb in "sdqx":
        return (
            "map["
            + " ".join(
                f"{_verb(verb, flags, precision, key)}:{_verb(verb, flags, precision, value[key])}"
                for key in sorted(value)
            )
            + "]"
        )
    if isinstance(value, list) and verb in "sdqxf":
        return "[" + " ".join(_verb(verb, flags, precision, one) for one in value) + "]"
    if isinstance(value, str):
        if verb in "sq":
            shown = value if precision is None else value[:precision]
            return shown if verb == "s" else quoted(shown)
        if verb in "xX":
            return value.encode().hex() if verb == "x" else value.encode().hex().upper()
    if verb == "t" and isinstance(value, bool):
        return show(value)
    if isinstance(value, int) and not isinstance(value, bool) and verb in "dxXobcqU":
        return _integer(verb, flags, value)
    if isinstance(value, float) and verb in "feEgGF":
        text = (
            number(value)
            if verb in "gG" and precision is None
            else f"{value:.{6 if precision is None else precision}{verb}}"
        )
        return f"+{text}" if "+" in flags and value >= 0 else text
    return f"%!{verb}({type_name(value)}={show(value)})" if value is not None else f"%!{verb}(<nil>)"


def _integer(verb: str, flags: str, value: int) -> str:
    if verb == "c":
        return chr(value)
    if verb == "q":
        return f"'{chr(value)}'"
    if verb == "U":
        return f"U+{value:04X}"
    text = format(value, verb)
    return f"+{text}" if "+" in flags and value >= 0 else text


def _pad(text: str, flags: str, width: int | None, value: Any) -> str:
    if width is None or len(text) >= width:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and not isinstance(value, str):
        return text.zfill(width)
    return text.rjust(width)


def _sharp(value: Any) -> str:
    """%#v."""
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(_sharp(one) for one in value) + "}"
    if isinstance(value, dict):
        inside = ", ".join(f"{quoted(key)}:{_sharp(value[key])}" for key in sorted(value))
        return "map[string]interface {}{" + inside + "}"
    return "interface {}(nil)" if value is None else show(value)


def quoted(text: str) -> str:
    """%q of a string."""
    return json.dumps(text, ensure_ascii=False)

"""The keywords of a schema that judge a value by itself: lengths, bounds, patterns, formats, enumerations.

What: `checks_of(schema)` gives the functions that check a value, by its JSON type. Why: a keyword is looked at once, when
a schema is first used. Flow: `values` calls them with (value, path, errors). Words as in kube-openapi/pkg/validation/errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from kubelite.machinery.fielderrors import FieldError, shown
from kubelite.machinery.structural import formats, patterns

Check = Callable[[Any, str, list[FieldError]], None]
NUMBERS = ("integer", "number")
ALL = ("string", "integer", "number", "boolean", "array", "object", "null")


def checks_of(raw: dict[str, Any]) -> dict[str, list[Check]]:
    """JSON type → checks, in upstream's order: strings, formats, numbers, sizes, enumeration."""
    found: dict[str, list[Check]] = {}

    def add(types: tuple[str, ...], check: Check) -> None:
        for name in types:
            found.setdefault(name, []).append(check)

    _strings(raw, add)
    _numbers(raw, add)
    _sizes(raw, add)
    if raw.get("enum"):
        add(ALL, _enum(raw["enum"]))
    return found


Add = Callable[[tuple[str, ...], Check], None]


def _invalid(path: str, value: Any, text: str) -> FieldError:
    return FieldError("FieldValueInvalid", path or "<nil>", f"Invalid value: {shown(value)}: {path} in body {text}")


def _strings(raw: dict[str, Any], add: Add) -> None:
    longest, shortest, pattern, name = (raw.get(key) for key in ("maxLength", "minLength", "pattern", "format"))
    if longest is not None:

        def not_longer(value: Any, path: str, out: list[FieldError]) -> None:
            if len(value) > longest:
                unit = "byte" if longest == 1 else "bytes"
                text = f"Too long: may not be more than {longest} {unit}"
                out.append(FieldError("FieldValueTooLong", path, text))

        add(("string",), not_longer)
    if shortest:

        def not_shorter(value: Any, path: str, out: list[FieldError]) -> None:
            if len(value) < shortest:
                out.append(_invalid(path, value, f"should be at least {shortest} chars long"))

        add(("string",), not_shorter)
    if pattern:
        matches = patterns.searcher(pattern)

        def matching(value: Any, path: str, out: list[FieldError]) -> None:
            if not matches(value):
                out.append(_invalid(path, value, f"should match '{pattern}'"))

        add(("string",), matching)
    if name:
        _format(name, add)


def _format(name: str, add: Add) -> None:
    known = formats.checker(name)
    if known is not None:

        def formatted(value: Any, path: str, out: list[FieldError]) -> None:
            if not known(value):
                text = f"Invalid value: {shown(value)}: {path} in body must be of type {name}: {shown(value)}"
                out.append(FieldError("FieldValueTypeInvalid", path, text))

        add(("string",), formatted)


def _numbers(raw: dict[str, Any], add: Add) -> None:
    step = raw.get("multipleOf")
    if step:

        def multiple(value: Any, path: str, out: list[FieldError]) -> None:
            if not _is_multiple(value, step):
                out.append(_invalid(path, value, f"should be a multiple of {go_number(step)}"))

        add(NUMBERS, multiple)
    if raw.get("maximum") is not None:
        add(NUMBERS, _bound(raw["maximum"], bool(raw.get("exclusiveMaximum")), "less"))
    if raw.get("minimum") is not None:
        add(NUMBERS, _bound(raw["minimum"], bool(raw.get("exclusiveMinimum")), "greater"))
    width = {"int32": 31, "int64": 63}.get(raw.get("format") or "")
    if width and raw.get("type") == "integer":

        def wide_enough(value: Any, path: str, out: list[FieldError]) -> None:
            if not -(2**width) <= value < 2**width:
                out.append(_invalid(path, value, f"must be of type integer with format {raw['format']}"))

        add(NUMBERS, wide_enough)


def _bound(limit: float, exclusive: bool, word: str) -> Check:
    sign = 1 if word == "less" else -1
    text = f"should be {word} than {'' if exclusive else 'or equal to '}{go_number(limit)}"

    def check(value: Any, path: str, out: list[FieldError]) -> None:
        if (value - limit) * sign > 0 or (exclusive and value == limit):
            out.append(_invalid(path, value, text))

    return check


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and float(step).is_integer():
        return value % int(step) == 0
    try:
        quotient = value / step
        return math.isclose(quotient, round(quotient), rel_tol=1e-12, abs_tol=1e-12)
    except OverflowError:  # too large for a float: nobody can tell
        return False


def _sizes(raw: dict[str, Any], add: Add) -> None:
    words = {"Items": ("array", "items"), "Properties": ("object", "properties")}
    for suffix, (type_, noun) in words.items():
        most, least = raw.get(f"max{suffix}"), raw.get(f"min{suffix}")
        if most is not None:
            add((type_,), _at_most(most))
        if least:
            add((type_,), _at_least(least, noun))


def _at_most(most: int) -> Check:
    unit = "item" if most == 1 else "items"

    def check(value: Any, path: str, out: list[FieldError]) -> None:
        if len(value) > most:
            text = f"Too many: {len(value)}: must have at most {most} {unit}"
            out.append(FieldError("FieldValueTooMany", path or "<nil>", text))

    return check


def _at_least(least: int, noun: str) -> Check:
    def check(value: Any, path: str, out: list[FieldError]) -> None:
        if len(value) < least:
            out.append(_invalid(path, len(value), f"should have at least {least} {noun}"))

    return check


def _enum(allowed: list[Any]) -> Check:
    encode = msgspec.json.Encoder(order="deterministic").encode
    encoded = {encode(one) for one in allowed}
    names = ", ".join(shown(one if isinstance(one, str) else encode(one).decode()) for one in allowed)

    def check(value: Any, path: str, out: list[FieldError]) -> None:
        plain = int(value) if isinstance(value, float) and value.is_integer() else value
        if encode(value) not in encoded and encode(plain) not in encoded:
            text = f"Unsupported value: {shown(value)}: supported values: {names}"
            out.append(FieldError("FieldValueNotSupported", path or "<nil>", text))

    return check


def go_number(value: float) -> str:
    """A number as Go's %v prints a float64: 10, 0.5, 1e+06."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    if -4 <= exponent < 21 and float(value).is_integer() and exponent < 6:
        return str(int(value))
    if -4 <= exponent < 6:
        return repr(float(value))
    mantissa, _, power = f"{float(value)!r}".partition("e")
    if not power:
        digits = str(int(value)) if float(value).is_integer() else f"{value!r}"
        digits = digits.lstrip("-").replace(".", "").strip("0") or "0"
        mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
        mantissa = f"-{mantissa}" if value < 0 else mantissa
        power = str(exponent)
    sign = "-" if power.startswith("-") else "+"
    return f"{mantissa}e{sign}{power.lstrip('+-').zfill(2)}"

"""Conversions between numbers and to and from text.

What: int(), uint() and double() of anything, and doubles printed as Go prints them. Why: ranges are those of 64 bits,
texts those of Go. Flow: used by the standard library and by format().
"""

from __future__ import annotations

import math
import re

from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.lexer import INT_MAX, INT_MIN, UINT_MAX
from kubelite.machinery.cel.values import Uint

_INT = re.compile(r"[+-]?[0-9]{1,40}")
_UINT = re.compile(r"[0-9]{1,40}")
_DOUBLE = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)


def _conversion(text: str, kind: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from 'string' to '{kind}': invalid syntax: {text[:64]}")


def to_int(value: float) -> int:
    """A number as int; doubles are cut."""
    if isinstance(value, float):
        # The largest doubles below 2^63 only: the bounds themselves are out of range, as in cel-go.
        if not -(2.0**63) < value < 2.0**63:
            raise EvaluationError("integer overflow")
        return int(value)
    if value > INT_MAX:
        raise EvaluationError("integer overflow")
    return int(value)


def to_uint(value: float) -> Uint:
    """A number as uint; doubles are cut."""
    if isinstance(value, float) and (math.isnan(value) or value < 0 or value >= 2.0**64):
        raise EvaluationError("unsigned integer overflow")
    if value < 0:
        raise EvaluationError("unsigned integer overflow")
    return Uint(value)


def parse_int(text: str) -> int:
    """A decimal text as int."""
    if not _INT.fullmatch(text):
        raise _conversion(text, "int")
    value = int(text)
    if not INT_MIN <= value <= INT_MAX:
        raise EvaluationError(f"type conversion error from 'string' to 'int': value out of range: {text}")
    return value


def parse_uint(text: str) -> Uint:
    """A decimal text as uint."""
    if not _UINT.fullmatch(text) or int(text) > UINT_MAX:
        raise _conversion(text, "uint")
    return Uint(text)


def parse_double(text: str) -> float:
    """A text as double."""
    if not _DOUBLE.fullmatch(text):
        raise _conversion(text, "double")
    return float(text)


def double_text(value: float) -> str:
    """A double as Go's %g prints it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, power = f"{value!r}".lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    point = len(whole) + int(power or "0") - leading
    digits = digits.rstrip("0")
    if point - 1 < -4 or point - 1 >= 6:
        body = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        return f"{sign}{body}e{'-' if point <= 0 else '+'}{abs(point - 1):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"

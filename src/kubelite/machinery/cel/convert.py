"""From JSON values to the values their schema means.

What: what has to be done to data of a type when an expression reads it: dates and durations are strings in JSON,
bytes base64, and whole doubles may be ints. Why: `self.at < timestamp(...)` compares times. Flow: `converter(type)`
is a function or None.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.types import Type
from kubelite.machinery.cel.values import Timestamp, parse_duration, parse_timestamp

Change = Callable[[Any], Any]


def _double(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _int(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    return value


def _timestamp(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_timestamp(value if len(value) > 10 else f"{value}T00:00:00Z")
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return parse_duration(value)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise EvaluationError("illegal base64 data") from None


_SCALARS: dict[str, Change] = {
    "double": _double,
    "int": _int,
    "timestamp": _timestamp,
    "duration": _duration,
    "bytes": _bytes,
}


def converter(kind: Type) -> Change | None:
    """What makes a value of the type of its JSON form; None if that is the value."""
    scalar = _SCALARS.get(kind.kind)
    if scalar is not None:
        return scalar
    if kind.kind not in ("list", "map") or kind.params[-1].kind == "int":
        return None
    change = converter(kind.params[-1])
    if change is None:
        return None
    inner = change
    if kind.kind == "list":
        return lambda items: [inner(item) for item in items] if isinstance(items, list) else items
    return lambda items: {key: inner(value) for key, value in items.items()} if isinstance(items, dict) else items


def plain(value: Any) -> Any:
    """The JSON form of a value of an expression."""
    if isinstance(value, Timestamp) or type(value).__name__ == "Duration":
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value

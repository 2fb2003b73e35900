"""Durations and timestamps.

What: their conversions, arithmetic and accessors, with time zones by name or offset. Why: rules compare times of
objects. Flow: a library of its own beside the standard one. Ranges and accessors follow cel-go's
common/types/timestamp.go and duration.go.
"""

from __future__ import annotations

import datetime
import re
import zoneinfo
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from kubelite.machinery.cel.declarations import Library
from kubelite.machinery.cel.errors import EvaluationError
from kubelite.machinery.cel.values import NANO, Duration, Timestamp, parse_duration, parse_timestamp

_OFFSET = re.compile(r"([+-]?)(\d\d?):(\d\d)", re.ASCII)


@lru_cache(maxsize=256)
def _zone(name: str) -> datetime.tzinfo:
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        if minutes < 24 * 60:
            return datetime.timezone(datetime.timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if name in ("", "UTC"):
        return datetime.UTC
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise EvaluationError(f"unknown time zone {name}") from None


def _duration(text: str) -> Duration:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _timestamp(text: str) -> Timestamp:
    try:
        return parse_timestamp(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from None


def _whole(value: int, unit: int) -> int:
    """Division that cuts."""
    return -(-value // unit) if value < 0 else value // unit


def _field(get: Callable[[datetime.datetime], int]) -> Callable[..., int]:
    def run(moment: Timestamp, zone: str = "") -> int:
        try:
            return get(moment.datetime(_zone(zone)))
        except OverflowError:
            raise EvaluationError("timestamp overflow") from None

    return run


_FIELDS: dict[str, Callable[[datetime.datetime], int]] = {
    "getFullYear": lambda moment: moment.year,
    "getMonth": lambda moment: moment.month - 1,
    "getDayOfYear": lambda moment: moment.timetuple().tm_yday - 1,
    "getDayOfMonth": lambda moment: moment.day - 1,
    "getDate": lambda moment: moment.day,
    "getDayOfWeek": lambda moment: (moment.weekday() + 1) % 7,
    "getHours": lambda moment: moment.hour,
    "getMinutes": lambda moment: moment.minute,
    "getSeconds": lambda moment: moment.second,
    "getMilliseconds": lambda moment: moment.microsecond // 1000,
}
_SPANS = {"getHours": 3600 * NANO, "getMinutes": 60 * NANO, "getSeconds": NANO, "getMilliseconds": NANO // 1000}


def _span(unit: int) -> Callable[[Any], int]:
    return lambda span: _whole(span.nanos, unit)


def library() -> Library:
    """The library."""
    made = Library("time", types=("google.protobuf.Duration", "google.protobuf.Timestamp"))
    for name, get in _FIELDS.items():
        made.add(f"{name}: timestamp.() -> int", _field(get))
        made.add(f"{name}: timestamp.(string) -> int", _field(get))
    for name, unit in _SPANS.items():
        made.add(f"{name}: duration.() -> int", _span(unit))
    return made.add_all(
        [
            ("duration: (duration) -> duration", lambda span: span),
            ("duration: (int) -> duration", Duration),
            ("duration: (string) -> duration", _duration, "traverse"),
            ("timestamp: (timestamp) -> timestamp", lambda moment: moment),
            ("timestamp: (int) -> timestamp", lambda seconds: Timestamp(seconds * NANO)),
            ("timestamp: (string) -> timestamp", _timestamp, "traverse"),
            ("string: (duration) -> string", str),
            ("string: (timestamp) -> string", str),
            ("int: (duration) -> int", lambda span: span.nanos),
            ("int: (timestamp) -> int", lambda moment: moment.nanos // NANO),
            ("_+_: (duration, duration) -> duration", lambda a, b: Duration(a.nanos + b.nanos)),
            ("_+_: (timestamp, duration) -> timestamp", lambda a, b: Timestamp(a.nanos + b.nanos)),
            ("_+_: (duration, timestamp) -> timestamp", lambda a, b: Timestamp(a.nanos + b.nanos)),
            ("_-_: (duration, duration) -> duration", lambda a, b: Duration(a.nanos - b.nanos)),
            ("_-_: (timestamp, duration) -> timestamp", lambda a, b: Timestamp(a.nanos - b.nanos)),
            ("_-_: (timestamp, timestamp) -> duration", lambda a, b: Duration(a.nanos - b.nanos)),
        ]
    )

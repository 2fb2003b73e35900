"""Values that JSON has no type for: uint, duration, timestamp, optional and type values, and objects made in
expressions.

What: small immutable classes, and the parsing and printing of durations and times. Why: Go's ranges and texts, with
nanoseconds, which datetime lacks. Flow: functions of the libraries make them; `kubelite.machinery.cel.equality`
compares them.
"""

from __future__ import annotations

import datetime
import functools
import re
from typing import Any

from kubelite.machinery.cel.errors import EvaluationError

NANO = 10**9
_DURATION_MAX = 2**63 - 1
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": NANO, "m": 60 * NANO, "h": 3600 * NANO}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FIRST = -62135596800 * NANO
_LAST = 253402300799 * NANO + NANO - 1


class Uint(int):
    """An unsigned integer; a class of its own, for `1 == 1u` holds but `1 + 1u` is an error."""

    __slots__ = ()


@functools.total_ordering
class _Nanos:
    __slots__ = ("nanos",)

    def __init__(self, nanos: int) -> None:
        self.nanos = nanos

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.nanos == self.nanos

    def __lt__(self, other: Any) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self.nanos < other.nanos)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.nanos))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self})"


class Duration(_Nanos):
    """A span of time of at most 2^63-1 nanoseconds."""

    __slots__ = ()

    def __init__(self, nanos: int) -> None:
        if not -_DURATION_MAX - 1 <= nanos <= _DURATION_MAX:
            raise EvaluationError("integer overflow")
        super().__init__(nanos)

    def __str__(self) -> str:
        sign, nanos = ("-", -self.nanos) if self.nanos < 0 else ("", self.nanos)
        whole, rest = divmod(nanos, NANO)
        return f"{sign}{whole}.{rest:09d}".rstrip("0").rstrip(".") + "s"


def parse_duration(text: str) -> Duration:
    """A duration as Go writes it, such as 1h2m3.5s; raises ValueError."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return Duration(0)
    position, total = 0, 0
    while position < len(body):
        found = _PART.match(body, position)
        if found is None or not (found[1] or found[2]):
            raise ValueError(f"time: invalid duration {_quoted(text)}")
        unit, fraction = _UNITS[found[3]], found[2] or ""
        total += int(found[1] or "0") * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)
        position = found.end()
    if not body or total > _DURATION_MAX:
        raise ValueError(f"time: invalid duration {_quoted(text)}")
    return Duration(-total if text[:1] == "-" else total)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Timestamp(_Nanos):
    """A moment between the years 1 and 9999, in nanoseconds since 1970."""

    __slots__ = ()

    def __init__(self, nanos: int) -> None:
        if not _FIRST <= nanos <= _LAST:
            raise EvaluationError("timestamp overflow")
        super().__init__(nanos)

    def datetime(self, zone: datetime.tzinfo = datetime.UTC) -> datetime.datetime:
        """The moment as a datetime, without what is smaller than a microsecond."""
        return (_EPOCH + datetime.timedelta(microseconds=self.nanos // 1000)).astimezone(zone)

    def __str__(self) -> str:
        text = self.datetime().strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        rest = self.nanos % NANO
        return text + (f".{rest:09d}".rstrip("0") if rest else "") + "Z"


def parse_timestamp(text: str) -> Timestamp:
    """A time as RFC 3339 writes it; raises ValueError."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"cannot parse {_quoted(text)} as a timestamp")
    zone = "+00:00" if found[4] in "Zz" else found[4]
    moment = datetime.datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}")
    delta = moment - _EPOCH
    fraction = int((found[3] or "0")[:9].ljust(9, "0"))
    try:
        return Timestamp((delta.days * 86400 + delta.seconds) * NANO + fraction)
    except EvaluationError as error:
        raise ValueError(str(error)) from None


class Optional:
    """optional.of(value) or, without a value, optional.none()."""

    __slots__ = ("present", "value")

    def __init__(self, value: Any = None, present: bool = True) -> None:
        self.value = value
        self.present = present

    def __repr__(self) -> str:
        return f"optional.of({self.value!r})" if self.present else "optional.none()"


NONE = Optional(present=False)


class TypeValue:
    """What type(x) returns; equal if the names are."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypeValue) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return self.name

    __repr__ = __str__


class ObjectValue(dict[str, Any]):
    """A message made in an expression, such as Object.spec{...}; it has the name of its type."""

    __slots__ = ("type_name",)

    def __init__(self, type_name: str, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.type_name = type_name


class Opaque:
    """Base of the values of libraries: equal by `identity()`, named by `type_name`."""

    __slots__ = ()
    type_name = ""

    def identity(self) -> Any:
        """What two equal values have in common."""
        return self

    def __eq__(self, other: object) -> bool:
        return self is other or (type(other) is type(self) and bool(other.identity() == self.identity()))

    def __hash__(self) -> int:
        return hash(self.identity())


_NAMES: dict[type, str] = {
    bool: "bool", int: "int", Uint: "uint", float: "double", str: "string", bytes: "bytes", list: "list", dict: "map",
    type(None): "null_type", Duration: "google.protobuf.Duration", Timestamp: "google.protobuf.Timestamp",
    TypeValue: "type", Optional: "optional_type",
}  # fmt: skip


def type_name(value: Any) -> str:
    """The name of the type of a value."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    named = getattr(value, "type_name", "")
    if named:
        return str(named)
    return next((name for kind, name in _NAMES.items() if isinstance(value, kind)), "dyn")

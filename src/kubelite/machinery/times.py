"""Times on the wire: RFC 3339 seconds and microseconds, Go durations, and kubectl's short ages.

What: text ⇄ aware UTC datetimes. Why: objects carry times as text; comparisons and ages need values.
Flow: the caller's clock in, text out. Formats follow metav1.Time, metav1.MicroTime, Go's time.Duration and
apimachinery/pkg/util/duration.HumanDuration.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_DURATION = re.compile(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+\Z")
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def now_text(now: datetime) -> str:
    """`2026-01-02T03:04:05Z`, as creationTimestamp and conditions carry it."""
    if now.tzinfo is not UTC:
        now = now.astimezone(UTC)
    return f"{now.isoformat(timespec='seconds')[:19]}Z"


def micro_text(now: datetime) -> str:
    """`2026-01-02T03:04:05.000006Z`, as Lease and Event times carry it."""
    return f"{now_text(now)[:-1]}.{now.microsecond:06}Z"


def canonical(text: str, micro: bool = False) -> str:
    """An RFC 3339 time as objects carry it: in UTC, with or without microseconds; any other text unchanged."""
    try:
        moment = parse(text)
    except ValueError:
        return text
    return micro_text(moment) if micro else now_text(moment)


def out_of_range(text: str) -> str:
    """Which part of an RFC 3339 text makes it no time: "month", "day", "hour", "minute" or "second"; "" if its form does."""
    found = _RFC3339.match(text)
    if found is None:
        return ""
    month, hour, minute, second = (int(found[group]) for group in (2, 4, 5, 6))
    if not 1 <= month <= 12:
        return "month"
    limits = (("hour", hour, 23), ("minute", minute, 59), ("second", second, 59))
    return next((name for name, value, most in limits if value > most), "day")


def parse(text: str) -> datetime:
    """An RFC 3339 time as an aware UTC datetime, fractions beyond microseconds cut. Raises ValueError."""
    found = _RFC3339.match(text)
    if found is None:
        raise ValueError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse')
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    micro = int(((found[7] or "") + "000000")[:6])
    if second == 60:
        second = 59
    try:
        moment = datetime(year, month, day, hour, minute, second, micro, UTC)
        zone = found[8]
        if zone not in "Zz":
            shift = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
            moment = moment - shift if zone[0] == "+" else moment + shift
    except (ValueError, OverflowError):
        raise ValueError(f'parsing time "{text}": out of range') from None
    return moment


def parse_duration(text: str) -> float:
    """A Go duration (`1h30m`, `500ms`, `0`) in seconds. Raises ValueError."""
    if text in ("0", "+0", "-0"):
        return 0.0
    if not _DURATION.match(text):
        raise ValueError(f'time: invalid duration "{text}"')
    total = sum(float(number) * _UNIT[unit] for number, unit in _DURATION_PART.findall(text))
    return -total if text.startswith("-") else total


def duration_text(seconds: float) -> str:
    """Seconds as Go prints a duration: `1h0m0s`, `1m30s`, `1.5s`, `250ms`, `0s`."""
    nanos = round(seconds * 1e9)
    sign = "-" if nanos < 0 else ""
    nanos = abs(nanos)
    if nanos == 0:
        return "0s"
    if nanos < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if nanos >= size:
                return f"{sign}{_decimal(nanos, size)}{unit}"
    minutes, rest = divmod(nanos, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    out = f"{hours}h" if hours else ""
    if hours or minutes:
        out += f"{minutes}m"
    return f"{sign}{out}{_decimal(rest, 10**9)}s"


def _decimal(number: int, size: int) -> str:
    whole, fraction = divmod(number, size)
    if not fraction:
        return str(whole)
    digits = str(fraction).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"


def _pair(major: int, major_unit: str, minor: int, minor_unit: str) -> str:
    return f"{major}{major_unit}{minor}{minor_unit}" if minor else f"{major}{major_unit}"


def age(seconds: float) -> str:
    """An age the way kubectl prints it: `5s`, `2m30s`, `3h`, `4d5h`, `2y10d`."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 0:
        return "0s"
    if total < 60 * 2:
        return f"{total}s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if minutes < 10:
        return _pair(minutes, "m", total % 60, "s")
    if minutes < 60 * 3:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _pair(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _pair(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def age_of(text: str | None, now: datetime) -> str:
    """The age of a time on the wire; `<unknown>` where there is none or it cannot be read."""
    if not text:
        return "<unknown>"
    try:
        return age((now - parse(text)).total_seconds())
    except ValueError:
        return "<unknown>"

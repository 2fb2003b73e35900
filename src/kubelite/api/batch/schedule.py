"""Schedules of CronJobs: what is written in `spec.schedule` and `spec.timeZone`.

What: `parse` reads five fields or a descriptor (`@hourly`, `@every 90s`); `zone` finds a time zone. Why: upstream's parser takes
other texts than most cron libraries (`?`, no day 7, no `L`), and users look for its words. Flow: text in, `Schedule` out;
ValueError says what is wrong. Source of grammar and texts: robfig/cron v3 (ParseStandard) and time.LoadLocation.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass

from kubelite.machinery import times


@dataclass(frozen=True, slots=True)
class _Field:
    """A field's range and the names its numbers have."""

    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (_Field(0, 59), _Field(0, 23), _Field(1, 31), _Field(1, 12, _MONTHS), _Field(0, 6, _DAYS))
DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}\Z", re.ASCII)
_DIGITS = re.compile(r"[+-]?[0-9]+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something happens: the allowed numbers of each field, or a period in seconds (`every`, then the fields are empty).

    `any_day` and `any_weekday` tell that the field was a star: if neither is, one matching day of the two is enough.
    """

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True
    any_weekday: bool = True
    every: int = 0


def parse(text: str) -> Schedule:
    """The schedule that `text` says. Raises ValueError with upstream's words."""
    if text.startswith(("TZ=", "CRON_TZ=")):
        named, _, text = text.partition(" ")
        name = named.partition("=")[2]
        try:
            zone(name)
        except ValueError as error:
            raise ValueError(f"provided bad location {name}: {error}") from None
        text = text.strip()
    if text.startswith("@"):
        return _descriptor(text)
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
    minutes, hours, days, months, weekdays = (_field(*pair) for pair in zip(words, _FIELDS, strict=True))
    return Schedule(minutes[0], hours[0], days[0], months[0], weekdays[0], any_day=days[1], any_weekday=weekdays[1])


def _descriptor(text: str) -> Schedule:
    if text in DESCRIPTORS:
        return parse(DESCRIPTORS[text])
    if not text.startswith(_EVERY):
        raise ValueError(f"unrecognized descriptor: {text}")
    try:
        seconds = times.parse_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        raise ValueError(f"failed to parse duration {text}: {error}") from None
    return Schedule(every=max(int(seconds), 1))


def _field(word: str, bounds: _Field) -> tuple[frozenset[int], bool]:
    """The numbers of a field, and whether it was a star."""
    numbers: set[int] = set()
    star = False
    for part in filter(None, word.split(",")):
        found, is_star = _range(part, bounds)
        numbers |= set(found)
        star = star or is_star
    return frozenset(numbers), star


def _range(part: str, bounds: _Field) -> tuple[range, bool]:
    """`*`, `?`, `3`, `3-5`, each with or without `/2`."""
    span, slash, rest = part.partition("/")
    limits = span.split("-")
    star = limits[0] in ("*", "?")
    if star:
        first, last = bounds.low, bounds.high
    else:
        if len(limits) > 2:
            raise ValueError(f"too many hyphens: {part}")
        first = _number(limits[0], bounds)
        last = _number(limits[1], bounds) if len(limits) == 2 else first
    if "/" in rest:
        raise ValueError(f"too many slashes: {part}")
    step = _number(rest, _Field(0, 0)) if slash else 1
    if slash and len(limits) == 1:
        last = bounds.high
    if first < bounds.low:
        raise ValueError(f"beginning of range ({first}) below minimum ({bounds.low}): {part}")
    if last > bounds.high:
        raise ValueError(f"end of range ({last}) above maximum ({bounds.high}): {part}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {part}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {part}")
    return range(first, last + 1, step), star and step == 1


def _number(text: str, bounds: _Field) -> int:
    if text.lower() in bounds.names:
        return bounds.low + bounds.names.index(text.lower())
    if not _DIGITS.match(text):
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if len(text) > 18:
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    if int(text) < 0:
        raise ValueError(f"negative number ({int(text)}) not allowed: {text}")
    return int(text)


def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone `name`. Raises ValueError with Go's words."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def zone_mistakes(name: str) -> list[str]:
    """What is wrong with `spec.timeZone`."""
    if not name:
        return ["timeZone must be nil or non-empty string"]
    for part in name.split("/"):
        if part in (".", "..") or part.startswith("-") or not _ZONE_PART.match(part):
            return [f"unknown time zone {name}"]
    found = []
    if name.lower() == "local":
        found.append("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
    if name != "Local":
        try:
            zone(name)
        except ValueError as error:
            found.append(str(error))
    return found

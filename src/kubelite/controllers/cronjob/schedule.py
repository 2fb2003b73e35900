"""When a schedule is due: the next time, the last one, how many were missed (pure).

What: `next_after` is the first instant whose wall clock matches. Where clocks go forward, a time that does not exist is left out;
where they go back, one that comes twice is due twice. Source: robfig/cron v3 (SpecSchedule.Next, ConstantDelaySchedule),
pkg/controller/cronjob/utils.go (mostRecentScheduleTime).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from kubelite.api.batch.schedule import Schedule

YEARS = 5
MANY = 100
_SHIFT_HOURS = 3
"""Clocks are moved by less, and before this hour of the next day if at its beginning."""


def next_after(schedule: Schedule, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The first time after `moment` in UTC; None for a day that never comes, such as 30 February."""
    if schedule.every:
        return moment.replace(microsecond=0) + timedelta(seconds=schedule.every)
    for day in _days(schedule, moment.astimezone(zone).date()):
        found = _on(schedule, day, moment, zone)
        if found is not None:
            return found
    return None


def _days(schedule: Schedule, day: date) -> Iterator[date]:
    """The matching days from `day` on."""
    limit = day.replace(year=min(day.year + YEARS, 9998), day=1)
    while day <= limit:
        if day.month in schedule.months and _matches(schedule, day):
            yield day
        day += timedelta(days=1)


def _matches(schedule: Schedule, day: date) -> bool:
    by_day = day.day in schedule.days
    by_weekday = day.isoweekday() % 7 in schedule.weekdays
    if schedule.any_day or schedule.any_weekday:
        return by_day and by_weekday
    return by_day or by_weekday


def _on(schedule: Schedule, day: date, moment: datetime, zone: tzinfo) -> datetime | None:
    """The first time of a day that is after `moment`."""
    begin = datetime.combine(day, time(), zone)
    if begin.utcoffset() != (begin + timedelta(hours=24 + _SHIFT_HOURS)).utcoffset():
        return _on_long_day(schedule, day, moment, zone)
    local = moment.astimezone(zone).replace(tzinfo=None, fold=0)
    minutes = sorted(schedule.minutes)
    for hour in sorted(schedule.hours):
        if day == local.date() and hour < local.hour:
            continue
        for minute in minutes:
            wall = datetime.combine(day, time(hour, minute))
            if wall > local:
                return wall.replace(tzinfo=zone).astimezone(UTC)
    return None


def _on_long_day(schedule: Schedule, day: date, moment: datetime, zone: tzinfo) -> datetime | None:
    """The same on a day on which clocks are moved."""
    walls = (datetime.combine(day, time(hour, minute)) for hour in schedule.hours for minute in schedule.minutes)
    instants = (instant for wall in walls for instant in _instants(wall, zone))
    return min((instant for instant in instants if instant > moment), default=None)


def _instants(wall: datetime, zone: tzinfo) -> Iterator[datetime]:
    """When the clocks show this: once, twice or never."""
    seen = None
    for fold in (0, 1):
        instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
        if instant != seen and instant.astimezone(zone).replace(tzinfo=None) == wall:
            seen = instant
            yield instant


@dataclass(frozen=True, slots=True)
class Missed:
    """The most recent time that is due, None if none is; whether there were more than a hundred before it."""

    last: datetime | None = None
    any: bool = False
    many: bool = False


def missed(schedule: Schedule, since: datetime, now: datetime, zone: tzinfo = UTC) -> Missed:
    """What was due after `since` and until `now`. Raises ValueError for a schedule that is never due."""
    first = next_after(schedule, since, zone)
    if first is None:
        raise ValueError("time difference between two schedules is less than 1 second")
    if now < first:
        return Missed()
    second = next_after(schedule, first, zone)
    if second is None or now < second:
        return Missed(first)
    period = (second - first).total_seconds()
    count = (now - first).total_seconds() // period + 1
    return Missed(_last(schedule, first, now, zone, period), any=True, many=count > MANY)


def _last(schedule: Schedule, first: datetime, now: datetime, zone: tzinfo, period: float) -> datetime:
    """The last time until `now`, by halving: what follows a time is due or not, and never due again after that."""
    if schedule.every:
        return first + timedelta(seconds=(now - first).total_seconds() // period * period)
    low, high = first, now
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        found = next_after(schedule, middle, zone)
        if found is not None and found <= now:
            low = found
        else:
            high = middle
    return low

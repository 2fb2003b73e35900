"""When schedules are due, against cronsim and by table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.batch.schedule import parse
from kubelite.controllers.cronjob.schedule import missed, next_after

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


FIELDS = st.tuples(
    st.sampled_from(["*", "*/7", "0", "5,35", "10-20/5"]),
    st.sampled_from(["*", "*/5", "3", "0-6", "22,23"]),
    st.sampled_from(["*", "1", "15,31", "29"]),
    st.sampled_from(["*", "2", "1-6", "*/4"]),
    st.sampled_from(["*", "0", "1-5", "sat,sun"]),
)


@given(FIELDS, st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)))
def test_next_times_are_those_of_cronsim(fields: tuple[str, ...], moment: datetime):
    text = " ".join(fields)
    start = moment.replace(tzinfo=UTC)
    ours = start
    theirs = CronSim(text, start)
    for _ in range(3):
        found = next_after(parse(text), ours)
        expected = next(theirs)
        if found is None:  # five years are not searched
            assert expected > start + timedelta(days=4 * 365)
            return
        assert found == expected
        ours = found


@pytest.mark.parametrize(
    ("text", "moment", "zone", "wanted"),
    [
        ("0 9 * * *", "2026-01-01T10:00", BERLIN, "2026-01-02T09:00+01:00"),
        ("0 9 * * *", "2026-07-01T10:00", BERLIN, "2026-07-02T09:00+02:00"),
        ("30 2 * * *", "2026-03-28T12:00", BERLIN, "2026-03-30T02:30+02:00"),  # 29 March has no 2:30
        ("30 2 * * *", "2026-10-24T12:00", BERLIN, "2026-10-25T02:30+02:00"),
        ("30 2 * * *", "2026-10-25T02:30", BERLIN, "2026-10-25T02:30+01:00"),  # and again an hour later
        ("0 0 * * *", "2026-11-01T00:30", NEW_YORK, "2026-11-02T00:00-05:00"),
        ("59 23 31 12 *", "2026-01-01T00:00", UTC, "2026-12-31T23:59+00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00", UTC, "2028-02-29T00:00+00:00"),
        ("@hourly", "2026-01-01T00:00", UTC, "2026-01-01T01:00+00:00"),
        ("@every 90s", "2026-01-01T00:00", UTC, "2026-01-01T00:01:30+00:00"),
    ],
)
def test_wall_clocks(text: str, moment: str, zone: ZoneInfo, wanted: str):
    assert next_after(parse(text), at(moment, zone), zone) == datetime.fromisoformat(wanted)


def test_a_day_that_never_comes_is_never_due():
    assert next_after(parse("0 0 30 2 *"), at("2026-01-01T00:00")) is None
    with pytest.raises(ValueError, match="less than 1 second"):
        missed(parse("0 0 30 2 *"), at("2026-01-01T00:00"), at("2026-01-02T00:00"))


@pytest.mark.parametrize(
    ("text", "since", "now", "last", "more", "many"),
    [
        ("*/10 * * * *", "2026-01-01T00:00", "2026-01-01T00:09", None, False, False),
        ("*/10 * * * *", "2026-01-01T00:00", "2026-01-01T00:10", "2026-01-01T00:10", False, False),
        ("*/10 * * * *", "2026-01-01T00:00", "2026-01-01T00:25", "2026-01-01T00:20", True, False),
        ("* * * * *", "2026-01-01T00:00", "2026-01-01T01:40", "2026-01-01T01:40", True, False),
        ("* * * * *", "2026-01-01T00:00", "2026-01-01T01:41", "2026-01-01T01:41", True, True),
        ("* * * * *", "2020-01-01T00:00", "2026-01-01T00:00:59", "2026-01-01T00:00", True, True),
        ("0 0 1 1 *", "2020-01-01T00:00", "2026-06-01T00:00", "2026-01-01T00:00", True, False),
        ("0 9 * * 1-5", "2026-01-02T09:00", "2026-01-05T08:00", None, False, False),
    ],
)
def test_missed(text: str, since: str, now: str, last: str | None, more: bool, many: bool):
    found = missed(parse(text), at(since), at(now))
    assert (found.last, found.any, found.many) == (at(last) if last else None, more, many)


@given(FIELDS, st.datetimes(datetime(2024, 1, 1), datetime(2024, 6, 1)), st.integers(0, 90 * 24 * 3600))
def test_the_last_time_is_due_and_none_follows_until_now(fields: tuple[str, ...], moment: datetime, seconds: int):
    schedule, since = parse(" ".join(fields)), moment.replace(tzinfo=UTC)
    now = since + timedelta(seconds=seconds)
    first = next_after(schedule, since)
    if first is None:
        return
    found = missed(schedule, since, now).last
    assert (found is None) == (first > now)
    if found is not None:
        assert since < found <= now
        following = next_after(schedule, found)
        assert following is None or following > now

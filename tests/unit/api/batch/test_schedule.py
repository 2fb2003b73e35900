"""Schedules and time zones of CronJobs, in the words of upstream's parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.batch import schedule
from kubelite.api.batch.schedule import Schedule


def test_five_fields() -> None:
    found = schedule.parse("*/15 0-6/3 1,15 JAN,jul mon-FRI")
    assert found == Schedule(
        frozenset({0, 15, 30, 45}),
        frozenset({0, 3, 6}),
        frozenset({1, 15}),
        frozenset({1, 7}),
        frozenset({1, 2, 3, 4, 5}),
        any_day=False,
        any_weekday=False,
    )


@pytest.mark.parametrize(
    ("text", "day", "weekday"),
    [("0 0 * * *", True, True), ("0 0 ? * 1", True, False), ("0 0 */2 * *", False, True), ("0 0 */1 * *", True, True)],
)
def test_a_star_leaves_the_day_open(text: str, day: bool, weekday: bool) -> None:
    found = schedule.parse(text)
    assert (found.any_day, found.any_weekday) == (day, weekday)


def test_a_number_with_a_step_runs_to_the_end() -> None:
    assert schedule.parse("50/5 * * * *").minutes == {50, 55}


@pytest.mark.parametrize("name", ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"])
def test_words_stand_for_fields(name: str) -> None:
    assert schedule.parse(name) == schedule.parse(schedule.DESCRIPTORS[name])


@pytest.mark.parametrize(("text", "seconds"), [("@every 1h30m", 5400), ("@every 90s", 90), ("@every 10ms", 1)])
def test_periods(text: str, seconds: int) -> None:
    assert schedule.parse(text).every == seconds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("", "expected exactly 5 fields, found 0: []"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("* * * 13 *", "end of range (13) above maximum (12): 13"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("* * L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("TZ=Mars/Phobos 0 0 * * *", "provided bad location Mars/Phobos: unknown time zone Mars/Phobos"),
    ],
)
def test_mistakes_have_upstreams_words(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        schedule.parse(text)
    assert str(caught.value) == why


@given(st.text(alphabet="0123456789*/-,? @TZ=ajnmosufriety", max_size=30))
def test_no_text_does_anything_but_parse_or_complain(text: str) -> None:
    try:
        found = schedule.parse(text)
    except ValueError:
        return
    assert found.every > 0 or found.minutes <= set(range(60))


@pytest.mark.parametrize(
    ("name", "mistakes"),
    [
        ("Europe/Berlin", []),
        ("UTC", []),
        ("Etc/GMT+1", []),
        ("", ["timeZone must be nil or non-empty string"]),
        ("Mars/Phobos", ["unknown time zone Mars/Phobos"]),
        ("../etc/passwd", ["unknown time zone ../etc/passwd"]),
        ("Europe/", ["unknown time zone Europe/"]),
        ("Europe", ["unknown time zone Europe"]),
        ("-x", ["unknown time zone -x"]),
        ("Local", ["timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"]),
    ],
)
def test_time_zones(name: str, mistakes: list[str]) -> None:
    assert schedule.zone_mistakes(name) == mistakes

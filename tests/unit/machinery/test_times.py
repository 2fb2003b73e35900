"""Times, durations and ages read and print as upstream's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.machinery import times


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 1, 1)))
def test_micro_times_survive_the_wire(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert times.parse(times.micro_text(aware)) == aware
    assert times.parse(times.now_text(aware)) == aware.replace(microsecond=0)


def test_offsets_are_turned_into_utc() -> None:
    assert times.now_text(times.parse("2026-01-02T03:04:05+02:00")) == "2026-01-02T01:04:05Z"


@pytest.mark.parametrize(
    "text", ["", "2026", "2026-13-01T00:00:00Z", "2026-01-01 00:00:00Z", "0001-01-01T00:00:00+09:00", "x"]
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="parsing time"):
        times.parse(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (3600 * 3, "3h"),
        (3600 * 7 + 60 * 5, "7h5m"),
        (3600 * 9, "9h"),
        (86400 * 3 + 3600, "3d1h"),
        (86400 * 10, "10d"),
        (86400 * 365 * 2, "2y"),
        (86400 * (365 * 3 + 4), "3y4d"),
        (86400 * 365 * 9, "9y"),
    ],
)
def test_ages_as_kubectl_prints_them(seconds: int, text: str) -> None:
    assert times.age(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h30m", 5400), ("500ms", 0.5), ("1.5s", 1.5), ("0", 0), ("-2m", -120), ("1h0m0s", 3600)]
)
def test_go_durations(text: str, seconds: float) -> None:
    assert times.parse_duration(text) == seconds


@given(st.integers(0, 10**7))
def test_printed_durations_parse_to_themselves(millis: int) -> None:
    assert times.parse_duration(times.duration_text(millis / 1000)) == pytest.approx(millis / 1000)


def test_age_of_an_object_without_time_is_unknown() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert times.age_of(None, now) == "<unknown>"
    assert times.age_of(times.now_text(now - timedelta(seconds=5)), now) == "5s"

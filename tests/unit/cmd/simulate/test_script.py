"""What simulated containers do, from flags and annotations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.cmd.simulate.script import (
    FAIL_AFTER,
    FAILED,
    INIT_SECONDS,
    PREFIX,
    Range,
    Script,
    parse_code,
    parse_range,
    parse_share,
)
from tests.unit.kubelet.podbuilder import make_pod


def pod(restart: str = "Always", name: str = "pod", **annotations: str) -> Any:
    marks = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    return make_pod(meta={"annotations": marks, "name": name}, restartPolicy=restart)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("2s", 2, 2), ("0.2s..2s", 0.2, 2), ("500ms..1m", 0.5, 60), ("3", 3, 3), ("1..2.5", 1, 2.5), ("0", 0, 0)],
)
def test_times_are_one_duration_or_two(text: str, low: float, high: float) -> None:
    assert parse_range(text) == Range(low, high)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", "invalid duration 'soon'"),
        ("2s..", "invalid duration '2s..'"),
        ("-1s", "must not be negative"),
        ("2s..1s", "it ends before it begins"),
        ("", "invalid duration ''"),
    ],
)
def test_wrong_times_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_range(text)


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.25", 0.25), ("100%", 1), ("0", 0)])
def test_shares_are_percent_or_fractions(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["101%", "2", "-1%", "some", "1%%", ""])
def test_wrong_shares_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid share"):
        parse_share(text)


@pytest.mark.parametrize("text", ["256", "-1", "x", ""])
def test_wrong_exit_codes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid exit code"):
        parse_code(text)


FIXED = Script(start_time=Range(1, 1), run_for=Range(3, 3))


@pytest.mark.parametrize(
    ("given_pod", "kind", "expected"),
    [
        (pod(), "main", (1, None, 0)),
        (pod("Never"), "main", (1, 3, 0)),
        (pod("OnFailure"), "main", (1, 3, 0)),
        (pod("Never"), "sidecar", (1, None, 0)),
        (pod(), "init", (1, INIT_SECONDS, 0)),
        (pod(run_for="5s"), "main", (1, 5, 0)),
        (pod("Never", run_for="5s", exit_code="4"), "main", (1, 5, 4)),
        (pod("Never", exit_code="4"), "init", (1, INIT_SECONDS, 0)),
        (pod(start_time="9s"), "main", (9, None, 0)),
        (pod(fail="100%"), "main", (1, FAIL_AFTER, FAILED)),
        (pod("Never", fail="100%"), "main", (1, 3, FAILED)),
        (pod("Never"), "ephemeral", (1, None, 0)),
    ],
)
def test_pods_say_what_their_containers_do(given_pod: Any, kind: str, expected: tuple[Any, ...]) -> None:
    step = FIXED.of(given_pod).step(given_pod, kind, "web", 0)
    assert (step.start, step.run, step.code) == expected


def test_unknown_annotation_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"unknown annotation kubelite\.io/simulate-runfor: known are"):
        FIXED.of(pod(runfor="5s"))


def test_stop_takes_no_longer_than_the_grace_period() -> None:
    script = Script(stop_time=Range(10, 10))
    assert script.stopping(pod(), 30) == 10
    assert script.stopping(pod(), 2) == 2
    assert script.stopping(pod(), 0) == 0


@given(st.integers(), st.text(max_size=20), st.integers(0, 9))
def test_times_stay_in_their_range_and_repeat(seed: int, name: str, attempt: int) -> None:
    script = replace(Script(), seed=seed)
    mine = pod("Never", name=name)
    step = script.of(mine).step(mine, "main", "c", attempt)
    assert script.start_time.low <= step.start <= script.start_time.high
    assert step.run is not None and script.run_for.low <= step.run <= script.run_for.high
    assert step == script.of(mine).step(mine, "main", "c", attempt)


def test_about_the_asked_share_fails() -> None:
    script = Script(fail=0.1)
    pods = [pod(name=f"pod-{number}") for number in range(2000)]
    failed = sum(script.step(each, "main", "c", 0).code == FAILED for each in pods)
    assert 150 < failed < 250

"""When outcomes become a result."""

from __future__ import annotations

import pytest

from kubelite.kubelet.probes.tally import Tally


@pytest.mark.parametrize(
    ("initial", "outcomes", "results"),
    [
        (None, "+", [True]),
        (True, "---", [True, True, False]),
        (True, "--+--", [True, True, True, True, True]),
        (True, "--+---", [True, True, True, True, True, False]),
        (False, "-+", [False, True]),
    ],
)
def test_a_result_changes_only_at_the_threshold(initial, outcomes, results):
    tally = Tally(1, 3, initial)
    seen = []
    for outcome in outcomes:
        tally.note(outcome == "+")
        seen.append(tally.result)
    assert seen == results


def test_more_than_one_success_may_be_asked_for():
    tally = Tally(2, 1, False)
    assert [tally.note(True), tally.note(True), tally.note(True)] == [False, True, False]
    assert tally.result is True

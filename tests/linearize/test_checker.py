"""The checker on histories made by hand, good and bad, and against trying every order."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.linearize.checker import ABSENT, IMPOSSIBLE, after, mistake, revisions
from tests.linearize.history import NEVER, Operation
from tests.linearize.streams import Change, Segment, gaps


def op(action: str, outcome: str, called: float, returned: float, value: str = "", expected: str = "") -> Operation:
    return Operation(0, "k", action, called, returned, outcome, value, expected)  # type: ignore[arg-type]


GOOD = {
    "nothing": [],
    "written and read": [op("create", "done", 0, 1, "a"), op("get", "done", 2, 3, "a")],
    "read while it is written, old": [op("create", "done", 0, 5, "a"), op("get", "missing", 1, 2)],
    "read while it is written, new": [op("create", "done", 0, 5, "a"), op("get", "done", 1, 2, "a")],
    "one of two creates": [op("create", "done", 0, 5, "a"), op("create", "exists", 0, 5, "b")],
    "one of two swaps": [
        op("create", "done", 0, 1, "a"),
        op("update", "done", 2, 9, "b", "a"),
        op("update", "conflict", 2, 9, "c", "a"),
    ],
    "deleted and made again": [
        op("create", "done", 0, 1, "a"),
        op("delete", "done", 2, 3),
        op("get", "missing", 4, 5),
        op("create", "done", 6, 7, "b"),
        op("update", "conflict", 8, 9, "c", "a"),
    ],
    "an unknown write that happened": [op("create", "unknown", 0, NEVER, "a"), op("get", "done", 5, 6, "a")],
    "an unknown write that never happened": [op("create", "unknown", 0, NEVER, "a"), op("get", "missing", 5, 6)],
    "an unknown write that happened late": [
        op("create", "unknown", 0, NEVER, "a"),
        op("get", "missing", 5, 6),
        op("get", "done", 7, 8, "a"),
    ],
    "an unknown delete between two reads": [
        op("create", "done", 0, 1, "a"),
        op("delete", "unknown", 2, NEVER),
        op("get", "done", 3, 4, "a"),
        op("get", "missing", 5, 6),
    ],
}
BAD = {
    "an acknowledged write is lost": [op("create", "done", 0, 1, "a"), op("get", "missing", 2, 3)],
    "a read of the past": [
        op("create", "done", 0, 1, "a"),
        op("update", "done", 2, 3, "b", "a"),
        op("get", "done", 4, 5, "a"),
    ],
    "two reads that disagree about the order": [
        op("create", "done", 0, 1, "a"),
        op("update", "done", 2, 20, "b", "a"),
        op("get", "done", 3, 4, "b"),
        op("get", "done", 5, 6, "a"),
    ],
    "both creates won": [op("create", "done", 0, 5, "a"), op("create", "done", 0, 5, "b")],
    "both swaps won": [
        op("create", "done", 0, 1, "a"),
        op("update", "done", 2, 9, "b", "a"),
        op("update", "done", 2, 9, "c", "a"),
    ],
    "a conflict without a reason": [op("create", "done", 0, 1, "a"), op("update", "conflict", 2, 3, "b", "a")],
    "a create refused where nothing was": [op("create", "exists", 0, 1, "a")],
    "a value that nobody wrote": [op("get", "done", 0, 1, "x")],
    "an unknown write before its call": [op("get", "done", 0, 1, "a"), op("create", "unknown", 2, NEVER, "a")],
    "an unknown write that happened twice": [
        op("create", "unknown", 0, NEVER, "a"),
        op("get", "done", 1, 2, "a"),
        op("delete", "done", 3, 4),
        op("get", "done", 5, 6, "a"),
    ],
}


@pytest.mark.parametrize("name", GOOD)
def test_a_history_with_an_order_is_accepted(name: str) -> None:
    assert mistake(GOOD[name]) == ""


@pytest.mark.parametrize("name", BAD)
def test_a_history_without_an_order_is_refused(name: str) -> None:
    assert "no order explains" in mistake(BAD[name])


def explained(operations: list[Operation]) -> bool:
    """Slow and obvious: try every order of every set that has all certain operations."""
    unsure = [one for one in operations if not one.certain]
    for chosen in range(1 << len(unsure)):
        left_out = {id(one) for index, one in enumerate(unsure) if not chosen >> index & 1}
        present = [one for one in operations if id(one) not in left_out]
        for order in permutations(present):
            late = any(b.returned < a.called for i, a in enumerate(order) for b in order[i + 1 :])
            state = ABSENT
            for one in order:
                state = IMPOSSIBLE if state == IMPOSSIBLE else after(state, one)
            if not late and state != IMPOSSIBLE:
                return True
    return False


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        action = draw(st.sampled_from(["create", "update", "get", "delete"]))
        outcomes = {"create": ["done", "exists"], "get": ["done", "missing"]}.get(
            action, ["done", "conflict", "missing"]
        )
        outcome = draw(st.sampled_from([*outcomes, "unknown"] if action != "get" else outcomes))
        called = draw(st.integers(0, 8))
        returned = NEVER if outcome == "unknown" else called + draw(st.integers(1, 6))
        value = str(number) if action in ("create", "update") else draw(st.sampled_from("0123"))
        expected = draw(st.sampled_from("0123")) if action in ("update", "delete") else ""
        found.append(op(action, outcome, called + number / 16, returned, value, expected))
    return found


@settings(max_examples=400, deadline=None)
@given(histories())
def test_the_search_finds_what_trying_every_order_finds(operations: list[Operation]) -> None:
    assert (mistake(operations) == "") == explained(operations)


def test_revisions_must_grow_with_time_and_belong_to_one_value() -> None:
    def write(called: float, returned: float, value: str, revision: int) -> Operation:
        return Operation(0, "k", "update", called, returned, "done", value, "", revision)

    assert revisions([write(0, 1, "a", 5), write(2, 3, "b", 6), write(0, 9, "c", 4)]) == []
    assert "after 6 was known" in revisions([write(0, 1, "a", 6), write(2, 3, "b", 5)])[0]
    assert "has revisions 5 and 6" in revisions([write(0, 1, "a", 5), write(0, 3, "a", 6)])[0]


TRUTH = [Change(2, "a", "1"), Change(4, "b", "2"), Change(5, "a", ""), Change(9, "a", "3")]


@pytest.mark.parametrize(
    ("start", "picked", "fine"),
    [
        (0, [0, 1, 2, 3], True),
        (2, [1, 2], True),
        (5, [], True),
        (0, [0, 2], False),
        (0, [0, 1, 1], False),
        (0, [1, 0], False),
    ],
)
def test_a_stream_is_what_happened_after_its_start(start: int, picked: list[int], fine: bool) -> None:
    segment = Segment("w", start, [TRUTH[index] for index in picked])
    assert (gaps(segment, TRUTH) == "") == fine

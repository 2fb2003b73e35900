"""How long kubelets may believe what they read, by the number of nodes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.ttl.plan import BOUNDARIES, step, wanted


@pytest.mark.parametrize(
    ("nodes", "before", "seconds"),
    [
        (0, 0, 0),
        (100, 0, 0),
        (101, 0, 15),
        (90, 1, 15),
        (89, 1, 0),
        (500, 1, 15),
        (501, 1, 30),
        (450, 2, 30),
        (449, 2, 15),
        (1001, 2, 60),
        (900, 3, 60),
        (899, 3, 30),
        (2000, 3, 60),
        (2001, 3, 300),
        (1800, 4, 300),
        (1799, 4, 60),
        (5000, 0, 300),
        (0, 4, 0),
    ],
)
def test_the_boundaries_overlap(nodes: int, before: int, seconds: int) -> None:
    assert BOUNDARIES[step(nodes, before)].seconds == seconds


@pytest.mark.parametrize(
    ("present", "value"), [(None, "15"), ("", "15"), ("0", "15"), ("15", None), ("015", None), ("soon", "15")]
)
def test_only_another_number_is_written_over(present: str | None, value: str | None) -> None:
    assert wanted(present, 1) == value


@given(st.lists(st.integers(0, 6000), max_size=20), st.integers(0, 6000))
def test_a_size_is_in_its_boundaries_whatever_came_before_and_small_changes_are_none(
    sizes: list[int], last: int
) -> None:
    at = 0
    for size in [*sizes, last]:
        at = step(size, at)
    assert BOUNDARIES[at].low <= last <= BOUNDARIES[at].high
    assert step(last, at) == at
    written = wanted(None, at)
    assert wanted(written, at) is None

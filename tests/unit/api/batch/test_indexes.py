"""Sets of indexes as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.batch import indexes


def text_of(numbers: set[int]) -> str:
    """The obvious way to write a set: runs of neighbours as intervals."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in parts)


sets = st.sets(st.integers(0, 30))


@given(sets)
def test_a_text_stands_for_the_set_it_was_written_for(numbers: set[int]) -> None:
    found = indexes.parse(text_of(numbers), 31)
    assert {n for first, last in found for n in range(first, last + 1)} == numbers
    assert indexes.count(found) == len(numbers)


@given(sets, sets)
def test_the_first_shared_index_is_the_least(one: set[int], other: set[int]) -> None:
    assert indexes.first_shared(text_of(one), text_of(other), 31) == min(one & other, default=None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,x", 'cannot convert string to integer for index: "x"'),
        ("1-", 'cannot convert string to integer for index: ""'),
        ("9", 'too large index: "9"'),
        ("1-9", 'too large index: "9"'),
        ("3-1", "non-increasing order, previous: 3, current: 1"),
        ("3,1", "non-increasing order, previous: 3, current: 1"),
        (
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
        ),
    ],
)
def test_mistakes(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        indexes.parse(text, 5)
    assert str(caught.value) == why

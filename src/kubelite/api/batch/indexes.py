"""Sets of completion indexes as text: `0,3-5,7`.

What: parse and compare the texts in `completedIndexes`, `failedIndexes` and `succeededIndexes`. Why: an indexed Job may have a
hundred thousand indexes. Flow: text and number of completions in, intervals out; ValueError says what is wrong with the text.
Upstream: pkg/apis/batch/validation (validateIndexesFormat, parseIndexInterval, validateFailedIndexesNotOverlapCompleted).
"""

from __future__ import annotations

import re

Interval = tuple[int, int]
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}\Z", re.ASCII)


def _index(text: str, completions: int) -> int:
    if not _NUMBER.match(text):
        raise ValueError(f'cannot convert string to integer for index: "{text}"')
    if int(text) >= completions:
        raise ValueError(f'too large index: "{text}"')
    return int(text)


def _interval(text: str, completions: int) -> Interval:
    """`3` or `3-5`. Raises ValueError."""
    limits = text.split("-")
    if len(limits) > 2:
        why = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f'the fragment "{text}" {why}')
    first = _index(limits[0], completions)
    if len(limits) == 1:
        return first, first
    last = _index(limits[1], completions)
    if first >= last:
        raise ValueError(f"non-increasing order, previous: {first}, current: {last}")
    return first, last


def parse(text: str, completions: int) -> list[Interval]:
    """The intervals of a text, in order and without overlap. Raises ValueError."""
    found: list[Interval] = []
    for part in text.split(",") if text else ():
        interval = _interval(part, completions)
        if found and found[-1][1] >= interval[0]:
            raise ValueError(f"non-increasing order, previous: {found[-1][1]}, current: {interval[0]}")
        found.append(interval)
    return found


def count(intervals: list[Interval]) -> int:
    """How many indexes the intervals hold."""
    return sum(last - first + 1 for first, last in intervals)


def _readable(text: str, completions: int) -> list[Interval]:
    """The intervals of a text that may hold mistakes, which are reported elsewhere."""
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(_interval(part, completions))
        except ValueError:
            continue
    return found


def first_shared(one: str, other: str, completions: int) -> int | None:
    """The first index that is in both texts."""
    left, right = _readable(one, completions), _readable(other, completions)
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start <= end:
            return start
        if left[i][0] <= right[j][0]:
            i += 1
        else:
            j += 1
    return None

"""A set of completion indexes as intervals: `0,3-5,7`.

What: `IndexSet` of what a status says plus what pods add. Why: a Job may have a hundred thousand indexes and a status few bytes.
Upstream: pkg/controller/job/indexed_job_utils.go (orderedIntervals).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Interval = tuple[int, int]


class IndexSet:
    """Immutable; intervals in order, not touching each other."""

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        merged: list[Interval] = []
        for first, last in sorted(intervals):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._intervals = tuple(merged)

    @classmethod
    def parse(cls, text: str, completions: int) -> IndexSet:
        """The indexes below `completions` that a status names; parts that cannot be read are left out."""
        found = []
        for part in text.split(",") if text else ():
            first, dash, last = part.partition("-")
            if not first.isdigit() or (dash and not last.isdigit()):
                continue
            low, high = int(first), min(int(last) if dash else int(first), completions - 1)
            if low <= high:
                found.append((low, high))
        return cls(found)

    def plus(self, indexes: Iterable[int]) -> IndexSet:
        return IndexSet([*self._intervals, *((index, index) for index in indexes)])

    def union(self, other: IndexSet) -> IndexSet:
        return IndexSet([*self._intervals, *other._intervals])

    def __contains__(self, index: int) -> bool:
        low, high = 0, len(self._intervals)
        while low < high:
            middle = (low + high) // 2
            first, last = self._intervals[middle]
            if index < first:
                high = middle
            elif index > last:
                low = middle + 1
            else:
                return True
        return False

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._intervals)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IndexSet) and self._intervals == other._intervals

    def __hash__(self) -> int:
        return hash(self._intervals)

    def __str__(self) -> str:
        return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in self._intervals)

    def shared(self, other: IndexSet) -> int:
        """How many indexes are in both."""
        total = i = j = 0
        while i < len(self._intervals) and j < len(other._intervals):
            (a, b), (c, d) = self._intervals[i], other._intervals[j]
            total += max(min(b, d) - max(a, c) + 1, 0)
            if b < d:
                i += 1
            else:
                j += 1
        return total

    def missing(self, completions: int) -> Iterator[int]:
        """The indexes below `completions` that are not in the set, in order."""
        at = 0
        for first, last in self._intervals:
            yield from range(at, min(first, completions))
            at = last + 1
        yield from range(at, completions)

"""Did a watcher see exactly what happened?

What: `Segment` is what one watcher was sent after a revision without having to list anew; `gaps` compares it with the store's own
history. Why: a lost, repeated or reordered event leaves a client wrong for ever. Flow: watchers make segments; the history comes
from etcd itself when all is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Change:
    """One event: `value` is what the object held, "" for a deletion."""

    revision: int
    key: str
    value: str


@dataclass
class Segment:
    """The events after `start`, in the order in which they came."""

    watcher: str
    start: int
    changes: list[Change] = field(default_factory=list)

    @property
    def end(self) -> int:
        """The last revision that was seen."""
        return self.changes[-1].revision if self.changes else self.start


def gaps(segment: Segment, truth: Iterable[Change]) -> str:
    """ "" or the first difference."""
    expected = [change for change in truth if segment.start < change.revision <= segment.end]
    for index, (seen, real) in enumerate(zip(segment.changes, expected, strict=False)):
        if seen != real:
            return f"{segment.watcher} after {segment.start}: event {index} is {seen}, should be {real}"
    if len(segment.changes) != len(expected):
        return f"{segment.watcher} after {segment.start}: {len(segment.changes)} events, should be {len(expected)}"
    return ""

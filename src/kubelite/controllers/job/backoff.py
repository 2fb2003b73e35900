"""How long a Job waits before it makes the next pod: longer after each failure, not at all after a success.

Source: pkg/controller/job/backoff_utils.go (10 seconds, doubling to 10 minutes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

FIRST = 10.0
LONGEST = 600.0


@dataclass(frozen=True, slots=True)
class Failures:
    """How many pods have failed since one succeeded, and when the last did."""

    count: int = 0
    last: datetime | None = None

    def after(self, succeeded: Iterable[datetime], failed: Iterable[datetime]) -> Failures:
        """What is known once these pods have ended at these times."""
        good, bad = max(succeeded, default=None), sorted(failed)
        count = self.count
        if good is not None:
            bad, count = [end for end in bad if end > good], 0
        if good is None and not bad:
            return self
        ends = [*bad, *([self.last] if self.last is not None and good is None else [])]
        return Failures(count + len(bad), max(ends, default=None))


def remaining(count: int, last: datetime | None, now: datetime) -> float:
    """Seconds to wait after `count` failures of which the last was then."""
    if count <= 0 or last is None:
        return 0.0
    wait: float = min(FIRST * 2 ** min(count - 1, 16), LONGEST)
    return max(wait - (now - last).total_seconds(), 0.0)

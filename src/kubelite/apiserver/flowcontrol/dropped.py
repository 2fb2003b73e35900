"""When a refused client should come back.

What: the Retry-After of each level: 1 to 32 seconds, longer while many are refused. Why: a crowd that is told "one second"
comes back as a crowd. Flow: `controller` notes each refusal and asks for the header. Source:
apiserver/pkg/server/filters/priority-and-fairness dropped requests tracker:
apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go.
"""

from __future__ import annotations

MOST_SECONDS = 32


class Refusals:
    """Counts by the second, of one level."""

    __slots__ = ("_count", "_second", "seconds")

    def __init__(self) -> None:
        self.seconds = 1
        self._second = 0
        self._count = 0

    def note(self, now: float) -> int:
        """One more refusal; the seconds to tell the client."""
        second = int(now)
        if second != self._second:
            if second == self._second + 1 and self._count >= 3 * self.seconds:
                self.seconds = min(self.seconds * 2, MOST_SECONDS)
            elif second > self._second + 1 or self._count < self.seconds:
                self.seconds = max(self.seconds - (second - self._second), 1) if self._second else 1
            self._second, self._count = second, 0
        self._count += 1
        return self.seconds

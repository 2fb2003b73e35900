"""The waits between restarts of a crashing container, as upstream's flowcontrol.Backoff counts them.

What: `CrashLoop` keeps, for each key (pod uid, container name), the present wait and when it last grew.
Rule: the first restart is immediate; then a container that ends waits 10 s after its end, 20, 40, ... up to the cap; twice the
cap without a crash forgets it. Times are seconds since the epoch, handed in. Lost with the process, as upstream's.
"""

from __future__ import annotations

from dataclasses import dataclass

INITIAL = 10.0


@dataclass(slots=True)
class _Entry:
    wait: float
    grown_at: float


class CrashLoop:
    """Bounded by the containers of the node: `forget` drops those of a pod that is gone."""

    def __init__(self, cap: float = 300.0, initial: float = INITIAL) -> None:
        self._cap = cap
        self._initial = min(initial, cap)
        self._entries: dict[tuple[str, str], _Entry] = {}

    def remaining(self, uid: str, name: str, finished_at: float, now: float) -> tuple[float, float]:
        """(seconds still to wait, the whole wait) for a container that ended at `finished_at`; (0, 0): start it now."""
        entry = self._entries.get((uid, name))
        if entry is None or finished_at - entry.grown_at > 2 * self._cap:
            return 0.0, 0.0
        left = finished_at + entry.wait - now
        return (left, entry.wait) if left > 0 else (0.0, 0.0)

    def started(self, uid: str, name: str, finished_at: float, now: float) -> None:
        """A container that had ended is started again: the next wait is longer."""
        entry = self._entries.get((uid, name))
        if entry is None or finished_at - entry.grown_at > 2 * self._cap:
            self._entries[uid, name] = _Entry(self._initial, now)
        else:
            entry.wait = min(self._cap, entry.wait * 2)
            entry.grown_at = now

    def forget(self, uid: str) -> None:
        for key in [key for key in self._entries if key[0] == uid]:
            del self._entries[key]

"""Where pending pods wait: ready to be tried, backing off after a failure, or until something changes.

What: `PendingPods`. Why: a pod that fits nowhere must neither be tried in a loop nor forgotten. Order: priority, then the time
of arrival (PrioritySort). A pod that failed waits until an event that may help, and at least 1 s, 2 s, … 10 s after its last
attempts; one that nothing helped for 5 minutes is tried all the same. A pod that has a node but whose binding is still under
way waits nowhere, yet keeps its history, so that a binding that fails is one more failed attempt.
Bound: one entry a pending pod, which the cluster's own limits bound.
"""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field

from kubelite.scheduler.pods import PodInfo

FIRST_BACKOFF, LAST_BACKOFF = 1.0, 10.0
LONGEST_WAIT = 300.0


@dataclass(slots=True)
class Entry:
    """A pending pod and its history."""

    info: PodInfo
    arrived: float
    attempts: int = 0
    failed_at: float = 0.0
    plugins: frozenset[str] = field(default_factory=frozenset)

    def backoff_ends(self) -> float:
        if not self.attempts:
            return 0.0
        return self.failed_at + min(LAST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(self.attempts - 1, 30))


class PendingPods:
    """The three waiting rooms. Times are monotonic seconds, handed in."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._ready: list[tuple[int, float, int, Entry]] = []
        self._backoff: list[tuple[float, int, Entry]] = []
        self._stuck: dict[str, Entry] = {}
        self._assigned: dict[str, Entry] = {}
        self._order = itertools.count()

    def add(self, info: PodInfo, now: float) -> None:
        """A new pending pod, or a new version of one."""
        known = self.entries.get(info.key)
        if known is None or known.info.uid != info.uid:
            entry = Entry(info, now)
            self.entries[info.key] = entry
            self._stuck.pop(info.key, None)
            self._push(entry)
            return
        changed = known.info.pod.spec != info.pod.spec or known.info.pod.metadata.labels != info.pod.metadata.labels
        known.info = info
        if changed and info.key in self._stuck:
            del self._stuck[info.key]
            self._wait_or_push(known, now)

    def remove(self, key: str) -> None:
        """Gone or placed. What lies in a heap is skipped when it comes up."""
        self.entries.pop(key, None)
        self._stuck.pop(key, None)
        self._assigned.pop(key, None)

    def assigned(self, entry: Entry) -> None:
        """A node was found: the pod no longer waits, unless its binding fails."""
        self.remove(entry.info.key)
        self._assigned[entry.info.key] = entry

    def pop(self) -> Entry | None:
        """The next pod to try."""
        while self._ready:
            entry = heapq.heappop(self._ready)[3]
            if self.entries.get(entry.info.key) is entry:
                return entry
        return None

    def failed(self, entry: Entry, now: float, plugins: frozenset[str]) -> None:
        """No node was found: wait for a change. An attempt has no pause in which one could be missed."""
        if self.entries.get(entry.info.key) is entry:
            entry.attempts += 1
            entry.failed_at, entry.plugins = now, plugins
            self._stuck[entry.info.key] = entry

    def retry(self, info: PodInfo, now: float) -> None:
        """The binding of this pod failed: try again after the back-off, whatever happens."""
        entry = self._assigned.pop(info.key, None)
        if entry is None or entry.info.uid != info.uid:
            entry = Entry(info, now)
        entry.info = info
        entry.attempts += 1
        entry.failed_at = now
        self._stuck.pop(info.key, None)
        self.entries[info.key] = entry
        self._wait_or_push(entry, now)

    def something_changed(self, now: float, plugins: frozenset[str] = frozenset()) -> None:
        """Nodes or placed pods changed: what waits for it may be tried again.

        `plugins`: only pods that one of these rejected are helped; empty: any pod may be.
        """
        helped = [e for e in self._stuck.values() if not plugins or plugins & e.plugins]
        for entry in helped:
            del self._stuck[entry.info.key]
            self._wait_or_push(entry, now)

    def tick(self, now: float) -> float | None:
        """Moves what has waited long enough; seconds until the next such moment, None if nothing waits."""
        while self._backoff and self._backoff[0][0] <= now:
            entry = heapq.heappop(self._backoff)[2]
            if self.entries.get(entry.info.key) is entry:
                self._push(entry)
        overdue = [e for e in self._stuck.values() if e.failed_at + LONGEST_WAIT <= now]
        for entry in overdue:
            del self._stuck[entry.info.key]
            self._push(entry)
        times = [e.failed_at + LONGEST_WAIT for e in self._stuck.values()]
        if self._backoff:
            times.append(self._backoff[0][0])
        return max(0.0, min(times) - now) if times else None

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def has_ready(self) -> bool:
        return bool(self._ready)

    def _push(self, entry: Entry) -> None:
        heapq.heappush(self._ready, (-entry.info.priority, entry.arrived, next(self._order), entry))

    def _wait_or_push(self, entry: Entry, now: float) -> None:
        ends = entry.backoff_ends()
        if ends <= now:
            self._push(entry)
        else:
            heapq.heappush(self._backoff, (ends, next(self._order), entry))

"""Where pending pods wait: ready to be tried, backing off after a failure, or until something changes.

What: `PendingPods`. Why: a pod that fits nowhere must neither be tried in a loop nor forgotten. Order: priority, then the time
of arrival (PrioritySort). A pod that failed waits until an event that may help (`events.Hints`); then it backs off 1 s, 2 s, …
10 s from its last attempt, unless nothing else is ready: then those that back off go first. Errors are counted apart, until there
is a verdict, and after one the back-off always counts. Of pods whose back-off ends in the same second the important go first.
One that nothing helped for 5 minutes is tried all the same. Pods with scheduling gates wait outside until they are open.
A pod that has a node but whose binding is still under way waits nowhere, yet keeps its history, so that a binding that fails is
one more failed attempt. Bound: one entry a pending pod, which the cluster's own limits bound. Upstream: backend/queue.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from kubelite.scheduler.events import Hints
from kubelite.scheduler.pods import PodInfo

FIRST_BACKOFF, LAST_BACKOFF = 1.0, 10.0
LONGEST_WAIT = 300.0
POD_ADD, FAILED, WAITED, OVERDUE = (
    "UnschedulablePodAdd",
    "ScheduleAttemptFailure",
    "BackoffComplete",
    "UnschedulableTimeout",
)
"""What brings pods to a room beside the events of the cluster."""


@dataclass(slots=True)
class Entry:
    """A pending pod and its history."""

    info: PodInfo
    arrived: float
    attempts: int = 0
    rejected: int = 0
    """How many of them ended with a verdict."""
    errors: int = 0
    """How many of the last ones ended with an error."""
    flushed: bool = False
    """It is tried because it waited for too long, not because something changed."""
    failed_at: float = 0.0
    plugins: frozenset[str] = field(default_factory=frozenset)
    seen: int = 0
    """How many events had happened when it was taken to be tried."""
    error: bool = False
    """The last attempt ended with an error, not with a verdict."""


class Stuck:
    """Those that fit nowhere, by the plugins that rejected them; pods about which a plugin says the same are one group."""

    def __init__(self, hints: Hints) -> None:
        self.hints = hints
        self.entries: dict[str, Entry] = {}
        """In the order of their failure."""
        self._groups: dict[str, dict[Hashable, dict[str, Entry]]] = {}
        self._places: dict[str, list[tuple[str, Hashable]]] = {}

    def add(self, entry: Entry) -> None:
        self.entries[entry.info.key] = entry
        self.sort(entry)

    def sort(self, entry: Entry) -> None:
        """Puts a pod that is new here, or that has changed, into its groups."""
        key = entry.info.key
        self._leave(key)
        places = self._places[key] = [(name, self.hints.group(entry.info, name)) for name in entry.plugins]
        for plugin, group in places:
            self._groups.setdefault(plugin, {}).setdefault(group, {})[key] = entry

    def pop(self, key: str) -> Entry | None:
        entry = self.entries.pop(key, None)
        if entry is not None:
            self._leave(key)
        return entry

    def _leave(self, key: str) -> None:
        for plugin, group in self._places.pop(key, ()):
            members = self._groups[plugin][group]
            del members[key]
            if not members:
                del self._groups[plugin][group]

    def concerned(self, event: str, old: Any, new: Any) -> list[Entry]:
        """Those that an event may help."""
        found: dict[str, Entry] = {}
        for plugin in self.hints.plugins(event):
            groups = self._groups.get(plugin)
            if not groups:
                continue
            for key in self.hints.singled_out(plugin, event, old, new):
                if any(name == plugin for name, _ in self._places.get(key, ())):
                    found[key] = self.entries[key]
            for members in groups.values():
                first = next(iter(members.values()))
                if self.hints.helps(first.info, plugin, event, old, new):
                    found.update(members)
        return list(found.values())

    def rejections(self) -> Iterable[tuple[str, Entry]]:
        """Each pod with each plugin that rejected it."""
        return ((name, entry) for entry in self.entries.values() for name in entry.plugins)


class PendingPods:
    """The waiting rooms. Times are monotonic seconds, handed in."""

    def __init__(self, hints: Hints | None = None, first: float = FIRST_BACKOFF, last: float = LAST_BACKOFF) -> None:
        self.hints = hints or Hints()
        self.first, self.last = first, last
        self.entries: dict[str, Entry] = {}
        self.gated: dict[str, PodInfo] = {}
        self.moves: dict[tuple[str, str], int] = {}
        """How many pods each event brought to each room, for the metrics."""
        self._ready: list[tuple[int, float, int, Entry]] = []
        self._backoff: list[tuple[float, int, float, int, Entry]] = []
        """(end of the back-off, then as in `_ready`)."""
        self._stuck = Stuck(self.hints)
        self._assigned: dict[str, Entry] = {}
        self._held: dict[str, bool] = {}
        self._events = 0
        self._order = itertools.count()

    def add(self, info: PodInfo, now: float) -> None:
        """A new pending pod, or a new version of one."""
        self.gated.pop(info.key, None)
        known = self.entries.get(info.key)
        if known is None or known.info.uid != info.uid:
            entry = Entry(info, now)
            self._stuck.pop(info.key)
            self._held.pop(info.key, None)
            self.entries[info.key] = entry
            self._push(entry)
            self._moved(POD_ADD, "active")
            return
        before, after = known.info.pod, info.pod
        changed = (
            before.spec != after.spec
            or before.metadata.labels != after.metadata.labels
            or before.status.resourceClaimStatuses != after.status.resourceClaimStatuses
        )
        known.info = info
        if changed and info.key in self._stuck.entries:
            self._stuck.sort(known)
            self._release(known, now, "PodUpdate")

    def gate(self, info: PodInfo) -> None:
        """The pod is not to be tried yet."""
        self.remove(info.key)
        self.gated[info.key] = info

    def remove(self, key: str) -> None:
        """Gone or placed. What lies in a heap is skipped when it comes up."""
        self.entries.pop(key, None)
        self._stuck.pop(key)
        self._assigned.pop(key, None)
        self._held.pop(key, None)
        self.gated.pop(key, None)

    def assigned(self, entry: Entry) -> None:
        """A node was found: the pod no longer waits, unless its binding fails."""
        self.remove(entry.info.key)
        self._assigned[entry.info.key] = entry

    def pop(self) -> Entry | None:
        """The next pod to try; one that still backs off only if no other is there."""
        while self._ready or self._backoff:
            entry = heapq.heappop(self._ready)[3] if self._ready else self._impatient()
            if entry is None:
                return None
            if self.entries.get(entry.info.key) is entry:
                entry.seen = self._events
                return entry
        return None

    def _impatient(self) -> Entry | None:
        """One that backs off, and not because of an error."""
        if not self._backoff[0][-1].error:
            return heapq.heappop(self._backoff)[-1]
        first = min((waiting for waiting in self._backoff if not waiting[-1].error), default=None)
        if first is None:
            return None
        self._backoff.remove(first)
        heapq.heapify(self._backoff)
        return first[-1]

    def failed(self, entry: Entry, now: float, plugins: frozenset[str]) -> None:
        """No node was found: wait for a change, unless one happened while the pod was tried."""
        if self.entries.get(entry.info.key) is not entry:
            return
        entry.attempts += 1
        entry.rejected, entry.errors, entry.flushed = entry.rejected + 1, 0, False
        entry.failed_at, entry.plugins, entry.error = now, plugins, False
        if entry.seen != self._events:
            self._moved(FAILED, self._wait_or_push(entry, now))
            return
        self._stuck.add(entry)
        self._moved(FAILED, "unschedulable")

    def retry(self, info: PodInfo, now: float) -> None:
        """The binding of this pod failed: try again after the back-off, whatever happens."""
        entry = self._assigned.pop(info.key, None)
        if entry is None or entry.info.uid != info.uid:
            entry = Entry(info, now)
        entry.info = info
        self.entries[info.key] = entry
        self.failed_badly(entry, now)

    def failed_badly(self, entry: Entry, now: float) -> None:
        """An error kept the pod from being judged or bound."""
        if self.entries.get(entry.info.key) is not entry:
            return
        self._stuck.pop(entry.info.key)
        entry.attempts += 1
        entry.errors += 1
        entry.failed_at, entry.error, entry.flushed = now, True, False
        self._moved(FAILED, self._wait_or_push(entry, now))

    def hold(self, key: str) -> None:
        """Room is being made for this pod: it is not tried until `let_go`."""
        self._held[key] = False

    def let_go(self, key: str, now: float, *, again: bool = False) -> None:
        """What was done for the pod is done; `again`: it failed, so that no event will come."""
        helped = self._held.pop(key, None)
        entry = self._stuck.entries.get(key)
        if entry is not None and (helped or again):
            self._release(entry, now, "PreemptionDone")

    def happened(self, event: str, now: float, old: Any = None, new: Any = None) -> None:
        """Something changed: pods whose rejection it may undo are tried again."""
        self._events += 1
        for entry in self._stuck.concerned(event, old, new) if self._stuck.entries else ():
            self._release(entry, now, event)

    def everything_changed(self, now: float) -> None:
        """All that wait may be tried again."""
        self._events += 1
        for entry in list(self._stuck.entries.values()):
            self._release(entry, now, "ForceActivate")

    def tick(self, now: float) -> float | None:
        """Moves what has waited long enough; seconds until the next such moment, None if nothing waits."""
        while self._backoff and self._backoff[0][0] <= now:
            entry = heapq.heappop(self._backoff)[-1]
            if self.entries.get(entry.info.key) is entry:
                self._push(entry)
                self._moved(WAITED, "active")
        # Failures come in the order of time, so the first that is not overdue ends the search.
        stuck = self._stuck.entries
        for entry in list(itertools.takewhile(lambda e: e.failed_at + LONGEST_WAIT <= now, stuck.values())):
            self._held.pop(entry.info.key, None)
            self._stuck.pop(entry.info.key)
            entry.flushed = True
            self._push(entry)
            self._moved(OVERDUE, "active")
        oldest = next(iter(stuck.values()), None)
        times = [oldest.failed_at + LONGEST_WAIT] if oldest is not None else []
        if self._backoff:
            times.append(self._backoff[0][0])
        return max(0.0, min(times) - now) if times else None

    def __len__(self) -> int:
        return len(self.entries)

    def sizes(self) -> dict[str, int]:
        """How many pods are in each room."""
        rooms = {"unschedulable": len(self._stuck.entries), "gated": len(self.gated)}
        rooms["backoff"] = sum(1 for *_, e in self._backoff if self.entries.get(e.info.key) is e)
        rooms["active"] = len(self.entries) - rooms["unschedulable"] - rooms["backoff"]
        return rooms

    def rejections(self) -> dict[tuple[str, str], int]:
        """How many of those that fit nowhere each plugin rejected, by (plugin, profile)."""
        found: dict[tuple[str, str], int] = {}
        for plugin, entry in self._stuck.rejections():
            key = plugin, entry.info.pod.spec.schedulerName
            found[key] = found.get(key, 0) + 1
        return found

    @property
    def has_ready(self) -> bool:
        return bool(self._ready) or any(not entry.error for *_, entry in self._backoff)

    def _push(self, entry: Entry) -> None:
        heapq.heappush(self._ready, (-entry.info.priority, entry.arrived, next(self._order), entry))

    def _release(self, entry: Entry, now: float, event: str) -> None:
        key = entry.info.key
        if key in self._held:
            self._held[key] = True
            return
        self._stuck.pop(key)
        self._moved(event, self._wait_or_push(entry, now))

    def _moved(self, event: str, room: str) -> None:
        self.moves[event, room] = self.moves.get((event, room), 0) + 1

    def _wait_or_push(self, entry: Entry, now: float) -> str:
        ends, count = 0.0, entry.errors or entry.rejected
        if count:
            # Whole seconds, so that those of one second can be sorted by their importance.
            ends = float(int(entry.failed_at + min(self.last, self.first * 2.0 ** min(count - 1, 30))))
        if ends <= now:
            self._push(entry)
            return "active"
        heapq.heappush(self._backoff, (ends, -entry.info.priority, entry.arrived, next(self._order), entry))
        return "backoff"

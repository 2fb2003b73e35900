"""What was seen to happen, for foretold.py: where pods are in the end, and what dice and clocks have decided on the way.

What: `Seen` is told each write; `as_they_came` and others put pods in the order in which they came, or in which the scheduler
took them up. Pods of one workload stand for one another, as only their names differ. Why: a forecast cannot know who of equals
comes first; given that, it must be right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from kubelite.controllers.daemonset.nodes import target_of
from kubelite.scheduler.forecast import by_priority
from kubelite.scheduler.pods import Pod, pod_info
from tests.simulation.truth import Object, is_over

NEVER = 1 << 30


def group_of(pod: Object) -> str:
    """Pods of one group stand for one another: those of a workload, unless each has a name or a node of its own."""
    return group_of_info(pod_info(msgspec.convert(pod, Pod)))


def group_of_info(info: Any) -> str:
    meta = info.pod.metadata
    owner = next((one for one in meta.ownerReferences if one.controller), None)
    kind = owner.kind if owner else ""
    if kind in ("", "StatefulSet"):
        return str(meta.name).removesuffix("-again")
    found = f"{kind}/{meta.labels.get('name')}"
    return f"{found} for {target_of(info.pod)}" if kind == "DaemonSet" else found


class Sight(NamedTuple):
    """A pod after a write that changed what matters here."""

    time: float
    key: str
    group: str
    node: str = ""
    promise: str = ""
    phase: str = ""
    """GONE if it is there no more."""
    leaving: bool = False
    told: str = ""
    """Why it has no node, in the scheduler's words."""


GONE = "gone"


@dataclass
class Seen:
    """Where pods of each group are in the end, and everything that became of them on the way."""

    places: dict[str, Counter[str]] = field(default_factory=dict)
    sights: list[Sight] = field(default_factory=list)
    _last: dict[str, Sight] = field(default_factory=dict)
    _before: dict[str, Sight] = field(default_factory=dict)

    def see(self, pods: dict[str, Object], now: float) -> None:
        """All pods after a write."""
        for key, pod in pods.items():
            status, spec = pod.get("status", {}), pod["spec"]
            conditions = status.get("conditions") or ()
            told = next((one.get("message", "") for one in conditions if one["type"] == "PodScheduled"), "")
            leaving = bool(pod["metadata"].get("deletionTimestamp"))
            new = spec.get("nodeName", ""), status.get("nominatedNodeName", ""), status.get("phase", ""), leaving, told
            old = self._last.get(key)
            if old is None or old[3:] != new:
                self._last[key] = Sight(now, key, old.group if old else group_of(pod), *new)
                self.sights.append(self._last[key])
        for key in [key for key in self._last if key not in pods]:
            self.sights.append(Sight(now, key, self._last.pop(key).group, phase=GONE))

    def begin(self, pods: dict[str, Object]) -> None:
        """What is there before anything is done."""
        self.see(pods, 0)
        self._before = {sight.key: sight for sight in self.sights}
        self.sights = []

    def end(self, pods: dict[str, Object]) -> None:
        for pod in pods.values():
            if not is_over(pod):
                self.places.setdefault(group_of(pod), Counter())[pod["spec"].get("nodeName", "")] += 1

    def changes(self) -> Iterator[tuple[Sight | None, Sight]]:
        """Each sight with that of the same pod before."""
        last = dict(self._before)
        for sight in self.sights:
            yield last.get(sight.key), sight
            last[sight.key] = sight
            if sight.phase == GONE:
                del last[sight.key]

    @property
    def arrivals(self) -> list[str]:
        """Groups of pods in the order in which they came."""
        return [sight.group for before, sight in self.changes() if before is None]

    @property
    def decisions(self) -> list[str]:
        """Groups of pods in the order in which the scheduler first had something for them."""
        found = []
        for before, sight in self.changes():
            if (sight.node or sight.promise) and not (before and (before.node or before.promise)):
                found.append(sight.group)
        return found

    @property
    def bindings(self) -> list[str]:
        """Groups of pods in the order in which they got their nodes."""
        return [one.group for before, one in self.changes() if one.node and not (before and before.node)]

    @property
    def promises(self) -> dict[str, list[str]]:
        """Group → nodes on which room was made, in order."""
        found: dict[str, list[str]] = {}
        for before, sight in self.changes():
            if sight.promise and (before is None or before.promise != sight.promise):
                found.setdefault(sight.group, []).append(sight.promise)
        return found

    @property
    def stays(self) -> dict[str, list[int]]:
        """Group → for each promise, how many other pods the scheduler had something for until somebody had gone."""
        found: dict[str, list[int]] = {}
        open_: list[list[Any]] = []
        for before, sight in self.changes():
            had = bool(before and (before.node or before.promise))
            if (sight.node or sight.promise) and not had:
                for one in open_:
                    one[1] += 1
            if sight.promise and (before is None or before.promise != sight.promise):
                open_.append([sight.group, 0])
            if sight.phase == GONE:
                for group, number in open_:
                    found.setdefault(group, []).append(number)
                open_ = []
        return found


class Turns:
    """Numbers pods by a list of groups: the n-th pod of a group that asks has the place of the n-th entry."""

    def __init__(self, groups: Sequence[str]) -> None:
        self._free: dict[str, list[int]] = {}
        for number, group in enumerate(groups):
            self._free.setdefault(group, []).append(number)
        self._of: dict[str, int] = {}

    def of(self, key: str, group: str) -> int:
        """NEVER for a pod that the list does not have."""
        if key not in self._of:
            free = self._free.get(group, [])
            self._of[key] = free.pop(0) if free else NEVER
        return self._of[key]


Queue = Callable[[list[Any]], list[Any]]


def as_they_came(seen: Seen, waiting: set[str], *, at_once: bool = True) -> Queue:
    """By priority, if they came `at_once`, then as the pods came; `waiting`: the keys of those that have waited before."""
    turns = Turns(seen.arrivals)

    def order(queue: list[Any]) -> list[Any]:
        place = {one.key: -1 if one.key in waiting else turns.of(one.key, group_of_info(one)) for one in queue}
        return sorted(queue, key=lambda one: (-one.priority * at_once, place[one.key], -one.priority))

    return order


def as_decided(seen: Seen) -> Queue:
    """As the scheduler first found something for them; those that have been taken up before, as they got their nodes."""
    first, again = Turns(seen.decisions), Turns(seen.bindings)
    known: set[str] = set()

    def order(queue: list[Any]) -> list[Any]:
        place = {
            one.key: (again if one.key in known else first).of(one.key, group_of_info(one))
            for one in by_priority(queue)
        }
        known.update(place)
        return sorted(queue, key=lambda one: (place[one.key], -one.priority))

    return order


def as_they_asked(seen: Seen) -> Callable[[list[Object]], list[Object]]:
    """Pods that controllers create, as they came."""
    turns = Turns(seen.arrivals)

    def order(asking: list[Object]) -> list[Object]:
        def place(one: Object) -> int:
            meta = {key: value for key, value in one["metadata"].items() if value is not None}
            return turns.of(meta["name"], group_of(one | {"metadata": meta}))

        return sorted(asking, key=place)

    return order

"""What preemption found out about single nodes, kept until something there changes.

What: `Victims` of one node, and `Memory`, which recalls them by position for pods that ask for the same at the same priority.
Why: many pods of one workload preempt one after the other, and each takes away pods of one node only. The ranks are columns, so
that the best of thousands of candidates is found without looking at each. Bound: `CLASSES` kinds of pods, the oldest goes first;
one entry a node.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from kubelite.scheduler.budgets import Budget
from kubelite.scheduler.framework import World
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.pods import STARTING, PodInfo

CLASSES = 8
OFFSET = 2**31
RANKS = 5
Rank = tuple[int, int, int, int, int]


@dataclass(slots=True)
class Victims:
    """The pods that have to leave a node, the most important first; none: why it is no candidate."""

    pods: tuple[PodInfo, ...]
    violations: int
    refusals: tuple[str, ...]
    rank: Rank = field(init=False, default=(0, 0, 0, 0, 0))
    """The smaller, the better the node."""

    def __post_init__(self) -> None:
        if not self.pods:
            return
        highest = self.pods[0].priority
        # Priorities are made positive, so that few pods of a negative one are better than many.
        total = sum(info.priority + OFFSET for info in self.pods)
        earliest = min((info.started for info in self.pods if info.priority == highest), default=STARTING)
        self.rank = self.violations, highest, total, len(self.pods), -earliest


class Known:
    """The victims on single nodes, for one class of preemptors, and what the search came to on the others."""

    def __init__(self, capacity: int) -> None:
        self.victims: dict[int, Victims] = {}
        self.good: Mask = np.zeros(capacity, bool)
        """The nodes that pods can be driven from."""
        self.seen: Mask = np.zeros(capacity, bool)
        """The nodes that were looked at."""
        self._ranks: Ints = np.zeros((RANKS, capacity), np.int64)

    def put(self, position: int, victims: Victims) -> None:
        self.victims[position] = victims
        self.seen[position] = True
        if victims.pods:
            self.good[position] = True
            self._ranks[:, position] = victims.rank

    def forget(self, position: int) -> None:
        if self.victims.pop(position, None) is not None:
            self.good[position] = self.seen[position] = False

    def grow(self, capacity: int) -> None:
        more = capacity - len(self.good)
        self.good = np.concatenate([self.good, np.zeros(more, bool)])
        self.seen = np.concatenate([self.seen, np.zeros(more, bool)])
        self._ranks = np.concatenate([self._ranks, np.zeros((RANKS, more), np.int64)], axis=1)

    def best(self, among: Mask) -> int:
        """The position of the lowest rank (pickOneNodeForPreemption); there must be one."""
        positions = np.flatnonzero(among)
        for ranks in self._ranks:
            of_those = ranks[positions]
            positions = positions[of_those == of_those.min()]
            if positions.size == 1:
                break
        return int(positions[0])

    def among(self, allowed: Mask) -> dict[int, Victims]:
        """The candidates on allowed nodes."""
        return {position: self.victims[position] for position in np.flatnonzero(self.good & allowed).tolist()}


class Memory:
    """The recollections of all classes of pods; it hears of every change of nodes, pods and budgets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._classes: OrderedDict[Hashable, Known] = OrderedDict()
        world.nodes.on_pod(self._pod_moved)
        world.nodes.on_node(self._node_changed)
        world.nodes.on_grow(self._grow)
        world.budgets.on_change(self._budget_changed)

    def of(self, key: Hashable) -> Known:
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = Known(self.world.nodes.capacity)
            if len(self._classes) > CLASSES:
                self._classes.popitem(last=False)
        self._classes.move_to_end(key)
        return found

    def _grow(self, capacity: int) -> None:
        for known in self._classes.values():
            known.grow(capacity)

    def _pod_moved(self, info: PodInfo, position: int, sign: int) -> None:
        for known in self._classes.values():
            known.forget(position)

    def _node_changed(self, position: int) -> None:
        for known in self._classes.values():
            known.forget(position)

    def _budget_changed(self, budget: Budget) -> None:
        if not self._classes:
            return
        protected = self.world.counts.per_node(("budget", budget.namespace, str(budget.selector)), budget.selects)
        for position in np.flatnonzero(protected):
            self._node_changed(int(position))

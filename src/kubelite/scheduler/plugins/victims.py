"""What preemption found out about single nodes, kept until something there changes.

What: `Victims` of one node, and `Memory`, which recalls them by position for pods that ask for the same at the same priority.
Why: many pods of one workload preempt one after the other, and each takes away pods of one node only.
Bound: `CLASSES` kinds of pods, the oldest goes first; one entry a node.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

import numpy as np

from kubelite.scheduler.budgets import Budget
from kubelite.scheduler.framework import World
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import STARTING, PodInfo

CLASSES = 8
OFFSET = 2**31
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


class Memory:
    """The recollections of all classes of pods; it hears of every change of nodes, pods and budgets."""

    class Class:
        """One class of preemptors."""

        def __init__(self) -> None:
            self.candidates: dict[int, Victims] = {}
            self.others: dict[int, Victims] = {}

        def get(self, position: int) -> Victims | None:
            return self.candidates.get(position) or self.others.get(position)

        def put(self, position: int, victims: Victims) -> None:
            (self.candidates if victims.pods else self.others)[position] = victims

        def forget(self, position: int) -> None:
            self.candidates.pop(position, None)
            self.others.pop(position, None)

        def known(self, allowed: Mask) -> dict[int, Victims]:
            """The candidates among the allowed nodes."""
            among = allowed.tolist()
            return {position: victims for position, victims in self.candidates.items() if among[position]}

    def __init__(self, world: World) -> None:
        self.world = world
        self._classes: OrderedDict[Hashable, Memory.Class] = OrderedDict()
        world.nodes.on_pod(self._pod_moved)
        world.nodes.on_node(self._node_changed)
        world.budgets.on_change(self._budget_changed)

    def of(self, key: Hashable) -> Memory.Class:
        found = self._classes.get(key)
        if found is None:
            found = self._classes[key] = Memory.Class()
            if len(self._classes) > CLASSES:
                self._classes.popitem(last=False)
        self._classes.move_to_end(key)
        return found

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

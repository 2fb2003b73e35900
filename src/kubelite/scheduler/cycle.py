"""One scheduling decision: filter all nodes, score those that are left, pick the best.

What: `Scheduler.place(pod)` → a node's name or a `Diagnosis`. Why: pure over the columns, so that it can be tested, timed and
asked "what if" without a cluster. Ties are broken at random, so that equal nodes fill evenly.
"""

from __future__ import annotations

import random
from collections import Counter

import numpy as np

from kubelite.scheduler.domains import PodCounts
from kubelite.scheduler.framework import Cycle, Diagnosis
from kubelite.scheduler.nodes import Mask, NodeTable
from kubelite.scheduler.plugins.registry import FILTERS, SCORES
from kubelite.scheduler.pods import PodInfo


class Scheduler:
    """The plugins over one table of nodes."""

    def __init__(self, nodes: NodeTable, rng: random.Random | None = None) -> None:
        self.nodes = nodes
        self.counts = PodCounts(nodes)
        self.namespaces: dict[str, dict[str, str]] = {}
        self.rng = rng or random.Random()
        self.filters = [make() for make in FILTERS.values()]
        self.scores = [(make(), weight) for make, weight in SCORES.values()]

    def place(self, pod: PodInfo) -> str | Diagnosis:
        """The node for a pod, or why there is none."""
        cycle = Cycle(pod, self.nodes, self.counts, self.namespaces)
        fitting = self.nodes.active.copy()
        rejected: list[tuple[int, Mask]] = []
        for number, plugin in enumerate(self.filters):
            mask = plugin.filter(cycle)
            if mask is None:
                continue
            out = fitting & ~mask
            if out.any():
                rejected.append((number, out))
                fitting &= mask
                if not fitting.any():
                    break
        if not fitting.any():
            return self._diagnose(cycle, rejected)
        return self.nodes.names[self._best(cycle, fitting)]

    def _best(self, cycle: Cycle, fitting: Mask) -> int:
        candidates = np.flatnonzero(fitting)
        if candidates.size == 1:
            return int(candidates[0])
        total = np.zeros(self.nodes.capacity)
        for plugin, weight in self.scores:
            scores = plugin.score(cycle, fitting)
            if scores is not None:
                total += scores * weight
        among = total[candidates]
        best = candidates[among >= among.max() - 1e-9]
        return int(best[self.rng.randrange(best.size)])

    def _diagnose(self, cycle: Cycle, rejected: list[tuple[int, Mask]]) -> Diagnosis:
        reasons: Counter[str] = Counter()
        for number, mask in rejected:
            for position in np.flatnonzero(mask):
                reasons.update(self.filters[number].reasons(cycle, int(position)))
        return Diagnosis(len(self.nodes), reasons, frozenset(self.filters[n].name for n, _ in rejected))

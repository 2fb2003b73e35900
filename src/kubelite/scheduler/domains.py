"""How many pods of a kind each node and each topology domain holds.

What: `PodCounts` keeps, for each question that plugins ask ("pods of namespace N that match S"), a count per node, and
numbers the values of topology labels. Why: spreading and pod affinity ask the same question for thousands of pods; an array
that is updated by one with each placed pod answers it at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from kubelite.scheduler.nodes import Ints, NodeTable
from kubelite.scheduler.pods import Node, PodInfo

HOSTNAME = "kubernetes.io/hostname"
QUESTIONS = 256
NOWHERE = -1


class PodCounts:
    """Counts per node for recent questions; at most 256 are kept."""

    def __init__(self, nodes: NodeTable) -> None:
        self.nodes = nodes
        self._questions: OrderedDict[Hashable, tuple[Callable[[PodInfo], bool], Ints]] = OrderedDict()
        self._domains: dict[str, dict[str, int]] = {}
        nodes.on_pod(self._count)
        nodes.on_grow(self._grow)

    def _count(self, info: PodInfo, position: int, sign: int) -> None:
        for matches, counts in self._questions.values():
            if matches(info):
                counts[position] += sign

    def _grow(self, capacity: int) -> None:
        for key, (matches, counts) in self._questions.items():
            more = np.zeros(capacity - len(counts), np.int64)
            self._questions[key] = (matches, np.concatenate([counts, more]))

    def per_node(self, key: Hashable, matches: Callable[[PodInfo], bool]) -> Ints:
        """How many pods each node has for which `matches` holds; equal keys must mean equal questions."""
        found = self._questions.get(key)
        if found is not None:
            self._questions.move_to_end(key)
            return found[1]
        counts = np.zeros(self.nodes.capacity, np.int64)
        for position, _ in self.nodes.positions():
            counts[position] = sum(1 for info in self.nodes.pods[position].values() if matches(info))
        self._questions[key] = (matches, counts)
        if len(self._questions) > QUESTIONS:
            self._questions.popitem(last=False)
        return counts

    def domain_of(self, topology_key: str) -> Ints:
        """The number of each node's domain, -1 for nodes without the label."""
        numbers = self._domains.setdefault(topology_key, {})

        def number(node: Node) -> int:
            value = node.metadata.labels.get(topology_key)
            return NOWHERE if value is None else numbers.setdefault(value, len(numbers))

        column: Ints = self.nodes.cached(("domain", topology_key), number, np.int64)
        return column

    def per_domain(self, topology_key: str, counts: Ints, eligible: Any) -> tuple[Ints, Ints, Any]:
        """(domain of each node, pods of each domain, which domains exist), over the eligible nodes that have the label."""
        domains = self.domain_of(topology_key)
        among = eligible & (domains >= 0) & self.nodes.active
        size = len(self._domains[topology_key]) or 1
        totals = np.bincount(domains[among], weights=counts[among], minlength=size).astype(np.int64)
        present = np.bincount(domains[among], minlength=size) > 0
        return domains, totals, present

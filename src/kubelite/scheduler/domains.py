"""How many pods of a kind each node and each topology domain holds.

What: `PodCounts` keeps, for each question that plugins ask ("pods of namespace N that match S"), a count per node; for each
affinity term of placed pods, where its holders are; and it numbers the values of topology labels. Why: spreading and pod
affinity ask the same question for thousands of pods; an array that is updated by one with each placed pod answers it at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kubelite.scheduler.nodes import Ints, NodeTable
from kubelite.scheduler.pods import Node, PodInfo, Term

HOSTNAME = "kubernetes.io/hostname"
QUESTIONS = 256
NOWHERE = -1


def question(term: Term) -> tuple[Any, ...]:
    """Equal for terms that mean the same pods."""
    return term.namespaces, str(term.namespace_selector), str(term.selector), term.selector is None


@dataclass(slots=True, eq=False)
class Held:
    """A term that placed pods have: how many do, and the sum of its weights on each node."""

    term: Term
    holders: int
    weights: Ints


class PodCounts:
    """Counts per node for recent questions (at most 256 are kept) and the terms that placed pods hold."""

    def __init__(self, nodes: NodeTable) -> None:
        self.nodes = nodes
        self._questions: OrderedDict[Hashable, tuple[Callable[[PodInfo], bool], Ints]] = OrderedDict()
        self._domains: dict[str, dict[str, int]] = {}
        self.repelled: dict[Hashable, Held] = {}
        """Required anti-affinity of placed pods; a weight is the number of its holders."""
        self.drawn: dict[Hashable, Held] = {}
        """Preferred affinity of placed pods, which pulls (or pushes, below 0) pods that it means."""
        self.needed: dict[Hashable, Held] = {}
        """Required affinity of placed pods; a weight is the number of its holders."""
        nodes.on_pod(self._count)
        nodes.on_grow(self._grow)

    def _count(self, info: PodInfo, position: int, sign: int) -> None:
        for matches, counts in self._questions.values():
            if matches(info):
                counts[position] += sign
        for term in info.anti_affinity:
            self._hold(self.repelled, term, position, sign, 1)
        for term in info.affinity:
            self._hold(self.needed, term, position, sign, 1)
        for term, weight in info.preferred:
            self._hold(self.drawn, term, position, sign, weight)

    def _hold(self, table: dict[Hashable, Held], term: Term, position: int, sign: int, weight: int) -> None:
        key = (term.topology_key, *question(term))
        held = table.get(key)
        if held is None:
            held = table[key] = Held(term, 0, np.zeros(self.nodes.capacity, np.int64))
        held.holders += sign
        held.weights[position] += sign * weight
        if not held.holders:
            del table[key]

    def meaning(
        self, table: dict[Hashable, Held], info: PodInfo, namespaces: dict[str, dict[str, str]]
    ) -> list[tuple[Hashable, Held]]:
        """The terms of one of the tables that mean a pod."""
        meta = info.pod.metadata
        labels = namespaces.get(meta.namespace, {})
        return [(key, held) for key, held in table.items() if held.term.matches(meta.namespace, meta.labels, labels)]

    def forget(self) -> None:
        """Counts anew when asked again: something that `matches` looks at, other than pods, has changed."""
        self._questions.clear()

    def _grow(self, capacity: int) -> None:
        for key, (matches, counts) in self._questions.items():
            more = np.zeros(capacity - len(counts), np.int64)
            self._questions[key] = (matches, np.concatenate([counts, more]))
        for held in (*self.repelled.values(), *self.drawn.values(), *self.needed.values()):
            held.weights = np.concatenate([held.weights, np.zeros(capacity - len(held.weights), np.int64)])

    def per_node(self, key: Hashable, matches: Callable[[PodInfo], bool]) -> Ints:
        """How many pods each node has for which `matches` holds; equal keys must mean equal questions."""
        found = self._questions.get(key)
        if found is not None:
            self._questions.move_to_end(key)
            return found[1]
        counts = np.zeros(self.nodes.capacity, np.int64)
        for position, _ in self.nodes.positions():
            counts[position] = sum(1 for info in self.nodes.everyone(position) if matches(info))
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
        # Nodes that do not take part go to one more domain, which is cut off.
        numbers = np.where(among, domains, size)
        totals = np.bincount(numbers, weights=counts, minlength=size + 1)[:size].astype(np.int64)
        present = np.bincount(numbers, minlength=size + 1)[:size] > 0
        return domains, totals, present

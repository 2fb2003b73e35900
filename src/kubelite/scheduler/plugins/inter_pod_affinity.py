"""InterPodAffinity: pods that want to be near, or far from, other pods.

Rules: required affinity needs a matching pod in the node's domain, unless no pod matches anywhere and the new pod matches
itself; required anti-affinity needs none there, and holds in both directions; preferred terms weigh.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kubelite.scheduler.domains import question
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.pods import PodInfo, Term

NAME = "InterPodAffinity"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


def means(term: Term, info: PodInfo, namespaces: dict[str, dict[str, str]]) -> bool:
    meta = info.pod.metadata
    return term.matches(meta.namespace, meta.labels, namespaces.get(meta.namespace, {}))


class InterPodAffinity:
    name = NAME

    def _matcher(self, cycle: Cycle, term: Term) -> Callable[[PodInfo], bool]:
        namespaces = cycle.namespaces
        return lambda info: means(term, info, namespaces)

    def _per_domain(self, cycle: Cycle, term: Term) -> tuple[Ints, Ints]:
        """(domain of each node, matching pods of each domain)."""
        counts = cycle.counts.per_node(("affinity", *question(term)), self._matcher(cycle, term))
        domains, totals, _ = cycle.counts.per_domain(term.topology_key, counts, cycle.nodes.active)
        return domains, totals

    def filter(self, cycle: Cycle) -> Mask | None:
        parts: dict[str, Mask] = {}
        if cycle.pod.affinity:
            parts[AFFINITY] = self._near(cycle)
        if cycle.pod.anti_affinity:
            parts[ANTI_AFFINITY] = self._apart(cycle)
        others = self._unwelcome(cycle)
        if others is not None:
            parts[EXISTING] = ~others
        cycle.state[NAME] = parts
        if not parts:
            return None
        mask: Mask = np.logical_and.reduce(list(parts.values()))
        return mask

    def _near(self, cycle: Cycle) -> Mask:
        """A pod is a neighbour only if it matches all terms at once, whatever their topologies."""
        mask = np.ones(cycle.nodes.capacity, bool)
        labelled = mask.copy()
        anywhere = False
        terms, namespaces = cycle.pod.affinity, cycle.namespaces
        key = ("near", *(question(term) for term in terms))
        counts = cycle.counts.per_node(key, lambda info: all(means(term, info, namespaces) for term in terms))
        for term in terms:
            domains, totals, _ = cycle.counts.per_domain(term.topology_key, counts, cycle.nodes.active)
            labelled &= domains >= 0
            mask &= (domains >= 0) & (totals[np.maximum(domains, 0)] > 0)
            anywhere = anywhere or bool(totals.any())
        # The first pod of a group that wants to be together must be allowed somewhere.
        if not anywhere and all(means(term, cycle.pod, cycle.namespaces) for term in cycle.pod.affinity):
            return labelled
        return mask

    def _apart(self, cycle: Cycle) -> Mask:
        mask = np.ones(cycle.nodes.capacity, bool)
        for term in cycle.pod.anti_affinity:
            domains, totals = self._per_domain(cycle, term)
            mask &= (domains < 0) | (totals[np.maximum(domains, 0)] == 0)
        return mask

    def _unwelcome(self, cycle: Cycle) -> Mask | None:
        """Nodes in the domain of a pod that does not want this one near."""
        meant = [h for h in cycle.counts.repelled.values() if means(h.term, cycle.pod, cycle.namespaces)]
        if not meant:
            return None
        mask = np.zeros(cycle.nodes.capacity, bool)
        for held in meant:
            domains, totals, _ = cycle.counts.per_domain(held.term.topology_key, held.weights, cycle.nodes.active)
            mask |= (domains >= 0) & (totals[np.maximum(domains, 0)] > 0)
        return mask

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [reason for reason, mask in cycle.state[NAME].items() if not mask[position]][:1]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """The own preferences, and those of placed pods that mean this one."""
        meant = [h for h in cycle.counts.drawn.values() if means(h.term, cycle.pod, cycle.namespaces)]
        if not cycle.pod.preferred and not meant:
            return None
        raw = np.zeros(cycle.nodes.capacity)
        for held in meant:
            domains, totals, _ = cycle.counts.per_domain(held.term.topology_key, held.weights, cycle.nodes.active)
            raw += np.where(domains >= 0, totals[np.maximum(domains, 0)], 0)
        for term, weight in cycle.pod.preferred:
            domains, totals = self._per_domain(cycle, term)
            raw += np.where(domains >= 0, totals[np.maximum(domains, 0)] * weight, 0)
        among = raw[fitting]
        low, high = float(among.min()), float(among.max())
        if low == high:
            return None
        scores: Scores = MAX_NODE_SCORE * (raw - low) / (high - low)
        return scores

"""PodTopologySpread: keeps matching pods even over zones, nodes or any other labelled domains.

Rules: DoNotSchedule rejects a node whose domain would get more than `maxSkew` ahead of the emptiest eligible one;
ScheduleAnyway scores. Pods without constraints of their own are spread softly over nodes and zones by their controller, which
is what upstream's System defaults (maxSkew 3 over zones, 5 over nodes) are for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kubelite.api.logic import topology
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.plugins.node_affinity import NodeAffinity
from kubelite.scheduler.plugins.taint_toleration import TaintToleration
from kubelite.scheduler.pods import PodInfo

NAME = "PodTopologySpread"
REASON = "node(s) didn't match pod topology spread constraints"
MISSING_LABEL = f"{REASON} (missing required label)"


def matcher(spread: topology.Spread, namespace: str) -> Callable[[PodInfo], bool]:
    """Pods that a constraint counts: of its namespace, selected, and not on their way out."""

    def matches(info: PodInfo) -> bool:
        meta = info.pod.metadata
        return (
            meta.namespace == namespace
            and meta.deletionTimestamp is None
            and not spread.selector.empty
            and spread.selector.matches(meta.labels)
        )

    return matches


class TopologySpread:
    name = NAME

    def __init__(self) -> None:
        self._affinity, self._taints = NodeAffinity(), TaintToleration()

    def counts(self, cycle: Cycle, spread: topology.Spread) -> Ints:
        namespace = cycle.pod.pod.metadata.namespace
        return cycle.counts.per_node(("spread", namespace, str(spread.selector)), matcher(spread, namespace))

    def eligible(self, cycle: Cycle, spread: topology.Spread) -> Mask:
        """Nodes whose domains take part, by the constraint's node inclusion policies."""
        mask = cycle.nodes.active.copy()
        if spread.honor_affinity:
            matching = self._affinity.filter(cycle)
            mask &= matching if matching is not None else True
        if spread.honor_taints:
            accepted = self._taints.filter(cycle)
            mask &= accepted if accepted is not None else True
        return mask

    def filter(self, cycle: Cycle) -> Mask | None:
        spreads = cycle.pod.hard_spreads
        if not spreads:
            return None
        mask = np.ones(cycle.nodes.capacity, bool)
        labelled = mask.copy()
        for spread in spreads:
            labelled &= cycle.counts.domain_of(spread.topology_key) >= 0
        for spread in spreads:
            eligible = self.eligible(cycle, spread) & labelled
            domains, totals, present = cycle.counts.per_domain(
                spread.topology_key, self.counts(cycle, spread), eligible
            )
            known = totals[present]
            minimum = int(known.min()) if known.size and known.size >= spread.min_domains else 0
            own = matcher(spread, cycle.pod.pod.metadata.namespace)(cycle.pod)
            allowed = totals + (1 if own else 0) - minimum <= spread.max_skew
            mask &= allowed[np.maximum(domains, 0)]
        cycle.state[NAME] = labelled
        return mask & labelled

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON if cycle.state[NAME][position] else MISSING_LABEL]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        raw = self.soft(cycle, fitting) if cycle.pod.soft_spreads else self.by_owner(cycle, fitting)
        if raw is None:
            return None
        among = raw[fitting & (raw >= 0)]
        if not among.size or float(among.max()) == float(among.min()):
            return None
        low, high = float(among.min()), float(among.max())
        scores: Scores = np.where(raw >= 0, MAX_NODE_SCORE * (high + low - raw) / high, 0.0)
        return scores

    def soft(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """The weighted counts under the pod's own soft constraints; -1 for nodes that miss a label."""
        raw = np.zeros(cycle.nodes.capacity)
        labelled = np.ones(cycle.nodes.capacity, bool)
        for spread in cycle.pod.soft_spreads:
            domains, totals, present = cycle.counts.per_domain(
                spread.topology_key, self.counts(cycle, spread), self.eligible(cycle, spread)
            )
            labelled &= domains >= 0
            factor = topology.weight(int(present.sum()))
            raw += totals[np.maximum(domains, 0)] * factor + (spread.max_skew - 1)
        return np.where(labelled, raw, -1.0)

    def by_owner(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """Counts of pods with the same controller, on the node and in its zone."""
        owner = cycle.pod.owner
        if cycle.pod.hard_spreads or not owner:
            return None
        counts = cycle.counts.per_node(
            ("owner", owner), lambda info: info.owner == owner and info.pod.metadata.deletionTimestamp is None
        )
        raw = counts.astype(np.float64) * topology.weight(len(cycle.nodes))
        domains, totals, present = cycle.counts.per_domain(topology.ZONE, counts, fitting)
        if present.any():
            factor = topology.weight(int(present.sum()))
            raw += np.where(domains >= 0, totals[np.maximum(domains, 0)] * factor, 0.0)
        return raw

"""PodTopologySpread: keeps matching pods even over zones, nodes or any other labelled domains.

Rules: DoNotSchedule rejects a node whose domain would get more than `maxSkew` ahead of the emptiest eligible one;
ScheduleAnyway scores. Pods without constraints get the defaults of the profile: "System" (maxSkew 3 over nodes, 5 over zones,
both soft) or its own list, counting what their Services and controllers select. Upstream: plugins/podtopologyspread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kubelite.api.logic import topology
from kubelite.api.types.core_v1 import TopologySpreadConstraint
from kubelite.scheduler import events
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, FilterPlugin, Scores, Trial, Why
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.plugins.args import SYSTEM, PodTopologySpreadArgs
from kubelite.scheduler.plugins.node_affinity import pod_mask
from kubelite.scheduler.plugins.taint_toleration import TaintToleration
from kubelite.scheduler.pods import PodInfo

NAME = "PodTopologySpread"
REASON = "node(s) didn't match pod topology spread constraints"
MISSING_LABEL = f"{REASON} (missing required label)"
SYSTEM_DEFAULTS = [
    TopologySpreadConstraint(topologyKey=topology.HOSTNAME, whenUnsatisfiable=topology.SCHEDULE_ANYWAY, maxSkew=3),
    TopologySpreadConstraint(topologyKey=topology.ZONE, whenUnsatisfiable=topology.SCHEDULE_ANYWAY, maxSkew=5),
]
FAR = 2**62


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


@dataclass(slots=True, eq=False)
class Verdict:
    """One hard constraint, counted out."""

    spread: topology.Spread
    matches: Callable[[PodInfo], bool]
    domains: Ints
    totals: Ints
    present: Mask
    own: int

    def minimum(self) -> int:
        """The count of the emptiest domain; 0 while there are fewer domains than wanted."""
        known = self.totals[self.present]
        return int(known.min()) if known.size and known.size >= self.spread.min_domains else 0

    def allowed(self) -> Mask:
        fine: Mask = self.totals + self.own - self.minimum() <= self.spread.max_skew
        mask: Mask = fine[np.maximum(self.domains, 0)]
        return mask


class SpreadTrial:
    """The counts of one node's domains without some pods."""

    def __init__(self, verdicts: list[Verdict], position: int) -> None:
        self.parts: list[list[int]] = []
        self.verdicts = verdicts
        for verdict in verdicts:
            domain = int(verdict.domains[position])
            others = verdict.present.copy()
            counted = domain >= 0 and bool(others[domain])
            others[max(domain, 0)] = False
            known = verdict.totals[others]
            enough = known.size + counted >= verdict.spread.min_domains
            floor = int(known.min()) if known.size else FAR
            self.parts.append([int(verdict.totals[domain]), floor if enough else 0, int(counted)])

    def take(self, info: PodInfo) -> None:
        for part, verdict in zip(self.parts, self.verdicts, strict=True):
            if part[2] and verdict.matches(info):
                part[0] -= 1

    def give(self, info: PodInfo) -> None:
        for part, verdict in zip(self.parts, self.verdicts, strict=True):
            if part[2] and verdict.matches(info):
                part[0] += 1

    def refusals(self) -> list[str]:
        for (total, floor, counted), verdict in zip(self.parts, self.verdicts, strict=True):
            minimum = min(floor, total) if counted else floor
            if total + verdict.own - (0 if minimum == FAR else minimum) > verdict.spread.max_skew:
                return [REASON]
        return []


class TopologySpread(FilterPlugin):
    name = NAME

    def __init__(self, args: PodTopologySpreadArgs | None = None) -> None:
        args = args or PodTopologySpreadArgs()
        self.system = args.defaultingType == SYSTEM
        self.defaults = SYSTEM_DEFAULTS if self.system else args.defaultConstraints
        self._taints = TaintToleration()
        self.events = {
            events.NODE_ADD: None,
            events.NODE_DELETE: None,
            events.NODE_LABEL: None,
            events.NODE_TAINT: None,
            events.POD_ADD: self._counts_pod,
            events.POD_LABEL: self._counts_pod,
            events.POD_DELETE: self._counts_pod,
        }

    def _counts_pod(self, pod: PodInfo, old: PodInfo | None, new: PodInfo | None) -> bool:
        """Whether a constraint of the waiting pod counts the one that changed."""
        if not pod.hard_spreads:
            return True
        moved = [info.pod.metadata for info in (old, new) if info is not None]
        here = [meta.labels for meta in moved if meta.namespace == pod.pod.metadata.namespace]
        return any(spread.selector.matches(labels) for spread in pod.hard_spreads for labels in here)

    def spreads(self, cycle: Cycle, when: str) -> tuple[topology.Spread, ...]:
        """The pod's own constraints, or the defaults where it has none."""
        pod = cycle.pod
        if pod.pod.spec.topologySpreadConstraints:
            return pod.hard_spreads if when == topology.DO_NOT_SCHEDULE else pod.soft_spreads
        defaults = [c for c in self.defaults if c.whenUnsatisfiable == when]
        selector = cycle.world.owners.selector_of(pod) if defaults else None
        return tuple(topology.spread(c, selector) for c in defaults) if selector is not None else ()

    def counts(self, cycle: Cycle, spread: topology.Spread) -> Ints:
        namespace = cycle.pod.pod.metadata.namespace
        return cycle.counts.per_node(("spread", namespace, str(spread.selector)), matcher(spread, namespace))

    def eligible(self, cycle: Cycle, spread: topology.Spread) -> Mask:
        """Nodes whose domains take part, by the constraint's node inclusion policies."""
        mask = cycle.nodes.active.copy()
        if spread.honor_affinity:
            matching = pod_mask(cycle)
            mask &= matching if matching is not None else True
        if spread.honor_taints:
            accepted = self._taints.filter(cycle)
            mask &= accepted if accepted is not None else True
        return mask

    def filter(self, cycle: Cycle) -> Mask | None:
        spreads = self.spreads(cycle, topology.DO_NOT_SCHEDULE)
        if not spreads:
            return None
        labelled = np.ones(cycle.nodes.capacity, bool)
        for spread in spreads:
            labelled &= cycle.counts.domain_of(spread.topology_key) >= 0
        mask = labelled.copy()
        verdicts = []
        namespace = cycle.pod.pod.metadata.namespace
        for spread in spreads:
            eligible = self.eligible(cycle, spread) & labelled
            counted = cycle.counts.per_domain(spread.topology_key, self.counts(cycle, spread), eligible)
            matches = matcher(spread, namespace)
            verdict = Verdict(spread, matches, *counted, own=int(matches(cycle.pod)))
            mask &= verdict.allowed()
            verdicts.append(verdict)
        cycle.state[NAME] = labelled, verdicts
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        labelled, _ = cycle.state[NAME]
        return [Why(REASON, labelled, hopeless=False), Why(MISSING_LABEL, ~labelled)]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        found = cycle.state.get(NAME)
        return SpreadTrial(found[1], position) if found is not None else None

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        spreads = self.spreads(cycle, topology.SCHEDULE_ANYWAY)
        if not spreads:
            return None
        strict = bool(cycle.pod.pod.spec.topologySpreadConstraints) or not self.system
        raw = np.zeros(cycle.nodes.capacity)
        labelled = np.ones(cycle.nodes.capacity, bool)
        if strict:
            for spread in spreads:
                labelled &= cycle.counts.domain_of(spread.topology_key) >= 0
        scored = fitting & labelled
        for spread in spreads:
            raw += self._part(cycle, spread, scored, labelled)
        raw = np.floor(raw + 0.5)
        among = raw[scored]
        if not among.size:
            return None
        low, high = float(among.min()), float(among.max())
        if low == high and bool(labelled[fitting].all()):
            return None
        if not high:
            return np.where(labelled, float(MAX_NODE_SCORE), 0.0)
        scores: Scores = np.where(labelled, np.floor(MAX_NODE_SCORE * (high + low - raw) / high), 0.0)
        return scores

    def _part(self, cycle: Cycle, spread: topology.Spread, scored: Mask, labelled: Mask) -> Scores:
        """What one soft constraint adds: counts weighted by the number of domains among the scored nodes."""
        counts = self.counts(cycle, spread)
        if spread.topology_key == topology.HOSTNAME:
            factor = topology.weight(int(np.count_nonzero(scored)))
            has_label = cycle.counts.domain_of(spread.topology_key) >= 0
            return np.where(has_label, counts * factor + (spread.max_skew - 1), 0.0)
        domains, totals, _ = cycle.counts.per_domain(
            spread.topology_key, counts, self.eligible(cycle, spread) & labelled
        )
        among = domains[scored]
        size = int(np.unique(among).size)
        factor = topology.weight(size)
        return np.where(domains >= 0, totals[np.maximum(domains, 0)] * factor + (spread.max_skew - 1), 0.0)

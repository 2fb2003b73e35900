"""InterPodAffinity: pods that want to be near, or far from, other pods.

Rules: required affinity needs a matching pod in the node's domain, unless no pod matches anywhere and the new pod matches
itself; required anti-affinity needs none there, and holds in both directions; preferred terms weigh, and required affinity of
placed pods pulls a little (`hardPodAffinityWeight`). Upstream: plugins/interpodaffinity.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.domains import Held, question
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, FilterPlugin, Scores, Trial, Why
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.plugins.args import InterPodAffinityArgs
from kubelite.scheduler.pods import PodInfo, Term

NAME = "InterPodAffinity"
AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"


def means(term: Term, info: PodInfo, namespaces: dict[str, dict[str, str]]) -> bool:
    meta = info.pod.metadata
    return term.matches(meta.namespace, meta.labels, namespaces.get(meta.namespace, {}))


def might_mean(term: Term, info: PodInfo) -> bool:
    """Whether a term can mean a pod; namespaces that are selected by labels all count."""
    named = term.namespace_selector is not None or info.pod.metadata.namespace in term.namespaces
    return named and term.selector is not None and term.selector.matches(info.pod.metadata.labels)


@dataclass(slots=True, eq=False)
class Part:
    """One term, counted out: the domain of each node and how many pods count in each domain. Only itself is equal to it."""

    domains: Ints
    totals: Ints
    counts: Callable[[PodInfo], int]
    """What one pod adds."""

    def at(self, position: int) -> int:
        domain = int(self.domains[position])
        return int(self.totals[domain]) if domain >= 0 else 0

    def some(self) -> Mask:
        """Nodes in whose domain there is such a pod."""
        mask: Mask = (self.domains >= 0) & (self.totals[np.maximum(self.domains, 0)] > 0)
        return mask


@dataclass(slots=True)
class State:
    """What `filter` found out."""

    near: list[Part] = field(default_factory=list)
    apart: list[Part] = field(default_factory=list)
    unwelcome: list[Part] = field(default_factory=list)
    alone: bool = False
    """The pod may be the first of its group."""
    masks: dict[str, Mask] = field(default_factory=dict)


class NeighboursTrial:
    """The neighbours that count for one node, without some pods."""

    def __init__(self, state: State, position: int) -> None:
        self.state, self.position = state, position
        self.sums = {id(part): part.at(position) for part in (*state.near, *state.apart, *state.unwelcome)}
        self.anywhere = sum(int(part.totals.sum()) for part in state.near)

    def _move(self, info: PodInfo, sign: int) -> None:
        state, position = self.state, self.position
        for part in (*state.near, *state.apart, *state.unwelcome):
            if part.domains[position] >= 0:
                number = sign * part.counts(info)
                self.sums[id(part)] += number
                if part in state.near:
                    self.anywhere += number

    def take(self, info: PodInfo) -> None:
        self._move(info, -1)

    def give(self, info: PodInfo) -> None:
        self._move(info, 1)

    def refusals(self) -> list[str]:
        state, sums = self.state, self.sums
        if state.near and not all(sums[id(part)] > 0 for part in state.near):
            labelled = all(part.domains[self.position] >= 0 for part in state.near)
            if self.anywhere or not state.alone or not labelled:
                return [AFFINITY]
        if any(sums[id(part)] > 0 for part in state.apart):
            return [ANTI_AFFINITY]
        return [EXISTING] if any(sums[id(part)] > 0 for part in state.unwelcome) else []


class InterPodAffinity(FilterPlugin):
    name = NAME

    def __init__(self, args: InterPodAffinityArgs | None = None) -> None:
        args = args or InterPodAffinityArgs()
        self.hard_weight = args.hardPodAffinityWeight
        self.own_only = args.ignorePreferredTermsOfExistingPods
        self.events = {
            events.NODE_ADD: None,
            events.NODE_LABEL: None,
            events.NAMESPACE: None,
            events.POD_ADD: self._company,
            events.POD_LABEL: self._relabelled,
            events.POD_DELETE: self._relief,
        }

    @staticmethod
    def _company(pod: PodInfo, old: None, new: PodInfo) -> bool:
        """Whether a new pod may be one that the waiting pod wants to be near to."""
        return any(might_mean(term, new) for term in pod.affinity)

    @staticmethod
    def _relabelled(pod: PodInfo, old: PodInfo, new: PodInfo) -> bool:
        """Whether a pod is now, or no longer, one that the waiting pod's rules mean."""
        return any(might_mean(term, old) != might_mean(term, new) for term in (*pod.affinity, *pod.anti_affinity))

    @staticmethod
    def _relief(pod: PodInfo, old: PodInfo, new: None) -> bool:
        """Whether one of the two did not want the other; or no pod of the wanted kind is left, so that it may be the first."""
        return any(might_mean(term, old) for term in (*pod.anti_affinity, *pod.affinity)) or any(
            might_mean(term, pod) for term in old.anti_affinity
        )

    def _part(self, cycle: Cycle, term: Term) -> Part:
        """How many pods of each domain a term means."""
        namespaces = cycle.namespaces

        def matches(info: PodInfo) -> bool:
            return means(term, info, namespaces)

        counts = cycle.counts.per_node(("affinity", *question(term)), matches)
        domains, totals, _ = cycle.counts.per_domain(term.topology_key, counts, cycle.nodes.active)
        return Part(domains, totals, matches)

    def filter(self, cycle: Cycle) -> Mask | None:
        state = State()
        if cycle.pod.affinity:
            state.masks[AFFINITY] = self._near(cycle, state)
        if cycle.pod.anti_affinity:
            state.apart = [self._part(cycle, term) for term in cycle.pod.anti_affinity]
            state.masks[ANTI_AFFINITY] = ~np.logical_or.reduce([part.some() for part in state.apart])
        state.unwelcome = self._unwelcome(cycle)
        if state.unwelcome:
            state.masks[EXISTING] = ~np.logical_or.reduce([part.some() for part in state.unwelcome])
        if not state.masks:
            return None
        cycle.state[NAME] = state
        mask: Mask = np.logical_and.reduce(list(state.masks.values()))
        return mask

    def _near(self, cycle: Cycle, state: State) -> Mask:
        """A pod is a neighbour only if it matches all terms at once, whatever their topologies."""
        mask = np.ones(cycle.nodes.capacity, bool)
        labelled = mask.copy()
        terms, namespaces = cycle.pod.affinity, cycle.namespaces

        def matches(info: PodInfo) -> bool:
            return all(means(term, info, namespaces) for term in terms)

        counts = cycle.counts.per_node(("near", *(question(term) for term in terms)), matches)
        for term in terms:
            domains, totals, _ = cycle.counts.per_domain(term.topology_key, counts, cycle.nodes.active)
            part = Part(domains, totals, matches)
            labelled &= domains >= 0
            mask &= part.some()
            state.near.append(part)
        # The first pod of a group that wants to be together must be allowed somewhere.
        state.alone = matches(cycle.pod)
        if state.alone and not any(bool(part.totals.any()) for part in state.near):
            return labelled
        return mask

    def _unwelcome(self, cycle: Cycle) -> list[Part]:
        """The terms of placed pods that do not want this one near."""
        found = []
        for key, held in cycle.counts.meaning(cycle.counts.repelled, cycle.pod, cycle.namespaces):
            domains, totals, _ = cycle.counts.per_domain(held.term.topology_key, held.weights, cycle.nodes.active)
            found.append(Part(domains, totals, holder_of(key)))
        return found

    def explain(self, cycle: Cycle) -> list[Why]:
        """The first kind of rule that a node breaks."""
        found = []
        before = np.ones(cycle.nodes.capacity, bool)
        for reason, mask in cycle.state[NAME].masks.items():
            found.append(Why(reason, before & ~mask, hopeless=reason == AFFINITY))
            before = before & mask
        return found

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        state = cycle.state.get(NAME)
        return NeighboursTrial(state, position) if state is not None else None

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """The own preferences, and those of placed pods that mean this one."""
        own = cycle.pod.preferred
        if self.own_only and not own:
            return None
        meant: list[tuple[Held, int]] = [(h, 1) for _, h in self._pulling(cycle, cycle.counts.drawn)]
        if self.hard_weight:
            meant += [(h, self.hard_weight) for _, h in self._pulling(cycle, cycle.counts.needed)]
        if not own and not meant:
            return None
        raw = np.zeros(cycle.nodes.capacity)
        for held, weight in meant:
            domains, totals, _ = cycle.counts.per_domain(held.term.topology_key, held.weights, cycle.nodes.active)
            raw += np.where(domains >= 0, totals[np.maximum(domains, 0)] * weight, 0)
        for term, weight in own:
            part = self._part(cycle, term)
            raw += np.where(part.domains >= 0, part.totals[np.maximum(part.domains, 0)] * weight, 0)
        among = raw[fitting]
        low, high = float(among.min()), float(among.max())
        if low == high:
            return None
        scores: Scores = np.floor(MAX_NODE_SCORE * (raw - low) / (high - low))
        return scores

    @staticmethod
    def _pulling(cycle: Cycle, table: dict[Hashable, Held]) -> list[tuple[Hashable, Held]]:
        return cycle.counts.meaning(table, cycle.pod, cycle.namespaces)


def holder_of(key: Hashable) -> Callable[[PodInfo], int]:
    """How often a pod has the anti-affinity term of this key."""

    def held(info: PodInfo) -> int:
        return sum((term.topology_key, *question(term)) == key for term in info.anti_affinity)

    return held

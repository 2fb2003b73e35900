"""Topology spread: how unevenly pods may lie over zones, hosts or other domains.

Why: the scheduler and tools that explain it share the sums. Flow: a pod's constraints and counts per domain in, skew and
verdict out. Upstream: scheduler plugin PodTopologySpread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kubelite.api.types import meta_v1
from kubelite.machinery import labels as selectors

DO_NOT_SCHEDULE = "DoNotSchedule"
SCHEDULE_ANYWAY = "ScheduleAnyway"
HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
REGION = "topology.kubernetes.io/region"


@dataclass(frozen=True, slots=True)
class Spread:
    """A constraint made ready for counting."""

    topology_key: str
    max_skew: int
    min_domains: int
    selector: selectors.Selector
    honor_affinity: bool
    honor_taints: bool


def spread(constraint: Any, selector: selectors.Selector) -> Spread:
    """A constraint that counts the pods of `selector`."""
    return Spread(
        constraint.topologyKey,
        constraint.maxSkew or 1,
        constraint.minDomains or 1,
        selector,
        constraint.nodeAffinityPolicy != "Ignore",
        constraint.nodeTaintsPolicy == "Honor",
    )


def spreads(pod: Any, when: str) -> tuple[Spread, ...]:
    """The pod's constraints whose `whenUnsatisfiable` is `when`.

    `matchLabelKeys` narrow the selector by the pod's own labels. Without a selector no pod is counted.
    """
    return tuple(
        spread(constraint, _selector(constraint, pod.metadata.labels))
        for constraint in pod.spec.topologySpreadConstraints
        if constraint.whenUnsatisfiable == when
    )


def _selector(constraint: Any, pod_labels: Mapping[str, str]) -> selectors.Selector:
    selector = constraint.labelSelector
    keys = [key for key in constraint.matchLabelKeys if key in pod_labels]
    if selector is not None and keys:
        more = [meta_v1.LabelSelectorRequirement(key=k, operator="In", values=[pod_labels[k]]) for k in keys]
        # The API server writes them into the selector too.
        more = [requirement for requirement in more if requirement not in selector.matchExpressions]
        selector = meta_v1.LabelSelector(
            matchLabels=selector.matchLabels, matchExpressions=[*selector.matchExpressions, *more]
        )
    return selectors.from_label_selector(selector)


def global_minimum(counts: Mapping[str, int], min_domains: int) -> int:
    """The smallest count over the eligible domains; 0 while there are fewer than `min_domains`."""
    if not counts or len(counts) < min_domains:
        return 0
    return min(counts.values())


def skew(count: int, matches_itself: bool, minimum: int) -> int:
    """How far a domain would be ahead of the emptiest once the pod is placed there."""
    return count + (1 if matches_itself else 0) - minimum


def allowed(counts: Mapping[str, int], domain: str, spread: Spread, matches_itself: bool) -> bool:
    """Whether the pod may go to `domain` under a hard constraint."""
    minimum = global_minimum(counts, spread.min_domains)
    return skew(counts.get(domain, 0), matches_itself, minimum) <= spread.max_skew


def weight(domains: int) -> float:
    """The factor that lets constraints over many domains count as much as those over few."""
    return math.log(domains + 2)


def score(count: int, domains: int, max_skew: int) -> float:
    """The raw (lower is better) score of a domain under a soft constraint."""
    return count * weight(domains) + (max_skew - 1)

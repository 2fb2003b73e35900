"""How many pods to create, which to delete: the decision of the ReplicaSet controller.

What: `plan(Observed) -> Plan`, pure. Why: the choice of victims is the part that users feel, so it is testable alone.
Flow: controller observes → `plan` → controller applies. Burst and ranking follow pkg/controller/replicaset and
pkg/controller ActivePodsWithRanks.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.machinery import times

BURST = 500
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are the active pods held; `related` those of sibling replica sets, which count for spreading."""

    replicas: int
    pods: Sequence[Any]
    related: Sequence[Any]
    now: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """So many pods to create, or these pods to delete."""

    create: int = 0
    delete: tuple[Any, ...] = ()


def plan(observed: Observed) -> Plan:
    """What brings the number of pods to `replicas`, `BURST` at most in one go."""
    surplus = len(observed.pods) - observed.replicas
    if surplus < 0:
        return Plan(create=min(-surplus, BURST))
    if surplus > 0:
        ranked = deletion_order(observed.pods, observed.related, observed.now)
        return Plan(delete=tuple(ranked[: min(surplus, BURST)]))
    return Plan()


@dataclass(frozen=True, slots=True)
class _Candidate:
    pod: Any
    ready: bool
    cost: int
    neighbours: int
    ready_since: datetime
    created: datetime
    restarts: tuple[int, int]


def deletion_order(pods: Sequence[Any], related: Sequence[Any], now: datetime) -> list[Any]:
    """`pods` with the first to be deleted first."""
    per_node = Counter(pod.spec.nodeName for pod in related if podstatus.is_active(pod))
    candidates = [_candidate(pod, per_node) for pod in pods]

    def compare(a: _Candidate, b: _Candidate) -> int:
        return _compare(a, b, now)

    return [candidate.pod for candidate in sorted(candidates, key=functools.cmp_to_key(compare))]


def _candidate(pod: Any, per_node: Counter[str]) -> _Candidate:
    condition = podstatus.ready_condition(pod)
    ready, since = False, _NEVER
    if condition is not None and condition.status == "True":
        ready = True
        since = times.parse(condition.lastTransitionTime) if condition.lastTransitionTime else _NEVER
    created = pod.metadata.creationTimestamp
    return _Candidate(
        pod=pod,
        ready=ready,
        cost=deletion_cost(pod),
        neighbours=per_node[pod.spec.nodeName],
        ready_since=since,
        created=times.parse(created) if created else _NEVER,
        restarts=_restarts(pod),
    )


def deletion_cost(pod: Any) -> int:
    """The int32 of the annotation; 0 where it is missing or malformed."""
    text = pod.metadata.annotations.get(DELETION_COST, "")
    digits = text[1:] if text[:1] == "-" else text
    if not digits.isascii() or not digits.isdigit() or (len(digits) > 1 and digits[0] == "0"):
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def _restarts(pod: Any) -> tuple[int, int]:
    """The most restarts of a regular container and of a sidecar."""
    sidecars = {c.name for c in pod.spec.initContainers if c.restartPolicy == "Always"}
    regular = max((s.restartCount or 0 for s in pod.status.containerStatuses), default=0)
    beside = max((s.restartCount or 0 for s in pod.status.initContainerStatuses if s.name in sidecars), default=0)
    return regular, beside


def _compare(a: _Candidate, b: _Candidate, now: datetime) -> int:
    """Negative if `a` goes first."""
    first = (bool(a.pod.spec.nodeName), _PHASES.get(a.pod.status.phase, 0), a.ready, a.cost, -a.neighbours)
    second = (bool(b.pod.spec.nodeName), _PHASES.get(b.pod.status.phase, 0), b.ready, b.cost, -b.neighbours)
    if first != second:
        return -1 if first < second else 1
    if a.ready and a.ready_since != b.ready_since:
        return _younger(a, b, a.ready_since, b.ready_since, now)
    if a.restarts != b.restarts:
        return -1 if a.restarts > b.restarts else 1
    if a.created != b.created:
        return _younger(a, b, a.created, b.created, now)
    return 0


def _younger(a: _Candidate, b: _Candidate, at: datetime, bt: datetime, now: datetime) -> int:
    """The younger goes first, on a logarithmic scale; within one step the uid decides, which is as good as chance."""
    if _NEVER in (at, bt):
        return -1 if at == _NEVER else 1
    difference = _log_age(at, now) - _log_age(bt, now)
    if difference:
        return difference
    return -1 if a.pod.metadata.uid < b.pod.metadata.uid else 1


def _log_age(since: datetime, now: datetime) -> int:
    seconds = (now - since).total_seconds()
    return int(math.log2(seconds * 1e9)) if seconds > 0 else -1

"""The status of a PodDisruptionBudget: how many pods there should be, are healthy, and may be disrupted (pure).

Flow: the pods that the budget selects and the sizes of their controllers in, status out. Upstream: pkg/controller/disruption
(getExpectedPodCount, countHealthyPods, buildDisruptedPodMap, updatePdbStatus).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.types.meta_v1 import Condition
from kubelite.api.types.policy_v1 import PodDisruptionBudget, PodDisruptionBudgetStatus
from kubelite.machinery import times
from kubelite.machinery.intorstr import scaled
from kubelite.machinery.meta import controller_of, set_condition

ALLOWED = "DisruptionAllowed"
DELETION_TIMEOUT = timedelta(minutes=2)
"""How long a pod that was evicted may stay before it counts again."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many pods the object `uid` wants: a pod's controller, or the Deployment of several of them."""

    uid: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Observed:
    """`sizes`: the size behind each controller by its uid; a text says why there is none, which may be empty."""

    budget: PodDisruptionBudget
    pods: Sequence[Any]
    sizes: Mapping[str, Size | str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    status: PodDisruptionBudgetStatus
    unmanaged: bool = False
    """Some pods have no controller, so that their number is not known."""
    overdue: tuple[str, ...] = ()
    """Pods that were evicted and did not go."""
    recheck: float = 0.0
    failure: str = ""


def outcome(observed: Observed) -> Outcome:
    """The status as it should be; with `failure` it allows nothing."""
    budget, now = observed.budget, observed.now
    try:
        expected, desired, unmanaged = expected_pods(observed)
    except (ValueError, LookupError) as error:
        return Outcome(_failed(budget, str(error), now), failure=str(error))
    disrupted, overdue, recheck = _disrupted(observed)
    healthy = sum(
        podstatus.is_ready(pod) and not podstatus.is_terminating(pod) and pod.metadata.name not in disrupted
        for pod in observed.pods
    )
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    status = PodDisruptionBudgetStatus(
        conditions=[copy.copy(found) for found in budget.status.conditions],
        currentHealthy=healthy,
        desiredHealthy=desired,
        expectedPods=expected,
        disruptionsAllowed=allowed,
        disruptedPods=disrupted,
        observedGeneration=budget.metadata.generation,
    )
    reason = "SufficientPods" if allowed else "InsufficientPods"
    _tell(status, budget, reason, "", now, "True" if allowed else "False")
    return Outcome(status, unmanaged, overdue, recheck)


def _failed(budget: PodDisruptionBudget, message: str, now: datetime) -> PodDisruptionBudgetStatus:
    status = copy.copy(budget.status)
    status.conditions = [copy.copy(found) for found in status.conditions]
    status.disruptionsAllowed = 0
    status.observedGeneration = budget.metadata.generation
    _tell(status, budget, "SyncFailed", message, now, "False")
    return status


def _tell(
    status: PodDisruptionBudgetStatus, budget: PodDisruptionBudget, reason: str, message: str, now: datetime, state: str
) -> None:
    made = Condition(
        type=ALLOWED, status=state, reason=reason, message=message, observedGeneration=budget.metadata.generation
    )
    set_condition(status.conditions, made, times.now_text(now))


def counts_by_size(budget: PodDisruptionBudget) -> bool:
    """Whether the sizes of the pods' controllers matter."""
    return budget.spec.maxUnavailable is not None or isinstance(budget.spec.minAvailable, str)


def expected_pods(observed: Observed) -> tuple[int, int, bool]:
    """(pods that should be there, pods that must be healthy, whether some have no controller). Raises LookupError."""
    spec = observed.budget.spec
    if spec.maxUnavailable is not None:
        expected, unmanaged = _size(observed)
        return expected, max(expected - scaled(spec.maxUnavailable, expected, round_up=True), 0), unmanaged
    if isinstance(spec.minAvailable, str):
        expected, unmanaged = _size(observed)
        return expected, scaled(spec.minAvailable, expected, round_up=True), unmanaged
    if spec.minAvailable is not None:
        return len(observed.pods), spec.minAvailable, False
    return 0, 0, False


def _size(observed: Observed) -> tuple[int, bool]:
    """Each size counts once, also that of a Deployment whose pods have several ReplicaSets."""
    found: dict[str, int] = {}
    unmanaged = False
    for pod in observed.pods:
        controller = controller_of(pod)
        if controller is None:
            unmanaged = True
            continue
        size = observed.sizes.get(controller.uid, "")
        if isinstance(size, str):
            raise LookupError(size or f'found no controllers for pod "{pod.metadata.name}"')
        found[size.uid] = size.replicas
    return sum(found.values()), unmanaged


def _disrupted(observed: Observed) -> tuple[dict[str, str], tuple[str, ...], float]:
    """(evicted pods that have not gone yet, those that are overdue, seconds until the next is)."""
    listed = observed.budget.status.disruptedPods
    kept: dict[str, str] = {}
    overdue, waits = [], []
    for pod in observed.pods:
        name = pod.metadata.name
        if name not in listed or podstatus.is_terminating(pod):
            continue
        left = (times.parse(listed[name]) + DELETION_TIMEOUT - observed.now).total_seconds()
        if left <= 0:
            overdue.append(name)
        else:
            kept[name] = listed[name]
            waits.append(left)
    return kept, tuple(overdue), min(waits, default=0.0)

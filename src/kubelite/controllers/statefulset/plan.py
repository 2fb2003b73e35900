"""What a StatefulSet needs next: the decision of the controller.

What: `plan(Observed) -> Plan`, pure. Why: order is what people choose StatefulSets for, so it is testable alone.
Flow: pods by ordinal → replicas (create, replace, repair), then condemned pods from the top, then pods of old revisions. With
OrderedReady each step waits for the one before; with Parallel all are taken at once. Upstream:
pkg/controller/statefulset/stateful_set_control.go. `maxUnavailable` is behind a gate that is off in 1.36 (1.35 broke Parallel
sets with it): sets without it are updated one pod after the other, as there. Sets that do have it are taken at their word, the
way kubernetes/kubernetes does after 1.36: in Parallel sets first the unavailable pods of old revisions, which cost nothing.
Other than upstream, a scale down is not held up for ever by pods that have ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubelite.api.apps.stateful_set import ON_DELETE, PARALLEL
from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import StatefulSet
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.controllers.statefulset import identity, retention
from kubelite.machinery.intorstr import scaled


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are those held; `claims` those of them, by name; `current` and `update` the names of the two revisions."""

    stateful_set: StatefulSet
    pods: Sequence[Any]
    current: str
    update: str
    now: datetime
    claims: Mapping[str, PersistentVolumeClaim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Create:
    """Make the pod with this ordinal from this revision."""

    ordinal: int
    revision: str


@dataclass(frozen=True, slots=True)
class Delete:
    pod: Any


@dataclass(frozen=True, slots=True)
class MakeClaims:
    """Make the claims that this pod misses."""

    pod: Any


@dataclass(frozen=True, slots=True)
class Repair:
    """Give this pod its labels, and its claims their owners."""

    pod: Any


@dataclass(frozen=True, slots=True)
class Own:
    """Give the claims of this pod their owners; of a pod that the set wants, this is told."""

    pod: Any
    tell: bool = True


Step = Create | Delete | MakeClaims | Repair | Own


@dataclass(frozen=True, slots=True)
class Plan:
    """Three phases of steps; each starts when the one before has succeeded. `one_by_one` tells how the steps of a phase run."""

    replicas: tuple[Step, ...] = ()
    condemned: tuple[Step, ...] = ()
    outdated: tuple[Delete, ...] = ()
    one_by_one: bool = True

    def __bool__(self) -> bool:
        return bool(self.replicas or self.condemned or self.outdated)


def is_running_and_ready(pod: Any) -> bool:
    return pod is not None and pod.status.phase == podstatus.RUNNING and podstatus.is_ready(pod)


def plan(observed: Observed) -> Plan:
    """The next steps; none for a set that is being deleted."""
    stateful_set = observed.stateful_set
    if stateful_set.metadata.deletionTimestamp is not None:
        return Plan()
    monotonic = stateful_set.spec.podManagementPolicy != PARALLEL
    replicas, condemned = _split(observed)
    steps, blocked = _replicas(observed, replicas, monotonic)
    if blocked and monotonic:
        return Plan(tuple(steps))
    down, blocked = _condemned(observed, replicas, condemned, monotonic)
    if (blocked and monotonic) or stateful_set.spec.updateStrategy.type == ON_DELETE:
        return Plan(tuple(steps), tuple(down), one_by_one=monotonic)
    outdated = _outdated(observed, _after(observed, replicas, steps), monotonic)
    return Plan(tuple(steps), tuple(down), tuple(Delete(pod) for pod in outdated), monotonic)


def _split(observed: Observed) -> tuple[list[Any], list[Any]]:
    """(the pods wanted, by ordinal, None where there is none; the pods not wanted, highest ordinal first)."""
    stateful_set = observed.stateful_set
    first = identity.start(stateful_set)
    replicas: list[Any] = [None] * identity.replicas(stateful_set)
    condemned = []
    for pod in observed.pods:
        ordinal = identity.ordinal_of(pod)
        if identity.in_range(stateful_set, ordinal):
            replicas[ordinal - first] = pod
        elif ordinal >= 0:
            condemned.append(pod)
    return replicas, sorted(condemned, key=identity.ordinal_of, reverse=True)


def revision_for(observed: Observed, ordinal: int) -> str:
    """The revision of a new pod with this ordinal."""
    strategy = observed.stateful_set.spec.updateStrategy
    first = identity.start(observed.stateful_set)
    if strategy.type != ON_DELETE:
        rolling = strategy.rollingUpdate
        if rolling is None:
            kept = observed.stateful_set.status.currentReplicas or 0
        else:
            kept = rolling.partition or 0
        if ordinal < first + kept:
            return observed.current
    return observed.update


def _is_available(observed: Observed, pod: Any) -> bool:
    if pod is None:
        return False
    return podstatus.is_available(pod, observed.stateful_set.spec.minReadySeconds or 0, observed.now)


def _is_unavailable(observed: Observed, pod: Any) -> bool:
    return pod is None or podstatus.is_terminating(pod) or not _is_available(observed, pod)


def _replicas(observed: Observed, replicas: Sequence[Any], monotonic: bool) -> tuple[list[Step], bool]:
    """(steps for the pods wanted, whether one of them must come true first)."""
    steps: list[Step] = []
    blocked = False
    for index, pod in enumerate(replicas):
        more, wait = _replica(observed, identity.start(observed.stateful_set) + index, pod)
        steps += more
        blocked = blocked or wait
        if wait and monotonic:
            break
    return steps, blocked


def _replica(observed: Observed, ordinal: int, pod: Any) -> tuple[list[Step], bool]:
    stateful_set = observed.stateful_set
    if pod is None:
        if _has_stale_claim(observed, ordinal):
            return [], True
        return [Create(ordinal, revision_for(observed, ordinal))], True
    if podstatus.is_terminal(pod):
        # However it ended, it is replaced; its successor comes when it is gone.
        return ([] if podstatus.is_terminating(pod) else [Delete(pod)]), True
    steps: list[Step] = []
    if pod.status.phase == podstatus.PENDING and _misses_claims(observed, ordinal):
        steps.append(MakeClaims(pod))
    wait = podstatus.is_terminating(pod) or not is_running_and_ready(pod) or not _is_available(observed, pod)
    if wait and stateful_set.spec.podManagementPolicy != PARALLEL:
        return steps, True
    if not (identity.identity_matches(stateful_set, pod) and identity.storage_matches(stateful_set, pod)):
        steps.append(Repair(pod))
    elif not _owned(observed, pod):
        steps.append(Own(pod))
    return steps, wait


def _misses_claims(observed: Observed, ordinal: int) -> bool:
    return any(name not in observed.claims for name in identity.claim_names(observed.stateful_set, ordinal))


def _has_stale_claim(observed: Observed, ordinal: int) -> bool:
    stateful_set = observed.stateful_set
    pod = identity.pod_name(stateful_set, ordinal)
    present = (observed.claims.get(name) for name in identity.claim_names(stateful_set, ordinal))
    return any(claim is not None and retention.is_stale(stateful_set, pod, claim) for claim in present)


def _owned(observed: Observed, pod: Any) -> bool:
    """Whether the claims of the pod have the owners they should have; claims that are missing count as right."""
    names = identity.claim_names(observed.stateful_set, identity.ordinal_of(pod))
    present = (observed.claims[name] for name in names if name in observed.claims)
    return all(retention.match(observed.stateful_set, pod, claim) for claim in present)


def _condemned(
    observed: Observed, replicas: Sequence[Any], condemned: Sequence[Any], monotonic: bool
) -> tuple[list[Step], bool]:
    """(steps for the pods not wanted, whether an update must wait for them)."""
    steps: list[Step] = [Own(pod, tell=False) for pod in condemned if not _owned(observed, pod)]
    unavailable = [pod for pod in (*replicas, *reversed(condemned)) if _is_unavailable(observed, pod)]
    first = unavailable[0] if unavailable else None
    for pod in condemned:
        if podstatus.is_terminating(pod):
            if monotonic:
                return steps, True
            continue
        # A pod that has ended never becomes ready again: it is not waited for.
        healthy = podstatus.is_terminal(pod) or (is_running_and_ready(pod) and _is_available(observed, pod))
        if monotonic and pod is not first and not healthy:
            return steps, True
        steps.append(Delete(pod))
        if monotonic:
            return steps, True
    return steps, False


def _after(observed: Observed, replicas: Sequence[Any], steps: Sequence[Step]) -> list[tuple[Any, str]]:
    """(pod, revision) by ordinal as they are after the steps: pods that are made now are there, but not available."""
    made = {step.ordinal: step.revision for step in steps if isinstance(step, Create)}
    first = identity.start(observed.stateful_set)
    return [
        (pod, identity.revision_of(pod) if pod is not None else made.get(first + index, observed.update))
        for index, pod in enumerate(replicas)
    ]


def _outdated(observed: Observed, replicas: Sequence[tuple[Any, str]], monotonic: bool) -> list[Any]:
    """The pods of old revisions to delete now, highest ordinal first."""
    rolling = observed.stateful_set.spec.updateStrategy.rollingUpdate
    candidates = replicas[(rolling.partition or 0) if rolling is not None else 0 :]
    limit = rolling.maxUnavailable if rolling is not None else None
    if limit is None:
        return _next_outdated(observed, candidates)
    budget = max(scaled(limit, identity.replicas(observed.stateful_set), round_up=False), 1)
    budget -= sum(_is_unavailable(observed, pod) for pod, _ in replicas)
    old = [pod for pod, revision in reversed(candidates) if _is_outdated(observed, pod, revision)]
    if monotonic:
        return old[: max(budget, 0)]
    broken = [pod for pod in old if not _is_available(observed, pod)]
    sound = [pod for pod in old if _is_available(observed, pod)]
    return broken + sound[: max(budget, 0)]


def _is_outdated(observed: Observed, pod: Any, revision: str) -> bool:
    gone = pod is None or podstatus.is_terminating(pod) or podstatus.is_terminal(pod)
    return not gone and revision != observed.update


def _next_outdated(observed: Observed, replicas: Sequence[tuple[Any, str]]) -> list[Any]:
    """The highest pod of an old revision, unless one above it is not available."""
    for pod, revision in reversed(replicas):
        if _is_outdated(observed, pod, revision):
            return [pod]
        if _is_unavailable(observed, pod):
            return []
    return []

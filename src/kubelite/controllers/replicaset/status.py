"""The status of a ReplicaSet, computed from its pods.

What: `status_of` (pure) and the time until it changes by itself. Why: `kubectl get rs` and the Deployment controller read it.
Flow: claimed pods and the last failure in → `ReplicaSetStatus` out (pkg/controller/replicaset/replica_set_utils.go).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from kubelite.machinery import times

FAILURE = "ReplicaFailure"


def status_of(
    replica_set: ReplicaSet, active: Sequence[Any], terminating: Sequence[Any], failure: str, now: datetime
) -> ReplicaSetStatus:
    """The status; `failure` is the text of what went wrong while creating or deleting, "" for nothing."""
    wanted = replica_set.spec.template.metadata.labels.items()
    wait = replica_set.spec.minReadySeconds or 0
    ready = [pod for pod in active if podstatus.is_ready(pod)]
    return ReplicaSetStatus(
        replicas=len(active),
        fullyLabeledReplicas=sum(wanted <= pod.metadata.labels.items() for pod in active),
        readyReplicas=len(ready),
        availableReplicas=sum(podstatus.is_available(pod, wait, now) for pod in ready),
        terminatingReplicas=len(terminating),
        observedGeneration=replica_set.metadata.generation,
        conditions=_conditions(replica_set, len(active), failure, now),
    )


def _conditions(replica_set: ReplicaSet, count: int, failure: str, now: datetime) -> list[ReplicaSetCondition]:
    old = replica_set.status.conditions
    others = [condition for condition in old if condition.type != FAILURE]
    if not failure:
        return others
    if len(others) < len(old):
        return list(old)  # it says so already; the first text stays
    missing = count < (replica_set.spec.replicas or 0)
    reason = "FailedCreate" if missing else "FailedDelete"
    condition = ReplicaSetCondition(
        type=FAILURE, status="True", reason=reason, message=failure, lastTransitionTime=times.now_text(now)
    )
    return [*others, condition]


def differs(old: ReplicaSetStatus, new: ReplicaSetStatus) -> bool:
    """Whether `new` must be written; absent counts are zeros."""
    names = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "terminatingReplicas")
    if any((getattr(old, name) or 0) != (getattr(new, name) or 0) for name in names):
        return True
    return old.observedGeneration != new.observedGeneration or old.conditions != new.conditions


def next_change(replica_set: ReplicaSet, active: Sequence[Any], now: datetime) -> float:
    """Seconds until a ready pod becomes available, 0 if none will."""
    wait = replica_set.spec.minReadySeconds or 0
    if not wait:
        return 0.0
    waits = (podstatus.available_in(pod, wait, now) for pod in active)
    return min((seconds for seconds in waits if seconds), default=0.0)

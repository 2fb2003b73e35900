"""The status of a StatefulSet, computed from its pods.

Upstream: stateful_set_control.go (computeReplicaStatus, completeRollingUpdate).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelite.api.apps.stateful_set import ROLLING_UPDATE
from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import StatefulSetStatus
from kubelite.controllers.statefulset import identity
from kubelite.controllers.statefulset.plan import Observed, is_running_and_ready

_COUNTS = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")


def status_of(observed: Observed, collisions: int, gone: Iterable[Any] = ()) -> StatefulSetStatus:
    """The status; `gone` are pods of old revisions whose deletion was asked for just now."""
    stateful_set = observed.stateful_set
    wait = stateful_set.spec.minReadySeconds or 0
    ready = [pod for pod in observed.pods if is_running_and_ready(pod)]
    living = [identity.revision_of(pod) for pod in observed.pods if not podstatus.is_terminating(pod)]
    status = StatefulSetStatus(
        observedGeneration=stateful_set.metadata.generation,
        replicas=len(observed.pods),
        readyReplicas=len(ready),
        availableReplicas=sum(podstatus.is_available(pod, wait, observed.now) for pod in ready),
        currentReplicas=living.count(observed.current) - sum(1 for _ in gone),
        updatedReplicas=living.count(observed.update),
        currentRevision=observed.current,
        updateRevision=observed.update,
        collisionCount=collisions,
        conditions=stateful_set.status.conditions,
    )
    status.currentReplicas = max(status.currentReplicas or 0, 0)
    wanted = identity.replicas(stateful_set)
    done = status.updatedReplicas == status.readyReplicas == status.replicas == wanted
    if stateful_set.spec.updateStrategy.type == ROLLING_UPDATE and done:
        status.currentReplicas = status.updatedReplicas
        status.currentRevision = status.updateRevision
    return status


def differs(old: StatefulSetStatus, new: StatefulSetStatus) -> bool:
    """Whether `new` must be written; absent counts are zeros."""
    if any((getattr(old, name) or 0) != (getattr(new, name) or 0) for name in _COUNTS):
        return True
    if (old.collisionCount or 0) != (new.collisionCount or 0):
        return True
    names = ("observedGeneration", "currentRevision", "updateRevision")
    return any(getattr(old, name) != getattr(new, name) for name in names)

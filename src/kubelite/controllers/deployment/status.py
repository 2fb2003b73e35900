"""The status of a Deployment: counts, Available, Progressing, ReplicaFailure.

What: pure functions from the deployment and its sets to the status to write, and the time until it changes by itself.
Why: `kubectl rollout status` and `kubectl wait` read exactly these reasons and numbers.
Source: pkg/controller/deployment/progress.go, sync.go calculateStatus, util/deployment_util.go.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from kubelite.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from kubelite.controllers.deployment import sizes
from kubelite.machinery import times
from kubelite.machinery.meta import condition

PROGRESSING, AVAILABLE, FAILURE = "Progressing", "Available", "ReplicaFailure"
COMPLETE = "NewReplicaSetAvailable"
UPDATED = "ReplicaSetUpdated"
TIMED_OUT = "ProgressDeadlineExceeded"
CREATED = "NewReplicaSetCreated"
CREATE_FAILED = "ReplicaSetCreateError"
FOUND = "FoundNewReplicaSet"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
NO_DEADLINE = 2**31 - 1


def has_deadline(deployment: Deployment) -> bool:
    seconds = deployment.spec.progressDeadlineSeconds
    return seconds is not None and seconds != NO_DEADLINE


def progress(deployment: Deployment, status: str, reason: str, message: str, now: datetime) -> DeploymentCondition:
    """A Progressing condition of this moment."""
    return new_condition(PROGRESSING, status, reason, message, now)


def new_condition(type_: str, status: str, reason: str, message: str, now: datetime) -> DeploymentCondition:
    text = times.now_text(now)
    return DeploymentCondition(
        type=type_, status=status, reason=reason, message=message, lastUpdateTime=text, lastTransitionTime=text
    )


def set_condition(conditions: Sequence[DeploymentCondition], new: DeploymentCondition) -> list[DeploymentCondition]:
    """The list with `new` in it. Same status and reason: nothing changes; same status: the transition time stays."""
    old = condition(list(conditions), new.type)
    if old is not None:
        if (old.status, old.reason) == (new.status, new.reason):
            return list(conditions)
        if old.status == new.status:
            new.lastTransitionTime = old.lastTransitionTime
    return [*(c for c in conditions if c.type != new.type), new]


def without(conditions: Iterable[DeploymentCondition], type_: str) -> list[DeploymentCondition]:
    return [found for found in conditions if found.type != type_]


def counts(
    deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], now: datetime
) -> DeploymentStatus:
    """The numbers and the Available condition; the other conditions as they are."""
    everything = [*old, new] if new is not None else list(old)
    available = sum(sizes.available(rs) for rs in everything)
    enough = available >= sizes.wanted(deployment) - sizes.max_unavailable(deployment)
    state = (
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if enough
        else ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    # A set that its controller has not looked at yet has none that go.
    counted = [
        rs.status for rs in everything if rs.status.observedGeneration or rs.status.terminatingReplicas is not None
    ]
    terminating = [one.terminatingReplicas for one in counted]
    return DeploymentStatus(
        observedGeneration=deployment.metadata.generation,
        replicas=sum(rs.status.replicas or 0 for rs in everything),
        updatedReplicas=(new.status.replicas or 0) if new is not None else 0,
        readyReplicas=sum(rs.status.readyReplicas or 0 for rs in everything),
        availableReplicas=available,
        unavailableReplicas=max(0, sizes.total(everything) - available),
        terminatingReplicas=None if None in terminating else sum(count or 0 for count in terminating),
        collisionCount=deployment.status.collisionCount,
        conditions=set_condition(deployment.status.conditions, new_condition(AVAILABLE, *state, now)),
    )


def rollout_status(
    deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], now: datetime
) -> DeploymentStatus:
    """The status during and after a rollout: the counts, how it progresses, and what failed."""
    status = counts(deployment, new, old, now)
    if not has_deadline(deployment):
        status.conditions = without(status.conditions, PROGRESSING)
    current = condition(status.conditions, PROGRESSING)
    settled = status.replicas == status.updatedReplicas and current is not None and current.reason == COMPLETE
    if has_deadline(deployment) and not settled:
        status.conditions = _with_progress(deployment, status, new, now)
    failure = _replica_failure(new, old)
    if failure is None:
        status.conditions = without(status.conditions, FAILURE)
    else:
        status.conditions = set_condition(status.conditions, failure)
    return status


def _with_progress(
    deployment: Deployment, status: DeploymentStatus, new: ReplicaSet | None, now: datetime
) -> list[DeploymentCondition]:
    subject = f'ReplicaSet "{new.metadata.name}"' if new is not None else f'Deployment "{deployment.metadata.name}"'
    current = condition(status.conditions, PROGRESSING)
    if is_complete(deployment, status):
        made = progress(deployment, "True", COMPLETE, f"{subject} has successfully progressed.", now)
        return set_condition(status.conditions, made)
    if _moved(deployment, status):
        made = progress(deployment, "True", UPDATED, f"{subject} is progressing.", now)
        if current is not None and current.status == "True":
            made.lastTransitionTime = current.lastTransitionTime
        # Replaced even where the reason is the same: its update time is what the deadline counts from.
        return [*without(status.conditions, PROGRESSING), made]
    if _timed_out(deployment, current, now):
        made = progress(deployment, "False", TIMED_OUT, f"{subject} has timed out progressing.", now)
        return set_condition(status.conditions, made)
    return status.conditions


def is_complete(deployment: Deployment, status: DeploymentStatus) -> bool:
    """Whether all wanted pods are of the present template and available, and no others are left."""
    count = sizes.wanted(deployment)
    numbers = (status.updatedReplicas or 0, status.replicas or 0, status.availableReplicas or 0)
    seen = (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    return seen and set(numbers) == {count}


def _moved(deployment: Deployment, new: DeploymentStatus) -> bool:
    old = deployment.status
    updated, was = new.updatedReplicas or 0, old.updatedReplicas or 0
    left, were_left = (new.replicas or 0) - updated, (old.replicas or 0) - was
    more_ready = (new.readyReplicas or 0) > (old.readyReplicas or 0)
    more_available = (new.availableReplicas or 0) > (old.availableReplicas or 0)
    return updated > was or left < were_left or more_ready or more_available


def _timed_out(deployment: Deployment, current: DeploymentCondition | None, now: datetime) -> bool:
    if current is None or current.reason == COMPLETE:
        return False
    if current.reason == TIMED_OUT:
        return True
    return _deadline(deployment, current) < now


def _deadline(deployment: Deployment, current: DeploymentCondition) -> datetime:
    since = times.parse(current.lastUpdateTime or current.lastTransitionTime or "1970-01-01T00:00:00Z")
    return since + timedelta(seconds=deployment.spec.progressDeadlineSeconds or 0)


def _replica_failure(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> DeploymentCondition | None:
    """The failure of a set, that of the new one first."""
    for replica_set in [*([new] if new is not None else []), *old]:
        found = condition(replica_set.status.conditions, FAILURE)
        if found is not None:
            return DeploymentCondition(
                type=FAILURE,
                status=found.status,
                reason=found.reason,
                message=found.message,
                lastUpdateTime=found.lastTransitionTime,
                lastTransitionTime=found.lastTransitionTime,
            )
    return None


def seconds_to_deadline(deployment: Deployment, status: DeploymentStatus, now: datetime) -> float:
    """When to look again whether the rollout has timed out; 0 for never."""
    current = condition(status.conditions, PROGRESSING)
    if not has_deadline(deployment) or current is None:
        return 0.0
    if is_complete(deployment, status) or current.reason == TIMED_OUT:
        return 0.0
    return max((_deadline(deployment, current) - now).total_seconds(), 0.0) + 1.0


def pause_condition(deployment: Deployment, now: datetime) -> DeploymentCondition | None:
    """The condition to set when the deployment was paused or resumed since the last look, so that time spent paused does
    not count towards the deadline.
    """
    if not has_deadline(deployment):
        return None
    current = condition(deployment.status.conditions, PROGRESSING)
    if current is not None and current.reason == TIMED_OUT:
        return None
    paused = current is not None and current.reason == PAUSED
    if deployment.spec.paused and not paused:
        return progress(deployment, "Unknown", PAUSED, "Deployment is paused", now)
    if not deployment.spec.paused and paused:
        return progress(deployment, "Unknown", RESUMED, "Deployment is resumed", now)
    return None


def with_condition(deployment: Deployment, new: DeploymentCondition) -> Deployment:
    """A copy of the deployment whose status has `new`."""
    changed = copy.copy(deployment)
    changed.status = copy.copy(deployment.status)
    changed.status.conditions = set_condition(deployment.status.conditions, new)
    return changed


def differs(old: DeploymentStatus, new: DeploymentStatus) -> bool:
    """Whether `new` must be written; absent counts are zeros."""
    names = (
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
        "terminatingReplicas",
        "collisionCount",
        "observedGeneration",
    )
    if any((getattr(old, name) or 0) != (getattr(new, name) or 0) for name in names):
        return True
    return old.conditions != new.conditions

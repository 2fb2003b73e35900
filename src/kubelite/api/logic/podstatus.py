"""What a pod's status says: ready, available, finished, active.

Why: controllers, scheduler, kubelet and proxy must read conditions and phases alike. Flow: a pod (or any struct with the
same attributes) in, a small answer out. Upstream: pkg/api/v1/pod, pkg/controller/controller_utils.go.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from kubelite.machinery import times

PodLike = Any

PENDING = "Pending"
RUNNING = "Running"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
UNKNOWN = "Unknown"

READY = "Ready"
CONTAINERS_READY = "ContainersReady"
INITIALIZED = "Initialized"
SCHEDULED = "PodScheduled"
DISRUPTION_TARGET = "DisruptionTarget"


def condition(pod: PodLike, type_: str) -> Any | None:
    """The condition of that type, or None."""
    for found in pod.status.conditions:
        if found.type == type_:
            return found
    return None


def condition_is_true(pod: PodLike, type_: str) -> bool:
    found = condition(pod, type_)
    return found is not None and found.status == "True"


def ready_condition(pod: PodLike) -> Any | None:
    """The Ready condition, or None before the node has reported one."""
    return condition(pod, READY)


def is_ready(pod: PodLike) -> bool:
    """Whether the pod may receive traffic."""
    return condition_is_true(pod, READY)


def is_terminal(pod: PodLike) -> bool:
    """Whether all containers have stopped for good."""
    return pod.status.phase in (SUCCEEDED, FAILED)


def is_active(pod: PodLike) -> bool:
    """Whether a controller counts the pod: neither finished nor being deleted."""
    return not is_terminal(pod) and pod.metadata.deletionTimestamp is None


def is_terminating(pod: PodLike) -> bool:
    return pod.metadata.deletionTimestamp is not None


def available_in(pod: PodLike, min_ready_seconds: int, now: datetime) -> float | None:
    """Seconds until the pod counts as available: 0 when it does, None while it is not ready."""
    found = ready_condition(pod)
    if found is None or found.status != "True":
        return None
    if min_ready_seconds <= 0:
        return 0.0
    if not found.lastTransitionTime:
        return None
    since = times.parse(found.lastTransitionTime)
    left = (since + timedelta(seconds=min_ready_seconds) - now).total_seconds()
    return max(left, 0.0)


def is_available(pod: PodLike, min_ready_seconds: int, now: datetime) -> bool:
    """Whether the pod has been ready for at least `min_ready_seconds`."""
    return available_in(pod, min_ready_seconds, now) == 0.0


def container_status(pod: PodLike, name: str) -> Any | None:
    """The status of the container of that name, of whatever kind."""
    status = pod.status
    for found in (*status.containerStatuses, *status.initContainerStatuses, *status.ephemeralContainerStatuses):
        if found.name == name:
            return found
    return None


def restarts(pod: PodLike) -> int:
    """Restarts of the regular containers and the sidecars, as controllers rank pods by it."""
    sidecars = {c.name for c in pod.spec.initContainers if c.restartPolicy == "Always"}
    status = pod.status
    counted = sum(s.restartCount or 0 for s in status.containerStatuses)
    return counted + sum(s.restartCount or 0 for s in status.initContainerStatuses if s.name in sidecars)

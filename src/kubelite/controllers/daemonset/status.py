"""The status of a DaemonSet, computed from nodes and pods. Upstream: pkg/controller/daemon (updateDaemonSetStatus)."""

from __future__ import annotations

import copy

from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import DaemonSetStatus
from kubelite.controllers.daemonset.plan import Observed, View

_COUNTS = (
    "desiredNumberScheduled",
    "currentNumberScheduled",
    "numberMisscheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
)


def status_of(observed: Observed, *, acted: bool) -> DaemonSetStatus:
    """The status; the generation counts as observed only if the controller acted on it."""
    view = View(observed)
    counts = dict.fromkeys(_COUNTS, 0)
    for name, verdict in view.verdicts.items():
        pods = view.pods.get(name)
        if not verdict.run:
            counts["numberMisscheduled"] += bool(pods)
            continue
        counts["desiredNumberScheduled"] += 1
        if not pods:
            continue
        oldest = pods[0]
        counts["currentNumberScheduled"] += 1
        counts["updatedNumberScheduled"] += view.is_updated(oldest)
        if podstatus.is_ready(oldest):
            counts["numberReady"] += 1
            counts["numberAvailable"] += view.is_available(oldest)
    counts["numberUnavailable"] = counts["desiredNumberScheduled"] - counts["numberAvailable"]
    daemon_set = observed.daemon_set
    status = copy.copy(daemon_set.status)
    for name, count in counts.items():
        setattr(status, name, count)
    if acted:
        status.observedGeneration = daemon_set.metadata.generation
    return status


def differs(old: DaemonSetStatus, new: DaemonSetStatus) -> bool:
    """Whether `new` must be written; absent counts are zeros."""
    if any((getattr(old, name) or 0) != (getattr(new, name) or 0) for name in (*_COUNTS, "collisionCount")):
        return True
    return old.observedGeneration != new.observedGeneration

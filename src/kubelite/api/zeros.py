"""Counts of a status that are left out when they are zero.

What: `drop_zeros(status)`. Why: upstream's types write these fields only if they are not zero, whatever a client sent; what
clients read back, and whose fields they are, must not depend on who counted. Counts that are always written (`replicas` of a
ReplicaSet) and those that may be zero or absent (`collisionCount`) stay. Source: the tags in staging/src/k8s.io/api.
"""

from __future__ import annotations

from typing import Any

_REPLICAS = ("availableReplicas", "fullyLabeledReplicas", "observedGeneration", "readyReplicas")
_OMITTED: dict[str, tuple[str, ...]] = {
    "CustomResourceDefinitionStatus": ("observedGeneration",),
    "DaemonSetStatus": ("numberAvailable", "numberUnavailable", "observedGeneration", "updatedNumberScheduled"),
    "DeploymentStatus": (
        "availableReplicas",
        "observedGeneration",
        "readyReplicas",
        "replicas",
        "unavailableReplicas",
        "updatedReplicas",
    ),
    "JobStatus": ("active", "failed", "succeeded"),
    "PodDisruptionBudgetStatus": ("observedGeneration",),
    "PodStatus": ("observedGeneration",),
    "ReplicaSetStatus": _REPLICAS,
    "ReplicationControllerStatus": _REPLICAS,
    "StatefulSetStatus": ("currentReplicas", "observedGeneration", "readyReplicas", "updatedReplicas"),
}


def drop_zeros(status: Any) -> None:
    """Leaves out the zeros of a typed status."""
    for field in _OMITTED.get(type(status).__name__, ()):
        if getattr(status, field, None) == 0:
            setattr(status, field, None)

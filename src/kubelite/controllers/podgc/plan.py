"""Which pods nobody will ever finish: pure.

What: `verdict(pod, node_known)` for one pod, `surplus` for too many finished ones.
Source: pkg/controller/podgc/gc_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from kubelite.api.logic import podstatus, taints

KEEP: Final = "keep"
ORPHANED: Final = "orphaned"
UNSCHEDULED: Final = "unscheduled"
OUT_OF_SERVICE: Final = "out-of-service"
TERMINATED: Final = "terminated"
"""Why those go that `surplus` names."""


def verdict(pod: Any, node: Any | None) -> str:
    """Why the pod should be removed, or `KEEP`. `node` is the node it is bound to, None where there is no such node."""
    deleting = pod.metadata.deletionTimestamp is not None
    if not pod.spec.nodeName:
        return UNSCHEDULED if deleting else KEEP
    if node is None:
        return ORPHANED
    if deleting and _is_out_of_service(node):
        return OUT_OF_SERVICE
    return KEEP


def _is_out_of_service(node: Any) -> bool:
    """An administrator has declared the node shut down for good, and indeed it is not ready."""
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions)
    return not ready and any(taint.key == taints.OUT_OF_SERVICE for taint in node.spec.taints)


def surplus(pods: Iterable[Any], threshold: int) -> list[Any]:
    """The finished pods beyond `threshold`: evicted ones first, then the oldest. A threshold of 0 keeps all."""
    if threshold <= 0:
        return []
    finished = [pod for pod in pods if podstatus.is_terminal(pod) and pod.metadata.deletionTimestamp is None]
    count = len(finished) - threshold
    if count <= 0:
        return []
    finished.sort(
        key=lambda pod: (pod.status.reason != "Evicted", pod.metadata.creationTimestamp or "", pod.metadata.name)
    )
    return finished[:count]

"""Taints repel pods; tolerations let them in.

Why: scheduler, DaemonSet controller, taint eviction and kubelet admission must agree. Flow: taints of a node and
tolerations of a pod in, the first taint that is not tolerated out. Upstream: component-helpers/scheduling/corev1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

NO_SCHEDULE = "NoSchedule"
PREFER_NO_SCHEDULE = "PreferNoSchedule"
NO_EXECUTE = "NoExecute"

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure"
DISK_PRESSURE = "node.kubernetes.io/disk-pressure"
PID_PRESSURE = "node.kubernetes.io/pid-pressure"
NETWORK_UNAVAILABLE = "node.kubernetes.io/network-unavailable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"

DAEMONS = (
    (NOT_READY, NO_EXECUTE),
    (UNREACHABLE, NO_EXECUTE),
    (DISK_PRESSURE, NO_SCHEDULE),
    (MEMORY_PRESSURE, NO_SCHEDULE),
    (PID_PRESSURE, NO_SCHEDULE),
    (UNSCHEDULABLE, NO_SCHEDULE),
)
"""The keys and effects that every pod of a DaemonSet tolerates; `of_daemons` tells those of one pod."""
FORBIDDING = frozenset((NO_SCHEDULE, NO_EXECUTE))
"""Effects that keep a new pod away."""


def of_daemons(*, host_network: bool) -> tuple[tuple[str, str], ...]:
    """The keys and effects that a pod of a DaemonSet tolerates: a sick node needs it most."""
    return (*DAEMONS, (NETWORK_UNAVAILABLE, NO_SCHEDULE)) if host_network else DAEMONS


def tolerates(toleration: Any, taint: Any) -> bool:
    """Whether one toleration accepts one taint; an empty key or effect accepts any."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and bool(toleration.value == taint.value)


def tolerated(taint: Any, tolerations: Iterable[Any]) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def find_untolerated(
    taints: Iterable[Any], tolerations: Sequence[Any], effects: frozenset[str] = FORBIDDING
) -> Any | None:
    """The first taint of one of `effects` that no toleration accepts, or None."""
    for taint in taints:
        if taint.effect in effects and not tolerated(taint, tolerations):
            return taint
    return None


def untolerated_preferences(taints: Iterable[Any], tolerations: Sequence[Any]) -> int:
    """How many PreferNoSchedule taints are not tolerated: the fewer, the better the node."""
    soft = [t for t in tolerations if not t.effect or t.effect == PREFER_NO_SCHEDULE]
    return sum(1 for t in taints if t.effect == PREFER_NO_SCHEDULE and not tolerated(t, soft))


def eviction_delay(taints: Iterable[Any], tolerations: Sequence[Any]) -> float | None:
    """When NoExecute taints end a running pod: seconds from their arrival, 0 for at once, None for never.

    Every taint must be tolerated; the shortest `tolerationSeconds` of the tolerations in use counts.
    """
    used = []
    for taint in taints:
        if taint.effect != NO_EXECUTE:
            continue
        accepting = [t for t in tolerations if tolerates(t, taint)]
        if not accepting:
            return 0.0
        used.extend(accepting)
    waits = [max(t.tolerationSeconds, 0) for t in used if t.tolerationSeconds is not None]
    return float(min(waits)) if waits else None

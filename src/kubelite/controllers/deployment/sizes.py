"""How large each ReplicaSet of a Deployment may be: the arithmetic of rolling updates.

What: pure functions over a Deployment and its ReplicaSets. Why: surge, unavailability and proportional scaling are where
rollouts go wrong, so each rule stands alone. Source: pkg/controller/deployment/util/deployment_util.go.
Terms: "size" is spec.replicas; "active" sets have a size above zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet
from kubelite.machinery import intorstr

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
ROLLING = "RollingUpdate"


def size(replica_set: ReplicaSet) -> int:
    return replica_set.spec.replicas or 0


def wanted(deployment: Deployment) -> int:
    replicas = deployment.spec.replicas
    return 1 if replicas is None else replicas


def available(replica_set: ReplicaSet) -> int:
    return replica_set.status.availableReplicas or 0


def total(replica_sets: Iterable[ReplicaSet]) -> int:
    return sum(size(replica_set) for replica_set in replica_sets)


def active(replica_sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    return [replica_set for replica_set in replica_sets if size(replica_set) > 0]


def by_age(replica_sets: Iterable[ReplicaSet]) -> list[ReplicaSet]:
    """Oldest first; of one second, by name."""
    return sorted(replica_sets, key=lambda rs: (rs.metadata.creationTimestamp or "", rs.metadata.name))


def is_rolling(deployment: Deployment) -> bool:
    return deployment.spec.strategy.type in (ROLLING, "")


def fenceposts(deployment: Deployment) -> tuple[int, int]:
    """(surge, unavailable) as numbers; never both zero, or no rollout could begin."""
    rolling = deployment.spec.strategy.rollingUpdate
    count = wanted(deployment)
    surge_setting = rolling.maxSurge if rolling is not None and rolling.maxSurge is not None else 0
    down_setting = rolling.maxUnavailable if rolling is not None and rolling.maxUnavailable is not None else 0
    surge = intorstr.scaled(surge_setting, count, True)
    unavailable = intorstr.scaled(down_setting, count, False)
    return (surge, 1) if surge == 0 and unavailable == 0 else (surge, unavailable)


def max_surge(deployment: Deployment) -> int:
    return fenceposts(deployment)[0] if is_rolling(deployment) else 0


def max_unavailable(deployment: Deployment) -> int:
    count = wanted(deployment)
    if not is_rolling(deployment) or count == 0:
        return 0
    return min(fenceposts(deployment)[1], count)


def annotation(replica_set: ReplicaSet, name: str) -> int | None:
    """The number in an annotation, None where there is none."""
    text = replica_set.metadata.annotations.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else None


def is_saturated(deployment: Deployment, replica_set: ReplicaSet | None) -> bool:
    """Whether this set alone is, and was meant to be, the whole deployment."""
    if replica_set is None:
        return False
    count = wanted(deployment)
    return size(replica_set) == count and annotation(replica_set, DESIRED) == count and available(replica_set) == count


def new_set_size(deployment: Deployment, everything: Sequence[ReplicaSet], current: int) -> int:
    """The size that the new set (now `current`) may have beside all the others."""
    count = wanted(deployment)
    if not is_rolling(deployment):
        return count
    room = count + max_surge(deployment) - total(everything)
    if room <= 0:
        return current
    return current + min(room, count - current)


def proportional(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> dict[str, int]:
    """Set name → size when a deployment is scaled in the middle of a rollout: each set keeps its share.

    What rounding leaves over goes to the largest set.
    """
    sets = active(replica_sets)
    allowed = wanted(deployment) + max_surge(deployment) if wanted(deployment) > 0 else 0
    missing = allowed - total(sets)
    aged = by_age(sets)
    if missing > 0:
        aged.reverse()  # of equal sets the newest grows first, the oldest shrinks first
    ordered = sorted(aged, key=lambda rs: -size(rs))
    sizes: dict[str, int] = {}
    added = 0
    for replica_set in ordered:
        share = _share(deployment, replica_set, missing, added)
        sizes[replica_set.metadata.name] = size(replica_set) + share
        added += share
    if ordered and missing:
        largest = ordered[0].metadata.name
        sizes[largest] = max(0, sizes[largest] + missing - added)
    return sizes


def _share(deployment: Deployment, replica_set: ReplicaSet, missing: int, added: int) -> int:
    if not missing or missing == added:
        return 0
    fraction = _fraction(deployment, replica_set)
    left = missing - added
    return min(fraction, left) if missing > 0 else max(fraction, left)


def _fraction(deployment: Deployment, replica_set: ReplicaSet) -> int:
    """By how much the set would change if it kept its share exactly."""
    if wanted(deployment) == 0:
        return -size(replica_set)
    before = annotation(replica_set, MAXIMUM) or deployment.status.replicas or 0
    if before == 0:
        return 0
    after = size(replica_set) * (wanted(deployment) + max_surge(deployment)) / before
    return math.floor(after + 0.5) - size(replica_set)

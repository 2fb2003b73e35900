"""What to do next for a Deployment: make a set, refresh it, resize sets, remove old ones.

What: `plan(Observed) -> Plan`, pure. Why: a rollout is a sequence of such steps, each decided from the present state only, so
it goes on after any interruption. Flow: controller observes the deployment, its sets and pods → `plan` → controller applies,
then writes the status; the next change of a set brings it here again.
Source: pkg/controller/deployment: sync.go, rolling.go, recreate.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.api.types.apps_v1 import Deployment, ReplicaSet
from kubelite.controllers.deployment import sizes
from kubelite.controllers.deployment.revision import find_new, refreshed, to_clean


@dataclass(frozen=True, slots=True)
class Observed:
    """`replica_sets` are those that the deployment controls; `pods` maps the uid of a set to its pods."""

    deployment: Deployment
    replica_sets: Sequence[ReplicaSet]
    pods: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Resize:
    """One set from one size to another; `quiet` when only the annotations of the set change."""

    replica_set: ReplicaSet
    size: int

    @property
    def quiet(self) -> bool:
        return self.size == sizes.size(self.replica_set)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order of the fields. After `create` or `refresh` nothing else is planned: their result is needed first."""

    create: bool = False
    refresh: ReplicaSet | None = None
    resize: tuple[Resize, ...] = ()
    delete: tuple[ReplicaSet, ...] = ()


def split(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> tuple[ReplicaSet | None, list[ReplicaSet]]:
    """(the set with the present template or None, all others oldest first)."""
    new = find_new(deployment, replica_sets)
    old = [rs for rs in sizes.by_age(replica_sets) if new is None or rs.metadata.uid != new.metadata.uid]
    return new, old


def plan(observed: Observed) -> Plan:
    """The next steps."""
    deployment = observed.deployment
    new, old = split(deployment, observed.replica_sets)
    if new is not None:
        changed = refreshed(deployment, new, old)
        if changed is not None:
            return Plan(refresh=changed)
    if deployment.spec.paused:
        clean = to_clean(deployment, old)
        return Plan(resize=_scale(deployment, new, old), delete=tuple(clean))
    if _was_scaled(deployment, observed.replica_sets):
        scaled = _scale(deployment, new, old)
        if scaled:  # under Recreate several active sets cannot share the change: the rollout itself settles it
            return Plan(resize=scaled)
    if sizes.is_rolling(deployment):
        return _roll(deployment, new, old)
    return _recreate(observed, new, old)


def _was_scaled(deployment: Deployment, replica_sets: Sequence[ReplicaSet]) -> bool:
    """Whether spec.replicas has changed since the sets were last sized."""
    count = sizes.wanted(deployment)
    return any(sizes.annotation(rs, sizes.DESIRED) not in (None, count) for rs in sizes.active(replica_sets))


def _scale(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> tuple[Resize, ...]:
    """Sizes for a deployment that is paused or was scaled."""
    count = sizes.wanted(deployment)
    everything = [*old, new] if new is not None else list(old)
    single = _only_active(new, old)
    if single is not None:
        return (Resize(single, count),) if sizes.size(single) != count else _annotate_only(deployment, single)
    if sizes.is_saturated(deployment, new):
        return tuple(Resize(rs, 0) for rs in sizes.active(old))
    if not sizes.is_rolling(deployment):
        return ()
    wanted = sizes.proportional(deployment, everything)
    return tuple(Resize(rs, wanted[rs.metadata.name]) for rs in sizes.active(everything))


def _annotate_only(deployment: Deployment, single: ReplicaSet) -> tuple[Resize, ...]:
    """The size is right but its note is of another time, which would look like a scaling for ever."""
    stale = sizes.annotation(single, sizes.DESIRED) not in (None, sizes.wanted(deployment))
    return (Resize(single, sizes.size(single)),) if stale else ()


def _only_active(new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The set to scale when there is no choice: the one active set, or with none active the latest."""
    everything = [*old, new] if new is not None else list(old)
    active = sizes.active(everything)
    if len(active) == 1:
        return active[0]
    if active or not everything:
        return None
    return new if new is not None else old[-1]


def _roll(deployment: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Plan:
    if new is None:
        return Plan(create=True)
    count, present = sizes.wanted(deployment), sizes.size(new)
    if present > count:
        return Plan(resize=(Resize(new, count),))
    if present < count:
        size = sizes.new_set_size(deployment, [*old, new], present)
        if size != present:
            return Plan(resize=(Resize(new, size),))
    smaller = _shrink_old(deployment, new, old)
    if smaller:
        return Plan(resize=smaller)
    return Plan(delete=_clean_if_complete(deployment, old))


def _shrink_old(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> tuple[Resize, ...]:
    """First old pods that do not serve anyway, then as many serving ones as availability allows."""
    if sizes.total(old) == 0:
        return ()
    least = sizes.wanted(deployment) - sizes.max_unavailable(deployment)
    new_missing = sizes.size(new) - sizes.available(new)
    room = sizes.total([*old, new]) - least - new_missing
    if room <= 0:
        return ()
    planned = {rs.metadata.uid: sizes.size(rs) for rs in old}
    used = 0
    for rs in old:
        useless = planned[rs.metadata.uid] - sizes.available(rs)
        step = min(room - used, useless)
        if step > 0:
            planned[rs.metadata.uid] -= step
            used += step
    spare = sum(sizes.available(rs) for rs in (*old, new)) - least
    for rs in old:
        step = min(spare, planned[rs.metadata.uid])
        if step > 0:
            planned[rs.metadata.uid] -= step
            spare -= step
    return tuple(Resize(rs, planned[rs.metadata.uid]) for rs in old if planned[rs.metadata.uid] != sizes.size(rs))


def _recreate(observed: Observed, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Plan:
    deployment = observed.deployment
    running = sizes.active(old)
    if running:
        return Plan(resize=tuple(Resize(rs, 0) for rs in running))
    if _old_pods_remain(observed, new, old):
        return Plan()
    if new is None:
        return Plan(create=True)
    if sizes.size(new) != sizes.wanted(deployment):
        return Plan(resize=(Resize(new, sizes.wanted(deployment)),))
    return Plan(delete=_clean_if_complete(deployment, old))


def _old_pods_remain(observed: Observed, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> bool:
    """Whether pods of an earlier template may still run: Recreate waits for the last of them."""
    if any(rs.status.replicas for rs in old):
        return True
    for uid, pods in observed.pods.items():
        if new is not None and uid == new.metadata.uid:
            continue
        if any(pod.status.phase not in ("Failed", "Succeeded") for pod in pods):
            return True
    return False


def _clean_if_complete(deployment: Deployment, old: Sequence[ReplicaSet]) -> tuple[ReplicaSet, ...]:
    status, count = deployment.status, sizes.wanted(deployment)
    counts = (status.updatedReplicas or 0, status.replicas or 0, status.availableReplicas or 0)
    seen = (status.observedGeneration or 0) >= (deployment.metadata.generation or 0)
    return tuple(to_clean(deployment, old)) if seen and set(counts) == {count} else ()

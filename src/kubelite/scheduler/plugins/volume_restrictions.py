"""VolumeRestrictions: disks that one pod alone may write, and claims that one pod alone may use.

Upstream: plugins/volumerestrictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Trial, Why
from kubelite.scheduler.nodes import Ints, Mask
from kubelite.scheduler.plugins import volume_hints as hints
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import ONCE_POD

NAME = "VolumeRestrictions"
DISK = "node(s) had no available disk"
ONCE = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"


def disks(info: PodInfo) -> list[tuple[str, Any, bool]]:
    """(kind, identity, read-only) of the disks that a pod names itself."""
    found: list[tuple[str, Any, bool]] = []
    for volume in info.pod.spec.volumes:
        gce, aws, iscsi, rbd = volume.gcePersistentDisk, volume.awsElasticBlockStore, volume.iscsi, volume.rbd
        if gce is not None:
            found.append(("gce", gce.pdName, bool(gce.readOnly)))
        if aws is not None:
            found.append(("aws", aws.volumeID, False))
        if iscsi is not None:
            found.append(("iscsi", iscsi.iqn, bool(iscsi.readOnly)))
        if rbd is not None:
            for monitor in rbd.monitors:
                found.append(("rbd", (monitor, rbd.pool, rbd.image), bool(rbd.readOnly)))
    return found


def has_disks(info: PodInfo) -> bool:
    return bool(info.pod.spec.volumes) and bool(disks(info))


def conflict(left: PodInfo, right: PodInfo) -> bool:
    """Whether both use one disk that one of them writes."""
    return any(a[:2] == b[:2] and not (a[2] and b[2]) for a in disks(left) for b in disks(right))


@dataclass(frozen=True, slots=True)
class Exclusive:
    """The pod's claims that no other pod may use, and how many pods on each node do."""

    claims: frozenset[str]
    users: Ints | None

    def total(self) -> int:
        return int(self.users.sum()) if self.users is not None else 0


class DisksTrial:
    """The pods on one node, for disks, and those everywhere, for claims of one pod."""

    def __init__(self, cycle: Cycle, position: int, exclusive: Exclusive) -> None:
        self.pod, self.exclusive = cycle.pod, exclusive.claims
        self.there = {info.key: info for info in cycle.nodes.everyone(position) if info.pod.spec.volumes}
        self.elsewhere = exclusive.total() - (int(exclusive.users[position]) if exclusive.users is not None else 0)

    def take(self, info: PodInfo) -> None:
        self.there.pop(info.key, None)

    def give(self, info: PodInfo) -> None:
        if info.pod.spec.volumes:
            self.there[info.key] = info

    def refusals(self) -> list[str]:
        if any(conflict(self.pod, info) for info in self.there.values()):
            return [DISK]
        namespace = self.pod.pod.metadata.namespace
        used = self.elsewhere or any(
            info.pod.metadata.namespace == namespace and self.exclusive.intersection(info.claims)
            for info in self.there.values()
        )
        return [ONCE] if used else []


class VolumeRestrictions(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: None, events.POD_DELETE: self._relief, events.CLAIM: hints.own_claim}

    @staticmethod
    def _relief(pod: PodInfo, old: PodInfo, new: None) -> bool:
        shared = old.pod.metadata.namespace == pod.pod.metadata.namespace and set(old.claims) & set(pod.claims)
        return bool(shared) or conflict(pod, old)

    def filter(self, cycle: Cycle) -> Mask | None:
        if not cycle.pod.pod.spec.volumes:
            return None
        exclusive = self._exclusive(cycle)
        if not exclusive.claims and not disks(cycle.pod):
            return None
        cycle.state[NAME] = exclusive
        # Whoever uses such a claim, wherever, keeps the pod from all nodes.
        return np.zeros(cycle.nodes.capacity, bool) if exclusive.total() else ~self._disks(cycle)

    @staticmethod
    def _exclusive(cycle: Cycle) -> Exclusive:
        namespace, claims = cycle.pod.pod.metadata.namespace, cycle.world.storage.claims
        found = ((name, claims.get(f"{namespace}/{name}")) for name in cycle.pod.claims)
        names = frozenset(name for name, claim in found if claim is not None and ONCE_POD in claim.spec.accessModes)

        def shares(info: PodInfo) -> bool:
            return info.pod.metadata.namespace == namespace and bool(names.intersection(info.claims))

        return Exclusive(names, cycle.counts.per_node(("claims", namespace, names), shares) if names else None)

    @staticmethod
    def _disks(cycle: Cycle) -> Mask:
        """Where another pod uses one of the pod's disks."""
        mask = np.zeros(cycle.nodes.capacity, bool)
        if disks(cycle.pod):
            for position in np.flatnonzero(cycle.counts.per_node("disks", has_disks)).tolist():
                mask[position] = any(conflict(cycle.pod, info) for info in cycle.nodes.everyone(position))
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        disk = self._disks(cycle)
        return [Why(DISK, disk, hopeless=False), Why(ONCE, cycle.nodes.active & ~disk, hopeless=False)]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        exclusive = cycle.state.get(NAME)
        return DisksTrial(cycle, position, exclusive) if exclusive is not None else None

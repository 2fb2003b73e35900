"""VolumeRestrictions: disks that one pod alone may write, and claims that one pod alone may use.

Upstream: plugins/volumerestrictions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Trial, Why
from kubelite.scheduler.nodes import Mask
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


class DisksTrial:
    """The pods on one node, for disks and for claims of one pod."""

    def __init__(self, cycle: Cycle, position: int, exclusive: frozenset[str]) -> None:
        self.pod, self.exclusive = cycle.pod, exclusive
        self.there = {info.key: info for info in cycle.nodes.everyone(position) if info.pod.spec.volumes}

    def take(self, info: PodInfo) -> None:
        self.there.pop(info.key, None)

    def give(self, info: PodInfo) -> None:
        if info.pod.spec.volumes:
            self.there[info.key] = info

    def refusals(self) -> list[str]:
        namespace = self.pod.pod.metadata.namespace
        for info in self.there.values():
            if conflict(self.pod, info):
                return [DISK]
            if info.pod.metadata.namespace == namespace and self.exclusive.intersection(info.claims):
                return [ONCE]
        return []


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
        if not exclusive and not disks(cycle.pod):
            return None
        cycle.state[NAME] = exclusive
        mask = np.ones(cycle.nodes.capacity, bool)
        for position in np.flatnonzero(self._suspects(cycle, exclusive)):
            mask[position] = not DisksTrial(cycle, int(position), exclusive).refusals()
        return mask

    @staticmethod
    def _exclusive(cycle: Cycle) -> frozenset[str]:
        """The pod's claims that no other pod may use."""
        namespace, claims = cycle.pod.pod.metadata.namespace, cycle.world.storage.claims
        found = ((name, claims.get(f"{namespace}/{name}")) for name in cycle.pod.claims)
        return frozenset(name for name, claim in found if claim is not None and ONCE_POD in claim.spec.accessModes)

    @staticmethod
    def _suspects(cycle: Cycle, exclusive: frozenset[str]) -> Any:
        counts = cycle.counts.per_node("disks", has_disks)
        if not exclusive:
            return counts
        namespace = cycle.pod.pod.metadata.namespace

        def shares(info: PodInfo) -> bool:
            return info.pod.metadata.namespace == namespace and bool(exclusive.intersection(info.claims))

        return counts + cycle.counts.per_node(("claims", namespace, exclusive), shares)

    def explain(self, cycle: Cycle) -> list[Why]:
        exclusive = cycle.state[NAME]
        nodes, disk = cycle.nodes, np.zeros(cycle.nodes.capacity, bool)
        for position in np.flatnonzero(self._suspects(cycle, exclusive)):
            disk[position] = DISK in DisksTrial(cycle, int(position), exclusive).refusals()
        return [Why(DISK, disk, hopeless=False), Why(ONCE, nodes.active & ~disk, hopeless=False)]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        exclusive = cycle.state.get(NAME)
        return DisksTrial(cycle, position, exclusive) if exclusive is not None else None

"""Which changes of claims, volumes, classes and drivers can help a pod that waits for its volumes.

What: queueing hints that the volume plugins share. Why: claims and volumes change all the time; a pod is looked at again only for
what concerns it. Upstream: isSchedulableAfter… of plugins/volumebinding, volumezone, volumerestrictions, nodevolumelimits.
"""

from __future__ import annotations

from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.storage import WAIT, Capacity, Claim, CSIDriver, CSINode, StorageClass, Volume

MIGRATED = "storage.alpha.kubernetes.io/migrated-plugins"


def own_claim(pod: PodInfo, old: Claim | None, new: Claim | None) -> bool:
    """A claim that the pod names has come or changed."""
    return new is not None and new.metadata.namespace == pod.pod.metadata.namespace and new.metadata.name in pod.claims


def volume_came(pod: PodInfo, old: Volume | None, new: Volume | None) -> bool:
    """A volume has come or changed."""
    return new is not None


def relabelled_volume(pod: PodInfo, old: Volume | None, new: Volume | None) -> bool:
    """A volume has come, or has other labels."""
    return new is not None and (old is None or old.metadata.labels != new.metadata.labels)


def waiting_class(pod: PodInfo, old: StorageClass | None, new: StorageClass | None) -> bool:
    """A class has come that waits for the first consumer."""
    return old is None and new is not None and new.volumeBindingMode == WAIT


def other_topologies(pod: PodInfo, old: StorageClass | None, new: StorageClass | None) -> bool:
    """A class has come, or allows other places."""
    return new is not None and (old is None or old.allowedTopologies != new.allowedTopologies)


def migrated(pod: PodInfo, old: CSINode | None, new: CSINode | None) -> bool:
    """A node tells of drivers for the first time, or that they stand for other volumes."""
    if new is None or old is None:
        return new is not None
    return old.metadata.annotations.get(MIGRATED) != new.metadata.annotations.get(MIGRATED)


def more_volumes(pod: PodInfo, old: CSINode | None, new: CSINode | None) -> bool:
    """A node takes more volumes of some driver."""
    if new is None or old is None:
        return new is not None
    limits = [(old.limit(driver.name), new.limit(driver.name)) for driver in new.spec.drivers]
    return any(after is not None and (before is None or after > before) for before, after in limits)


def capacity_unchecked(pod: PodInfo, old: CSIDriver | None, new: CSIDriver | None) -> bool:
    """A driver no longer tells of capacity."""
    return old is not None and new is not None and bool(old.spec.storageCapacity) and not new.spec.storageCapacity


def more_room(pod: PodInfo, old: Capacity | None, new: Capacity | None) -> bool:
    """There is more room somewhere, or elsewhere."""
    if new is None or old is None:
        return new is not None
    return new.room() > old.room() or new.nodeTopology != old.nodeTopology

"""Which volume fits a claim: pure.

What: `best` among candidates, `complaint` about one that was asked for by name, `is_bound_to`. Why: the same questions are
asked when a claim looks for a volume and when a volume looks after its claim. Rules: a volume that names the claim comes first;
else the one with the fewest access modes beyond those asked for, then the smallest. Source:
component-helpers/storage/volume/pv_helpers.go, pkg/controller/volume/persistentvolume/index.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelite.api.core.volumes.shared import STORAGE, storage_class
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.machinery import labels as selectors
from kubelite.machinery import quantity

FILESYSTEM = "Filesystem"


def asked(claim: PersistentVolumeClaim) -> int:
    """The bytes that the claim asks for."""
    resources = claim.spec.resources
    return quantity.value(resources.requests.get(STORAGE, 0)) if resources is not None else 0


def size(volume: PersistentVolume) -> int:
    """The bytes that the volume has."""
    return quantity.value(volume.spec.capacity.get(STORAGE, 0))


def is_bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume is, or is reserved, for this very claim."""
    ref, meta = volume.spec.claimRef, claim.metadata
    return ref is not None and (ref.namespace, ref.name) == (meta.namespace, meta.name) and ref.uid in ("", meta.uid)


def same_mode(claim: PersistentVolumeClaim, volume: PersistentVolume) -> bool:
    """Whether both mean a file system, or both a block device."""
    return (claim.spec.volumeMode or FILESYSTEM) == (volume.spec.volumeMode or FILESYSTEM)


def _attributes(obj: Any) -> str:
    return obj.spec.volumeAttributesClassName or ""


def complaint(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str:
    """Why a volume that the claim names does not do; "" if it does."""
    if volume.metadata.deletionTimestamp is not None:
        return f'the volume is marked for deletion "{volume.metadata.name}"'
    if size(volume) < asked(claim):
        return "requested PV is too small"
    if _attributes(claim) != _attributes(volume):
        return "volumeAttributesClassName does not match"
    if storage_class(claim) != storage_class(volume):
        return "storageClassName does not match"
    if not same_mode(claim, volume):
        return "incompatible volumeMode"
    if not set(claim.spec.accessModes) <= set(volume.spec.accessModes):
        return "incompatible accessMode"
    return ""


def best(
    claim: PersistentVolumeClaim, volumes: Iterable[PersistentVolume], *, delayed: bool
) -> PersistentVolume | None:
    """The volume to bind, if there is one. `delayed`: only one that names the claim; the scheduler chooses among the others."""
    spec = claim.spec
    selector = selectors.from_label_selector(spec.selector) if spec.selector is not None else None
    need, wanted, of_class = asked(claim), set(spec.accessModes), storage_class(claim)
    found: PersistentVolume | None = None
    least: tuple[bool, int, int, str] | None = None
    for volume in volumes:
        mine = is_bound_to(volume, claim)
        if not mine and (delayed or volume.spec.claimRef is not None or volume.status.phase != "Available"):
            continue
        if not _serves(volume, claim, need, wanted):
            continue
        same_class = mine or storage_class(volume) == of_class
        if not same_class or not (mine or selector is None or selector.matches(volume.metadata.labels)):
            continue
        cost = (not mine, len(volume.spec.accessModes), size(volume), volume.metadata.name)
        if least is None or cost < least:
            found, least = volume, cost
    return found


def _serves(volume: PersistentVolume, claim: PersistentVolumeClaim, need: int, wanted: set[str]) -> bool:
    """What holds even for a volume that names the claim."""
    if volume.metadata.deletionTimestamp is not None or not same_mode(claim, volume):
        return False
    if _attributes(volume) != _attributes(claim):
        return False
    return size(volume) >= need and wanted.issubset(volume.spec.accessModes)

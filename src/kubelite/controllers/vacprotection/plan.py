"""Which classes of volume attributes are in use: pure. Source: pkg/controller/volume/vacprotection."""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim


def classes_of_claim(claim: PersistentVolumeClaim) -> set[str]:
    """The classes that a claim has, wants or is changing to."""
    status = claim.status
    names = {claim.spec.volumeAttributesClassName, status.currentVolumeAttributesClassName}
    if status.modifyVolumeStatus is not None:
        names.add(status.modifyVolumeStatus.targetVolumeAttributesClassName)
    return {name for name in names if name}


def is_used(name: str, claims: Iterable[PersistentVolumeClaim], volumes: Iterable[PersistentVolume]) -> bool:
    """Whether a claim or a volume has the class."""
    if any(name in classes_of_claim(claim) for claim in claims):
        return True
    return any(volume.spec.volumeAttributesClassName == name for volume in volumes)

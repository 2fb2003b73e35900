"""What comes next for a volume: pure.

Rules: a volume that names no claim is Available; one that names a claim by name only is kept for it; one whose claim is gone is
Released and then reclaimed by its policy; one whose claim took another volume is set free. Source:
pkg/controller/volume/persistentvolume/pv_controller.go (syncVolume, unbindVolume, reclaimVolume).
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.types.core_v1 import ObjectReference, PersistentVolume, PersistentVolumeClaim
from kubelite.controllers.volumebinder import step as s
from kubelite.controllers.volumebinder.matching import same_mode
from kubelite.controllers.volumebinder.step import Absent, Notice, Step, World, Write
from kubelite.machinery import codec

GONE = ("Released", "Failed")
IN_TREE = "kubernetes.io/"


def volume_step(volume: PersistentVolume, world: World) -> Step:
    """The next write for a volume, with its events."""
    ref = volume.spec.claimRef
    if ref is None or not ref.uid:
        return _phase(volume, "Available")
    claim = world.claim(f"{ref.namespace}/{ref.name}")
    if claim is None or claim.metadata.uid != ref.uid:
        return _released(volume, ref)
    if not claim.spec.volumeName:
        return _unanswered(volume, claim)
    if claim.spec.volumeName == volume.metadata.name:
        return _phase(volume, "Bound")
    # The claim took another volume.
    if s.PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistentVolumeReclaimPolicy == "Delete":
        return _reclaim(volume) if volume.status.phase in GONE else _phase(volume, "Released")
    return Step(s.put_volume(_unbind(volume)))


def _phase(volume: PersistentVolume, phase: str, absent: Absent | None = None) -> Step:
    changed = s.volume_phase(volume, phase)
    return Step(Write(PERSISTENT_VOLUME, changed, "status"), absent=absent) if changed is not None else Step()


def _released(volume: PersistentVolume, ref: ObjectReference) -> Step:
    if volume.status.phase in GONE:
        return _reclaim(volume)
    return _phase(volume, "Released", Absent(PERSISTENT_VOLUME_CLAIM, ref.namespace, ref.name, ref.uid))


def _unanswered(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Step:
    """The volume names a claim that names none: the claim's own step goes on, unless the two never fit."""
    if same_mode(claim, volume):
        return Step()
    meta = claim.metadata
    why = "due to incompatible volumeMode."
    on_volume = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{meta.name}" {why}'
    on_claim = f'Cannot bind PersistentVolume "{volume.metadata.name}" to requested PersistentVolumeClaim {why}'
    return Step(
        notices=(
            Notice(PERSISTENT_VOLUME, volume, "Warning", "VolumeMismatch", on_volume),
            Notice(PERSISTENT_VOLUME_CLAIM, claim, "Warning", "VolumeMismatch", on_claim),
        )
    )


def _unbind(volume: PersistentVolume) -> PersistentVolume:
    """As it was before this controller bound it: free, or kept for the claim that an administrator named."""
    changed: PersistentVolume = codec.clone(volume)
    if changed.metadata.annotations.pop(s.BOUND_BY_CONTROLLER, None) is not None:
        changed.spec.claimRef = None
    elif changed.spec.claimRef is not None:
        changed.spec.claimRef.uid = changed.spec.claimRef.resourceVersion = ""
    return changed


def _reclaim(volume: PersistentVolume) -> Step:
    """Retain: nothing. Delete: whoever made the volume deletes it. What nobody here can do fails, visibly."""
    policy, name = volume.spec.persistentVolumeReclaimPolicy, volume.metadata.name
    if policy == "Retain" or volume.metadata.deletionTimestamp is not None:
        return Step()
    if policy == "Recycle":
        return _failed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
    if policy != "Delete":
        return _failed(volume, "VolumeUnknownReclaimPolicy", "Volume has an unrecognized PersistentVolumeReclaimPolicy")
    maker = volume.metadata.annotations.get(s.PROVISIONED_BY, "")
    if maker and not maker.startswith(IN_TREE):
        return Step()
    text = f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
    return _failed(volume, "VolumeFailedDelete", text)


def _failed(volume: PersistentVolume, reason: str, message: str) -> Step:
    changed = s.volume_phase(volume, "Failed", message)
    if changed is None:
        return Step()
    return Step(
        Write(PERSISTENT_VOLUME, changed, "status"), (Notice(PERSISTENT_VOLUME, volume, "Warning", reason, message),)
    )

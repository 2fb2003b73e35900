"""What comes next for a claim: pure.

Rules: a claim that was never bound looks for a volume, or the one it names; if there is none it waits for its first consumer, for
an external provisioner or for an administrator. A claim that was bound once is bound for ever: without its volume it is lost.
Source: pkg/controller/volume/persistentvolume/pv_controller.go (syncUnboundClaim, syncBoundClaim, bind).
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.core.volumes.shared import storage_class
from kubelite.api.logic.defaultclass import STORAGE_ANNOTATION
from kubelite.api.types.core_v1 import ObjectReference, PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.controllers.volumebinder import step as s
from kubelite.controllers.volumebinder.matching import best, complaint, is_bound_to
from kubelite.controllers.volumebinder.step import Absent, Notice, Step, World, Write
from kubelite.machinery import codec

WAIT = "WaitForFirstConsumer"
IN_TREE = "kubernetes.io/"
NO_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
NO_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly"
NOTHING = "no persistent volumes available for this claim and no storage class is set"
EXTERNAL = (
    "Waiting for a volume to be created either by the external provisioner '{}' or manually by the system administrator. If "
    "volume creation is delayed, please verify that the provisioner is running and correctly registered."
)


class InvalidBinding(Exception):
    """Somebody took back by hand what only the binder writes; `notice` tells of it."""

    def __init__(self, text: str, notice: Notice) -> None:
        super().__init__(text)
        self.notice = notice


def claim_step(claim: PersistentVolumeClaim, world: World) -> Step:
    """The next write for a claim, with its events."""
    if s.BIND_COMPLETED in claim.metadata.annotations:
        return _bound(claim, world)
    if claim.metadata.deletionTimestamp is not None:
        return Step()
    return _named(claim, world) if claim.spec.volumeName else _unbound(claim, world)


def _unbound(claim: PersistentVolumeClaim, world: World) -> Step:
    """A claim that leaves the volume open."""
    name = storage_class(claim)
    found_class = world.storage_class(name) if name else None
    delayed = found_class is not None and found_class.volumeBindingMode == WAIT
    volume = best(claim, world.candidates(claim), delayed=delayed)
    if volume is not None:
        return bind(claim, volume)
    if claim.spec.storageClassName is None and STORAGE_ANNOTATION not in claim.metadata.annotations:
        default = world.default_class()
        if default:
            changed: PersistentVolumeClaim = codec.clone(claim)
            changed.spec.storageClassName = default
            return Step(s.put_claim(changed))
    if delayed and s.SELECTED_NODE not in claim.metadata.annotations:
        return _pending(claim, _waiting(claim, world))
    if name:
        return _provision(claim, name, found_class)
    return _pending(claim, _about(claim, "Normal", "FailedBinding", NOTHING))


def _about(claim: PersistentVolumeClaim, type_: str, reason: str, message: str) -> Notice:
    return Notice(PERSISTENT_VOLUME_CLAIM, claim, type_, reason, message)


def _pending(claim: PersistentVolumeClaim, *notices: Notice) -> Step:
    changed = s.claim_phase(claim, "Pending")
    if changed is not None:
        return Step(_status(changed))
    return Step(notices=notices, again=True)


def _status(claim: PersistentVolumeClaim) -> Write:
    return Write(PERSISTENT_VOLUME_CLAIM, claim, "status")


def _waiting(claim: PersistentVolumeClaim, world: World) -> Notice:
    pods = world.unscheduled(claim)
    if not pods:
        text = "waiting for first consumer to be created before binding"
        return _about(claim, "Normal", "WaitForFirstConsumer", text)
    noun = "pod" if len(pods) == 1 else "pods"
    return _about(claim, "Normal", "WaitForPodScheduled", f"waiting for {noun} {','.join(pods)} to be scheduled")


def _provision(claim: PersistentVolumeClaim, name: str, found: StorageClass | None) -> Step:
    """Hand the claim over to the provisioner of its class."""
    if found is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        return _pending(claim, _about(claim, "Warning", "ProvisioningFailed", text))
    provisioner = found.provisioner
    if provisioner.startswith(IN_TREE):
        text = f"no volume plugin matched name: {provisioner}"
        return _pending(claim, _about(claim, "Warning", "ProvisioningFailed", text))
    wanted = {s.OLD_PROVISIONER: provisioner, s.PROVISIONER: provisioner}
    if any(claim.metadata.annotations.get(key) != value for key, value in wanted.items()):
        changed: PersistentVolumeClaim = codec.clone(claim)
        changed.metadata.annotations.update(wanted)
        return Step(s.put_claim(changed))
    return _pending(claim, _about(claim, "Normal", "ExternalProvisioning", EXTERNAL.format(provisioner)))


def _named(claim: PersistentVolumeClaim, world: World) -> Step:
    """A claim that names its volume and is not bound yet."""
    volume = world.volume(claim.spec.volumeName)
    if volume is None:
        return _pending(claim)
    if volume.spec.claimRef is None:
        wrong = complaint(volume, claim)
        if not wrong:
            return bind(claim, volume)
        text = f'Cannot bind to requested volume "{volume.metadata.name}": {wrong}'
        return _pending(claim, _about(claim, "Warning", "VolumeMismatch", text))
    if is_bound_to(volume, claim):
        return bind(claim, volume)
    text = f'volume "{volume.metadata.name}" already bound to a different claim.'
    notice = _about(claim, "Warning", "FailedBinding", text)
    if s.BOUND_BY_CONTROLLER in claim.metadata.annotations:
        ref = volume.spec.claimRef
        raise InvalidBinding(
            f'invalid binding of claim "{claim.metadata.namespace}/{claim.metadata.name}" to volume '
            f'"{volume.metadata.name}": volume already claimed by "{ref.namespace}/{ref.name}"',
            notice,
        )
    return _pending(claim, notice)


def _bound(claim: PersistentVolumeClaim, world: World) -> Step:
    """A claim that was bound: what is missing is put right, or it is lost."""
    name = claim.spec.volumeName
    if not name:
        return _lost(claim, "ClaimLost", NO_REFERENCE)
    volume = world.volume(name)
    if volume is None:
        return _lost(claim, "ClaimLost", NO_VOLUME, Absent(PERSISTENT_VOLUME, "", name))
    ref = volume.spec.claimRef
    if ref is None or ref.uid == claim.metadata.uid or is_bound_to(volume, claim):
        return bind(claim, volume)
    return _lost(claim, "ClaimMisbound", MISBOUND)


def _lost(claim: PersistentVolumeClaim, reason: str, message: str, absent: Absent | None = None) -> Step:
    changed = s.claim_phase(claim, "Lost")
    if changed is None:
        return Step()
    told = (_about(claim, "Warning", reason, message),) if claim.status.phase != "Lost" else ()
    return Step(_status(changed), told, absent)


def bind(claim: PersistentVolumeClaim, volume: PersistentVolume) -> Step:
    """The first of the four writes that is missing: the volume, its phase, the claim, its phase."""
    meta, ref = claim.metadata, volume.spec.claimRef
    if ref is None or (ref.namespace, ref.name, ref.uid) != (meta.namespace, meta.name, meta.uid):
        return Step(s.put_volume(_taken(volume, claim)))
    held = s.volume_phase(volume, "Bound")
    if held is not None:
        return Step(Write(PERSISTENT_VOLUME, held, "status"))
    if claim.spec.volumeName != volume.metadata.name or s.BIND_COMPLETED not in meta.annotations:
        changed: PersistentVolumeClaim = codec.clone(claim)
        if claim.spec.volumeName != volume.metadata.name:
            changed.spec.volumeName = volume.metadata.name
            changed.metadata.annotations[s.BOUND_BY_CONTROLLER] = "yes"
        changed.metadata.annotations[s.BIND_COMPLETED] = "yes"
        return Step(s.put_claim(changed))
    done = s.claim_phase(claim, "Bound", volume)
    return Step(_status(done)) if done is not None else Step()


def _taken(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    changed: PersistentVolume = codec.clone(volume)
    meta = claim.metadata
    if not is_bound_to(volume, claim):
        changed.metadata.annotations[s.BOUND_BY_CONTROLLER] = "yes"
    changed.spec.claimRef = ObjectReference(
        apiVersion="v1",
        kind="PersistentVolumeClaim",
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resourceVersion=meta.resourceVersion,
    )
    return changed

"""PersistentVolumeClaim: somebody needs storage of a size and kind.

What: defaults, what may change and when, warnings, columns; checks of the spec are in `claim_spec`. Flow: the write path calls
these. Upstream: pkg/registry/core/persistentvolumeclaim, ValidatePersistentVolumeClaimUpdate, pkg/api/persistentvolumeclaim.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes import claim_spec, shared
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import codec, names, quantity
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

SPEC, STATUS = Path("spec"), Path("status")
RESIZE_STATES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)
OLD_ANNOTATIONS = {shared.CLASS_ANNOTATION: ("v1.8", '"storageClassName" attribute')}
_IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"


def set_defaults(claim: v1.PersistentVolumeClaim) -> None:
    """Pending until bound; the rest is the spec's."""
    claim.status.phase = claim.status.phase or "Pending"
    quantity.set_resource_list_defaults(claim.status.capacity)
    quantity.set_resource_list_defaults(claim.status.allocatedResources)
    claim_spec.set_spec_defaults(claim.spec)


def prepare_create(claim: v1.PersistentVolumeClaim) -> None:
    """A new claim is not bound; both fields for its source are filled."""
    claim.status = v1.PersistentVolumeClaimStatus(phase="Pending")
    claim_spec.normalize_sources(claim.spec)


def prepare_update(new: v1.PersistentVolumeClaim, old: v1.PersistentVolumeClaim) -> None:
    """The status stays; the source is spelt out as it was on creation."""
    new.status = old.status
    claim_spec.normalize_sources(new.spec)


def validate(claim: v1.PersistentVolumeClaim) -> FieldErrors:
    """The spec is all there is."""
    return claim_spec.validate_spec(claim.spec, SPEC)


def validate_update(new: v1.PersistentVolumeClaim, old: v1.PersistentVolumeClaim) -> FieldErrors:
    """A volume is named once, a bound claim may grow, a class may come where there was none; nothing else."""
    now, before = codec.clone(new.spec), old.spec
    if not before.volumeName:
        now.volumeName = ""
    annotated = old.metadata.annotations.get(shared.CLASS_ANNOTATION, now.storageClassName)
    if before.storageClassName is None and now.storageClassName == annotated:
        now.storageClassName = None
    size, size_before = _size(new.spec), _size(before)
    if new.status.phase == "Bound" and now.resources is not None and before.resources is not None:
        now.resources.requests.pop(shared.STORAGE, None)
        if shared.STORAGE in before.resources.requests:
            now.resources.requests[shared.STORAGE] = before.resources.requests[shared.STORAGE]
    now.volumeAttributesClassName = before.volumeAttributesClassName
    errors: FieldErrors = [] if now == before else [fe.forbidden(SPEC, _IMMUTABLE)]
    if size < size_before and size <= quantity.nano(old.status.capacity.get(shared.STORAGE, 0)):
        here = SPEC / "resources" / "requests" / shared.STORAGE
        errors.append(fe.forbidden(here, "field can not be less than status.capacity"))
    errors += check.immutable(Path("volumeMode"), new.spec.volumeMode, before.volumeMode)
    return errors + _validate_attributes_class(new, old)


def _size(spec: v1.PersistentVolumeClaimSpec) -> int:
    """The size asked for; 0 for none, or for one that validation reports."""
    try:
        return quantity.nano(spec.resources.requests.get(shared.STORAGE, 0)) if spec.resources is not None else 0
    except ValueError:
        return 0


def _validate_attributes_class(new: v1.PersistentVolumeClaim, old: v1.PersistentVolumeClaim) -> FieldErrors:
    now, before = new.spec.volumeAttributesClassName, old.spec.volumeAttributesClassName
    if now == before or not old.status.currentVolumeAttributesClassName:
        return []
    path = SPEC / "volumeAttributesClassName"
    if now is None:
        return [fe.forbidden(path, "update from non-nil value to nil is forbidden")]
    return [] if now else [fe.forbidden(path, "update from non-nil value to an empty string is forbidden")]


def validate_status_update(new: v1.PersistentVolumeClaim, old: v1.PersistentVolumeClaim) -> FieldErrors:
    """Sizes and states of a resize."""
    errors: FieldErrors = []
    if not new.spec.accessModes:
        errors.append(fe.required(Path("Spec") / "accessModes"))
    for name, amount in new.status.capacity.items():
        errors += shared.not_negative(amount, (STATUS / "capacity").key(name))
    path = STATUS / "allocatedResourceStatus"
    for name, state in new.status.allocatedResourceStatuses.items():
        errors += check.complaints(path, name, names.qualified_name(name))
        if state not in RESIZE_STATES:
            errors.append(fe.not_supported(path, name, RESIZE_STATES))
    path = STATUS / "allocatedResources"
    for name, amount in new.status.allocatedResources.items():
        errors += check.complaints(path, name, names.qualified_name(name))
        errors += shared.not_negative(amount, path.key(name))
    return errors


def warnings(new: v1.PersistentVolumeClaim, old: v1.PersistentVolumeClaim | None) -> list[str]:
    """About annotations of old and odd sizes."""
    return shared.annotation_warnings(new.metadata.annotations, OLD_ANNOTATIONS) + claim_spec.fractions(
        new.spec, "spec"
    )


def row(claim: v1.PersistentVolumeClaim, now: datetime) -> list[Any]:
    """The cells in the order of the columns; sizes and modes are those of the volume."""
    spec, status = claim.spec, claim.status
    bound = bool(spec.volumeName)
    return [
        claim.metadata.name,
        "Terminating" if claim.metadata.deletionTimestamp is not None else status.phase,
        spec.volumeName,
        shared.amount_cell(status.capacity) if bound else "",
        shared.modes_cell(status.accessModes) if bound else "",
        shared.storage_class(claim),
        shared.UNSET if spec.volumeAttributesClassName is None else spec.volumeAttributesClassName,
        columns.age(claim, now),
        spec.volumeMode or shared.UNSET,
    ]


PERSISTENT_VOLUME_CLAIM = Kind(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    type=v1.PersistentVolumeClaim,
    short_names=("pvc",),
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    columns=(
        Column(name="Name", format="name", description="Name of the claim, unique within its namespace."),
        Column(name="Status", description="Its phase."),
        Column(name="Volume", description="The volume that it is bound to."),
        Column(name="Capacity", description="Size of that volume."),
        Column(name="Access Modes", description="How that volume can be mounted."),
        Column(name="StorageClass", description="Its class."),
        Column(name="VolumeAttributesClass", description="Its class of attributes that can be changed."),
        Column(name="Age", description="How long the object exists."),
        Column(name="VolumeMode", priority=1, description="File system or block device."),
    ),
    row=row,
    selectable={"name": lambda claim: str(claim.metadata.name)},
)

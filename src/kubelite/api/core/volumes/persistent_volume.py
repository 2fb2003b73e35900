"""PersistentVolume: storage that exists, and the claim that it belongs to.

What: defaults, what may change, warnings, columns; checks of the spec are in `persistent_volume_spec`. Flow: the write path calls
these. Upstream: pkg/registry/core/persistentvolume, ValidatePersistentVolumeUpdate, pkg/api/persistentvolume.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes import shared, sources
from kubelite.api.core.volumes.persistent_volume_spec import set_spec_defaults, validate_spec
from kubelite.api.storage.parameters import DEPRECATED_KEYS
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import codec, times
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

SPEC = Path("spec")
OLD_ANNOTATIONS = {
    shared.CLASS_ANNOTATION: ("v1.8", '"storageClassName" attribute'),
    "volume.beta.kubernetes.io/mount-options": ("v1.31", '"mountOptions" attribute'),
}
_RECYCLE = (
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to "
    "use dynamic provisioning."
)


def set_defaults(volume: v1.PersistentVolume) -> None:
    """Pending until a controller has seen it; the rest is the spec's."""
    volume.status.phase = volume.status.phase or "Pending"
    set_spec_defaults(volume.spec)


def prepare_create(volume: v1.PersistentVolume) -> None:
    """A new volume has been seen by nobody."""
    born = volume.metadata.creationTimestamp
    volume.status = v1.PersistentVolumeStatus(phase="Pending", lastPhaseTransitionTime=born)


def prepare_status_update(new: v1.PersistentVolume, old: v1.PersistentVolume) -> None:
    """A status update leaves the spec alone; a change of phase is dated unless the client did so."""
    new.spec = old.spec
    before, after = old.status, new.status
    if after.lastPhaseTransitionTime is None:
        after.lastPhaseTransitionTime = before.lastPhaseTransitionTime
    if before.phase != after.phase and after.lastPhaseTransitionTime == before.lastPhaseTransitionTime:
        after.lastPhaseTransitionTime = times.now_text(datetime.now(UTC))


def validate(volume: v1.PersistentVolume) -> FieldErrors:
    """The spec is all there is."""
    return validate_spec(volume.spec, SPEC)


def validate_update(new: v1.PersistentVolume, old: v1.PersistentVolume) -> FieldErrors:
    """What it is on never changes, but for a secret for expansion that was missing; where it is, is said once."""
    errors: FieldErrors = []
    if _fixed_sources(new, old) != _defaulted(sources.of(old.spec)):
        detail = "spec.persistentvolumesource is immutable after creation"
        errors.append(fe.forbidden(SPEC / "persistentvolumesource", detail))
    errors += check.immutable(Path("volumeMode"), new.spec.volumeMode, old.spec.volumeMode)
    if old.spec.nodeAffinity is not None and not _only_renames(new.spec.nodeAffinity, old.spec.nodeAffinity):
        errors += check.immutable(Path("nodeAffinity"), new.spec.nodeAffinity, old.spec.nodeAffinity)
    if old.spec.volumeAttributesClassName and not new.spec.volumeAttributesClassName:
        detail = "update from non-nil value to nil is forbidden"
        errors.append(fe.forbidden(SPEC / "volumeAttributesClassName", detail))
    return errors


def _fixed_sources(new: v1.PersistentVolume, old: v1.PersistentVolume) -> dict[str, Any]:
    """The new sources, without what an update may add."""
    found = sources.of(new.spec)
    csi, before = new.spec.csi, old.spec.csi
    if csi is not None and before is not None and before.controllerExpandSecretRef is None:
        found["csi"] = codec.clone(csi)
        found["csi"].controllerExpandSecretRef = None
    return found


def _only_renames(new: v1.VolumeNodeAffinity | None, old: v1.VolumeNodeAffinity) -> bool:
    """Whether nothing changes but that labels of nodes get the names that they have now."""
    if new is None:
        return False
    renamed: v1.VolumeNodeAffinity = codec.clone(old)
    for (_, wanted), (_, kept) in zip(_expressions(new), _expressions(renamed), strict=False):
        if kept.key in DEPRECATED_KEYS and wanted.key == DEPRECATED_KEYS[kept.key][1]:
            kept.key = wanted.key
    return renamed == new


def _expressions(affinity: v1.VolumeNodeAffinity) -> Iterator[tuple[Path, v1.NodeSelectorRequirement]]:
    path = SPEC / "nodeAffinity" / "required" / "nodeSelectorTerms"
    terms = affinity.required.nodeSelectorTerms if affinity.required is not None else []
    for index, term in enumerate(terms):
        for number, expression in enumerate(term.matchExpressions):
            yield (path.index(index) / "matchExpressions").index(number), expression


def _defaulted(found: dict[str, Any]) -> dict[str, Any]:
    """The sources of a volume that may have been stored before folders had a default type."""
    folder = found.get("hostPath")
    if folder is not None and folder.type is None:
        return {**found, "hostPath": v1.HostPathVolumeSource(path=folder.path, type="")}
    return found


def warnings(new: v1.PersistentVolume, old: v1.PersistentVolume | None) -> list[str]:
    """About annotations, policies, labels of nodes and sources of old."""
    found = shared.annotation_warnings(new.metadata.annotations, OLD_ANNOTATIONS)
    if new.spec.persistentVolumeReclaimPolicy == "Recycle":
        found.append(_RECYCLE)
    for path, expression in _expressions(new.spec.nodeAffinity) if new.spec.nodeAffinity is not None else ():
        since, name = DEPRECATED_KEYS.get(expression.key, ("", ""))
        if name:
            found.append(f'{path / "key"}: {expression.key} is deprecated since {since}; use "{name}" instead')
    return found + sources.gone_warnings(new.spec, "spec")


def row(volume: v1.PersistentVolume, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    spec, status = volume.spec, volume.status
    claim = spec.claimRef
    return [
        volume.metadata.name,
        shared.amount_cell(spec.capacity),
        shared.modes_cell(spec.accessModes),
        spec.persistentVolumeReclaimPolicy,
        "Terminating" if volume.metadata.deletionTimestamp is not None else status.phase,
        f"{claim.namespace}/{claim.name}" if claim is not None else "",
        shared.storage_class(volume),
        spec.volumeAttributesClassName or shared.UNSET,
        status.reason,
        columns.age(volume, now),
        spec.volumeMode or shared.UNSET,
    ]


PERSISTENT_VOLUME = Kind(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    type=v1.PersistentVolume,
    namespaced=False,
    short_names=("pv",),
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    columns=(
        Column(name="Name", format="name", description="Name of the volume."),
        Column(name="Capacity", description="Its size."),
        Column(name="Access Modes", description="How it can be mounted."),
        Column(name="Reclaim Policy", description="What happens to it when its claim is gone."),
        Column(name="Status", description="Its phase."),
        Column(name="Claim", description="The claim that it belongs to."),
        Column(name="StorageClass", description="Its class."),
        Column(name="VolumeAttributesClass", description="Its class of attributes that can be changed."),
        Column(name="Reason", description="Why it is in this phase."),
        Column(name="Age", description="How long the object exists."),
        Column(name="VolumeMode", priority=1, description="File system or block device."),
    ),
    row=row,
    selectable={"name": lambda volume: str(volume.metadata.name)},
)

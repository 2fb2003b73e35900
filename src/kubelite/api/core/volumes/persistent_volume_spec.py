"""The spec of a persistent volume: defaults and checks, also where it stands inside a VolumeAttachment.

Flow: `set_spec_defaults` and `validate_spec`, called by PersistentVolume and, with `inline=True`, by VolumeAttachment.
Upstream: ValidatePersistentVolumeSpec, pkg/apis/core/v1/defaults.go.
"""

from __future__ import annotations

import posixpath

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.scheduling import validate_node_selector
from kubelite.api.core.pod.volume_defaults import default_network_disk
from kubelite.api.core.volumes import shared, sources
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

_INLINE = "in the context of inline volumes"
_NOT_INLINE = f"may not be specified {_INLINE}"
_SECOND_SOURCE = "may not specify more than 1 volume type"


def set_spec_defaults(spec: v1.PersistentVolumeSpec) -> None:
    """Kept after release, mounted as a file system; what drivers of old expect."""
    quantity.set_resource_list_defaults(spec.capacity)
    spec.persistentVolumeReclaimPolicy = spec.persistentVolumeReclaimPolicy or "Retain"
    set_source_defaults(spec)


def set_source_defaults(spec: v1.PersistentVolumeSpec) -> None:
    """Also for the spec inside an attachment, which has no reclaim policy of its own."""
    spec.volumeMode = spec.volumeMode or "Filesystem"
    default_network_disk(spec)


def validate_spec(spec: v1.PersistentVolumeSpec, path: Path, *, inline: bool = False) -> FieldErrors:
    """Modes, size, policy, exactly one source, and what goes with it."""
    errors: FieldErrors = []
    if inline:
        errors += _validate_inline(spec, path)
    if not spec.accessModes:
        errors.append(fe.required(path / "accessModes"))
    errors += shared.access_modes(spec.accessModes, path / "accessModes")
    if not inline:
        errors += _validate_capacity(spec.capacity, path / "capacity")
    errors += _validate_policy(spec, path / "persistentVolumeReclaimPolicy", inline)
    affinity = spec.nodeAffinity is not None and spec.nodeAffinity.required is not None
    if spec.nodeAffinity is not None and not inline:
        errors += _validate_affinity(spec.nodeAffinity, path / "nodeAffinity")
    errors += _validate_sources(spec, path, affinity)
    if spec.storageClassName and not inline:
        errors += shared.class_name(spec.storageClassName, path / "storageClassName")
    errors += shared.volume_mode(spec.volumeMode, path / "volumeMode")
    if spec.volumeAttributesClassName and not inline:
        here = path / "volumeAttributesClassName"
        errors += shared.class_name(spec.volumeAttributesClassName, here)
        if spec.csi is None:
            errors.append(fe.required(path / "csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def _validate_inline(spec: v1.PersistentVolumeSpec, path: Path) -> FieldErrors:
    """An inline volume is a CSI volume that is in use, not an offer."""
    errors: FieldErrors = []
    for name in ("claimRef", "capacity", "nodeAffinity", "storageClassName", "volumeAttributesClassName"):
        if getattr(spec, name):
            errors.append(fe.forbidden(path / name, _NOT_INLINE))
    if spec.csi is None:
        errors.append(fe.required(path / "csi", f"has to be specified {_INLINE}"))
    if spec.volumeMode == "Block":
        detail = f"may not specify volumeMode other than Filesystem {_INLINE}"
        errors.append(fe.forbidden(path / "volumeMode", detail))
    return errors


def _validate_capacity(capacity: shared.Amounts, path: Path) -> FieldErrors:
    errors = [] if capacity else [fe.required(path)]
    if set(capacity) != {shared.STORAGE}:
        errors.append(fe.not_supported(path, dict(capacity), (shared.STORAGE,)))
    for name, amount in capacity.items():
        errors += shared.not_negative(amount, path.key(name)) + shared.positive(amount, path.key(name))
    return errors


def _validate_policy(spec: v1.PersistentVolumeSpec, path: Path, inline: bool) -> FieldErrors:
    policy = spec.persistentVolumeReclaimPolicy
    if inline:
        allowed = policy in ("", "Retain")
        return [] if allowed else [fe.forbidden(path, f"may only be Retain {_INLINE}")]
    errors = check.one_of(path, policy, shared.RECLAIM_POLICIES, required=False)
    if spec.hostPath is not None and policy == "Recycle" and posixpath.normpath(spec.hostPath.path or ".") == "/":
        errors.append(fe.forbidden(path, "may not be 'recycle' for a hostPath mount of '/'"))
    return errors


def _validate_affinity(affinity: v1.VolumeNodeAffinity, path: Path) -> FieldErrors:
    if affinity.required is None:
        return [fe.required(path / "required", "must specify required node constraints")]
    return validate_node_selector(affinity.required, path / "required")


def _validate_sources(spec: v1.PersistentVolumeSpec, path: Path, affinity: bool) -> FieldErrors:
    errors: FieldErrors = []
    found = ""
    for name, source in sources.of(spec).items():
        if found:
            errors.append(fe.forbidden(path / name, _SECOND_SOURCE))
            continue
        found = name
        errors += sources.SOURCES[name](source, path / name)
        if name == "local" and not affinity:
            here = Path("metadata") / "annotations"
            errors.append(fe.required(here, "Local volume requires node affinity"))
    return errors if found else [*errors, fe.required(path, "must specify a volume type")]

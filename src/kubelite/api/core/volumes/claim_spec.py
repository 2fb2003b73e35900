"""The spec of a claim for a volume, also inside the templates of workloads and of pods.

What: `set_spec_defaults` and `validate_spec`. Why: a StatefulSet's claim templates obey the rules of claims. Flow: called by the
kind and by templates. Upstream: ValidatePersistentVolumeClaimSpec, SetDefaults_PersistentVolumeClaimSpec.
"""

from __future__ import annotations

from kubelite.api import validation as check
from kubelite.api.core.volumes import shared
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

CLAIM = "PersistentVolumeClaim"


def set_spec_defaults(spec: v1.PersistentVolumeClaimSpec) -> None:
    """Mounted as a file system; amounts are written canonically."""
    spec.volumeMode = spec.volumeMode or "Filesystem"
    if spec.resources is not None:
        quantity.set_resource_list_defaults(spec.resources.requests)
        quantity.set_resource_list_defaults(spec.resources.limits)


def normalize_sources(spec: v1.PersistentVolumeClaimSpec) -> None:
    """The two fields for the same thing say the same, unless the source is in another namespace."""
    source, ref = spec.dataSource, spec.dataSourceRef
    if source is not None and ref is None:
        spec.dataSourceRef = v1.TypedObjectReference(apiGroup=source.apiGroup, kind=source.kind, name=source.name)
    elif source is None and ref is not None and not ref.namespace:
        spec.dataSource = v1.TypedLocalObjectReference(apiGroup=ref.apiGroup, kind=ref.kind, name=ref.name)


def validate_spec(spec: v1.PersistentVolumeClaimSpec, path: Path) -> FieldErrors:
    """Modes, size, class, selector and data source."""
    errors: FieldErrors = []
    if not spec.accessModes:
        errors.append(fe.required(path / "accessModes", "at least 1 access mode is required"))
    errors += check.label_selector(spec.selector, path / "selector")
    errors += shared.access_modes(spec.accessModes, path / "accessModes")
    wanted = spec.resources.requests.get(shared.STORAGE) if spec.resources is not None else None
    here = (path / "resources").key(shared.STORAGE)
    errors += [fe.required(here)] if wanted is None else shared.positive(wanted, here)
    if spec.storageClassName:
        errors += shared.class_name(spec.storageClassName, path / "storageClassName")
    errors += shared.volume_mode(spec.volumeMode, path / "volumeMode")
    errors += _validate_data_sources(spec, path)
    if spec.volumeAttributesClassName:
        errors += shared.class_name(spec.volumeAttributesClassName, path / "volumeAttributesClassName")
    return errors


def _validate_data_sources(spec: v1.PersistentVolumeClaimSpec, path: Path) -> FieldErrors:
    source, ref = spec.dataSource, spec.dataSourceRef
    errors: FieldErrors = []
    if source is not None:
        errors += _validate_reference(source, path / "dataSource")
    if ref is None:
        return errors
    errors += _validate_reference(ref, path / "dataSourceRef")
    if ref.namespace:
        here = path / "dataSourceRef" / "namespace"
        errors += check.complaints(here, ref.namespace, names.dns1123_label(ref.namespace))
        if source is not None:
            detail = "may not be specified when dataSourceRef.namespace is specified"
            errors.append(fe.invalid(path, (path / "dataSource").text, detail))
    elif source is not None and (source.apiGroup, source.kind, source.name) != (ref.apiGroup, ref.kind, ref.name):
        errors.append(fe.invalid(path, (path / "dataSource").text, "must match dataSourceRef"))
    return errors


def _validate_reference(ref: v1.TypedLocalObjectReference | v1.TypedObjectReference, path: Path) -> FieldErrors:
    errors = [fe.required(path / name) for name in ("name", "kind") if not getattr(ref, name)]
    if not ref.apiGroup:
        if ref.kind != CLAIM:
            detail = f"must be '{CLAIM}' when referencing the default apiGroup"
            errors.append(fe.invalid(path, ref.kind, detail))
        return errors
    return errors + check.complaints(path / "apiGroup", ref.apiGroup, names.dns1123_subdomain(ref.apiGroup))


def fractions(spec: v1.PersistentVolumeClaimSpec, path: str) -> list[str]:
    """Warnings about sizes that are no whole number of bytes."""
    found: list[str] = []
    if spec.resources is None:
        return found
    for name in ("requests", "limits"):
        amount = getattr(spec.resources, name).get(shared.STORAGE)
        try:
            odd = amount is not None and quantity.milli(amount) % 1000
        except ValueError:
            continue
        if odd:
            found.append(
                f'{path}.resources.{name}[{shared.STORAGE}]: fractional byte value "{amount}" is invalid, must be an integer'
            )
    return found

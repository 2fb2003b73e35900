"""Validation of ObjectMeta for every kind, on creation and on update.

What: names, namespaces, labels, annotations, owners and finalizers. Why: these rules are the same for all kinds, so no kind
repeats them. Flow: the write path calls `validate_metadata` (create) and `validate_metadata_update` (update) beside the kind's
own rules. Rules and texts follow apimachinery/pkg/api/validation/objectmeta.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.api.types.meta_v1 import ManagedFieldsEntry, ObjectMeta, OwnerReference
from kubelite.machinery import fielderrors, meta, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Kind
from kubelite.machinery.unstructured import bind

bind(ObjectMeta)

ANNOTATIONS_LIMIT = 256 * 1024
METADATA = Path("metadata")
FINALIZER_ORPHAN = "orphan"
FINALIZER_FOREGROUND = "foregroundDeletion"
STANDARD_FINALIZERS = (FINALIZER_ORPHAN, FINALIZER_FOREGROUND, "kubernetes")

_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")
_subdomain_name = names.for_prefix(names.dns1123_subdomain)


def validate_metadata(metadata: ObjectMeta, kind: Kind, path: Path = METADATA) -> list[FieldError]:
    """The mistakes in the metadata of an object that is to be created; the name has been generated already."""
    check = kind.check_name or _subdomain_name
    errors: list[FieldError] = []
    if metadata.generateName:
        for complaint in check(metadata.generateName, True):
            errors.append(fielderrors.invalid(path / "generateName", metadata.generateName, complaint))
    if not metadata.name:
        errors.append(fielderrors.required(path / "name", "name or generateName is required"))
    else:
        for complaint in check(metadata.name, False):
            errors.append(fielderrors.invalid(path / "name", metadata.name, complaint))
    errors += _validate_namespace(metadata.namespace, kind.namespaced, path / "namespace")
    errors += _validate_common(metadata, path, any_finalizer=_takes_any_finalizer(kind))
    return errors


def _takes_any_finalizer(kind: Kind | None) -> bool:
    """Upstream wants qualified names of finalizers for its own kinds; definitions and custom resources are only warned."""
    return kind is not None and (kind.custom is not None or kind.group == "apiextensions.k8s.io")


def validate_metadata_update(
    new: ObjectMeta, old: ObjectMeta, path: Path = METADATA, kind: Kind | None = None
) -> list[FieldError]:
    """The mistakes in the metadata of an object that is to replace `old`."""
    errors: list[FieldError] = []
    if old.deletionTimestamp is not None:
        added = sorted(set(new.finalizers) - set(old.finalizers))
        if added:
            shown = ", ".join(f'"{name}"' for name in added)
            detail = "no new finalizers can be added if the object is being deleted, found new finalizers []string{%s}"
            errors.append(fielderrors.forbidden(path / "finalizers", detail % shown))
    if not new.resourceVersion:
        errors.append(fielderrors.invalid(path / "resourceVersion", "", "must be specified for an update"))
    if (new.generation or 0) < (old.generation or 0):
        errors.append(fielderrors.invalid(path / "generation", new.generation or 0, "must not be decremented"))
    for name in _IMMUTABLE:
        left, right = getattr(new, name), getattr(old, name)
        if left != right:
            errors += fielderrors.immutable(path / name, left, right)
    errors += _validate_common(new, path, generation=False, any_finalizer=_takes_any_finalizer(kind))
    return errors


def owner_reference(owner: Any, kind: Kind, controller: bool = True) -> OwnerReference:
    """A reference to `owner` (any object with metadata.name and metadata.uid) of `kind`."""
    reference = OwnerReference(
        apiVersion=kind.api_version, kind=kind.kind, name=owner.metadata.name, uid=owner.metadata.uid
    )
    if controller:
        reference.controller = True
        reference.blockOwnerDeletion = True
    return reference


def _validate_namespace(namespace: str, namespaced: bool, path: Path) -> list[FieldError]:
    if not namespaced:
        return [fielderrors.forbidden(path, "not allowed on this type")] if namespace else []
    if not namespace:
        return [fielderrors.required(path)]
    return [fielderrors.invalid(path, namespace, complaint) for complaint in names.dns1123_label(namespace)]


def _validate_common(
    metadata: ObjectMeta, path: Path, generation: bool = True, any_finalizer: bool = False
) -> list[FieldError]:
    errors: list[FieldError] = []
    if generation and (metadata.generation or 0) < 0:
        errors.append(
            fielderrors.invalid(path / "generation", metadata.generation, "must be greater than or equal to 0")
        )
    if metadata.labels:
        errors += validate_labels(metadata.labels, path / "labels")
    if metadata.annotations:
        errors += validate_annotations(metadata.annotations, path / "annotations")
    if metadata.ownerReferences:
        errors += validate_owner_references(metadata.ownerReferences, path / "ownerReferences")
    if metadata.finalizers:
        errors += validate_finalizers(metadata.finalizers, path / "finalizers", any_name=any_finalizer)
    if not all(map(_is_plain, metadata.managedFields)):
        errors += validate_managed_fields(metadata.managedFields, path / "managedFields")
    return errors


def validate_labels(labels: Mapping[str, str], path: Path) -> list[FieldError]:
    """Keys are qualified names, values label values; also for template labels and matchLabels."""
    errors: list[FieldError] = []
    for key in sorted(labels):
        for complaint in names.qualified_name(key):
            errors.append(fielderrors.invalid(path, key, complaint))
        for complaint in names.label_value(labels[key]):
            errors.append(fielderrors.invalid(path, labels[key], complaint))
    return errors


def validate_annotations(annotations: Mapping[str, str], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    size = 0
    for key in sorted(annotations):
        for complaint in names.qualified_name(key.lower()):
            errors.append(fielderrors.invalid(path, key, complaint))
        size += len(key.encode()) + len(annotations[key].encode())
    if size > ANNOTATIONS_LIMIT:
        errors.append(fielderrors.too_long(path, ANNOTATIONS_LIMIT))
    return errors


def validate_owner_references(references: Sequence[OwnerReference], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    controller = ""
    for reference in references:
        errors += _validate_owner(reference, path)
        if not reference.controller:
            continue
        current = f"{reference.kind}/{reference.name}"
        if controller:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{controller} and {current}"
            )
            errors.append(fielderrors.invalid(path, list(references), detail))
        else:
            controller = current
    return errors


def _validate_owner(reference: OwnerReference, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not meta.group_version(reference.apiVersion)[1]:
        errors.append(fielderrors.invalid(path / "apiVersion", reference.apiVersion, "version must not be empty"))
    for name in ("kind", "name", "uid"):
        if not getattr(reference, name):
            errors.append(fielderrors.invalid(path / name, "", "must not be empty"))
    if (reference.apiVersion, reference.kind) == ("v1", "Event"):
        errors.append(fielderrors.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"))
    return errors


def validate_finalizers(finalizers: Sequence[str], path: Path, any_name: bool = False) -> list[FieldError]:
    """`any_name`: a name without a domain is allowed."""
    errors: list[FieldError] = []
    for index, finalizer in enumerate(finalizers):
        for complaint in names.qualified_name(finalizer):
            errors.append(fielderrors.invalid(path, finalizer, complaint))
        if not any_name and "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(fielderrors.invalid(path.index(index), finalizer, detail))
    if FINALIZER_ORPHAN in finalizers and FINALIZER_FOREGROUND in finalizers:
        detail = f"finalizer {FINALIZER_ORPHAN} and {FINALIZER_FOREGROUND} cannot be both set"
        errors.append(fielderrors.invalid(path, list(finalizers), detail))
    return errors


def _is_plain(entry: ManagedFieldsEntry) -> bool:
    """Whether an entry is surely right, as nearly all are: the short way of `validate_managed_fields`."""
    return (
        entry.operation in ("Apply", "Update")
        and entry.fieldsType in ("FieldsV1", "")
        and entry.manager.isprintable()
        and len(entry.manager) <= 32  # characters, of four bytes at most
        and len(entry.subresource) <= 64
    )


def validate_managed_fields(entries: Sequence[ManagedFieldsEntry], path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, entry in enumerate(entries):
        here = path.index(index)
        if entry.operation not in ("Apply", "Update"):
            errors.append(fielderrors.invalid(here / "operation", entry.operation, "must be `Apply` or `Update`"))
        if entry.fieldsType and entry.fieldsType != "FieldsV1":
            errors.append(fielderrors.invalid(here / "fieldsType", entry.fieldsType, "must be `FieldsV1`"))
        errors += validate_field_manager(entry.manager, here / "manager")
        if len(entry.subresource.encode()) > 256:
            errors.append(fielderrors.too_long(here / "subresource", 256))
    return errors


def validate_field_manager(manager: str, path: Path) -> list[FieldError]:
    """A field manager's name: at most 128 bytes, printable."""
    errors: list[FieldError] = []
    if len(manager.encode()) > 128:
        errors.append(fielderrors.too_long(path, 128))
    for position, char in enumerate(() if manager.isprintable() else manager):
        if not char.isprintable():
            detail = f"invalid character U+{ord(char):04X} (at position {position})"
            errors.append(fielderrors.invalid(path, manager, detail))
    return errors

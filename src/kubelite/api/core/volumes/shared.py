"""What volumes and claims share: access modes, volume modes, sizes and classes.

What: checks of single fields, and their cells. Why: a claim asks for what a volume offers, in the same words. Flow: called by
both kinds, by claim templates, and by the storage group. Upstream: pkg/apis/core/validation/validation.go, pkg/apis/core/helper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubelite.api import validation as check
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

ACCESS_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
VOLUME_MODES = ("Block", "Filesystem")
RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
UNSET = "<unset>"
STORAGE = "storage"
_ALONE = "may not use ReadWriteOncePod with other access modes"
Amounts = Mapping[str, str | int | float]


def access_modes(modes: Sequence[str], path: Path) -> FieldErrors:
    """Known modes; the one for a single pod stands alone."""
    errors = [fe.not_supported(path, mode, tuple(ACCESS_MODES)) for mode in modes if mode not in ACCESS_MODES]
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        errors.append(fe.forbidden(path, _ALONE))
    return errors


def positive(amount: str | int | float, path: Path) -> FieldErrors:
    """An amount above zero."""
    try:
        return [] if quantity.nano(amount) > 0 else [fe.invalid(path, str(amount), check.NOT_POSITIVE)]
    except ValueError as problem:
        return [fe.invalid(path, str(amount), str(problem))]


def not_negative(amount: str | int | float, path: Path) -> FieldErrors:
    """An amount that is not below zero."""
    try:
        wrong = quantity.nano(amount) < 0
    except ValueError as problem:
        return [fe.invalid(path, str(amount), str(problem))]
    return [fe.invalid(path, quantity.value(amount), "must be a valid resource quantity")] if wrong else []


def volume_mode(mode: str, path: Path) -> FieldErrors:
    """Absent is fine: it has a default."""
    return check.one_of(path, mode, VOLUME_MODES, required=False)


def class_name(name: str, path: Path) -> FieldErrors:
    """The name of a StorageClass or VolumeAttributesClass."""
    return check.complaints(path, name, names.dns1123_subdomain(name))


def modes_cell(modes: Sequence[str]) -> str:
    """`RWO,RWX`, in the order of the table above."""
    return ",".join(short for mode, short in ACCESS_MODES.items() if mode in modes)


def storage_class(obj: Any) -> str:
    """The class in the old annotation, or in the spec."""
    return obj.metadata.annotations.get(CLASS_ANNOTATION) or obj.spec.storageClassName or ""


def amount_cell(amounts: Amounts) -> str:
    """The storage among some resources; "0" for none."""
    found = amounts.get(STORAGE)
    return quantity.canonical(found) if found is not None else "0"


def annotation_warnings(annotations: Mapping[str, str], replacements: Mapping[str, tuple[str, str]]) -> list[str]:
    """Texts about old annotations: key → (since, what replaces it)."""
    return [
        f"metadata.annotations[{key}]: deprecated since {since}; use {instead} instead"
        for key, (since, instead) in replacements.items()
        if key in annotations
    ]

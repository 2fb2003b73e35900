"""Namespace: a room for names, and the unit of deletion and of policy.

Phase `Active` until deletion is asked for; the finalizer `kubernetes` in `spec.finalizers` is removed by the namespace
controller through the `finalize` subresource once the room is empty. Rules follow pkg/registry/core/namespace/strategy.go and
ValidateNamespace.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.core_v1 import Namespace
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def set_defaults(namespace: Namespace) -> None:
    """The label with the namespace's own name, which selectors rely on; phase Active."""
    if namespace.metadata.name:
        namespace.metadata.labels[NAME_LABEL] = namespace.metadata.name
    if not namespace.status.phase:
        namespace.status.phase = "Active"


def prepare_create(namespace: Namespace) -> None:
    namespace.status = type(namespace.status)(phase="Active")
    if FINALIZER not in namespace.spec.finalizers:
        namespace.spec.finalizers.append(FINALIZER)


def prepare_update(new: Namespace, old: Namespace) -> None:
    """An ordinary update touches neither the finalizers nor the status."""
    new.spec.finalizers = old.spec.finalizers
    new.status = old.status


def prepare_finalize(new: Namespace, old: Namespace) -> None:
    """An update through `finalize` changes the finalizers only."""
    finalizers = new.spec.finalizers
    new.metadata, new.spec, new.status = old.metadata, old.spec, old.status
    new.spec.finalizers = finalizers


def validate(namespace: Namespace) -> list[FieldError]:
    return _validate_finalizers(namespace.spec.finalizers)


def validate_finalize(new: Namespace, old: Namespace) -> list[FieldError]:
    return _validate_finalizers(new.spec.finalizers)


def validate_status_update(new: Namespace, old: Namespace) -> list[FieldError]:
    path = Path("status") / "Phase"
    if new.metadata.deletionTimestamp is None:
        if new.status.phase != "Active":
            detail = "may only be 'Active' if `deletionTimestamp` is empty"
            return [fielderrors.invalid(path, new.status.phase, detail)]
    elif new.status.phase != "Terminating":
        detail = "may only be 'Terminating' if `deletionTimestamp` is not empty"
        return [fielderrors.invalid(path, new.status.phase, detail)]
    return []


def _validate_finalizers(finalizers: list[str]) -> list[FieldError]:
    path = Path("spec") / "finalizers"
    errors: list[FieldError] = []
    for index, finalizer in enumerate(finalizers):
        for complaint in names.qualified_name(finalizer):
            errors.append(fielderrors.invalid(path.index(index), finalizer, complaint))
        if "/" not in finalizer and finalizer != FINALIZER and not names.qualified_name(finalizer):
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(fielderrors.invalid(path.index(index), finalizer, detail))
    return errors


def row(namespace: Namespace, now: datetime) -> list[Any]:
    return columns.cells(namespace.metadata.name, namespace, now, namespace.status.phase)


NAMESPACE = Kind(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    type=Namespace,
    namespaced=False,
    short_names=("ns",),
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=(
        Subresource(name="finalize", verbs=("update",)),
        Subresource(name="status", verbs=STATUS_VERBS),
    ),
    set_defaults=set_defaults,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_status_update=validate_status_update,
    check_name=names.for_prefix(names.dns1123_label),
    columns=(
        Column(name="Name", format="name", description="Name must be unique among namespaces."),
        Column(name="Status", description="The phase: Active or Terminating."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
    selectable={"status.phase": lambda namespace: str(namespace.status.phase)},
)

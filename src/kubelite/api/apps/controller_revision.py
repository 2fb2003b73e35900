"""ControllerRevision: a snapshot of a workload's template, kept for rollback. Rules follow ValidateControllerRevision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.apps_v1 import ControllerRevision
from kubelite.machinery import fielderrors, meta
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind


def set_defaults(revision: ControllerRevision) -> None:
    """The revision number is always written."""
    if revision.revision is None:
        revision.revision = 0


def validate(revision: ControllerRevision) -> list[FieldError]:
    errors: list[FieldError] = []
    if revision.data is None:
        errors.append(fielderrors.required(Path("data"), "data is mandatory"))
    elif not isinstance(revision.data, dict):
        errors.append(fielderrors.invalid(Path("data"), revision.data, "data must be a JSON object"))
    if (revision.revision or 0) < 0:
        errors.append(fielderrors.invalid(Path("revision"), revision.revision, "must be greater than or equal to 0"))
    return errors


def validate_update(new: ControllerRevision, old: ControllerRevision) -> list[FieldError]:
    return list(fielderrors.immutable(Path("data"), new.data, old.data))


def row(revision: ControllerRevision, now: datetime) -> list[Any]:
    owner = meta.controller_of(revision)
    controller = columns.NONE
    if owner is not None:
        group = meta.group_version(owner.apiVersion)[0]
        controller = f"{owner.kind}.{group}".lower().removesuffix(".") + f"/{owner.name}"
    return [revision.metadata.name, controller, revision.revision or 0, columns.age(revision, now)]


CONTROLLER_REVISION = Kind(
    group="apps",
    version="v1",
    kind="ControllerRevision",
    plural="controllerrevisions",
    type=ControllerRevision,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Controller", description="The workload whose history this is."),
        Column(name="Revision", description="Its place in that history."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

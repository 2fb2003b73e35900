"""VolumeAttributesClass: attributes of volumes that can be changed while they are in use.

Upstream: pkg/apis/storage/validation (ValidateVolumeAttributesClass), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.storage import parameters
from kubelite.api.types.storage_v1 import VolumeAttributesClass
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

DEFAULT_ANNOTATION = "volumeattributesclass.alpha.kubernetes.io/is-default-class"


def validate(found: VolumeAttributesClass) -> FieldErrors:
    """A driver, and at least one parameter."""
    errors = parameters.validate_provisioner(found.driverName, Path("driverName"))
    return errors + parameters.validate_parameters(found.parameters, Path("parameters"), may_be_empty=False)


def validate_update(new: VolumeAttributesClass, old: VolumeAttributesClass) -> FieldErrors:
    """Nothing changes but metadata."""
    errors = parameters.frozen("driverName", new.driverName, old.driverName)
    return errors + parameters.frozen("parameters", new.parameters, old.parameters)


def row(found: VolumeAttributesClass, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    default = found.metadata.annotations.get(DEFAULT_ANNOTATION) == "true"
    name = f"{found.metadata.name} (default)" if default else found.metadata.name
    return columns.cells(name, found, now, found.driverName)


VOLUME_ATTRIBUTES_CLASS = Kind(
    group=parameters.GROUP,
    version="v1",
    kind="VolumeAttributesClass",
    plural="volumeattributesclasses",
    type=VolumeAttributesClass,
    namespaced=False,
    short_names=("vac",),
    validate=validate,
    validate_update=validate_update,
    columns=(
        Column(name="Name", format="name", description="Name of the class."),
        Column(name="DriverName", description="The driver that knows the parameters."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

"""CSIStorageCapacity: how much room there is for volumes of a class, in a part of the cluster.

Upstream: pkg/apis/storage/validation (ValidateCSIStorageCapacity).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes import shared
from kubelite.api.storage.parameters import GROUP
from kubelite.api.types.storage_v1 import CSIStorageCapacity
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind


def set_defaults(capacity: CSIStorageCapacity) -> None:
    """Nothing to fill in; amounts are written canonically, and what is none is refused here as decoding does upstream."""
    for name in ("capacity", "maximumVolumeSize"):
        amount = getattr(capacity, name)
        if amount is not None:
            setattr(capacity, name, quantity.canonical(amount))


def validate(capacity: CSIStorageCapacity) -> FieldErrors:
    """A part of the cluster, a class, amounts."""
    errors = check.label_selector(capacity.nodeTopology, Path("nodeTopology"))
    errors += shared.class_name(capacity.storageClassName, Path("storageClassName"))
    for name in ("capacity", "maximumVolumeSize"):
        amount = getattr(capacity, name)
        if amount is not None and quantity.nano(amount) < 0:
            errors.append(fe.invalid(Path(name), str(amount), check.NOT_NEGATIVE))
    return errors


def validate_update(new: CSIStorageCapacity, old: CSIStorageCapacity) -> FieldErrors:
    """It stays about the same place and class."""
    errors = check.immutable(Path("nodeTopology"), new.nodeTopology, old.nodeTopology)
    return errors + check.immutable(Path("storageClassName"), new.storageClassName, old.storageClassName)


def row(capacity: CSIStorageCapacity, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    amount = "<unset>" if capacity.capacity is None else quantity.canonical(capacity.capacity)
    return columns.cells(capacity.metadata.name, capacity, now, capacity.storageClassName, amount)


CSI_STORAGE_CAPACITY = Kind(
    group=GROUP,
    version="v1",
    kind="CSIStorageCapacity",
    plural="csistoragecapacities",
    type=CSIStorageCapacity,
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Name of the object, unique within its namespace."),
        Column(name="StorageClassName", description="The class that it is about."),
        Column(name="Capacity", description="How much room there is."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

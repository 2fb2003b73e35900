"""CSINode: which storage drivers a node has.

Upstream: pkg/apis/storage/validation (ValidateCSINode), pkg/registry/storage/csinode.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.core.volumes.sources import driver_name
from kubelite.api.storage.parameters import GROUP
from kubelite.api.types.storage_v1 import CSINode, CSINodeDriver
from kubelite.machinery import codec
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

DRIVERS = Path("spec") / "drivers"
MAX_NODE_ID = 192


def validate(node: CSINode) -> FieldErrors:
    """Each driver once, and right."""
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, driver in enumerate(node.spec.drivers):
        path = DRIVERS.index(index)
        errors += _validate_driver(driver, path)
        if driver.name in seen:
            errors.append(fe.duplicate(path / "name", driver.name))
        seen.add(driver.name)
    return errors


def _validate_driver(driver: CSINodeDriver, path: Path) -> FieldErrors:
    errors = driver_name(driver.name, path / "name")
    if not driver.nodeID:
        errors.append(fe.required(path / "nodeID"))
    elif len(driver.nodeID.encode()) > MAX_NODE_ID:
        detail = f"must be {MAX_NODE_ID} characters or less"
        errors.append(fe.invalid(path / "nodeID", driver.nodeID, detail))
    if driver.allocatable is not None:
        errors += check.non_negative(driver.allocatable.count, path / "allocatable" / "count")
    here = path / "topologyKeys"
    for index, key in enumerate(driver.topologyKeys):
        if key in driver.topologyKeys[:index]:
            errors.append(fe.duplicate(here, key))
        elif not key:
            errors.append(fe.required(here))
        else:
            errors += check.qualified_name(here, key)
    return errors


def validate_update(new: CSINode, old: CSINode) -> FieldErrors:
    """A driver comes and goes, and changes only how much it can take."""
    before = {driver.name: driver for driver in old.spec.drivers}
    errors: FieldErrors = []
    for index, driver in enumerate(new.spec.drivers):
        known = before.get(driver.name)
        if known is None or known == driver:
            continue
        same = codec.clone(driver)
        same.allocatable = known.allocatable
        errors += check.immutable(DRIVERS.index(index), same, known)
    return errors


def row(node: CSINode, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    return columns.cells(node.metadata.name, node, now, len(node.spec.drivers))


CSI_NODE = Kind(
    group=GROUP,
    version="v1",
    kind="CSINode",
    plural="csinodes",
    type=CSINode,
    namespaced=False,
    validate=validate,
    validate_update=validate_update,
    unconditional_update=False,
    columns=(
        Column(name="Name", format="name", description="Name of the node."),
        Column(name="Drivers", type="integer", description="How many drivers it has."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

"""StorageClass: a kind of storage that volumes can be made of.

Upstream: pkg/apis/storage/validation, pkg/apis/storage/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.storage import parameters
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
RECLAIM_POLICIES = ("Delete", "Retain")
DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
OLD_DEFAULT_ANNOTATION = "storageclass.beta.kubernetes.io/is-default-class"


def set_defaults(storage_class: StorageClass) -> None:
    """Volumes go with their claims, and are bound at once."""
    storage_class.reclaimPolicy = storage_class.reclaimPolicy or "Delete"
    storage_class.volumeBindingMode = storage_class.volumeBindingMode or "Immediate"


def validate(storage_class: StorageClass) -> FieldErrors:
    """Who provides it, and how."""
    errors = parameters.validate_provisioner(storage_class.provisioner, Path("provisioner"))
    errors += parameters.validate_parameters(storage_class.parameters, Path("parameters"), may_be_empty=True)
    policy = storage_class.reclaimPolicy
    errors += check.one_of(Path("reclaimPolicy"), policy, RECLAIM_POLICIES, required=False)
    mode = storage_class.volumeBindingMode
    if mode not in BINDING_MODES:
        errors.append(fe.not_supported(Path("volumeBindingMode"), mode, BINDING_MODES))
    return errors + parameters.validate_topologies(storage_class.allowedTopologies, Path("allowedTopologies"))


def validate_update(new: StorageClass, old: StorageClass) -> FieldErrors:
    """Volumes were made of what the class was: it stays that."""
    errors: FieldErrors = []
    for name in ("parameters", "provisioner", "reclaimPolicy"):
        errors += parameters.frozen(name, getattr(new, name), getattr(old, name))
    return errors + check.immutable(Path("volumeBindingMode"), new.volumeBindingMode, old.volumeBindingMode)


def warnings(new: StorageClass, old: StorageClass | None) -> list[str]:
    """About labels of nodes that got other names."""
    return parameters.topology_warnings(new.allowedTopologies)


def is_default(storage_class: StorageClass) -> bool:
    """Whether claims without a class get this one."""
    annotations = storage_class.metadata.annotations
    return "true" in (annotations.get(DEFAULT_ANNOTATION), annotations.get(OLD_DEFAULT_ANNOTATION))


def row(storage_class: StorageClass, now: datetime) -> list[Any]:
    """The cells in the order of the columns."""
    name = storage_class.metadata.name
    return columns.cells(
        f"{name} (default)" if is_default(storage_class) else name,
        storage_class,
        now,
        storage_class.provisioner,
        storage_class.reclaimPolicy,
        storage_class.volumeBindingMode,
        bool(storage_class.allowVolumeExpansion),
    )


STORAGE_CLASS = Kind(
    group=parameters.GROUP,
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    type=StorageClass,
    namespaced=False,
    short_names=("sc",),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    columns=(
        Column(name="Name", format="name", description="Name of the class."),
        Column(name="Provisioner", description="Who makes its volumes."),
        Column(name="ReclaimPolicy", description="What happens to a volume when its claim is gone."),
        Column(name="VolumeBindingMode", description="When a claim gets its volume."),
        Column(name="AllowVolumeExpansion", description="Whether its volumes can grow."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

"""Lease: a heartbeat or a lock with a holder and a deadline. Rules follow pkg/apis/coordination/validation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.types.coordination_v1 import Lease
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path
from kubelite.machinery.kind import Column, Kind

STRATEGIES = ("OldestEmulationVersion",)
SPEC = Path("spec")


def validate(lease: Lease) -> list[FieldError]:
    spec = lease.spec
    errors: list[FieldError] = []
    if spec.leaseDurationSeconds is not None and spec.leaseDurationSeconds <= 0:
        path = SPEC / "leaseDurationSeconds"
        errors.append(fielderrors.invalid(path, spec.leaseDurationSeconds, "must be greater than 0"))
    if spec.leaseTransitions is not None and spec.leaseTransitions < 0:
        path = SPEC / "leaseTransitions"
        errors.append(fielderrors.invalid(path, spec.leaseTransitions, "must be greater than or equal to 0"))
    if spec.strategy:
        path = SPEC / "strategy" / "strategy"
        if "/" not in spec.strategy:
            if spec.strategy not in STRATEGIES:
                errors.append(fielderrors.not_supported(path, spec.strategy, STRATEGIES))
        else:
            errors += [fielderrors.invalid(path, spec.strategy, text) for text in names.qualified_name(spec.strategy)]
    elif spec.preferredHolder:
        detail = "may only be specified if `strategy` is defined"
        errors.append(fielderrors.forbidden(SPEC / "preferredHolder", detail))
    return errors


def row(lease: Lease, now: datetime) -> list[Any]:
    return columns.cells(lease.metadata.name, lease, now, lease.spec.holderIdentity or "")


LEASE = Kind(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    type=Lease,
    create_on_update=True,
    unconditional_update=False,
    validate=validate,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within a namespace."),
        Column(name="Holder", description="Who holds the lease."),
        Column(name="Age", description="How long the object exists."),
    ),
    row=row,
)

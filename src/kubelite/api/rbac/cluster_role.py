"""ClusterRole: what may be done in the whole cluster. Rules follow pkg/apis/rbac/validation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.rbac import rules
from kubelite.api.types.rbac_v1 import ClusterRole
from kubelite.machinery.fielderrors import FieldError
from kubelite.machinery.kind import Column, Kind


def validate(role: ClusterRole) -> list[FieldError]:
    return rules.validate_rules(role.rules, namespaced=False)


def row(role: ClusterRole, now: datetime) -> list[Any]:
    return [role.metadata.name, role.metadata.creationTimestamp or columns.UNKNOWN]


CLUSTER_ROLE = Kind(
    group=rules.GROUP,
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    type=ClusterRole,
    namespaced=False,
    create_on_update=True,
    validate=validate,
    check_name=rules.check_name,
    columns=(
        Column(name="Name", format="name", description="Name must be unique within its scope."),
        Column(name="Created At", type="date", description="When the object was made."),
    ),
    row=row,
)

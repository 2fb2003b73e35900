"""Roles and cluster roles: a list of what may be done. They differ in their scope and in aggregation.

Flow: `declare` makes both kinds. Upstream: pkg/apis/rbac/validation (ValidateRole, ValidateClusterRole), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.rbac import rules
from kubelite.api.types.rbac_v1 import ClusterRole, Role
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind


def validate_role(role: Role) -> FieldErrors:
    """Rules for resources of a namespace."""
    return rules.validate_rules(role.rules, namespaced=True)


def validate_cluster_role(role: ClusterRole) -> FieldErrors:
    """Rules for anything; an aggregated role says what it is made of."""
    errors = rules.validate_rules(role.rules, namespaced=False)
    if role.aggregationRule is None:
        return errors
    path = Path("aggregationRule") / "clusterRoleSelectors"
    selectors = role.aggregationRule.clusterRoleSelectors
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        errors.append(fe.required(path, detail))
    for index, selector in enumerate(selectors):
        errors += check.label_selector(selector, path.index(index))
    return errors


def row(role: Role | ClusterRole, now: datetime) -> list[Any]:
    """Name and moment of creation."""
    return [role.metadata.name, role.metadata.creationTimestamp or columns.UNKNOWN]


def declare(type_: type[Role] | type[ClusterRole]) -> Kind:
    """The kind of one of the two types."""
    cluster = type_ is ClusterRole
    return Kind(
        group=rules.GROUP,
        version="v1",
        kind=type_.__name__,
        plural=f"{type_.__name__.lower()}s",
        type=type_,
        namespaced=not cluster,
        create_on_update=True,
        validate=validate_cluster_role if cluster else validate_role,
        check_name=rules.check_name,
        columns=(
            Column(name="Name", format="name", description="Name must be unique within its scope."),
            Column(name="Created At", type="date", description="When the object was made."),
        ),
        row=row,
    )

"""Bindings: who has a role, in one namespace or in the whole cluster.

Flow: `declare` makes both kinds. Upstream: pkg/apis/rbac/validation (ValidateRoleBinding), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.rbac import rules
from kubelite.api.types.rbac_v1 import ClusterRoleBinding, RoleBinding
from kubelite.machinery.fielderrors import FieldErrors
from kubelite.machinery.kind import Column, Kind

Binding = RoleBinding | ClusterRoleBinding


def set_defaults(binding: Binding) -> None:
    """Roles, users and groups belong to the RBAC API group."""
    rules.set_binding_defaults(binding.roleRef, binding.subjects)


def validate(binding: Binding) -> FieldErrors:
    """A role that can be given here, and subjects that are named in full."""
    namespaced = isinstance(binding, RoleBinding)
    errors = rules.validate_role_ref(binding.roleRef, ("Role", "ClusterRole") if namespaced else ("ClusterRole",))
    return errors + rules.validate_subjects(binding.subjects, namespaced=namespaced)


def validate_update(new: Binding, old: Binding) -> FieldErrors:
    """The role stays."""
    return rules.validate_role_ref_update(new.roleRef, old.roleRef)


def row(binding: Binding, now: datetime) -> list[Any]:
    """Name, role, age, and who has it."""
    role = binding.roleRef
    shown = f"{role.kind}/{role.name}" if role else "/"
    return [binding.metadata.name, shown, columns.age(binding, now), *rules.subject_cells(binding.subjects)]


def declare(type_: type[RoleBinding] | type[ClusterRoleBinding]) -> Kind:
    """The kind of one of the two types."""
    return Kind(
        group=rules.GROUP,
        version="v1",
        kind=type_.__name__,
        plural=f"{type_.__name__.lower()}s",
        type=type_,
        namespaced=type_ is RoleBinding,
        create_on_update=True,
        set_defaults=set_defaults,
        validate=validate,
        validate_update=validate_update,
        check_name=rules.check_name,
        columns=(
            Column(name="Name", format="name", description="Name must be unique within its scope."),
            Column(name="Role", description="The role that is given."),
            Column(name="Age", description="How long the object exists."),
            Column(name="Users", priority=1, description="The users who have it."),
            Column(name="Groups", priority=1, description="The groups that have it."),
            Column(name="ServiceAccounts", priority=1, description="The service accounts that have it."),
        ),
        row=row,
    )

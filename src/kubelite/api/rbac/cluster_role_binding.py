"""ClusterRoleBinding: who has a role in the whole cluster. Rules follow pkg/apis/rbac/validation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api.rbac import rules
from kubelite.api.types.rbac_v1 import ClusterRoleBinding
from kubelite.machinery.fielderrors import FieldError
from kubelite.machinery.kind import Column, Kind

ROLE_KINDS = ("ClusterRole",)


def set_defaults(binding: ClusterRoleBinding) -> None:
    rules.set_binding_defaults(binding.roleRef, binding.subjects)


def validate(binding: ClusterRoleBinding) -> list[FieldError]:
    errors = rules.validate_role_ref(binding.roleRef, ROLE_KINDS)
    return errors + rules.validate_subjects(binding.subjects, namespaced=False)


def validate_update(new: ClusterRoleBinding, old: ClusterRoleBinding) -> list[FieldError]:
    return rules.validate_role_ref_update(new.roleRef, old.roleRef)


def row(binding: ClusterRoleBinding, now: datetime) -> list[Any]:
    role = binding.roleRef
    shown = f"{role.kind}/{role.name}" if role else "/"
    return [binding.metadata.name, shown, columns.age(binding, now), *rules.subject_cells(binding.subjects)]


CLUSTER_ROLE_BINDING = Kind(
    group=rules.GROUP,
    version="v1",
    kind="ClusterRoleBinding",
    plural="clusterrolebindings",
    type=ClusterRoleBinding,
    namespaced=False,
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

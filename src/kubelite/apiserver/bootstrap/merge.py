"""How a default object joins one that is already there: what is missing is added, what people added stays.

What: pure functions, (wanted, found) → whether `found` changed. Why: a restart or an upgrade must not undo an administrator's
work, and two servers that start together must come to the same end. An object whose annotation
rbac.authorization.kubernetes.io/autoupdate is "false" is left alone.
Rules follow pkg/registry/rbac/reconciliation/reconcile_role.go and reconcile_rolebindings.go.
"""

from __future__ import annotations

from kubelite.api.logic.rbac import uncovered
from kubelite.api.types.core_v1 import Service
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.rbac_v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding
from kubelite.apiserver.bootstrap.rules import AUTOUPDATE


def is_protected(metadata: ObjectMeta) -> bool:
    """Whether an administrator asked that the object be left alone."""
    return metadata.annotations.get(AUTOUPDATE) == "false"


def merge_metadata(wanted: ObjectMeta, found: ObjectMeta) -> bool:
    changed = False
    for mine, theirs in ((wanted.labels, found.labels), (wanted.annotations, found.annotations)):
        for key, value in mine.items():
            if key not in theirs:
                theirs[key] = value
                changed = True
    return changed


def merge_role(wanted: Role | ClusterRole, found: Role | ClusterRole) -> bool:
    """Adds the rules that `found` does not cover."""
    if is_protected(found.metadata):
        return False
    changed = merge_metadata(wanted.metadata, found.metadata)
    absent = [rule for rule in wanted.rules if rule not in found.rules]  # mostly none, which is quick to see
    missing = [rule for rule in absent if uncovered(found.rules, [rule])]
    if missing:
        found.rules.extend(missing)
        changed = True
    rule = wanted.aggregationRule if isinstance(wanted, ClusterRole) else None
    if rule is not None and isinstance(found, ClusterRole) and found.aggregationRule is None:
        found.aggregationRule = rule
        changed = True
    return changed


def merge_binding(wanted: RoleBinding | ClusterRoleBinding, found: RoleBinding | ClusterRoleBinding) -> bool:
    """Adds the subjects that `found` lacks."""
    if is_protected(found.metadata):
        return False
    changed = merge_metadata(wanted.metadata, found.metadata)
    missing = [subject for subject in wanted.subjects if subject not in found.subjects]
    found.subjects.extend(missing)
    return changed or bool(missing)


def merge_service(wanted: Service, found: Service) -> bool:
    """The ports follow the server's settings; the rest of the Service stays."""
    if found.spec.ports == wanted.spec.ports:
        return False
    found.spec.ports = wanted.spec.ports
    return True

"""What the four RBAC kinds share: rules, role references, subjects. Rules follow pkg/apis/rbac/validation."""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.api.types.rbac_v1 import PolicyRule, RoleRef, Subject
from kubelite.machinery import fielderrors, names
from kubelite.machinery.fielderrors import FieldError, Path

GROUP = "rbac.authorization.k8s.io"
USER, USER_GROUP, SERVICE_ACCOUNT = "User", "Group", "ServiceAccount"


def check_name(name: str, is_prefix: bool) -> list[str]:
    """Names like `system:node` are good: they only have to fit in a path."""
    return names.path_segment(name)


def validate_rules(rules: Sequence[PolicyRule], namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, rule in enumerate(rules):
        errors += _validate_rule(rule, namespaced, Path("rules").index(index))
    return errors


def _validate_rule(rule: PolicyRule, namespaced: bool, path: Path) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.verbs:
        errors.append(fielderrors.required(path / "verbs", "verbs must contain at least one value"))
    if rule.nonResourceURLs:
        here = path / "nonResourceURLs"
        if namespaced:
            detail = "namespaced rules cannot apply to non-resource URLs"
            errors.append(fielderrors.invalid(here, rule.nonResourceURLs, detail))
        if rule.apiGroups or rule.resources or rule.resourceNames:
            detail = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(fielderrors.invalid(here, rule.nonResourceURLs, detail))
        return errors
    if not rule.apiGroups:
        errors.append(fielderrors.required(path / "apiGroups", "resource rules must supply at least one api group"))
    if not rule.resources:
        errors.append(fielderrors.required(path / "resources", "resource rules must supply at least one resource"))
    if rule.resourceNames and len(rule.resources) > 1:
        detail = "resource names cannot apply to multiple resources"
        errors.append(fielderrors.required(path / "resourceNames", detail))
    return errors


def set_binding_defaults(role_ref: RoleRef | None, subjects: Sequence[Subject]) -> None:
    """Roles, users and groups belong to the RBAC API group."""
    if role_ref is not None and not role_ref.apiGroup:
        role_ref.apiGroup = GROUP
    for subject in subjects:
        if not subject.apiGroup and subject.kind in (USER, USER_GROUP):
            subject.apiGroup = GROUP


def validate_role_ref(role_ref: RoleRef | None, kinds: tuple[str, ...]) -> list[FieldError]:
    path = Path("roleRef")
    reference = role_ref or RoleRef()
    errors: list[FieldError] = []
    if reference.apiGroup != GROUP:
        errors.append(fielderrors.not_supported(path / "apiGroup", reference.apiGroup, (GROUP,)))
    if reference.kind not in kinds:
        errors.append(fielderrors.not_supported(path / "kind", reference.kind, kinds, as_listed=True))
    if not reference.name:
        errors.append(fielderrors.required(path / "name"))
    for complaint in names.path_segment(reference.name):
        errors.append(fielderrors.invalid(path / "name", reference.name, complaint))
    return errors


def validate_role_ref_update(new: RoleRef | None, old: RoleRef | None) -> list[FieldError]:
    return [] if new == old else [fielderrors.invalid(Path("roleRef"), new, "cannot change roleRef")]


def validate_subjects(subjects: Sequence[Subject], namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, subject in enumerate(subjects):
        errors += _validate_subject(subject, namespaced, Path("subjects").index(index))
    return errors


def _validate_subject(subject: Subject, namespaced: bool, path: Path) -> list[FieldError]:
    errors = [] if subject.name else [fielderrors.required(path / "name")]
    if subject.kind == SERVICE_ACCOUNT:
        if subject.name:
            complaints = names.dns1123_subdomain(subject.name)
            errors += [fielderrors.invalid(path / "name", subject.name, text) for text in complaints]
        if subject.apiGroup:
            errors.append(fielderrors.not_supported(path / "apiGroup", subject.apiGroup, ("",)))
        if not namespaced and not subject.namespace:
            errors.append(fielderrors.required(path / "namespace"))
    elif subject.kind in (USER, USER_GROUP):
        if not subject.name:
            errors.append(fielderrors.invalid(path / "name", "", f"{subject.kind.lower()} name cannot be empty"))
        if subject.apiGroup != GROUP:
            errors.append(fielderrors.not_supported(path / "apiGroup", subject.apiGroup, (GROUP,)))
    else:
        known = (SERVICE_ACCOUNT, USER, USER_GROUP)
        errors.append(fielderrors.not_supported(path / "kind", subject.kind, known, as_listed=True))
    return errors


def subject_cells(subjects: Sequence[Subject]) -> list[str]:
    """The users, the groups and the service accounts, each joined into a cell."""
    users = [subject.name for subject in subjects if subject.kind == USER]
    groups = [subject.name for subject in subjects if subject.kind == USER_GROUP]
    accounts = [f"{subject.namespace}/{subject.name}" for subject in subjects if subject.kind == SERVICE_ACCOUNT]
    return [", ".join(users), ", ".join(groups), ", ".join(accounts)]

"""FlowSchema: which requests belong together, and which priority level they get.

Upstream: pkg/apis/flowcontrol/validation, pkg/registry/flowcontrol/flowschema, pkg/apis/flowcontrol/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.flowcontrol import mandatory
from kubelite.api.types import flowcontrol_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

GROUP = "flowcontrol.apiserver.k8s.io"
SPEC, STATUS = Path("spec"), Path("status")
DEFAULT_PRECEDENCE = 1000
MAX_PRECEDENCE = 10000
METHODS = ("ByNamespace", "ByUser")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
SUBJECT_KINDS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}


def set_defaults(schema: v1.FlowSchema) -> None:
    """In the middle of the order."""
    schema.spec.matchingPrecedence = schema.spec.matchingPrecedence or DEFAULT_PRECEDENCE


def prepare_create(schema: v1.FlowSchema) -> None:
    """The status is the server's."""
    schema.status = v1.FlowSchemaStatus()


def validate(schema: v1.FlowSchema) -> FieldErrors:
    """Precedence, level and rules; the two mandatory schemas are as they are."""
    spec, name = schema.spec, schema.metadata.name
    errors = _validate_precedence(spec.matchingPrecedence or 0, name)
    method = spec.distinguisherMethod
    if method is not None and method.type not in METHODS:
        errors.append(fe.not_supported(SPEC / "distinguisherMethod" / "type", method, METHODS))
    path = SPEC / "priorityLevelConfiguration" / "name"
    level = spec.priorityLevelConfiguration.name if spec.priorityLevelConfiguration is not None else ""
    if level:
        errors += check.complaints(path, level, names.dns1123_subdomain(level))
    else:
        errors.append(fe.required(path, "must reference a priority level"))
    for index, rule in enumerate(spec.rules):
        errors += _validate_rule(rule, (SPEC / "rules").index(index))
    fixed = mandatory.flow_schemas().get(name)
    if fixed is not None and spec != fixed:
        errors.append(fe.invalid(SPEC, spec, f"spec of '{name}' must equal the fixed value"))
    return errors + validate_conditions(schema.status.conditions, STATUS / "conditions")


def _validate_precedence(number: int, name: str) -> FieldErrors:
    path = SPEC / "matchingPrecedence"
    errors: FieldErrors = []
    if number <= 0:
        errors.append(fe.invalid(path, number, "must be a positive value"))
    if number > MAX_PRECEDENCE:
        errors.append(fe.invalid(path, number, f"must not be greater than {MAX_PRECEDENCE}"))
    if number == 1 and name != mandatory.EXEMPT:
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(fe.invalid(path, number, detail))
    return errors


def _validate_rule(rule: v1.PolicyRulesWithSubjects, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for index, subject in enumerate(rule.subjects):
        errors += _validate_subject(subject, (path / "subjects").index(index))
    if not rule.subjects:
        errors.append(fe.required(path / "subjects", "subjects must contain at least one value"))
    if not rule.resourceRules and not rule.nonResourceRules:
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(fe.required(path, detail))
    for index, resources in enumerate(rule.resourceRules):
        errors += _validate_resources(resources, (path / "resourceRules").index(index))
    for index, urls in enumerate(rule.nonResourceRules):
        errors += _validate_urls(urls, (path / "nonResourceRules").index(index))
    return errors


def _validate_subject(subject: v1.Subject, path: Path) -> FieldErrors:
    """The member that the kind names, and no other."""
    wanted = SUBJECT_KINDS.get(subject.kind)
    if wanted is None:
        return [fe.not_supported(path / "kind", subject.kind, tuple(SUBJECT_KINDS))]
    member = getattr(subject, wanted)
    if member is None:
        detail = f"{wanted} is required when subject kind is '{subject.kind}'"
        errors = [fe.required(path / wanted, detail)]
    elif isinstance(member, v1.ServiceAccountSubject):
        errors = _validate_account(member, path / wanted)
    else:
        errors = [] if member.name else [fe.required(path / wanted / "name")]
    for kind, name in (("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")):
        if name != wanted and getattr(subject, name) is not None:
            detail = f"{name} is forbidden when subject kind is not '{kind}'"
            errors.append(fe.forbidden(path / name, detail))
    return errors


def _validate_account(account: v1.ServiceAccountSubject, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not account.name:
        errors.append(fe.required(path / "name"))
    elif account.name != "*":
        errors += check.complaints(path / "name", account.name, names.dns1123_subdomain(account.name))
    if account.namespace:
        wrong = names.dns1123_label(account.namespace)
        return errors + check.complaints(path / "namespace", account.namespace, wrong)
    return [*errors, fe.required(path / "namespace", "must specify namespace for service account")]


def _validate_verbs(verbs: Sequence[str], path: Path) -> FieldErrors:
    if not verbs:
        return [fe.required(path, "verbs must contain at least one value")]
    if "*" in verbs:
        return _alone(verbs, path, "verbs")
    return [] if set(verbs) <= set(VERBS) else [fe.not_supported(path, list(verbs), VERBS)]


def _alone(values: Sequence[str], path: Path, what: str) -> FieldErrors:
    if len(values) > 1 and "*" in values:
        return [fe.invalid(path, list(values), f"if '*' is present, must not specify other {what}")]
    return []


def _validate_resources(rule: v1.ResourcePolicyRule, path: Path) -> FieldErrors:
    errors = _validate_verbs(rule.verbs, path / "verbs")
    for name, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        values = getattr(rule, name)
        if not values:
            errors.append(fe.required(path / name, f"resource rules must supply at least one {one}"))
        errors += _alone(values, path / name, many)
    here = path / "namespaces"
    if not rule.namespaces and not rule.clusterScope:
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        return [*errors, fe.required(here, detail)]
    if "*" in rule.namespaces:
        return errors + _alone(rule.namespaces, here, "namespaces")
    for index, namespace in enumerate(rule.namespaces):
        for why in names.dns1123_label(namespace):
            detail = f"each member of this list must be '*' or a DNS-1123 label; {why}"
            errors.append(fe.invalid(here.index(index), namespace, detail))
    return errors


def _validate_urls(rule: v1.NonResourcePolicyRule, path: Path) -> FieldErrors:
    errors = _validate_verbs(rule.verbs, path / "verbs")
    here = path / "nonResourceURLs"
    if not rule.nonResourceURLs:
        return [*errors, fe.required(here, "nonResourceURLs must contain at least one value")]
    if "*" in rule.nonResourceURLs:
        return errors + _alone(rule.nonResourceURLs, here, "non-resource URLs")
    for index, url in enumerate(rule.nonResourceURLs):
        why = _wrong_with_path(url)
        if why:
            errors.append(fe.invalid(here.index(index), url, why))
    return errors


def _wrong_with_path(url: str) -> str:
    """What is wrong with a path that requests are matched by; "" if nothing is."""
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars and not url.endswith("/*")) else ""


def validate_conditions(conditions: Sequence[Any], path: Path) -> FieldErrors:
    """Each type once (also for priority levels)."""
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here = path.index(index) / "type"
        if condition.type in seen:
            errors.append(fe.duplicate(here, condition.type))
        seen.add(condition.type)
        if not condition.type:
            errors.append(fe.required(here, "must not be empty"))
    return errors


def validate_status_update(new: v1.FlowSchema, old: v1.FlowSchema) -> FieldErrors:
    """Only the conditions can be wrong."""
    return validate_conditions(new.status.conditions, STATUS / "conditions")


def row(schema: v1.FlowSchema, now: datetime) -> list[Any]:
    """The cells in the order of the columns; the last one tells whether the level is missing."""
    spec = schema.spec
    dangling = [condition.status for condition in schema.status.conditions if condition.type == "Dangling"]
    return [
        schema.metadata.name,
        spec.priorityLevelConfiguration.name if spec.priorityLevelConfiguration is not None else "",
        spec.matchingPrecedence or 0,
        spec.distinguisherMethod.type if spec.distinguisherMethod is not None else columns.NONE,
        columns.age(schema, now),
        dangling[-1] if dangling else "?",
    ]


FLOW_SCHEMA = Kind(
    group=GROUP,
    version="v1",
    kind="FlowSchema",
    plural="flowschemas",
    type=v1.FlowSchema,
    namespaced=False,
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    has_generation=True,
    columns=(
        Column(name="Name", format="name", description="Name of the schema."),
        Column(name="PriorityLevel", description="The level that its requests get."),
        Column(name="MatchingPrecedence", type="string", description="The lower, the earlier it is asked."),
        Column(name="DistinguisherMethod", description="How its requests are told apart."),
        Column(name="Age", description="How long the object exists."),
        Column(name="MissingPL", description="Whether the level is missing."),
    ),
    row=row,
)

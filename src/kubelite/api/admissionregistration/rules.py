"""What admission webhooks and policies share: which requests they are asked about, and conditions on those.

What: defaults and checks of rules, selectors, match conditions, and the selectors of parameters. Why: webhooks, validating and
mutating policies and their bindings match requests alike. Flow: each kind's `set_defaults` and `validate` call it. Expressions
are only checked for being there; `expressions` compiles them.
Upstream: pkg/apis/admissionregistration/validation/validation.go and v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.api import validation as check
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

GROUP = "admissionregistration.k8s.io"
CATEGORIES = ("api-extensions",)
SPEC = Path("spec")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
MAX_CONDITIONS = 64
Rule = v1.RuleWithOperations | v1.NamedRuleWithOperations


def default_rules(rules: Sequence[Rule]) -> None:
    """A rule covers resources of both scopes."""
    for rule in rules:
        rule.scope = rule.scope or "*"


def default_match(match: v1.MatchResources | None) -> None:
    """Equivalent versions match; absent selectors select everything."""
    if match is None:
        return
    match.matchPolicy = match.matchPolicy or "Equivalent"
    match.namespaceSelector = match.namespaceSelector or LabelSelector()
    match.objectSelector = match.objectSelector or LabelSelector()
    default_rules(match.resourceRules)
    default_rules(match.excludeResourceRules)


def choice(path: Path, value: str, allowed: Sequence[str]) -> FieldErrors:
    """A value that must be there and be one of `allowed`."""
    return check.one_of(path, value, allowed)


def validate_rule(rule: Rule, path: Path) -> FieldErrors:
    """Operations, groups, versions, resources and scope; `*` stands alone in a list."""
    errors: FieldErrors = []
    if not rule.operations:
        errors.append(fe.required(path / "operations"))
    errors += _alone(rule.operations, path / "operations", "operations")
    for index, operation in enumerate(rule.operations):
        if operation not in OPERATIONS:
            errors.append(fe.not_supported((path / "operations").index(index), operation, OPERATIONS))
    if not rule.apiGroups:
        errors.append(fe.required(path / "apiGroups"))
    errors += _alone(rule.apiGroups, path / "apiGroups", "API groups")
    if not rule.apiVersions:
        errors.append(fe.required(path / "apiVersions"))
    errors += _alone(rule.apiVersions, path / "apiVersions", "API versions")
    for index, version in enumerate(rule.apiVersions):
        if not version:
            errors.append(fe.required((path / "apiVersions").index(index)))
    errors += _validate_resources(rule.resources, path / "resources")
    if rule.scope not in SCOPES:
        errors.append(fe.not_supported(path / "scope", rule.scope, SCOPES))
    return errors


def _alone(values: Sequence[str], path: Path, what: str) -> FieldErrors:
    if len(values) > 1 and "*" in values:
        return [fe.invalid(path, list(values), f"if '*' is present, must not specify other {what}")]
    return []


def _validate_resources(resources: Sequence[str], path: Path) -> FieldErrors:
    errors = [] if resources else [fe.required(path)]
    whole: set[str] = set()
    everywhere: set[str] = set()
    bare = False
    for index, text in enumerate(resources):
        if not text:
            errors.append(fe.required(path.index(index)))
            continue
        resource, slash, sub = text.partition("/")
        if not slash:
            # As upstream: the last one without a subresource decides.
            bare = text != "*"
            continue
        if resource in whole:
            detail = f"if '{resource}/*' is present, must not specify {text}"
            errors.append(fe.invalid(path.index(index), text, detail))
        if sub in everywhere:
            detail = f"if '*/{sub}' is present, must not specify {text}"
            errors.append(fe.invalid(path.index(index), text, detail))
        if sub == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(fe.invalid(path, list(resources), "if '*/*' is present, must not specify other resources"))
    if "*" in resources and bare:
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(fe.invalid(path, list(resources), detail))
    return errors


def validate_match(match: v1.MatchResources | None, path: Path) -> FieldErrors:
    """Rules and selectors of a policy or a binding; absent ones match everything."""
    if match is None:
        return []
    errors = choice(path / "matchPolicy", match.matchPolicy, MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        selector = getattr(match, name)
        errors += [fe.required(path / name)] if selector is None else check.label_selector(selector, path / name)
    for name in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(getattr(match, name)):
            errors += _validate_named_rule(rule, (path / name).index(index))
    return errors


def _validate_named_rule(rule: v1.NamedRuleWithOperations, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, name in enumerate(rule.resourceNames):
        here = (path / "resourceNames").index(index)
        errors += check.complaints(here, name, names.path_segment(name))
        if name in seen:
            errors.append(fe.duplicate(here, name))
        seen.add(name)
    return errors + validate_rule(rule, path)


def validate_constraints(match: v1.MatchResources | None, path: Path) -> FieldErrors:
    """What a policy applies to: required, with at least one rule."""
    if match is None:
        return [fe.required(path)]
    errors = validate_match(match, path)
    return errors if match.resourceRules else [*errors, fe.required(path / "resourceRules")]


def validate_conditions(conditions: Sequence[v1.MatchCondition], path: Path) -> FieldErrors:
    """At most 64, each with an expression and a name of its own."""
    errors: FieldErrors = []
    if len(conditions) > MAX_CONDITIONS:
        errors.append(fe.too_many(path, len(conditions), MAX_CONDITIONS))
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here = path.index(index)
        if not condition.expression.strip():
            errors.append(fe.required(here / "expression"))
        if not condition.name:
            errors.append(fe.required(here / "name"))
            continue
        errors += check.qualified_name(here / "name", condition.name)
        if condition.name in seen:
            errors.append(fe.duplicate(here / "name", condition.name))
        seen.add(condition.name)
    return errors

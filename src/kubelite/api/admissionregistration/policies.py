"""Admission policies: rules in expressions, evaluated by the server itself.

What: ValidatingAdmissionPolicy and MutatingAdmissionPolicy. Why: they share parameters, variables and matching; they differ in
what an expression is for. Flow: shared checks first, then those of each kind, then every
expression is compiled (`expressions`). Upstream: pkg/apis/admissionregistration/validation/validation.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.admissionregistration import expressions, rules
from kubelite.api.conditions import validate_conditions
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import STATUS_VERBS, Column, Kind, Subresource

Policy = v1.ValidatingAdmissionPolicy | v1.MutatingAdmissionPolicy
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
PATCH_TYPES = {"ApplyConfiguration": "applyConfiguration", "JSONPatch": "jsonPatch"}
MUTATING_OPERATIONS = ("CREATE", "UPDATE")
MAX_AUDIT_ANNOTATIONS = 20
MAX_VALUE_EXPRESSION = 5 * 1024
UNSET = "<unset>"
_IDENTIFIER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*\Z", re.ASCII)
_RESERVED = {"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if"}
_RESERVED |= {"import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
_LINE_BREAK = re.compile(r"[\n\r]")
_EITHER = "validations or auditAnnotations must contain at least one item"


def set_defaults(policy: Policy) -> None:
    """Failing means refusing; equivalent versions match."""
    policy.spec.failurePolicy = policy.spec.failurePolicy or "Fail"
    rules.default_match(policy.spec.matchConstraints)


def prepare_create(policy: v1.ValidatingAdmissionPolicy) -> None:
    """The status is the type checker's."""
    policy.status = v1.ValidatingAdmissionPolicyStatus()


def _validate_shared(policy: Policy) -> FieldErrors:
    spec, path = policy.spec, rules.SPEC
    errors = rules.choice(path / "failurePolicy", spec.failurePolicy, rules.FAILURE_POLICIES)
    if spec.paramKind is not None:
        errors += validate_param_kind(spec.paramKind, path / "paramKind")
    errors += rules.validate_constraints(spec.matchConstraints, path / "matchConstraints")
    if isinstance(policy, v1.MutatingAdmissionPolicy) and spec.matchConstraints is not None:
        here = path / "matchConstraints" / "resourceRules" / "operations"
        errors += validate_mutating_operations(spec.matchConstraints, here)
    errors += rules.validate_conditions(spec.matchConditions, path / "matchConditions")
    for index, variable in enumerate(spec.variables):
        errors += _validate_variable(variable, (path / "variables").index(index))
    return errors


def validate_mutating_operations(match: v1.MatchResources, path: Path) -> FieldErrors:
    """Only objects that are being written can be changed."""
    asked = [operation for rule in match.resourceRules for operation in rule.operations]
    return [fe.not_supported(path, one, MUTATING_OPERATIONS) for one in asked if one not in MUTATING_OPERATIONS]


def validate_param_kind(kind: v1.ParamKind, path: Path) -> FieldErrors:
    """A group version and a kind, as they are written in objects."""
    errors = _validate_group_version(kind.apiVersion, path / "apiVersion")
    if not kind.kind:
        errors.append(fe.required(path / "kind"))
        return errors
    wrong = names.dns1035_label(kind.kind.lower())
    if wrong:
        detail = "may have mixed case, but should otherwise match: " + ",".join(wrong)
        errors.append(fe.invalid(path / "kind", kind.kind, detail))
    return errors


def _validate_group_version(text: str, path: Path) -> FieldErrors:
    if not text:
        return [fe.required(path)]
    if text.count("/") > 1:
        return [fe.invalid(path, text, f"unexpected GroupVersion string: {text}")]
    group, _, version = text.rpartition("/")
    errors: FieldErrors = []
    wrong = names.dns1123_subdomain(group) if group else []
    if wrong:
        errors.append(fe.invalid(path, group, ",".join(wrong)))
    if not version:
        return [*errors, fe.invalid(path, text, "version must be specified")]
    wrong = names.dns1035_label(version)
    return [*errors, fe.invalid(path, version, ",".join(wrong))] if wrong else errors


def _validate_variable(variable: v1.Variable, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not variable.name.strip():
        errors.append(fe.required(path / "name", "name is not specified"))
    elif not _IDENTIFIER.match(variable.name) or variable.name in _RESERVED:
        errors.append(fe.invalid(path / "name", variable.name, "name is not a valid CEL identifier"))
    if not variable.expression.strip():
        errors.append(fe.required(path / "expression", "expression is not specified"))
    return errors


# -- validating policies


def validate_validating(policy: v1.ValidatingAdmissionPolicy) -> FieldErrors:
    """At least one validation or audit annotation, and all of them right."""
    spec, path = policy.spec, rules.SPEC
    errors = _validate_shared(policy)
    if not spec.validations and not spec.auditAnnotations:
        return errors + [fe.required(path / name, _EITHER) for name in ("validations", "auditAnnotations")]
    for index, validation in enumerate(spec.validations):
        errors += _validate_validation(validation, (path / "validations").index(index))
    errors += _validate_annotations(spec.auditAnnotations, policy.metadata.name, path / "auditAnnotations")
    return errors + expressions.check_policy(policy)


def _validate_validation(validation: v1.Validation, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not validation.expression.strip():
        errors.append(fe.required(path / "expression", "expression is not specified"))
    if validation.messageExpression and not validation.messageExpression.strip():
        here = path / "messageExpression"
        errors.append(fe.invalid(here, validation.messageExpression, "must be non-empty if specified"))
    message = validation.message.strip()
    if validation.message and not message:
        errors.append(fe.invalid(path / "message", validation.message, "message must be non-empty if specified"))
    elif _LINE_BREAK.search(message):
        errors.append(fe.invalid(path / "message", validation.message, "message must not contain line breaks"))
    return errors + check.one_of(path / "reason", validation.reason, REASONS, required=False)


def _validate_annotations(annotations: Sequence[v1.AuditAnnotation], name: str, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if len(annotations) > MAX_AUDIT_ANNOTATIONS:
        detail = f"must not have more than {MAX_AUDIT_ANNOTATIONS} auditAnnotations"
        errors.append(fe.invalid(path, list(annotations), detail))
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        here = path.index(index)
        if name:
            errors += check.qualified_name(here / "key", f"{name}/{annotation.key}")
        else:
            errors.append(fe.invalid(here / "key", annotation.key, "requires metadata.name be non-empty"))
        value = annotation.valueExpression.strip()
        if not value:
            errors.append(fe.required(here / "valueExpression", "valueExpression is not specified"))
        elif len(value.encode()) > MAX_VALUE_EXPRESSION:
            detail = f"must not exceed {MAX_VALUE_EXPRESSION} bytes in length"
            errors.append(fe.required(here / "valueExpression", detail))
        if annotation.key in seen:
            errors.append(fe.duplicate(here / "key", annotation.key))
        seen.add(annotation.key)
    return errors


def validate_status_update(new: v1.ValidatingAdmissionPolicy, old: v1.ValidatingAdmissionPolicy) -> FieldErrors:
    """Warnings of the type checker name a field; conditions are well formed."""
    path = Path("status")
    errors: FieldErrors = []
    checking = new.status.typeChecking
    for index, warning in enumerate(checking.expressionWarnings if checking is not None else ()):
        here = (path / "typeChecking" / "expressionWarnings").index(index)
        if not warning.warning:
            errors.append(fe.required(here / "warning"))
        if not warning.fieldRef.strip():
            errors.append(fe.required(here / "fieldRef"))
    return errors + validate_conditions(new.status.conditions, path / "conditions")


# -- mutating policies


def validate_mutating(policy: v1.MutatingAdmissionPolicy) -> FieldErrors:
    """At least one mutation; says whether it is called again after others changed the object."""
    spec, path = policy.spec, rules.SPEC
    errors = _validate_shared(policy)
    if not spec.mutations:
        errors.append(fe.required(path / "mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(spec.mutations):
        errors += _validate_mutation(mutation, (path / "mutations").index(index))
    errors += rules.choice(path / "reinvocationPolicy", spec.reinvocationPolicy, rules.REINVOCATION_POLICIES)
    return errors + expressions.check_policy(policy)


def _validate_mutation(mutation: v1.Mutation, path: Path) -> FieldErrors:
    """The one patch that the type names, and no other."""
    asked = mutation.patchType
    if asked not in PATCH_TYPES:
        return rules.choice(path / "patchType", asked, tuple(PATCH_TYPES))
    errors: FieldErrors = []
    for type_, name in PATCH_TYPES.items():
        patch = getattr(mutation, name)
        if type_ != asked:
            if patch is not None:
                detail = f"must not be specified when patchType is {asked}"
                errors.append(fe.invalid(path / name, f"{{{name}}}", detail))
        elif patch is None:
            errors.append(fe.required(path / name, f"must be specified when patchType is {asked}"))
        elif not patch.expression.strip():
            errors.append(fe.required(path / name / "expression"))
    return errors


# -- tables


def _row(count: Callable[[Any], int]) -> Callable[[Any, datetime], list[Any]]:
    def row(policy: Policy, now: datetime) -> list[Any]:
        kind = policy.spec.paramKind
        shown = f"{kind.apiVersion}/{kind.kind}" if kind is not None else UNSET
        return columns.cells(policy.metadata.name, policy, now, count(policy.spec), shown)

    return row


def _columns(name: str, description: str) -> tuple[Column, ...]:
    return (
        Column(name="Name", format="name", description="Name of the policy."),
        Column(name=name, type="integer", description=description),
        Column(name="ParamKind", description="The kind of objects that hold its parameters."),
        Column(name="Age", description="How long the object exists."),
    )


VALIDATING_ADMISSION_POLICY = Kind(
    group=rules.GROUP,
    version="v1",
    kind="ValidatingAdmissionPolicy",
    plural="validatingadmissionpolicies",
    type=v1.ValidatingAdmissionPolicy,
    namespaced=False,
    categories=rules.CATEGORIES,
    subresources=(Subresource(name="status", verbs=STATUS_VERBS),),
    set_defaults=set_defaults,
    validate=validate_validating,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    has_generation=True,
    unconditional_update=False,
    columns=_columns("Validations", "How many validations it has."),
    row=_row(lambda spec: len(spec.validations)),
)

MUTATING_ADMISSION_POLICY = Kind(
    group=rules.GROUP,
    version="v1",
    kind="MutatingAdmissionPolicy",
    plural="mutatingadmissionpolicies",
    type=v1.MutatingAdmissionPolicy,
    namespaced=False,
    categories=rules.CATEGORIES,
    set_defaults=set_defaults,
    validate=validate_mutating,
    has_generation=True,
    unconditional_update=False,
    columns=_columns("Mutations", "How many mutations it has."),
    row=_row(lambda spec: len(spec.mutations)),
)

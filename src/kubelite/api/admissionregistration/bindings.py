"""Bindings of admission policies: where a policy applies, and with which parameters.

What: ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicyBinding. Why: a policy does nothing until it is bound. Flow:
shared checks, then the actions of a validating binding or the operations of a mutating one.
Upstream: pkg/apis/admissionregistration/validation/validation.go (its path `matchResouces` is misspelt there, and so here).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kubelite.api import columns
from kubelite.api import validation as check
from kubelite.api.admissionregistration import rules
from kubelite.api.admissionregistration.policies import UNSET, validate_mutating_operations
from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

Binding = v1.ValidatingAdmissionPolicyBinding | v1.MutatingAdmissionPolicyBinding
ACTIONS = ("Audit", "Deny", "Warn")
NOT_FOUND_ACTIONS = ("Allow", "Deny")
_EXCLUSIVE = "name and selector are mutually exclusive"
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
    "headers serves no purpose)"
)


def set_defaults(binding: Binding) -> None:
    """Absent selectors select everything."""
    rules.default_match(binding.spec.matchResources)


def _validate_shared(binding: Binding) -> FieldErrors:
    spec, path = binding.spec, rules.SPEC
    if spec.policyName:
        wrong = names.dns1123_subdomain(spec.policyName)
        errors = check.complaints(path / "policyName", spec.policyName, wrong)
    else:
        errors = [fe.required(path / "policyName")]
    errors += _validate_param_ref(spec.paramRef, path / "paramRef")
    return errors + rules.validate_match(spec.matchResources, path / "matchResouces")


def _validate_param_ref(ref: v1.ParamRef | None, path: Path) -> FieldErrors:
    if ref is None:
        return []
    errors: FieldErrors = []
    if ref.name:
        errors += check.complaints(path / "name", ref.name, names.path_segment(ref.name))
        if ref.selector is not None:
            errors.append(fe.forbidden(path / "name", _EXCLUSIVE))
    if ref.selector is not None:
        errors += check.label_selector(ref.selector, path / "selector")
        if ref.name:
            errors.append(fe.forbidden(path / "selector", _EXCLUSIVE))
    if not ref.name and ref.selector is None:
        errors.append(fe.required(path, "one of name or selector must be specified"))
    return errors + rules.choice(path / "parameterNotFoundAction", ref.parameterNotFoundAction, NOT_FOUND_ACTIONS)


def validate_validating(binding: v1.ValidatingAdmissionPolicyBinding) -> FieldErrors:
    """A policy, and at least one thing to do when it is not met."""
    here = rules.SPEC / "validationActions"
    return _validate_shared(binding) + _validate_actions(binding.spec.validationActions, here)


def _validate_actions(actions: Sequence[str], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for index, action in enumerate(actions):
        if action not in ACTIONS:
            errors.append(fe.not_supported(path.index(index), action, ACTIONS))
        if action in seen:
            errors.append(fe.duplicate(path.index(index), action))
        seen.add(action)
    if seen >= {"Deny", "Warn"}:
        errors.append(fe.invalid(path, list(actions), _BOTH))
    if not seen:
        errors.append(fe.required(path, "at least one validation action is required"))
    return errors


def validate_mutating(binding: v1.MutatingAdmissionPolicyBinding) -> FieldErrors:
    """A policy; only creations and updates."""
    errors = _validate_shared(binding)
    match = binding.spec.matchResources
    if match is not None:
        here = rules.SPEC / "matchResources" / "resourceRules" / "operations"
        errors += validate_mutating_operations(match, here)
    return errors


def row(binding: Binding, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec = binding.spec
    return columns.cells(binding.metadata.name, binding, now, spec.policyName, _param_cell(spec.paramRef))


def _param_cell(ref: v1.ParamRef | None) -> str:
    if ref is None:
        return UNSET
    if ref.name:
        return f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
    return _selector_cell(ref.selector) if ref.selector is not None else UNSET


def _selector_cell(selector: LabelSelector) -> str:
    """A selector as upstream's generated types write themselves."""
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{one.key},Operator:{one.operator},Values:[{' '.join(one.values)}],}},"
        for one in selector.matchExpressions
    )
    labels = _map_cell(selector.matchLabels)
    return f"&LabelSelector{{MatchLabels:{labels},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"


def _map_cell(values: Mapping[str, str]) -> str:
    inner = "".join(f"{key}: {values[key]}," for key in sorted(values))
    return f"map[string]string{{{inner}}}"


COLUMNS = (
    Column(name="Name", format="name", description="Name of the binding."),
    Column(name="PolicyName", description="The policy that it applies."),
    Column(name="ParamRef", description="The parameters that the policy is given."),
    Column(name="Age", description="How long the object exists."),
)

VALIDATING_ADMISSION_POLICY_BINDING = Kind(
    group=rules.GROUP,
    version="v1",
    kind="ValidatingAdmissionPolicyBinding",
    plural="validatingadmissionpolicybindings",
    type=v1.ValidatingAdmissionPolicyBinding,
    namespaced=False,
    categories=rules.CATEGORIES,
    set_defaults=set_defaults,
    validate=validate_validating,
    has_generation=True,
    unconditional_update=False,
    columns=COLUMNS,
    row=row,
)

MUTATING_ADMISSION_POLICY_BINDING = Kind(
    group=rules.GROUP,
    version="v1",
    kind="MutatingAdmissionPolicyBinding",
    plural="mutatingadmissionpolicybindings",
    type=v1.MutatingAdmissionPolicyBinding,
    namespaced=False,
    categories=rules.CATEGORIES,
    set_defaults=set_defaults,
    validate=validate_mutating,
    has_generation=True,
    unconditional_update=False,
    columns=COLUMNS,
    row=row,
)

"""Validation of a Job's policies: which failures of pods count, and when enough pods succeeded.

Upstream: pkg/apis/batch/validation (validatePodFailurePolicy, validateSuccessPolicy).
"""

from __future__ import annotations

import itertools

from kubelite.api import validation as check
from kubelite.api.batch import indexes
from kubelite.api.types import batch_v1 as batch
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldError, FieldErrors, Path

MAX_RULES = 20
MAX_PATTERNS = 20
MAX_EXIT_CODES = 255
MAX_SUCCESS_RULES = 20
MAX_INDEXES_TEXT = 64 * 1024
FAIL_INDEX = "FailIndex"
ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
OPERATORS = ("In", "NotIn")
STATUSES = ("False", "True", "Unknown")


def _without_value(path: Path, detail: str) -> FieldError:
    """An `Invalid value` that leaves the value out, as upstream's OmitValueType does."""
    return FieldError("FieldValueInvalid", path.text, f"Invalid value: {detail}")


def _one_of(path: Path, value: str, allowed: tuple[str, ...]) -> FieldErrors:
    if value in allowed:
        return []
    if value:
        return [fe.not_supported(path, value, allowed)]
    shown = " ".join(f'"{one}"' for one in allowed)
    return [fe.required(path, f"valid values: [{shown}]")]


def failure_policy(spec: batch.JobSpec, policy: batch.PodFailurePolicy, path: Path) -> FieldErrors:
    """`spec.podFailurePolicy`."""
    errors: FieldErrors = []
    rules = path / "rules"
    if len(policy.rules) > MAX_RULES:
        errors.append(fe.too_many(rules, len(policy.rules), MAX_RULES))
    pod = spec.template.spec
    containers = {container.name for container in (*pod.containers, *pod.initContainers)}
    for index, rule in enumerate(policy.rules):
        errors += _failure_rule(spec, rule, rules.index(index), containers)
    return errors


def _failure_rule(
    spec: batch.JobSpec, rule: batch.PodFailurePolicyRule, path: Path, containers: set[str]
) -> FieldErrors:
    if rule.action == FAIL_INDEX and spec.backoffLimitPerIndex is None:
        errors: FieldErrors = [fe.invalid(path / "action", rule.action, "requires the backoffLimitPerIndex to be set")]
    else:
        errors = _one_of(path / "action", rule.action, ACTIONS)
    if rule.onExitCodes is not None:
        errors += _exit_codes(rule.onExitCodes, path / "onExitCodes", containers)
    if rule.onPodConditions:
        errors += _conditions(rule.onPodConditions, path / "onPodConditions")
    if rule.onExitCodes is not None and rule.onPodConditions:
        errors.append(_without_value(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if rule.onExitCodes is None and not rule.onPodConditions:
        errors.append(_without_value(path, "specifying one of OnExitCodes and OnPodConditions is required"))
    return errors


def _conditions(patterns: list[batch.PodFailurePolicyOnPodConditionsPattern], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if len(patterns) > MAX_PATTERNS:
        errors.append(fe.too_many(path, len(patterns), MAX_PATTERNS))
    for index, pattern in enumerate(patterns):
        here = path.index(index)
        errors += check.qualified_name(here / "type", pattern.type)
        errors += _one_of(here / "status", pattern.status, STATUSES)
    return errors


def _exit_codes(wanted: batch.PodFailurePolicyOnExitCodesRequirement, path: Path, containers: set[str]) -> FieldErrors:
    errors = _one_of(path / "operator", wanted.operator, OPERATORS)
    if wanted.containerName and wanted.containerName not in containers:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(fe.invalid(path / "containerName", wanted.containerName, detail))
    values, here = wanted.values, path / "values"
    if not values:
        errors.append(fe.invalid(here, None, "at least one value is required"))
    elif len(values) > MAX_EXIT_CODES:
        errors.append(fe.too_many(here, len(values), MAX_EXIT_CODES))
    seen: set[int] = set()
    for index, value in enumerate(values):
        if wanted.operator == "In" and value == 0:
            errors.append(fe.invalid(here.index(index), value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(fe.duplicate(here.index(index), value))
        seen.add(value)
    if any(before > after for before, after in itertools.pairwise(values)):
        errors.append(fe.invalid(here, values, "must be ordered"))
    return errors


def success_policy(spec: batch.JobSpec, policy: batch.SuccessPolicy, path: Path) -> FieldErrors:
    """`spec.successPolicy` of an indexed Job."""
    errors: FieldErrors = []
    rules = path / "rules"
    if not policy.rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(fe.required(rules, detail))
    if len(policy.rules) > MAX_SUCCESS_RULES:
        errors.append(fe.too_many(rules, len(policy.rules), MAX_SUCCESS_RULES))
    for index, rule in enumerate(policy.rules):
        errors += _success_rule(rule, spec.completions or 0, rules.index(index))
    return errors


def _success_rule(rule: batch.SuccessPolicyRule, completions: int, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    count, text = rule.succeededCount, rule.succeededIndexes
    if count is None and not text:
        errors.append(fe.required(path, "at least one of succeededCount or succeededIndexes must be specified"))
    total, here = 0, path / "succeededIndexes"
    if len(text) > MAX_INDEXES_TEXT:
        errors.append(fe.too_long(here, MAX_INDEXES_TEXT))
    try:
        total = indexes.count(indexes.parse(text, completions))
    except ValueError as error:
        errors.append(fe.invalid(here, text, f"error parsing succeededIndexes: {error}"))
    if count is None:
        return errors
    here = path / "succeededCount"
    errors += check.non_negative(count, here)
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(fe.invalid(here, count, detail))
    if text and count > total:
        detail = (
            f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        )
        errors.append(fe.invalid(here, count, detail))
    return errors

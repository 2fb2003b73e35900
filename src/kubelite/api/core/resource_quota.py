"""ResourceQuota: how much of what a namespace may have in all.

Upstream: pkg/apis/core/validation (ValidateResourceQuota), pkg/apis/core/helper, pkg/printers (printResourceQuota).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api import validation as check
from kubelite.api.core.pod.validation import resources
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

BEST_EFFORT = "BestEffort"
NOT_BEST_EFFORT = "NotBestEffort"
TERMINATING = "Terminating"
NOT_TERMINATING = "NotTerminating"
PRIORITY_CLASS = "PriorityClass"
CROSS_NAMESPACE_POD_AFFINITY = "CrossNamespacePodAffinity"
VOLUME_ATTRIBUTES_CLASS = "VolumeAttributesClass"

_COMPUTE = frozenset(("cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"))
_OF_PODS = _COMPUTE | {"pods"}
SCOPED: Mapping[str, frozenset[str]] = {
    BEST_EFFORT: frozenset(("pods",)),
    NOT_BEST_EFFORT: _OF_PODS,
    TERMINATING: _OF_PODS,
    NOT_TERMINATING: _OF_PODS,
    PRIORITY_CLASS: _OF_PODS,
    CROSS_NAMESPACE_POD_AFFINITY: _OF_PODS,
    VOLUME_ATTRIBUTES_CLASS: frozenset(("persistentvolumeclaims", "requests.storage")),
}
"""The scopes, and the standard resources that a quota with the scope may limit."""

_STANDARD = _COMPUTE | {
    "ephemeral-storage",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
}
_ONLY_EXISTS = (TERMINATING, NOT_TERMINATING, BEST_EFFORT, NOT_BEST_EFFORT, CROSS_NAMESPACE_POD_AFFINITY)
_CONFLICTS = ((BEST_EFFORT, NOT_BEST_EFFORT), (TERMINATING, NOT_TERMINATING))
_EXISTS_TEXT = (
    "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)
SPEC = Path("spec")
STATUS = Path("status")


def set_defaults(quota: v1.ResourceQuota) -> None:
    """Amounts in canonical form."""
    quota.spec.hard = _canonical(quota.spec.hard)
    quota.status.hard = _canonical(quota.status.hard)
    quota.status.used = _canonical(quota.status.used)


def _canonical(amounts: Mapping[str, Quantity]) -> dict[str, Quantity]:
    return {name: quantity.rounded_to_milli(amount) for name, amount in amounts.items()}


def prepare_create(quota: v1.ResourceQuota) -> None:
    """Nothing is used yet."""
    quota.status = v1.ResourceQuotaStatus()


def validate(quota: v1.ResourceQuota) -> FieldErrors:
    """Names, amounts and scopes."""
    return _hard(quota.spec.hard, SPEC / "hard") + _scopes(quota.spec) + _scope_selector(quota.spec)


def is_standard(name: str) -> bool:
    """A resource without a domain that quotas know."""
    return name in _STANDARD or name.startswith(("hugepages-", "requests.hugepages-"))


def _hard(amounts: Mapping[str, Quantity], path: Path) -> FieldErrors:
    errors: FieldErrors = []
    for name, amount in amounts.items():
        here = path.key(name)
        if not is_standard(name):
            errors += resources.resource_name(name, here)
            if "/" not in name:
                errors.append(fe.invalid(here, name, "must be a standard resource for quota"))
        errors += resources.amount(name, amount, here)
    return errors


def _one_scope(
    scope: str, spec: v1.ResourceQuotaSpec, path: Path, name_path: Path, shown: Any, named: Any
) -> FieldErrors:
    errors: FieldErrors = []
    if scope not in SCOPED:
        errors.append(fe.invalid(name_path, named, "unsupported scope"))
    for name in sorted(spec.hard):
        if is_standard(name) and scope in SCOPED and name not in SCOPED[scope]:
            errors.append(fe.invalid(path, shown, "unsupported scope applied to resource"))
    return errors


def _conflicts(found: set[str], path: Path, shown: Any) -> FieldErrors:
    return [fe.invalid(path, shown, "conflicting scopes") for pair in _CONFLICTS if found.issuperset(pair)]


def _scopes(spec: v1.ResourceQuotaSpec) -> FieldErrors:
    path = SPEC / "scopes"
    errors: FieldErrors = []
    for scope in spec.scopes:
        errors += _one_scope(scope, spec, path, path, spec.scopes, spec.scopes)
    return errors + _conflicts(set(spec.scopes), path, spec.scopes)


def _scope_selector(spec: v1.ResourceQuotaSpec) -> FieldErrors:
    if spec.scopeSelector is None:
        return []
    path = SPEC / "scopeSelector" / "matchExpressions"
    errors: FieldErrors = []
    for wanted in spec.scopeSelector.matchExpressions:
        scope = wanted.scopeName
        errors += _one_scope(scope, spec, path, path / "scopeName", spec.scopeSelector, scope)
        if scope in _ONLY_EXISTS and wanted.operator != "Exists":
            errors.append(fe.invalid(path / "operator", wanted.operator, _EXISTS_TEXT))
        errors += _operator(wanted, path)
    found = {wanted.scopeName for wanted in spec.scopeSelector.matchExpressions}
    return errors + _conflicts(found, path, spec.scopes)


def _operator(wanted: v1.ScopedResourceSelectorRequirement, path: Path) -> FieldErrors:
    if wanted.operator in ("In", "NotIn"):
        if wanted.values:
            return []
        detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        return [fe.required(path / "values", detail)]
    if wanted.operator in ("Exists", "DoesNotExist"):
        if not wanted.values:
            return []
        detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        return [fe.invalid(path / "values", wanted.values, detail)]
    return [fe.invalid(path / "operator", wanted.operator, "not a valid selector operator")]


def validate_update(new: v1.ResourceQuota, old: v1.ResourceQuota) -> FieldErrors:
    """The scopes never change."""
    if set(new.spec.scopes) == set(old.spec.scopes):
        return []
    return [fe.invalid(SPEC / "scopes", new.spec.scopes, check.FIELD_IMMUTABLE)]


def validate_status_update(new: v1.ResourceQuota, old: v1.ResourceQuota) -> FieldErrors:
    """Names and amounts."""
    return _hard(new.status.hard, STATUS / "hard") + _hard(new.status.used, STATUS / "used")


def row(quota: v1.ResourceQuota, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`: what limits limit apart from everything else."""
    requests: list[str] = []
    limits: list[str] = []
    for name in sorted(quota.status.hard):
        cell = f"{name}: {quota.status.used.get(name, '0')}/{quota.status.hard[name]}"
        (limits if name.startswith("limits.") else requests).append(cell)
    return [quota.metadata.name, ", ".join(requests), ", ".join(limits), columns.age(quota, now)]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the quota, unique within its namespace."),
    Column(name="Request", description="What is used of what may be requested, and of numbers of objects."),
    Column(name="Limit", description="What is used of what limits may add up to."),
    Column(name="Age", description="How long the quota exists."),
)

RESOURCE_QUOTA = Kind(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    type=v1.ResourceQuota,
    short_names=("quota",),
    subresources=(pod_template.STATUS,),
    set_defaults=set_defaults,
    validate=validate,
    validate_update=validate_update,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    columns=COLUMNS,
    row=row,
)

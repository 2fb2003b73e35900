"""PodDisruptionBudget: how many pods of an application may be missing at a time.

Upstream: pkg/registry/policy/poddisruptionbudget, pkg/apis/policy/validation, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.conditions import validate_conditions
from kubelite.api.types import policy_v1 as policy
from kubelite.machinery import fielderrors as fe
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

ALWAYS_ALLOW = "AlwaysAllow"
IF_HEALTHY_BUDGET = "IfHealthyBudget"
SPEC = Path("spec")
STATUS = Path("status")
_COUNTS = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")


def prepare_create(budget: policy.PodDisruptionBudget) -> None:
    """A new budget allows nothing until a controller has counted."""
    budget.status = policy.PodDisruptionBudgetStatus(
        currentHealthy=0, desiredHealthy=0, disruptionsAllowed=0, expectedPods=0
    )


def validate(budget: policy.PodDisruptionBudget) -> FieldErrors:
    """One of the two bounds, a selector, a policy."""
    spec = budget.spec
    errors: FieldErrors = []
    if spec.minAvailable is not None and spec.maxUnavailable is not None:
        errors.append(fe.invalid(SPEC, spec, "minAvailable and maxUnavailable cannot be both set"))
    for field in ("minAvailable", "maxUnavailable"):
        value = getattr(spec, field)
        if value is not None:
            errors += workload_validation.count_or_percent(value, SPEC / field)
            errors += workload_validation.not_above_hundred(value, SPEC / field)
    errors += check.label_selector(spec.selector, SPEC / "selector")
    policies = (ALWAYS_ALLOW, IF_HEALTHY_BUDGET)
    return errors + check.one_of(
        SPEC / "unhealthyPodEvictionPolicy", spec.unhealthyPodEvictionPolicy, policies, required=False
    )


def validate_status_update(new: policy.PodDisruptionBudget, old: policy.PodDisruptionBudget) -> FieldErrors:
    """Conditions that are complete, counts that are not negative."""
    errors = validate_conditions(new.status.conditions, STATUS / "conditions")
    for field in _COUNTS:
        errors += check.non_negative(getattr(new.status, field), STATUS / field)
    return errors


def row(budget: policy.PodDisruptionBudget, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec = budget.spec
    return [
        budget.metadata.name,
        "N/A" if spec.minAvailable is None else str(spec.minAvailable),
        "N/A" if spec.maxUnavailable is None else str(spec.maxUnavailable),
        budget.status.disruptionsAllowed or 0,
        columns.age(budget, now),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the budget, unique within its namespace."),
    Column(name="Min Available", description="How many pods must be there."),
    Column(name="Max Unavailable", description="How many pods may be missing."),
    Column(name="Allowed Disruptions", type="integer", description="How many pods may be evicted now."),
    Column(name="Age", description="How long the budget exists."),
)

POD_DISRUPTION_BUDGET = Kind(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    type=policy.PodDisruptionBudget,
    short_names=("pdb",),
    subresources=(pod_template.STATUS,),
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)

"""HorizontalPodAutoscaler of autoscaling/v2, the version that is stored.

Rules of the metrics are in `metrics`. Upstream: pkg/apis/autoscaling/v2/defaults.go, pkg/apis/autoscaling/validation,
pkg/registry/autoscaling/horizontalpodautoscaler, pkg/printers (printHorizontalPodAutoscaler).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template
from kubelite.api import validation as check
from kubelite.api.autoscaling import metrics
from kubelite.api.types import autoscaling_v2 as v2
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import quantity
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

CPU_UTILIZATION = 80
MAX_PERIOD = 1800
MAX_WINDOW = 3600
SELECT_POLICIES = ("Disabled", "Max", "Min")
POLICY_TYPES = ("Percent", "Pods")
SPEC = Path("spec")
STATUS = Path("status")


def set_defaults(autoscaler: v2.HorizontalPodAutoscaler) -> None:
    """At least one pod; eighty per cent of the requested CPU; up quickly, down as far as is needed."""
    spec = autoscaler.spec
    if spec.minReplicas is None:
        spec.minReplicas = 1
    if not spec.metrics:
        spec.metrics = [metrics.cpu(CPU_UTILIZATION)]
    for metric in spec.metrics:
        metrics.canonical_target(metric)
    if spec.behavior is not None:
        spec.behavior.scaleUp = _scale_up(spec.behavior.scaleUp or v2.HPAScalingRules())
        spec.behavior.scaleDown = _scale_down(spec.behavior.scaleDown or v2.HPAScalingRules())


def _policy(type_: str, value: int) -> v2.HPAScalingPolicy:
    return v2.HPAScalingPolicy(type=type_, value=value, periodSeconds=15)


def _scale_up(rules: v2.HPAScalingRules) -> v2.HPAScalingRules:
    if rules.stabilizationWindowSeconds is None:
        rules.stabilizationWindowSeconds = 0
    rules.selectPolicy = rules.selectPolicy or "Max"
    rules.policies = rules.policies or [_policy("Pods", 4), _policy("Percent", 100)]
    return _with_tolerance(rules)


def _scale_down(rules: v2.HPAScalingRules) -> v2.HPAScalingRules:
    rules.selectPolicy = rules.selectPolicy or "Max"
    rules.policies = rules.policies or [_policy("Percent", 100)]
    return _with_tolerance(rules)


def _with_tolerance(rules: v2.HPAScalingRules) -> v2.HPAScalingRules:
    if rules.tolerance is not None:
        rules.tolerance = quantity.canonical(rules.tolerance)
    return rules


def prepare_create(autoscaler: v2.HorizontalPodAutoscaler) -> None:
    """A new autoscaler has seen nothing yet."""
    autoscaler.status = v2.HorizontalPodAutoscalerStatus(desiredReplicas=0)


def validate(autoscaler: v2.HorizontalPodAutoscaler) -> FieldErrors:
    """Bounds, target, metrics, behaviour."""
    spec = autoscaler.spec
    low, high = spec.minReplicas, spec.maxReplicas or 0
    errors: FieldErrors = []
    if low is not None and low < 1:
        errors.append(fe.invalid(SPEC / "minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        errors.append(fe.invalid(SPEC / "maxReplicas", high, "must be greater than 0"))
    if low is not None and high < low:
        errors.append(fe.invalid(SPEC / "maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    errors += metrics.reference(spec.scaleTargetRef, SPEC / "scaleTargetRef")
    errors += metrics.validate(spec.metrics, SPEC / "metrics", low)
    if spec.behavior is not None:
        errors += _rules(spec.behavior.scaleUp, SPEC / "behavior" / "scaleUp")
        errors += _rules(spec.behavior.scaleDown, SPEC / "behavior" / "scaleDown")
    return errors


def _rules(rules: v2.HPAScalingRules | None, path: Path) -> FieldErrors:
    if rules is None:
        return []
    errors: FieldErrors = []
    window = rules.stabilizationWindowSeconds or 0
    here = path / "stabilizationWindowSeconds"
    if window < 0:
        errors.append(fe.invalid(here, window, "must be greater than or equal to zero"))
    if window > MAX_WINDOW:
        errors.append(fe.invalid(here, window, f"must be less than or equal to {MAX_WINDOW}"))
    errors += check.one_of(path / "selectPolicy", rules.selectPolicy, SELECT_POLICIES, required=False)
    if not rules.policies:
        errors.append(fe.required(path / "policies", "must specify at least one Policy"))
    for index, policy in enumerate(rules.policies):
        errors += _scaling_policy(policy, (path / "policies").index(index))
    if rules.tolerance is not None and quantity.cmp(rules.tolerance, 0) < 0:
        errors.append(fe.invalid(path / "tolerance", rules.tolerance, "must be greater than or equal to zero"))
    return errors


def _scaling_policy(policy: v2.HPAScalingPolicy, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    value, period = policy.value or 0, policy.periodSeconds or 0
    if policy.type not in POLICY_TYPES:
        errors.append(fe.not_supported(path / "type", policy.type, POLICY_TYPES))
    if value <= 0:
        errors.append(fe.invalid(path / "value", value, check.NOT_POSITIVE))
    if period <= 0:
        errors.append(fe.invalid(path / "periodSeconds", period, check.NOT_POSITIVE))
    if period > MAX_PERIOD:
        errors.append(fe.invalid(path / "periodSeconds", period, f"must be less than or equal to {MAX_PERIOD}"))
    return errors


def validate_status_update(new: v2.HorizontalPodAutoscaler, old: v2.HorizontalPodAutoscaler) -> FieldErrors:
    """Counts that are not negative."""
    errors = check.non_negative(new.status.currentReplicas, STATUS / "currentReplicas")
    return errors + check.non_negative(new.status.desiredReplicas, STATUS / "desiredReplicas")


def row(autoscaler: v2.HorizontalPodAutoscaler, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status = autoscaler.spec, autoscaler.status
    target = spec.scaleTargetRef or v2.CrossVersionObjectReference()
    return [
        autoscaler.metadata.name,
        f"{target.kind}/{target.name}",
        metrics.cell(spec.metrics, status.currentMetrics),
        "<unset>" if spec.minReplicas is None else str(spec.minReplicas),
        spec.maxReplicas or 0,
        status.currentReplicas or 0,
        columns.age(autoscaler, now),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the autoscaler, unique within its namespace."),
    Column(name="Reference", description="What it scales."),
    Column(name="Targets", description="What is measured, and what it should be."),
    Column(name="MinPods", description="The least number of pods."),
    Column(name="MaxPods", description="The greatest number of pods."),
    Column(name="Replicas", description="The present number of pods."),
    Column(name="Age", description="How long the autoscaler exists."),
)

HORIZONTAL_POD_AUTOSCALER = Kind(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    type=v2.HorizontalPodAutoscaler,
    short_names=("hpa",),
    categories=("all",),
    subresources=(pod_template.STATUS,),
    set_defaults=set_defaults,
    validate=validate,
    validate_status_update=validate_status_update,
    prepare_create=prepare_create,
    columns=COLUMNS,
    row=row,
)

"""The metrics of an autoscaler: their mistakes, and how a table shows them.

Upstream: pkg/apis/autoscaling/validation (validateMetricSpec), pkg/printers (formatHPAMetrics).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.pod.validation.resources import container_resource_name
from kubelite.api.types import autoscaling_v2 as v2
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names, quantity
from kubelite.machinery.fielderrors import FieldErrors, Path

RESOURCE = "Resource"
UTILIZATION = "Utilization"
VALUE = "Value"
AVERAGE_VALUE = "AverageValue"
UNKNOWN = "<unknown>"
SHOWN = 2
"""So many metrics have a place in the table."""

FIELDS = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}
"""The types of metrics, and the field in which each is described."""


def cpu(percent: int) -> v2.MetricSpec:
    """The metric that means: so much of the requested CPU."""
    target = v2.MetricTarget(type=UTILIZATION, averageUtilization=percent)
    return v2.MetricSpec(type=RESOURCE, resource=v2.ResourceMetricSource(name="cpu", target=target))


def source_of(metric: Any) -> Any:
    """The part of a spec or status that its type names; None where it is missing."""
    field = FIELDS.get(metric.type)
    return getattr(metric, field) if field else None


def canonical_target(metric: v2.MetricSpec) -> None:
    """Amounts in the text that is served. Raises ValueError."""
    for field in FIELDS.values():
        source: Any = getattr(metric, field)
        if source is None:
            continue
        source.target = source.target or v2.MetricTarget()
        for name in ("value", "averageValue"):
            amount = getattr(source.target, name)
            if amount is not None:
                setattr(source.target, name, quantity.canonical(amount))


def reference(target: v2.CrossVersionObjectReference | None, path: Path) -> FieldErrors:
    """Kind and name of what is scaled or measured."""
    errors: FieldErrors = []
    for field in ("kind", "name"):
        value = getattr(target, field) if target is not None else ""
        if not value:
            errors.append(fe.required(path / field))
        else:
            errors += check.complaints(path / field, value, names.path_segment(value))
    return errors


def validate(metrics: Sequence[v2.MetricSpec], path: Path, low: int | None) -> FieldErrors:
    """`spec.metrics`; nothing is scaled to zero by what its pods measure."""
    errors: FieldErrors = []
    for index, metric in enumerate(metrics):
        errors += _metric(metric, path.index(index))
    if low == 0 and not any(metric.type in ("Object", "External") for metric in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(fe.forbidden(path, detail))
    return errors


def _metric(metric: v2.MetricSpec, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not metric.type:
        errors.append(fe.required(path / "type", "must specify a metric source type"))
    if metric.type not in FIELDS:
        errors.append(fe.not_supported(path / "type", metric.type, FIELDS))
    given = [field for field in FIELDS.values() if getattr(metric, field) is not None]
    if given:
        errors += _source(given[0], getattr(metric, given[0]), path / given[0])
    wanted = FIELDS.get(metric.type)
    if wanted is None:
        errors.append(fe.not_supported(path / "type", metric.type, FIELDS))
    elif getattr(metric, wanted) is None:
        errors.append(fe.required(path / wanted, "must populate information for the given metric source"))
    if len(given) != 1:
        detail = "must populate the given metric source only"
        errors += [fe.forbidden(path / field, detail) for field in given if field != wanted]
    return errors


def _source(field: str, source: Any, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if field == "object":
        errors += reference(source.describedObject, path / "describedObject")
    if field in ("object", "external", "pods"):
        errors += _identifier(source.metric, path / "metric")
    else:
        errors += _resource_name(field, source, path)
    target: v2.MetricTarget = source.target or v2.MetricTarget()
    return errors + _target(target, path / "target") + _choice(field, target, path / "target")


def _identifier(metric: v2.MetricIdentifier | None, path: Path) -> FieldErrors:
    name = metric.name if metric is not None else ""
    if not name:
        return [fe.required(path / "name", "must specify a metric name")]
    return check.complaints(path / "name", name, names.path_segment(name))


def _resource_name(field: str, source: Any, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not source.name:
        errors.append(fe.required(path / "name", "must specify a resource name"))
    elif field == "containerResource":
        errors += container_resource_name(source.name, path / "name")
    if field == "containerResource":
        if not source.container:
            errors.append(fe.required(path / "container", "must specify a container"))
        else:
            errors += check.complaints(path / "container", source.container, names.dns1123_label(source.container))
    return errors


def _target(target: v2.MetricTarget, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    if not target.type:
        errors.append(fe.required(path / "type", "must specify a metric target type"))
    if target.type not in (UTILIZATION, VALUE, AVERAGE_VALUE):
        detail = "must be either Utilization, Value, or AverageValue"
        errors.append(fe.invalid(path / "type", target.type, detail))
    for field in ("value", "averageValue"):
        amount = getattr(target, field)
        if amount is not None and quantity.cmp(amount, 0) <= 0:
            errors.append(fe.invalid(path / field, amount, "must be positive"))
    if target.averageUtilization is not None and target.averageUtilization < 1:
        errors.append(fe.invalid(path / "averageUtilization", target.averageUtilization, "must be greater than 0"))
    return errors


def _choice(field: str, target: v2.MetricTarget, path: Path) -> FieldErrors:
    """Which of the target's numbers a kind of metric needs, and which exclude each other."""
    value, average = target.value is not None, target.averageValue is not None
    if field == "object" and not value and not average:
        return [fe.required(path / "averageValue", "must set either a target value or averageValue")]
    if field == "pods" and not average:
        return [fe.required(path / "averageValue", "must specify a positive target averageValue")]
    if field == "external" and not value and not average:
        detail = "must set either a target value for metric or a per-pod target"
        return [fe.required(path / "averageValue", detail)]
    if field == "external" and value and average:
        detail = "may not set both a target value for metric and a per-pod target"
        return [fe.forbidden(path / "value", detail)]
    if field not in ("resource", "containerResource"):
        return []
    if target.averageUtilization is None and not average:
        detail = "must set either a target raw value or a target utilization"
        return [fe.required(path / "averageUtilization", detail)]
    if target.averageUtilization is not None and average:
        detail = "may not set both a target raw value and a target utilization"
        return [fe.forbidden(path / "averageValue", detail)]
    return []


def cell(specs: Sequence[v2.MetricSpec], statuses: Sequence[v2.MetricStatus]) -> str:
    """`cpu: 10%/80%, 5/10 (avg) + 1 more...`."""
    if not specs:
        return "<none>"
    found = [
        _shown(spec, statuses[index] if index < len(statuses) else v2.MetricStatus(type=spec.type))
        for index, spec in enumerate(specs)
    ]
    text = ", ".join(found[:SHOWN])
    return f"{text} + {len(found) - SHOWN} more..." if len(found) > SHOWN else text


def _shown(spec: v2.MetricSpec, status: v2.MetricStatus) -> str:
    field = FIELDS.get(spec.type, "")
    source: Any = getattr(spec, field) if field else None
    if source is None:
        return "<unknown type>"
    reported: Any = getattr(status, field)
    current: Any = reported.current if reported is not None else None
    target: v2.MetricTarget = source.target or v2.MetricTarget()
    if field in ("resource", "containerResource"):
        return f"{source.name}: {_of_resource(target, current)}"
    if target.averageValue is not None:
        tail = "" if field == "pods" else " (avg)"
        return f"{_amount(current, 'averageValue')}/{target.averageValue}{tail}"
    return f"{_amount(current, 'value')}/{target.value if target.value is not None else UNKNOWN}"


def _of_resource(target: v2.MetricTarget, current: Any) -> str:
    if target.averageValue is not None:
        return f"{_amount(current, 'averageValue')}/{target.averageValue}"
    wanted = "<auto>" if target.averageUtilization is None else f"{target.averageUtilization}%"
    found = _amount(current, "averageUtilization")
    return f"{found}/{wanted}" if found == UNKNOWN else f"{found}%/{wanted}"


def _amount(current: Any, field: str) -> str:
    value = getattr(current, field) if current is not None else None
    return UNKNOWN if value is None else str(value)

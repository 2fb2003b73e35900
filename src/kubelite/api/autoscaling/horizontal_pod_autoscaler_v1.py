"""HorizontalPodAutoscaler of autoscaling/v1: one CPU target, everything else in annotations.

What: the view of an autoscaler that is stored as v2, and the way back, so that neither version loses what the other says.
Upstream: pkg/apis/autoscaling/v1/conversion.go, pkg/apis/autoscaling/annotations.go.
"""

from __future__ import annotations

import contextlib
from typing import Any, TypeVar

import msgspec

from kubelite.api.autoscaling import metrics
from kubelite.api.autoscaling.horizontal_pod_autoscaler import COLUMNS, CPU_UTILIZATION, HORIZONTAL_POD_AUTOSCALER, row
from kubelite.api.autoscaling.metric_conversion import spec_from_v2, spec_to_v2, status_from_v2, status_to_v2
from kubelite.api.types import autoscaling_v1 as v1
from kubelite.api.types import autoscaling_v2 as v2
from kubelite.api.types import autoscaling_v2beta1 as beta
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"
CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
ANNOTATIONS = (METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR)
"""Where older versions keep what they have no field for; never seen in v2."""

T = TypeVar("T")


def read(annotations: dict[str, str], key: str, type_: type[T]) -> T | None:
    """The value of an annotation; None if it is absent or not readable, which is not the client's object but its form."""
    text = annotations.get(key)
    if text is None:
        return None
    with contextlib.suppress(msgspec.DecodeError, msgspec.ValidationError, UnicodeError, ValueError):
        return msgspec.json.decode(text.encode(), type=type_)
    return None


def written(value: Any) -> str:
    """The text of an annotation."""
    return codec.encode(value).decode()


def without_annotations(annotations: dict[str, str]) -> dict[str, str]:
    """The annotations that are the user's own."""
    return {key: value for key, value in annotations.items() if key not in ANNOTATIONS}


def _is_cpu(metric: Any) -> bool:
    return metric.type == metrics.RESOURCE and metric.resource is not None and metric.resource.name == "cpu"


def _cpu_target(metric: v2.MetricSpec) -> int | None:
    if not _is_cpu(metric) or metric.resource is None or metric.resource.target is None:
        return None
    return metric.resource.target.averageUtilization


def to_stored(autoscaler: v1.HorizontalPodAutoscaler) -> v2.HorizontalPodAutoscaler:
    """The same autoscaler as v2; what its annotations say becomes fields again."""
    spec, annotations = autoscaler.spec, autoscaler.metadata.annotations
    found = [spec_to_v2(metric) for metric in read(annotations, METRICS, list[beta.MetricSpec]) or ()]
    if spec.targetCPUUtilizationPercentage is not None:
        found.append(metrics.cpu(spec.targetCPUUtilizationPercentage))
    if not found:
        found.append(metrics.cpu(CPU_UTILIZATION))
    metadata = codec.clone(autoscaler.metadata)
    metadata.annotations = without_annotations(annotations)
    return v2.HorizontalPodAutoscaler(
        metadata=metadata,
        spec=v2.HorizontalPodAutoscalerSpec(
            scaleTargetRef=_convert(spec.scaleTargetRef, v2.CrossVersionObjectReference),
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            metrics=found,
            behavior=read(annotations, BEHAVIOR, v2.HorizontalPodAutoscalerBehavior),
        ),
        status=_status_to_stored(autoscaler.status, annotations),
    )


def _convert(value: Any, type_: type[T]) -> T | None:
    return None if value is None else codec.convert(codec.to_generic(value), type_)


def _status_to_stored(
    status: v1.HorizontalPodAutoscalerStatus, annotations: dict[str, str]
) -> v2.HorizontalPodAutoscalerStatus:
    current = [status_to_v2(one) for one in read(annotations, CURRENT_METRICS, list[beta.MetricStatus]) or ()]
    if CURRENT_METRICS not in annotations and status.currentCPUUtilizationPercentage is not None:
        value = v2.MetricValueStatus(averageUtilization=status.currentCPUUtilizationPercentage)
        resource = v2.ResourceMetricStatus(name="cpu", current=value)
        current = [v2.MetricStatus(type=metrics.RESOURCE, resource=resource)]
    return v2.HorizontalPodAutoscalerStatus(
        observedGeneration=status.observedGeneration,
        lastScaleTime=status.lastScaleTime,
        currentReplicas=status.currentReplicas,
        desiredReplicas=status.desiredReplicas,
        currentMetrics=current,
        conditions=read(annotations, CONDITIONS, list[v2.HorizontalPodAutoscalerCondition]) or [],
    )


def from_stored(autoscaler: v2.HorizontalPodAutoscaler) -> v1.HorizontalPodAutoscaler:
    """The same autoscaler as v1; what it has no field for becomes annotations."""
    spec, status = autoscaler.spec, autoscaler.status
    metadata = codec.clone(autoscaler.metadata)
    annotations = metadata.annotations = without_annotations(metadata.annotations)
    others = [spec_from_v2(metric) for metric in spec.metrics if _cpu_target(metric) is None]
    for key, value in (
        (METRICS, others),
        (CURRENT_METRICS, [status_from_v2(one) for one in status.currentMetrics]),
        (CONDITIONS, status.conditions),
        (BEHAVIOR, spec.behavior),
    ):
        if value:
            annotations[key] = written(value)
    targets = [metric for metric in spec.metrics if _is_cpu(metric)]
    return v1.HorizontalPodAutoscaler(
        metadata=metadata,
        spec=v1.HorizontalPodAutoscalerSpec(
            scaleTargetRef=_convert(spec.scaleTargetRef, v1.CrossVersionObjectReference),
            minReplicas=spec.minReplicas,
            maxReplicas=spec.maxReplicas,
            targetCPUUtilizationPercentage=_cpu_target(targets[0]) if targets else None,
        ),
        status=v1.HorizontalPodAutoscalerStatus(
            observedGeneration=status.observedGeneration,
            lastScaleTime=status.lastScaleTime,
            currentReplicas=status.currentReplicas or 0,
            desiredReplicas=status.desiredReplicas or 0,
            currentCPUUtilizationPercentage=_measured_cpu(status),
        ),
    )


def _measured_cpu(status: v2.HorizontalPodAutoscalerStatus) -> int | None:
    found = None
    for metric in status.currentMetrics:
        current = metric.resource.current if _is_cpu(metric) and metric.resource is not None else None
        if current is not None and current.averageUtilization is not None:
            found = current.averageUtilization
    return found


HORIZONTAL_POD_AUTOSCALER_V1 = Kind(
    group="autoscaling",
    version="v1",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    type=v1.HorizontalPodAutoscaler,
    short_names=HORIZONTAL_POD_AUTOSCALER.short_names,
    categories=HORIZONTAL_POD_AUTOSCALER.categories,
    subresources=HORIZONTAL_POD_AUTOSCALER.subresources,
    stored_as=HORIZONTAL_POD_AUTOSCALER,
    to_stored=to_stored,
    from_stored=from_stored,
    validate=HORIZONTAL_POD_AUTOSCALER.validate,
    columns=COLUMNS,
    row=row,
)
"""`validate` and `row` take the stored (v2) object."""

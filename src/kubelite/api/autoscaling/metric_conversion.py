"""Metrics of autoscaling/v2 ⇄ those of v2beta1.

What: specs and statuses, each way. Flow: `conversion` (autoscaling/v1, whose annotations hold this form) and `v2beta1` call it.
Upstream: pkg/apis/autoscaling/v2beta1/conversion.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.autoscaling.metrics import AVERAGE_VALUE, UTILIZATION, VALUE
from kubelite.api.types import autoscaling_v2 as v2
from kubelite.api.types import autoscaling_v2beta1 as beta
from kubelite.api.types.base import Quantity

_NO_TARGET = v2.MetricTarget()
_NO_METRIC = v2.MetricIdentifier()
_NO_VALUE = v2.MetricValueStatus()


def _of_resource(source: beta.ResourceMetricSource | beta.ContainerResourceMetricSource) -> v2.MetricTarget:
    return v2.MetricTarget(
        type=AVERAGE_VALUE if source.targetAverageUtilization is None else UTILIZATION,
        averageUtilization=source.targetAverageUtilization,
        averageValue=source.targetAverageValue,
    )


def _of_values(value: Quantity | None, average: Quantity | None) -> v2.MetricTarget:
    return v2.MetricTarget(type=VALUE if average is None else AVERAGE_VALUE, value=value, averageValue=average)


def spec_to_v2(spec: beta.MetricSpec) -> v2.MetricSpec:
    """What is wanted, as v2 writes it."""
    found = v2.MetricSpec(type=spec.type)
    if spec.object is not None:
        found.object = v2.ObjectMetricSource(
            describedObject=spec.object.target,
            metric=v2.MetricIdentifier(name=spec.object.metricName, selector=spec.object.selector),
            target=_of_values(
                spec.object.targetValue if spec.object.averageValue is None else None, spec.object.averageValue
            ),
        )
    if spec.pods is not None:
        found.pods = v2.PodsMetricSource(
            metric=v2.MetricIdentifier(name=spec.pods.metricName, selector=spec.pods.selector),
            target=v2.MetricTarget(type=AVERAGE_VALUE, averageValue=spec.pods.targetAverageValue),
        )
    if spec.resource is not None:
        found.resource = v2.ResourceMetricSource(name=spec.resource.name, target=_of_resource(spec.resource))
    if spec.containerResource is not None:
        found.containerResource = v2.ContainerResourceMetricSource(
            name=spec.containerResource.name,
            container=spec.containerResource.container,
            target=_of_resource(spec.containerResource),
        )
    if spec.external is not None:
        found.external = v2.ExternalMetricSource(
            metric=v2.MetricIdentifier(name=spec.external.metricName, selector=spec.external.metricSelector),
            target=_of_values(spec.external.targetValue, spec.external.targetAverageValue),
        )
    return found


def _wanted(target: v2.MetricTarget | None) -> dict[str, Any]:
    target = target or _NO_TARGET
    return {"targetAverageUtilization": target.averageUtilization, "targetAverageValue": target.averageValue}


def spec_from_v2(spec: v2.MetricSpec) -> beta.MetricSpec:
    """What is wanted, as v2beta1 writes it."""
    found = beta.MetricSpec(type=spec.type)
    if spec.object is not None:
        metric, target = spec.object.metric or _NO_METRIC, spec.object.target or _NO_TARGET
        found.object = beta.ObjectMetricSource(
            target=spec.object.describedObject,
            metricName=metric.name,
            selector=metric.selector,
            targetValue="0" if target.value is None else target.value,
            averageValue=target.averageValue,
        )
    if spec.pods is not None:
        metric, target = spec.pods.metric or _NO_METRIC, spec.pods.target or _NO_TARGET
        found.pods = beta.PodsMetricSource(
            metricName=metric.name, selector=metric.selector, targetAverageValue=target.averageValue
        )
    if spec.resource is not None:
        found.resource = beta.ResourceMetricSource(name=spec.resource.name, **_wanted(spec.resource.target))
    if spec.containerResource is not None:
        source = spec.containerResource
        found.containerResource = beta.ContainerResourceMetricSource(
            name=source.name, container=source.container, **_wanted(source.target)
        )
    if spec.external is not None:
        metric, target = spec.external.metric or _NO_METRIC, spec.external.target or _NO_TARGET
        found.external = beta.ExternalMetricSource(
            metricName=metric.name,
            metricSelector=metric.selector,
            targetValue=target.value,
            targetAverageValue=target.averageValue,
        )
    return found


def status_to_v2(status: beta.MetricStatus) -> v2.MetricStatus:
    """What was measured, as v2 writes it."""
    found = v2.MetricStatus(type=status.type)
    if status.object is not None:
        found.object = v2.ObjectMetricStatus(
            describedObject=status.object.target,
            metric=v2.MetricIdentifier(name=status.object.metricName, selector=status.object.selector),
            current=v2.MetricValueStatus(value=status.object.currentValue, averageValue=status.object.averageValue),
        )
    if status.pods is not None:
        found.pods = v2.PodsMetricStatus(
            metric=v2.MetricIdentifier(name=status.pods.metricName, selector=status.pods.selector),
            current=v2.MetricValueStatus(averageValue=status.pods.currentAverageValue),
        )
    if status.resource is not None:
        found.resource = v2.ResourceMetricStatus(name=status.resource.name, current=_measured(status.resource))
    if status.containerResource is not None:
        found.containerResource = v2.ContainerResourceMetricStatus(
            name=status.containerResource.name,
            container=status.containerResource.container,
            current=_measured(status.containerResource),
        )
    if status.external is not None:
        found.external = v2.ExternalMetricStatus(
            metric=v2.MetricIdentifier(name=status.external.metricName, selector=status.external.metricSelector),
            current=v2.MetricValueStatus(
                value=status.external.currentValue, averageValue=status.external.currentAverageValue
            ),
        )
    return found


def _measured(status: beta.ResourceMetricStatus | beta.ContainerResourceMetricStatus) -> v2.MetricValueStatus:
    return v2.MetricValueStatus(
        averageUtilization=status.currentAverageUtilization, averageValue=status.currentAverageValue
    )


def _amount(value: Quantity | None) -> Quantity:
    """An amount that the older version always writes."""
    return "0" if value is None else value


def _current(value: v2.MetricValueStatus | None) -> dict[str, Any]:
    value = value or _NO_VALUE
    return {"currentAverageUtilization": value.averageUtilization, "currentAverageValue": _amount(value.averageValue)}


def status_from_v2(status: v2.MetricStatus) -> beta.MetricStatus:
    """What was measured, as v2beta1 writes it."""
    found = beta.MetricStatus(type=status.type)
    if status.object is not None:
        metric, current = status.object.metric or _NO_METRIC, status.object.current or _NO_VALUE
        found.object = beta.ObjectMetricStatus(
            target=status.object.describedObject,
            metricName=metric.name,
            selector=metric.selector,
            currentValue=_amount(current.value),
            averageValue=current.averageValue,
        )
    if status.pods is not None:
        metric, current = status.pods.metric or _NO_METRIC, status.pods.current or _NO_VALUE
        found.pods = beta.PodsMetricStatus(
            metricName=metric.name, selector=metric.selector, currentAverageValue=_amount(current.averageValue)
        )
    if status.resource is not None:
        found.resource = beta.ResourceMetricStatus(name=status.resource.name, **_current(status.resource.current))
    if status.containerResource is not None:
        source = status.containerResource
        found.containerResource = beta.ContainerResourceMetricStatus(
            name=source.name, container=source.container, **_current(source.current)
        )
    if status.external is not None:
        metric, current = status.external.metric or _NO_METRIC, status.external.current or _NO_VALUE
        found.external = beta.ExternalMetricStatus(
            metricName=metric.name,
            metricSelector=metric.selector,
            currentValue=_amount(current.value),
            currentAverageValue=current.averageValue,
        )
    return found

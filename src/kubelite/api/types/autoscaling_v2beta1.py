"""The types of `autoscaling_v2beta1`, which Kubernetes served until 1.24. Written by hand.

Why: that version is still accepted, and autoscaling/v1 keeps what it has no field for in annotations of this form.
"""

from __future__ import annotations

from msgspec import field

from kubelite.api.types.autoscaling_v2 import (
    CrossVersionObjectReference,
    HorizontalPodAutoscalerCondition,
)
from kubelite.api.types.base import Int32, Int64, Object, Quantity, Time
from kubelite.api.types.meta_v1 import LabelSelector, ObjectMeta


class ObjectMetricSource(Object):
    target: CrossVersionObjectReference | None = None
    metricName: str = ""
    targetValue: Quantity | None = None
    selector: LabelSelector | None = None
    averageValue: Quantity | None = None


class PodsMetricSource(Object):
    metricName: str = ""
    targetAverageValue: Quantity | None = None
    selector: LabelSelector | None = None


class ResourceMetricSource(Object):
    name: str = ""
    targetAverageUtilization: Int32 | None = None
    targetAverageValue: Quantity | None = None


class ContainerResourceMetricSource(Object):
    name: str = ""
    targetAverageUtilization: Int32 | None = None
    targetAverageValue: Quantity | None = None
    container: str = ""


class ExternalMetricSource(Object):
    metricName: str = ""
    metricSelector: LabelSelector | None = None
    targetValue: Quantity | None = None
    targetAverageValue: Quantity | None = None


class MetricSpec(Object):
    type: str = ""
    object: ObjectMetricSource | None = None
    pods: PodsMetricSource | None = None
    resource: ResourceMetricSource | None = None
    containerResource: ContainerResourceMetricSource | None = None
    external: ExternalMetricSource | None = None


class ObjectMetricStatus(Object):
    target: CrossVersionObjectReference | None = None
    metricName: str = ""
    currentValue: Quantity | None = None
    selector: LabelSelector | None = None
    averageValue: Quantity | None = None


class PodsMetricStatus(Object):
    metricName: str = ""
    currentAverageValue: Quantity | None = None
    selector: LabelSelector | None = None


class ResourceMetricStatus(Object):
    name: str = ""
    currentAverageUtilization: Int32 | None = None
    currentAverageValue: Quantity | None = None


class ContainerResourceMetricStatus(Object):
    name: str = ""
    currentAverageUtilization: Int32 | None = None
    currentAverageValue: Quantity | None = None
    container: str = ""


class ExternalMetricStatus(Object):
    metricName: str = ""
    metricSelector: LabelSelector | None = None
    currentValue: Quantity | None = None
    currentAverageValue: Quantity | None = None


class MetricStatus(Object):
    type: str = ""
    object: ObjectMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    resource: ResourceMetricStatus | None = None
    containerResource: ContainerResourceMetricStatus | None = None
    external: ExternalMetricStatus | None = None


class HorizontalPodAutoscalerSpec(Object):
    scaleTargetRef: CrossVersionObjectReference | None = None
    minReplicas: Int32 | None = None
    maxReplicas: Int32 | None = None
    metrics: list[MetricSpec] = field(default_factory=list)


class HorizontalPodAutoscalerStatus(Object):
    observedGeneration: Int64 | None = None
    lastScaleTime: Time | None = None
    currentReplicas: Int32 | None = None
    desiredReplicas: Int32 | None = None
    currentMetrics: list[MetricStatus] = field(default_factory=list)
    conditions: list[HorizontalPodAutoscalerCondition] = field(default_factory=list)


class HorizontalPodAutoscaler(Object):
    metadata: ObjectMeta = field(default_factory=lambda: ObjectMeta())
    apiVersion: str = ""
    kind: str = ""
    spec: HorizontalPodAutoscalerSpec = field(default_factory=lambda: HorizontalPodAutoscalerSpec())
    status: HorizontalPodAutoscalerStatus = field(default_factory=lambda: HorizontalPodAutoscalerStatus())

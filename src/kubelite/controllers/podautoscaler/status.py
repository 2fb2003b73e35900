"""Conditions, metric values and texts in the status of an autoscaler: pure.

Source: pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kubelite.api.types import autoscaling_v2 as v2
from kubelite.controllers.podautoscaler.replicas import Proposal
from kubelite.machinery import quantity, times

ABLE = "AbleToScale"
ACTIVE = "ScalingActive"
LIMITED = "ScalingLimited"
MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Found:
    """What a metric says. `name` is how events call it."""

    replicas: int
    name: str
    status: v2.MetricStatus


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a metric says nothing. `detail` is for the condition and its event, `message` for what sums all up."""

    reason: str
    detail: str
    message: str


class Conditions:
    """The conditions of a status while it is worked out; a condition's time changes with its status only."""

    def __init__(self, present: Sequence[v2.HorizontalPodAutoscalerCondition], now: datetime) -> None:
        self._now = times.now_text(now)
        self._all = {one.type: one for one in present}

    def set(self, type_: str, status: bool, reason: str, message: str) -> None:
        """Say something."""
        before, text = self._all.get(type_), "True" if status else "False"
        since = before.lastTransitionTime if before is not None and before.status == text else self._now
        self._all[type_] = v2.HorizontalPodAutoscalerCondition(
            type=type_, status=text, reason=reason, message=message, lastTransitionTime=since
        )

    def list(self) -> list[v2.HorizontalPodAutoscalerCondition]:
        """All of them, in the order in which they were first said."""
        return list(self._all.values())


def current(spec: v2.MetricSpec, proposal: Proposal) -> v2.MetricStatus:
    """What was measured, in the form of its source."""
    measured = (spec.resource or spec.containerResource) if spec.type in ("Resource", "ContainerResource") else None
    family = "Bi" if measured is not None and measured.name == MEMORY else "SI"
    amount = quantity.from_milli(proposal.value, family)
    target = target_of(spec)
    plain = spec.type in ("Object", "External") and target.averageValue is None
    value = v2.MetricValueStatus(
        averageUtilization=proposal.utilization,
        value=amount if plain else None,
        averageValue=None if plain else amount,
    )
    found = v2.MetricStatus(type=spec.type)
    if spec.resource is not None and spec.type == "Resource":
        found.resource = v2.ResourceMetricStatus(name=spec.resource.name, current=value)
    elif spec.containerResource is not None and spec.type == "ContainerResource":
        one = spec.containerResource
        found.containerResource = v2.ContainerResourceMetricStatus(
            name=one.name, container=one.container, current=value
        )
    elif spec.pods is not None and spec.type == "Pods":
        found.pods = v2.PodsMetricStatus(metric=spec.pods.metric, current=value)
    elif spec.object is not None and spec.type == "Object":
        found.object = v2.ObjectMetricStatus(
            metric=spec.object.metric, describedObject=spec.object.describedObject, current=value
        )
    elif spec.external is not None:
        found.external = v2.ExternalMetricStatus(metric=spec.external.metric, current=value)
    return found


def target_of(spec: v2.MetricSpec) -> v2.MetricTarget:
    """What the metric should be."""
    source = spec.resource or spec.containerResource or spec.pods or spec.object or spec.external
    return (source.target if source is not None else None) or v2.MetricTarget()


def selector_text(metric: v2.MetricIdentifier) -> str:
    """A metric with its selector, as upstream's messages print one."""
    selector = metric.selector
    if selector is None:
        return f"{metric.name}(nil)"
    requirements = "".join(
        f"LabelSelectorRequirement{{Key:{one.key},Operator:{one.operator},Values:[{' '.join(one.values)}],}},"
        for one in selector.matchExpressions
    )
    return (
        f"{metric.name}(&LabelSelector{{MatchLabels:{_map(selector.matchLabels)},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{requirements}}},}})"
    )


def _map(labels: Mapping[str, str]) -> str:
    return "map[string]string{" + "".join(f"{name}: {labels[name]}," for name in sorted(labels)) + "}"

"""From a metric of an autoscaler to the replicas that it asks for: reads, then computes.

What: `Sources.propose`. Why: five kinds of metrics read from three APIs, each with its words for what went wrong.
Flow: metric spec → `MetricsReader` → `replicas` → `Found`; what cannot be computed is a `Failure`.
Source: pkg/controller/podautoscaler/horizontal.go (computeReplicasForMetric).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kubelite.api.types import autoscaling_v2 as v2
from kubelite.controllers.podautoscaler.pods import Metrics, Unknown, ready_count
from kubelite.controllers.podautoscaler.reader import MetricsReader
from kubelite.controllers.podautoscaler.replicas import Proposal, Scene, by_average, by_share, by_utilization, by_value
from kubelite.controllers.podautoscaler.status import Failure, Found, current, selector_text, target_of
from kubelite.controllers.scale import NoSuchKind, Scales
from kubelite.machinery import labels, quantity
from kubelite.machinery.errors import StatusError

NEITHER = "neither an average utilization target nor an average value (usage) target was set"
NO_VALUE = "neither a value target nor an average value target was set"


@dataclass(frozen=True, slots=True)
class Question:
    """What one round of an autoscaler asks about: the scene, and what names the pods and counts them."""

    scene: Scene
    namespace: str
    selector: str
    status_replicas: int


class Sources:
    """See the module."""

    def __init__(self, reader: MetricsReader, scales: Scales) -> None:
        self._reader = reader
        self._scales = scales
        self._by_type: Mapping[str, Callable[[v2.MetricSpec, Question], Awaitable[tuple[Proposal, str]]]] = {
            "Resource": self._resource,
            "ContainerResource": self._resource,
            "Pods": self._pods,
            "Object": self._object,
            "External": self._external,
        }

    async def propose(self, spec: v2.MetricSpec, question: Question) -> Found | Failure:
        """What this metric asks for. Never raises for what the metrics APIs answer."""
        compute = self._by_type.get(spec.type)
        if compute is None:
            text = f'unknown metric source type "{spec.type}"'
            return Failure("InvalidMetricSourceType", text, text)
        try:
            proposal, name = await compute(spec, question)
        except Unknown as error:
            return Failure(f"FailedGet{spec.type}Metric", str(error), f"{_prefix(spec)}: {_detail(spec)}{error}")
        return Found(proposal.replicas, name, current(spec, proposal))

    async def _resource(self, spec: v2.MetricSpec, question: Question) -> tuple[Proposal, str]:
        container = spec.containerResource.container if spec.containerResource is not None else ""
        source = spec.containerResource or spec.resource
        name = source.name if source is not None else ""
        target = target_of(spec)
        if target.averageValue is None and target.averageUtilization is None:
            raise Unknown(f"invalid resource metric source: {NEITHER}")
        what = "usage" if target.averageValue is not None else "utilization"
        try:
            metrics = await self._resource_metrics(question, name, container)
            if target.averageValue is not None:
                wanted = quantity.milli(target.averageValue)
                return by_average(question.scene, metrics, name, wanted), f"{name} resource"
            percent = target.averageUtilization or 0
            found = by_utilization(question.scene, metrics, name, percent, container)
            kind = "container resource" if container else "resource"
            return found, f"{name} {kind} utilization (percentage of request)"
        except Unknown as error:
            raise Unknown(f"failed to get {name} {what}: {error}") from None

    async def _resource_metrics(self, question: Question, name: str, container: str) -> Metrics:
        try:
            return await self._reader.resource(question.namespace, question.selector, name, container)
        except Unknown as error:
            raise Unknown(f"unable to get metrics for resource {name}: {error}") from None

    async def _pods(self, spec: v2.MetricSpec, question: Question) -> tuple[Proposal, str]:
        metric = (spec.pods.metric if spec.pods is not None else None) or v2.MetricIdentifier()
        wanted = quantity.milli(target_of(spec).averageValue or 0)
        try:
            metrics = await self._reader.of_pods(question.namespace, question.selector, metric.name, _selector(metric))
        except Unknown as error:
            raise Unknown(f"unable to get metric {metric.name}: {error}") from None
        return by_average(question.scene, metrics, "", wanted), f"pods metric {metric.name}"

    async def _object(self, spec: v2.MetricSpec, question: Question) -> tuple[Proposal, str]:
        source = spec.object or v2.ObjectMetricSource()
        metric, target = source.metric or v2.MetricIdentifier(), target_of(spec)
        described = source.describedObject or v2.CrossVersionObjectReference()
        if target.value is None and target.averageValue is None:
            raise Unknown(f"invalid object metric source: {NO_VALUE}")
        try:
            path = await self._path(described, question.namespace)
            total = await self._reader.of_object(path, metric.name, _selector(metric))
        except Unknown as error:
            # Upstream prints them in this order.
            where = f"{described.kind} on {question.namespace} {described.name}"
            raise Unknown(f"unable to get metric {metric.name}: {where}/{error}") from None
        name = f"{described.kind} metric {metric.name}"
        if target.averageValue is not None:
            name = f"external metric {selector_text(metric)}"
        return self._of_total(question, total, target), name

    async def _path(self, described: v2.CrossVersionObjectReference, namespace: str) -> str:
        """Where the custom metrics API has metrics of an object."""
        if described.kind == "Namespace" and described.apiVersion in ("", "v1"):
            return f"namespaces/{described.name}/metrics"
        try:
            found = await self._scales.resource(described.apiVersion or "v1", described.kind)
        except (NoSuchKind, StatusError) as error:
            raise Unknown(str(error)) from None
        resource = f"{found.plural}.{found.group}" if found.group else found.plural
        return (
            f"namespaces/{namespace}/{resource}/{described.name}"
            if found.namespaced
            else f"{resource}/{described.name}"
        )

    async def _external(self, spec: v2.MetricSpec, question: Question) -> tuple[Proposal, str]:
        metric = (spec.external.metric if spec.external is not None else None) or v2.MetricIdentifier()
        target = target_of(spec)
        if target.value is None and target.averageValue is None:
            raise Unknown(f"invalid external metric source: {NO_VALUE}")
        try:
            total = await self._reader.external(question.namespace, metric.name, _selector(metric))
        except Unknown as error:
            shown = selector_text(metric).removeprefix(metric.name)[1:-1]
            raise Unknown(
                f"unable to get external metric {question.namespace}/{metric.name}/{shown}: {error}"
            ) from None
        return self._of_total(question, total, target), f"external metric {selector_text(metric)}"

    def _of_total(self, question: Question, total: int, target: v2.MetricTarget) -> Proposal:
        scene = question.scene
        if target.averageValue is not None:
            return by_share(question.status_replicas, total, quantity.milli(target.averageValue), scene.tolerances)
        try:
            return by_value(scene, total, quantity.milli(target.value or 0), lambda: ready_count(scene.pods))
        except Unknown as error:
            raise Unknown(f"unable to calculate ready pods: {error}") from None


def _selector(metric: v2.MetricIdentifier) -> str:
    return str(labels.from_label_selector(metric.selector)) if metric.selector is not None else ""


def _prefix(spec: v2.MetricSpec) -> str:
    """How the sum of all failures begins."""
    if spec.resource is not None:
        return f"failed to get {spec.resource.name} resource metric value"
    if spec.containerResource is not None:
        return f"failed to get {spec.containerResource.container} container metric value"
    if spec.external is not None:
        name = spec.external.metric.name if spec.external.metric is not None else ""
        return f"failed to get {name} external metric value"
    return f"failed to get {spec.type.lower()} metric value"


def _detail(spec: v2.MetricSpec) -> str:
    """What the sum of all failures says again of a metric of an object or from outside."""
    target = target_of(spec)
    if spec.object is not None and spec.object.metric is not None and target.averageValue is not None:
        return f"failed to get {spec.object.metric.name} object metric: "
    if spec.external is not None and spec.external.metric is not None:
        if target.averageValue is not None:
            return f"failed to get {spec.external.metric.name} external metric: "
        if target.value is not None:
            return f"failed to get external metric {spec.external.metric.name}: "
    return ""

"""Reads metrics from the three metrics APIs, which extension API servers serve.

What: `MetricsReader`: resource metrics (metrics.k8s.io), custom and external metrics. Why: autoscalers know metrics by these APIs
only, whoever serves them. Flow: GET through the API server → numbers in thousandths. Whatever goes wrong becomes `Unknown` with
upstream's words. Source: pkg/controller/podautoscaler/metrics/client.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.controllers.podautoscaler.pods import Metrics, Sample, Unknown
from kubelite.machinery import quantity, times
from kubelite.machinery.errors import StatusError

CUSTOM_VERSIONS = ("v1beta2", "v1beta1")
CUSTOM_WINDOW = 60.0
VERSION_SECONDS = 600.0
T = TypeVar("T")


class _Meta(msgspec.Struct, frozen=True):
    name: str = ""
    namespace: str = ""


class _Measured(msgspec.Struct):
    name: str = ""
    usage: dict[str, str | int | float] = {}


class _PodMetrics(msgspec.Struct):
    metadata: _Meta = _Meta()
    timestamp: str = ""
    window: str = ""
    containers: list[_Measured] = []


class _PodMetricsList(msgspec.Struct):
    items: list[_PodMetrics] | None = None


class _Value(msgspec.Struct):
    value: str | int | float
    describedObject: _Meta = _Meta()
    timestamp: str = ""
    windowSeconds: float | None = None


class _Values(msgspec.Struct):
    items: list[_Value] | None = None


class _GroupVersion(msgspec.Struct):
    version: str = ""


class _Group(msgspec.Struct):
    versions: list[_GroupVersion] = []


class MetricsReader:
    """`monotonic` gives seconds; the version of the custom metrics API is asked for now and then."""

    def __init__(self, client: Client, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._now = monotonic
        self._version = ("", 0.0)

    async def resource(self, namespace: str, selector: str, resource: str, container: str = "") -> Metrics:
        """What the pods use of `resource`, or their containers of one name. Raises Unknown."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        try:
            found = await self._get(path, {"labelSelector": selector}, _PodMetricsList, "get pods.metrics.k8s.io")
        except Unknown as error:
            raise Unknown(f"unable to fetch metrics from resource metrics API: {error}") from None
        if not found.items:
            raise Unknown("no metrics returned from resource metrics API")
        return _of_container(found.items, resource, container) if container else _of_pods(found.items, resource)

    async def of_pods(self, namespace: str, selector: str, metric: str, metric_selector: str) -> Metrics:
        """A custom metric of each pod. Raises Unknown."""
        query = {"labelSelector": selector, "metricLabelSelector": metric_selector}
        found = await self._custom(f"namespaces/{namespace}/pods/*/{metric}", query)
        return {
            item.describedObject.name: Sample(
                _milli(item.value),
                _time(item.timestamp),
                CUSTOM_WINDOW if item.windowSeconds is None else item.windowSeconds,
            )
            for item in found
        }

    async def of_object(self, path: str, metric: str, metric_selector: str) -> int:
        """A custom metric of the object at `path`, such as "namespaces/a/services/b". Raises Unknown."""
        found = await self._custom(f"{path}/{metric}", {"metricLabelSelector": metric_selector})
        return _milli(found[0].value)

    async def external(self, namespace: str, metric: str, metric_selector: str) -> int:
        """The sum of an external metric. Raises Unknown."""
        path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{metric}"
        asked = f"get {metric}.external.metrics.k8s.io"
        try:
            found = await self._get(path, {"labelSelector": metric_selector}, _Values, asked)
        except Unknown as error:
            raise Unknown(f"unable to fetch metrics from external metrics API: {error}") from None
        if not found.items:
            raise Unknown("no metrics returned from external metrics API")
        return sum(_milli(item.value) for item in found.items)

    async def _custom(self, path: str, query: Mapping[str, str]) -> list[_Value]:
        resource = path.split("/")[-3] if path.count("/") > 2 else path.split("/")[0]
        metric = path.rpartition("/")[2]
        try:
            version = await self._custom_version()
            asked = f"get {resource}.custom.metrics.k8s.io {metric}"
            found = await self._get(f"/apis/custom.metrics.k8s.io/{version}/{path}", query, _Values, asked)
        except Unknown as error:
            raise Unknown(f"unable to fetch metrics from custom metrics API: {error}") from None
        if not found.items:
            raise Unknown("no metrics returned from custom metrics API")
        return found.items

    async def _custom_version(self) -> str:
        version, until = self._version
        if version and self._now() < until:
            return version
        try:
            group = await self._get("/apis/custom.metrics.k8s.io", {}, _Group, "")
        except Unknown:
            group = _Group()
        served = {one.version for one in group.versions}
        for version in CUSTOM_VERSIONS:
            if version in served:
                self._version = (version, self._now() + VERSION_SECONDS)
                return version
        raise Unknown("no custom metrics API (custom.metrics.k8s.io) registered")

    async def _get(self, path: str, query: Mapping[str, str], type_: type[T], asked: str) -> T:
        try:
            response = await self._client.request("GET", path, query={k: v for k, v in query.items() if v})
            return msgspec.json.decode(response.body, type=type_)
        except StatusError as error:
            hint = (
                f" ({asked})"
                if asked and error.message.endswith("the server could not find the requested resource")
                else ""
            )
            raise Unknown(f"{error}{hint}") from None
        except (ConnectionFailed, msgspec.MsgspecError) as error:
            raise Unknown(str(error)) from None


def _of_pods(items: list[_PodMetrics], resource: str) -> Metrics:
    """Pods of which a container was not measured count as not measured."""
    return {
        item.metadata.name: _sample(item, sum(_milli(one.usage[resource]) for one in item.containers))
        for item in items
        if item.containers and all(resource in one.usage for one in item.containers)
    }


def _of_container(items: list[_PodMetrics], resource: str, container: str) -> Metrics:
    found: Metrics = {}
    for item in items:
        measured = next((one for one in item.containers if one.name == container), None)
        if measured is None:
            where = f"{item.metadata.namespace}/{item.metadata.name}"
            raise Unknown(f"container {container} not present in metrics for pod {where}")
        if resource in measured.usage:
            found[item.metadata.name] = _sample(item, _milli(measured.usage[resource]))
    return found


def _sample(item: _PodMetrics, value: int) -> Sample:
    try:
        window = times.parse_duration(item.window) if item.window else 0.0
    except ValueError as error:
        raise Unknown(str(error)) from None
    return Sample(value, _time(item.timestamp), window)


def _milli(amount: str | int | float) -> int:
    try:
        return quantity.milli(amount)
    except ValueError as error:
        raise Unknown(str(error)) from None


def _time(text: str) -> datetime:
    try:
        return times.parse(text) if text else datetime.fromtimestamp(0, UTC)
    except ValueError as error:
        raise Unknown(str(error)) from None

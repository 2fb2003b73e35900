"""The pods behind an autoscaler, sorted by what their measurements are worth: pure.

Why: a pod that is starting uses much CPU and serves nothing; believing it would scale up for nothing.
Flow: pods and metrics in → who is ready, unready, missing, ignored, and what each one requests.
Source: pkg/controller/podautoscaler/replica_calculator.go (groupPods, calculatePodRequests).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import field as member

from kubelite.api.logic import podstatus
from kubelite.api.types.base import Object
from kubelite.controllers.objects import Meta, PodCondition
from kubelite.machinery import quantity, times

CPU = "cpu"


class Resources(Object):
    requests: dict[str, str | int | float] = member(default_factory=dict)


class Container(Object):
    """A container, as far as its requests go."""

    name: str = ""
    resources: Resources = member(default_factory=Resources)
    restartPolicy: str | None = None


class PodSpec(Object):
    containers: list[Container] = member(default_factory=list)
    initContainers: list[Container] = member(default_factory=list)
    resources: Resources | None = None


class PodStatus(Object):
    conditions: list[PodCondition] = member(default_factory=list)
    phase: str = ""
    startTime: str | None = None


class Pod(Object):
    """A pod, as far as autoscalers look at it."""

    metadata: Meta = member(default_factory=Meta)
    spec: PodSpec = member(default_factory=PodSpec)
    status: PodStatus = member(default_factory=PodStatus)


@dataclass(frozen=True, slots=True)
class Sample:
    """A measured value in thousandths, the end of the measuring and its seconds."""

    value: int
    at: datetime
    window: float = 60.0


Metrics = dict[str, Sample]
"""Pod name → what was measured."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds after a pod's start in which its CPU is not believed until it is ready."""

    cpu_initialization: float = 300.0
    initial_readiness: float = 30.0


@dataclass(slots=True)
class Groups:
    ready: int = 0
    unready: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)


class Unknown(Exception):
    """The number of replicas cannot be computed; the text says why, as upstream says it."""


def group(
    pods: Sequence[Pod], metrics: Mapping[str, Sample], resource: str, now: datetime, patience: Patience
) -> Groups:
    """Each pod in its group."""
    found = Groups()
    for pod in pods:
        name, status = pod.metadata.name, pod.status
        if pod.metadata.deletionTimestamp is not None or status.phase == "Failed":
            found.ignored.add(name)
        elif status.phase == "Pending":
            found.unready.add(name)
        elif name not in metrics:
            found.missing.add(name)
        elif resource == CPU and not _believed(pod, metrics[name], now, patience):
            found.unready.add(name)
        else:
            found.ready += 1
    return found


def _believed(pod: Pod, sample: Sample, now: datetime, patience: Patience) -> bool:
    """Whether the CPU of a pod says something about its work."""
    ready, started = podstatus.condition(pod, "Ready"), pod.status.startTime
    if ready is None or started is None:
        return False
    begun = times.parse(started)
    changed = times.parse(ready.lastTransitionTime) if ready.lastTransitionTime else begun
    if begun + timedelta(seconds=patience.cpu_initialization) > now:
        return ready.status != "False" and sample.at >= changed + timedelta(seconds=sample.window)
    never_ready = begun + timedelta(seconds=patience.initial_readiness) > changed
    return not (ready.status == "False" and never_ready)


def requests(pods: Sequence[Pod], container: str, resource: str) -> dict[str, int]:
    """Thousandths that each pod requests, or its container of that name. Raises Unknown where one requests nothing."""
    found: dict[str, int] = {}
    for pod in pods:
        name, lasting = pod.metadata.name, _lasting(pod, container)
        if not container and pod.spec.resources is not None and pod.spec.resources.requests:
            found[name] = _of_whole(pod, lasting, resource)
        elif container and not lasting:
            raise Unknown(f"container {container} not found in Pod {name}")
        else:
            found[name] = sum(_request(pod, one, resource) for one in lasting)
    return found


def _of_whole(pod: Pod, lasting: Sequence[Container], resource: str) -> int:
    """A pod that requests something as a whole: this resource too, or else what its containers request of it."""
    whole = pod.spec.resources.requests.get(resource) if pod.spec.resources is not None else None
    if whole is not None:
        return quantity.milli(whole)
    parts = [one.resources.requests[resource] for one in lasting if resource in one.resources.requests]
    if not parts:
        raise Unknown(f"missing pod-level request for {resource} in Pod {pod.metadata.name}")
    return sum(quantity.milli(part) for part in parts)


def _lasting(pod: Pod, container: str) -> list[Container]:
    sidecars = [one for one in pod.spec.initContainers if one.restartPolicy == "Always"]
    return [one for one in (*pod.spec.containers, *sidecars) if not container or one.name == container]


def _request(pod: Pod, container: Container, resource: str) -> int:
    amount = container.resources.requests.get(resource)
    if amount is None:
        raise Unknown(f"missing request for {resource} in container {container.name} of Pod {pod.metadata.name}")
    return quantity.milli(amount)


def ready_count(pods: Sequence[Pod]) -> int:
    """How many pods run and are ready. Raises Unknown if there are no pods at all."""
    if not pods:
        raise Unknown("no pods returned by selector while calculating replica count")
    return sum(pod.status.phase == "Running" and podstatus.is_ready(pod) for pod in pods)

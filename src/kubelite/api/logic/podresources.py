"""How much of each resource a pod asks for, and the quality of service that follows.

What: effective requests and limits of a pod as whole numbers (cpu in thousandths, everything else in units), and its QoS
class. Why: scheduler, kubelet, quota and eviction must count alike. Rules: containers run together and add up; init
containers run one after the other, each beside the sidecars started before it, so the largest counts; pod-level amounts
replace what the containers add up to; overhead comes on top. Upstream: component-helpers/resource, pkg/apis/core/v1/helper/qos.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity

Amounts = dict[str, int]
PodLike = Any
"""A Pod, or any struct with the same attributes where it is read."""

GUARANTEED = "Guaranteed"
BURSTABLE = "Burstable"
BEST_EFFORT = "BestEffort"
_NOTHING: Amounts = {}


@lru_cache(maxsize=4096, typed=True)
def amount(name: str, quantity_text: Quantity) -> int:
    """One amount as a whole number, rounded up: cpu in thousandths, everything else in units.

    Kept, as a cluster of thousands of pods knows a few dozen amounts.
    """
    return quantity.milli(quantity_text) if name == "cpu" else quantity.value(quantity_text)


def amounts(resources: Mapping[str, Quantity]) -> Amounts:
    """A resource list as whole numbers."""
    return {name: amount(name, text) for name, text in resources.items()}


def amount_text(name: str, number: int) -> str:
    """A whole number of `amounts` as a quantity text."""
    if name == "cpu":
        return quantity.from_milli(number)
    return quantity.from_value(number, "Bi" if number and number % 1024 == 0 else "SI")


def is_pod_level(name: str) -> bool:
    """Whether `spec.resources` of a pod may name this resource."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def is_sidecar(container: Any) -> bool:
    """An init container that keeps running beside the others."""
    return bool(container.restartPolicy == "Always")


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, number in more.items():
        total[name] = total.get(name, 0) + number


def _raise_to(total: Amounts, floor: Mapping[str, int]) -> None:
    for name, number in floor.items():
        if number > total.get(name, -1):
            total[name] = number


def _aggregate(pod: PodLike, of: Callable[[Any], Mapping[str, int]]) -> Amounts:
    """Sum over what runs together, maximum over what runs in turn."""
    spec = pod.spec
    total: Amounts = {}
    for container in spec.containers:
        _add(total, of(container))
    if not spec.initContainers:
        return total
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.initContainers:
        wanted = of(container)
        if is_sidecar(container):
            _add(total, wanted)
            _add(sidecars, wanted)
            _raise_to(peak, sidecars)
        else:
            beside = dict(sidecars)
            _add(beside, wanted)
            _raise_to(peak, beside)
    _raise_to(total, peak)
    return total


def _spec_requests(container: Any) -> Mapping[str, int]:
    resources = container.resources
    return amounts(resources.requests) if resources is not None and resources.requests else _NOTHING


def _spec_limits(container: Any) -> Mapping[str, int]:
    resources = container.resources
    return amounts(resources.limits) if resources is not None and resources.limits else _NOTHING


def container_requests(pod: PodLike) -> Amounts:
    """What the containers ask for together, before pod-level amounts and overhead."""
    return _aggregate(pod, _spec_requests)


def container_limits(pod: PodLike) -> Amounts:
    """What the containers may use together, before pod-level amounts and overhead."""
    return _aggregate(pod, _spec_limits)


def _infeasible(pod: PodLike) -> bool:
    """Whether the node cannot do the resize that is asked for."""
    return any(c.type == "PodResizePending" and c.reason == "Infeasible" for c in pod.status.conditions)


def _status_requests(pod: PodLike) -> Callable[[Any], Mapping[str, int]]:
    """Requests that also hold what the node has already given: while a resize is under way the larger of both counts."""
    status = pod.status
    by_name = {s.name: s for s in (*status.containerStatuses, *status.initContainerStatuses)}
    infeasible = _infeasible(pod)

    def wanted(container: Any) -> Mapping[str, int]:
        spec = _spec_requests(container)
        known = by_name.get(container.name)
        if known is None:
            return spec
        given = amounts(known.allocatedResources)
        if known.resources is not None:
            _raise_to(given, amounts(known.resources.requests))
        if not given:
            return spec
        if infeasible:
            return given
        total = dict(spec)
        _raise_to(total, given)
        return total

    return wanted


def _with_defaults(of: Callable[[Any], Mapping[str, int]], defaults: Amounts) -> Callable[[Any], Mapping[str, int]]:
    """What a container asks for, and these amounts of what it does not mention."""
    return lambda container: {**defaults, **of(container)}


def requests(pod: PodLike, *, with_status: bool = False, defaults: Amounts = _NOTHING) -> Amounts:
    """What the scheduler and the node must keep free for `pod`.

    `with_status` counts resources the node has given to a container, or to the pod, that is being resized; `defaults` count for
    each container that does not mention these resources.
    """
    spec = pod.spec
    wanted = _status_requests(pod) if with_status else _spec_requests
    total = _aggregate(pod, _with_defaults(wanted, defaults) if defaults else wanted)
    level = amounts(spec.resources.requests) if spec.resources is not None else _NOTHING
    if with_status and level and pod.status.resources is not None:
        level = _status_level(pod, level)
    _apply_pod_level(total, level)
    if spec.overhead:
        _add(total, amounts(spec.overhead))
    return total


def limits(pod: PodLike) -> Amounts:
    """What `pod` may use at most; overhead counts only where there is a limit."""
    spec = pod.spec
    total = container_limits(pod)
    _apply_pod_level(total, amounts(spec.resources.limits) if spec.resources is not None else _NOTHING)
    for name, number in amounts(spec.overhead).items():
        if name in total:
            total[name] += number
    return total


def _status_level(pod: PodLike, wanted: Amounts) -> Amounts:
    """The pod's own requests and what the node has already given to it as a whole: the larger of both counts."""
    total = {} if _infeasible(pod) else dict(wanted)
    _raise_to(total, amounts(pod.status.resources.requests))
    _raise_to(total, amounts(pod.status.allocatedResources))
    return total


def _apply_pod_level(total: Amounts, level: Amounts) -> None:
    for name, number in level.items():
        if is_pod_level(name):
            total[name] = number


def qos_class(pod: PodLike) -> str:
    """`Guaranteed`, `Burstable` or `BestEffort`, after cpu and memory of all containers or of the pod as a whole."""
    spec = pod.spec
    level = spec.resources
    if level is not None and (level.requests or level.limits):
        parts: Iterable[Any] = (level,)
    else:
        parts = [c.resources for c in (*spec.containers, *spec.initContainers)]
    wanted: Amounts = {}
    capped: Amounts = {}
    guaranteed = True
    for part in parts:
        if part is None:
            guaranteed = False
            continue
        _add(wanted, _compute_resources(part.requests))
        ceiling = _compute_resources(part.limits)
        _add(capped, ceiling)
        guaranteed = guaranteed and len(ceiling) == 2
    if not wanted and not capped:
        return BEST_EFFORT
    if guaranteed and wanted == capped:
        return GUARANTEED
    return BURSTABLE


def _compute_resources(resources: Mapping[str, Quantity]) -> Amounts:
    """The cpu and memory of a list that are above zero."""
    if not resources:
        return {}
    found: Amounts = {}
    for name in ("cpu", "memory"):
        text = resources.get(name)
        if text is not None:
            number = amount(name, text)
            if number > 0:
                found[name] = number
    return found

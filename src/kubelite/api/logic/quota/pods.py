"""What a pod uses of a quota.

Rules: `count/pods` counts every pod; everything else, `pods` included, only pods that have not finished and whose time to
stop has not run out. A quota on cpu or memory demands that each container says how much. Source:
pkg/quota/v1/evaluator/core/pods.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from kubelite.api.core.pod.validation.resources import is_extended, is_native
from kubelite.api.core.resource_quota import (
    BEST_EFFORT,
    CROSS_NAMESPACE_POD_AFFINITY,
    NOT_BEST_EFFORT,
    NOT_TERMINATING,
    PRIORITY_CLASS,
    TERMINATING,
)
from kubelite.api.logic import podresources, podstatus
from kubelite.api.logic.quota.others import DEVICE_REQUESTS
from kubelite.api.logic.quota.scopes import Traits
from kubelite.api.types.base import Quantity
from kubelite.machinery import times

COUNT = "count/pods"
_DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_PLAIN = ("cpu", "memory", "ephemeral-storage")
_NAMES = frozenset((COUNT, "pods", *_PLAIN, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _PLAIN)))
_PREFIXES = ("hugepages-", "requests.hugepages-")
_DEVICE_CLASS = DEVICE_REQUESTS.removeprefix("requests.")


def matches(name: str) -> bool:
    """Whether pods use this resource of a quota."""
    if name in _NAMES or name.startswith(_PREFIXES):
        return True
    return name.startswith(DEVICE_REQUESTS) or (name.startswith("requests.") and not is_native(name))


def usage(pod: Any, now: datetime) -> dict[str, Quantity]:
    """What one pod uses."""
    if podstatus.is_terminal(pod) or _is_overdue(pod, now):
        return {COUNT: "1"}
    requests = podresources.requests(pod, with_status=True)
    return {COUNT: "1", "pods": "1", **_compute(_texts(requests), _texts(podresources.limits(pod)))}


def _is_overdue(pod: Any, now: datetime) -> bool:
    """A deleted pod whose node did not confirm its end in time."""
    metadata = pod.metadata
    if metadata.deletionTimestamp is None or metadata.deletionGracePeriodSeconds is None:
        return False
    return now > times.parse(metadata.deletionTimestamp) + timedelta(seconds=metadata.deletionGracePeriodSeconds)


def _texts(amounts: Mapping[str, int]) -> dict[str, Quantity]:
    return {name: podresources.amount_text(name, number) for name, number in amounts.items()}


def _compute(requests: Mapping[str, Quantity], limits: Mapping[str, Quantity]) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for name in _PLAIN:
        if name in requests:
            found[name] = found[f"requests.{name}"] = requests[name]
        if name in limits:
            found[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name in _PLAIN:
            continue
        if name.startswith("hugepages-"):
            found[name] = amount
            found[f"requests.{name}"] = amount
        elif is_extended(name) or name.startswith(_DEVICE_CLASS):
            found[f"requests.{name}"] = amount
    return found


def missing(pod: Any, names: Iterable[str]) -> str:
    """What the containers must say because of a quota on `names`; "" if nothing."""
    level = pod.spec.resources
    if level is not None and any(podresources.is_pod_level(name) for name in (*level.requests, *level.limits)):
        return ""
    demanded = sorted(name for name in names if name in _DEMANDED)
    if not demanded:
        return ""
    lacking: dict[str, set[str]] = {}
    for container in (*pod.spec.containers, *pod.spec.initContainers):
        resources = container.resources
        said = _compute(resources.requests, resources.limits) if resources is not None else {}
        for name in demanded:
            if name not in said:
                lacking.setdefault(name, set()).add(container.name)
    if not lacking:
        return ""
    return "must specify " + "; ".join(f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking))


def traits(pod: Any) -> Traits:
    """What scopes ask of a pod."""
    spec = pod.spec
    ends = spec.activeDeadlineSeconds is not None and spec.activeDeadlineSeconds >= 0
    flags = {TERMINATING if ends else NOT_TERMINATING}
    flags.add(BEST_EFFORT if podresources.qos_class(pod) == podresources.BEST_EFFORT else NOT_BEST_EFFORT)
    if _reaches_other_namespaces(spec.affinity):
        flags.add(CROSS_NAMESPACE_POD_AFFINITY)
    name = spec.priorityClassName
    return Traits(frozenset(flags), {PRIORITY_CLASS: (name,) if name else ()})


def _reaches_other_namespaces(affinity: Any) -> bool:
    if affinity is None:
        return False
    for part in (affinity.podAffinity, affinity.podAntiAffinity):
        if part is None:
            continue
        terms = [*part.requiredDuringSchedulingIgnoredDuringExecution]
        terms += [one.podAffinityTerm for one in part.preferredDuringSchedulingIgnoredDuringExecution]
        if any(term is not None and (term.namespaces or term.namespaceSelector is not None) for term in terms):
            return True
    return False

"""Which pods a node's NoExecute taints drive away, and when: pure.

Source: pkg/controller/tainteviction/taint_eviction.go. A tolerated time counts from the arrival of the taint, so that a restart
of this process does not begin it anew, or from the arrival of the pod if that came later. A taint that does not say when it was
added, as `kubectl taint` writes them, counts from when it was first seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubelite.api.logic import podstatus, taints
from kubelite.machinery import times


@dataclass(frozen=True, slots=True)
class Plan:
    """Pods to delete now, those that are due later, and the seconds until the next one is (0 for none)."""

    evict: tuple[Any, ...] = ()
    waiting: tuple[Any, ...] = ()
    wait: float = 0.0


def identity(taint: Any) -> tuple[str, str, str]:
    """What makes two taints the same one."""
    return taint.key, taint.value, taint.effect


def first_seen(
    node_taints: Iterable[Any], before: Mapping[tuple[str, str, str], datetime], now: datetime
) -> dict[tuple[str, str, str], datetime]:
    """Since when each NoExecute taint is there: what it says, or when it was first seen."""
    found = {}
    for taint in node_taints:
        if taint.effect == taints.NO_EXECUTE:
            key = identity(taint)
            found[key] = times.parse(taint.timeAdded) if taint.timeAdded else before.get(key, now)
    return found


def plan(
    node_taints: Sequence[Any], pods: Iterable[Any], now: datetime, seen: Mapping[tuple[str, str, str], datetime]
) -> Plan:
    """What the taints of one node, which are there since `seen`, mean for its pods."""
    driving = [taint for taint in node_taints if taint.effect == taints.NO_EXECUTE]
    if not driving:
        return Plan()
    since = max(seen.get(identity(taint), now) for taint in driving)
    evict: list[Any] = []
    waiting: list[Any] = []
    waits: list[float] = []
    for pod in pods:
        if pod.metadata.deletionTimestamp is not None or podstatus.is_terminal(pod):
            continue
        delay = taints.eviction_delay(driving, pod.spec.tolerations)
        if delay is None:
            continue
        left = delay - (now - max(since, _arrival(pod) or since)).total_seconds()
        if left <= 0 or not delay:
            evict.append(pod)
        else:
            waiting.append(pod)
            waits.append(left)
    return Plan(tuple(evict), tuple(waiting), min(waits, default=0.0))


def _arrival(pod: Any) -> datetime | None:
    """When a pod was bound to its node."""
    scheduled = podstatus.condition(pod, "PodScheduled")
    if scheduled is None or scheduled.status != "True" or not scheduled.lastTransitionTime:
        return None
    return times.parse(scheduled.lastTransitionTime)

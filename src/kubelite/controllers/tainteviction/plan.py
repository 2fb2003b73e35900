"""Which pods a node's NoExecute taints drive away, and when: pure.

Source: pkg/controller/tainteviction/taint_eviction.go. A tolerated time counts from the arrival of the taint, so that a restart
of this process does not begin it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kubelite.api.logic import podstatus, taints
from kubelite.machinery import times


@dataclass(frozen=True, slots=True)
class Plan:
    """Pods to delete now, and the seconds until the next one is due (0 for none)."""

    evict: tuple[Any, ...] = ()
    wait: float = 0.0


def plan(node_taints: Sequence[Any], pods: Iterable[Any], now: datetime) -> Plan:
    """What the taints of one node mean for its pods."""
    driving = [taint for taint in node_taints if taint.effect == taints.NO_EXECUTE]
    if not driving:
        return Plan()
    since = max((times.parse(taint.timeAdded) for taint in driving if taint.timeAdded), default=now)
    evict: list[Any] = []
    waits: list[float] = []
    for pod in pods:
        if pod.metadata.deletionTimestamp is not None or podstatus.is_terminal(pod):
            continue
        delay = taints.eviction_delay(driving, pod.spec.tolerations)
        if delay is None:
            continue
        left = delay - (now - since).total_seconds()
        if left <= 0:
            evict.append(pod)
        else:
            waits.append(left)
    return Plan(tuple(evict), min(waits, default=0.0))

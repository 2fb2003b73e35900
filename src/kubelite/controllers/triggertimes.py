"""When the change happened that endpoints are written for: an annotation by which proxies measure how late they are.

What: `TriggerTimes.since` gives the earliest moment that is new since the last look at a Service, `stamped` writes it down.
Why: the time of the write would say nothing of how long it took to notice. A pod's moment is that of its condition Ready, a
Service's that of its creation. Flow: each look at a Service → `since` → `stamped` of what is written. Two changes of one pod
between two looks count as one. Source: k8s.io/endpointslice/util/trigger_time_tracker.go.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, Final, TypeVar

from kubelite.api.logic import podstatus

ANNOTATION: Final = "endpoints.kubernetes.io/last-change-trigger-time"
T = TypeVar("T")


class TriggerTimes:
    """What was seen of each Service at the last look. Moments are texts of one form, which sort as the times do."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, dict[str, str]]] = {}

    def since(self, key: str, service: Any, pods: Iterable[Any]) -> str:
        """The earliest moment that is new; that of the Service at the first look, "" if there is none."""
        before = self._seen.get(key)
        created = service.metadata.creationTimestamp or ""
        moments = {pod.metadata.name: moment for pod in pods if (moment := _moment(pod))}
        self._seen[key] = (created, moments)
        if before is None:
            return created
        last_created, last = before
        news = [moment for name, moment in moments.items() if moment > last.get(name, "")]
        if created > last_created:
            news.append(created)
        return min(news, default="")

    def forget(self, key: str) -> None:
        """The Service is gone."""
        self._seen.pop(key, None)


def _moment(pod: Any) -> str:
    ready = podstatus.condition(pod, "Ready")
    return (ready.lastTransitionTime or "") if ready is not None else ""


def stamped(obj: T, moment: str) -> T:
    """A copy of the object with this moment, or without any."""
    made: Any = copy.copy(obj)
    made.metadata = copy.copy(made.metadata)
    others = {name: value for name, value in made.metadata.annotations.items() if name != ANNOTATION}
    made.metadata.annotations = others | ({ANNOTATION: moment} if moment else {})
    result: T = made
    return result

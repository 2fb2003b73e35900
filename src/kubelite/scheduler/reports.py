"""What is told of pods that have no node: their PodScheduled condition and the node they are promised.

What: `Reports.put(pod, diagnosis)` sends a status patch, `REPORTS_AT_ONCE` at a time; the rest wait, the newest of each pod.
Why: after a burst of pods that fit nowhere, or preempt, telling must not take the place of bindings and evictions; what a pod's
binding has overtaken is not told at all. Bound: one entry a pending pod. Upstream: the idea of SchedulerAsyncAPICalls.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from kubelite.scheduler.binding import nominated
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.pods import PodInfo

REPORTS_AT_ONCE = 8


@dataclass(slots=True)
class Report:
    """What is to be said: a message, and the promised node ("" for none any more, None to leave it as it is)."""

    info: PodInfo
    message: str
    node: str | None


class Reports:
    """The reports of one scheduler."""

    def __init__(
        self,
        send: Callable[[PodInfo, str, str, str | None], Coroutine[Any, Any, None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """`send(pod, reason, message, node)` writes one; `spawn` runs it."""
        self._send, self._spawn = send, spawn
        self.waiting: dict[str, Report] = {}
        self._sending: set[str] = set()

    def put(self, info: PodInfo, diagnosis: Diagnosis, message: str) -> None:
        """Tells why the pod has no node, soon."""
        node, older = nominated(info, diagnosis), self.waiting.pop(info.key, None)
        if node is None and older is not None and older.info.uid == info.uid and not diagnosis.withdrawn:
            node = older.node
        self.waiting[info.key] = Report(info, message, node)
        self._start()

    def drop(self, key: str) -> None:
        """The pod has a node: what was to be said is no longer true."""
        self.waiting.pop(key, None)

    def withdraw(self, key: str) -> None:
        """The pod is no longer promised a node."""
        found = self.waiting.get(key)
        if found is not None:
            found.node = None

    def _start(self) -> None:
        while len(self._sending) < REPORTS_AT_ONCE:
            key = next((key for key in self.waiting if key not in self._sending), None)
            if key is None:
                return
            self._sending.add(key)
            self._spawn(self._one(self.waiting.pop(key)))

    async def _one(self, report: Report) -> None:
        try:
            await self._send(report.info, "Unschedulable", report.message, report.node)
        finally:
            self._sending.discard(report.info.key)
            self._start()

"""What the work queues of a process tell at /metrics, under the names that everybody's dashboards know.

What: `QueueMetrics.watch(name, queue)`. Why: depth, waits and retries show which controller cannot keep up.
Flow: a queue reports each key's way to its `Watch` → counters and histograms of `Registry`. A queue that nobody watches pays
nothing.
Source: k8s.io/component-base/metrics/prometheus/workqueue.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable

from kubelite.client.workqueue import WorkQueue
from kubelite.util.metrics import Histogram, Read, Registry

BUCKETS = tuple(10.0**power for power in range(-8, 2))


class Watch:
    """The numbers of one queue: every key of every controller passes here."""

    def __init__(self, queue: WorkQueue, waits: list[float], works: list[float], now: Callable[[], float]) -> None:
        self.adds = self.retries = 0
        self._waits, self._works, self._now = waits, works, now
        self._since: dict[str, float] = {}
        self.started: dict[str, float] = {}
        self.queue = queue

    def added(self, key: str) -> None:
        """A key waits from now on."""
        self.adds += 1
        if key not in self._since:
            self._since[key] = self._now()

    def taken(self, key: str) -> None:
        """A worker has it."""
        now = self.started[key] = self._now()
        _observe(self._waits, now - self._since.pop(key, now))

    def finished(self, key: str) -> None:
        """The worker is done with it."""
        now = self._now()
        _observe(self._works, now - self.started.pop(key, now))

    def retried(self) -> None:
        """A key failed and will come again."""
        self.retries += 1


def _observe(row: list[float], seconds: float) -> None:
    row[bisect_left(BUCKETS, seconds)] += 1
    row[-1] += seconds


class QueueMetrics:
    """All queues of a process; `now` gives seconds."""

    def __init__(self, registry: Registry, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._watches: dict[str, Watch] = {}
        names = ("name",)
        text = "How long in seconds an item stays in workqueue before being requested."
        self._waits: Histogram = registry.histogram("workqueue_queue_duration_seconds", text, names, BUCKETS)
        text = "How long in seconds processing an item from workqueue takes."
        self._works: Histogram = registry.histogram("workqueue_work_duration_seconds", text, names, BUCKETS)
        text = "Total number of adds handled by workqueue."
        registry.collect("workqueue_adds_total", text, "counter", names, self._read(lambda one: one.adds))
        text = "Total number of retries handled by workqueue."
        registry.collect("workqueue_retries_total", text, "counter", names, self._read(lambda one: one.retries))
        text = "Current depth of workqueue."
        registry.collect("workqueue_depth", text, "gauge", names, self._read(lambda one: len(one.queue)))
        text = "How many seconds of work are in progress and have not been observed by work_duration."
        registry.collect("workqueue_unfinished_work_seconds", text, "gauge", names, self._read(self._unfinished))
        text = "How many seconds the longest running worker has been at its item."
        name = "workqueue_longest_running_processor_seconds"
        registry.collect(name, text, "gauge", names, self._read(self._longest))

    def watch(self, name: str, queue: WorkQueue) -> None:
        """Count what happens to the keys of a queue; the last one of a name counts."""
        watch = Watch(queue, self._waits.row(name), self._works.row(name), self.now)
        queue.watcher = self._watches[name] = watch

    def _read(self, value: Callable[[Watch], float]) -> Read:
        return lambda: (((name,), value(watch)) for name, watch in self._watches.items())

    def _unfinished(self, watch: Watch) -> float:
        now = self.now()
        return sum(now - since for since in watch.started.values())

    def _longest(self, watch: Watch) -> float:
        now = self.now()
        return max((now - since for since in watch.started.values()), default=0.0)

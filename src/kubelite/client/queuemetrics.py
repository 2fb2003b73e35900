"""What the work queues of a process tell at /metrics, under the names that everybody's dashboards know.

What: `QueueMetrics.watch(name, queue)`. Why: depth, waits and retries show which controller cannot keep up.
Flow: a queue reports each key's way to its `Watch` → counters and histograms of `Registry`. A queue that nobody watches pays
nothing.
Source: k8s.io/component-base/metrics/prometheus/workqueue.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from kubelite.client.workqueue import WorkQueue
from kubelite.util.metrics import Counter, Histogram, Registry

BUCKETS = tuple(10.0**power for power in range(-8, 2))


class Watch:
    """The numbers of one queue."""

    def __init__(self, name: str, queue: WorkQueue, parts: QueueMetrics) -> None:
        self._adds, self._retries, self._name = parts.adds, parts.retries, name
        self._waits, self._works = parts.waits, parts.works
        self._now = parts.now
        self._since: dict[str, float] = {}
        self.started: dict[str, float] = {}
        self.queue = queue
        for counter in (self._adds, self._retries):
            counter.inc(name, by=0)
        for histogram in (self._waits, self._works):
            histogram.row(name)

    def added(self, key: str) -> None:
        """A key waits from now on."""
        self._adds.inc(self._name)
        self._since.setdefault(key, self._now())

    def taken(self, key: str) -> None:
        """A worker has it."""
        now = self.started[key] = self._now()
        self._waits.observe(now - self._since.pop(key, now), self._name)

    def finished(self, key: str) -> None:
        """The worker is done with it."""
        now = self._now()
        self._works.observe(now - self.started.pop(key, now), self._name)

    def retried(self) -> None:
        """A key failed and will come again."""
        self._retries.inc(self._name)


class QueueMetrics:
    """All queues of a process; `now` gives seconds."""

    def __init__(self, registry: Registry, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._watches: dict[str, Watch] = {}
        names = ("name",)
        text = "Total number of adds handled by workqueue."
        self.adds: Counter = registry.counter("workqueue_adds_total", text, names)
        text = "Total number of retries handled by workqueue."
        self.retries: Counter = registry.counter("workqueue_retries_total", text, names)
        text = "How long in seconds an item stays in workqueue before being requested."
        self.waits: Histogram = registry.histogram("workqueue_queue_duration_seconds", text, names, BUCKETS)
        text = "How long in seconds processing an item from workqueue takes."
        self.works: Histogram = registry.histogram("workqueue_work_duration_seconds", text, names, BUCKETS)
        registry.collect("workqueue_depth", "Current depth of workqueue.", "gauge", names, self._depths)
        text = "How many seconds of work are in progress and have not been observed by work_duration."
        registry.collect("workqueue_unfinished_work_seconds", text, "gauge", names, self._unfinished)
        text = "How many seconds the longest running worker has been at its item."
        registry.collect("workqueue_longest_running_processor_seconds", text, "gauge", names, self._longest)

    def watch(self, name: str, queue: WorkQueue) -> None:
        """Count what happens to the keys of a queue; several queues of one name count together, by the last's depth."""
        queue.watcher = self._watches[name] = Watch(name, queue, self)

    def _depths(self) -> Iterator[tuple[tuple[str, ...], float]]:
        return (((name,), len(watch.queue)) for name, watch in self._watches.items())

    def _unfinished(self) -> Iterator[tuple[tuple[str, ...], float]]:
        now = self.now()
        return (((name,), sum(now - since for since in w.started.values())) for name, w in self._watches.items())

    def _longest(self) -> Iterator[tuple[tuple[str, ...], float]]:
        now = self.now()
        ages = ((name, [now - since for since in w.started.values()]) for name, w in self._watches.items())
        return (((name,), max(found, default=0.0)) for name, found in ages)

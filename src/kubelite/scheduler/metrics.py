"""What the scheduler counts, under upstream's names (pkg/scheduler/metrics)."""

from __future__ import annotations

from kubelite.scheduler.queue import PendingPods
from kubelite.util.metrics import Registry, add_process_metrics

MILLISECONDS = tuple(0.001 * 2**n for n in range(15))
DECISIONS = (0.0001, 0.0002, 0.0005, *MILLISECONDS)


class Metrics:
    """The counters of one scheduler process."""

    def __init__(self, pending: PendingPods) -> None:
        self.registry = registry = Registry()
        self.pending = pending
        add_process_metrics(registry)
        self.attempts = registry.counter(
            "scheduler_schedule_attempts_total",
            "Number of attempts to schedule pods, by the result.",
            ("result", "profile"),
        )
        self.attempt_duration = registry.histogram(
            "scheduler_scheduling_attempt_duration_seconds",
            "Scheduling attempt latency in seconds (scheduling algorithm + binding).",
            ("profile", "result"),
            MILLISECONDS,
        )
        self.algorithm = registry.histogram(
            "scheduler_scheduling_algorithm_duration_seconds",
            "Scheduling algorithm latency in seconds.",
            buckets=DECISIONS,
        )
        self.sli = registry.histogram(
            "scheduler_pod_scheduling_sli_duration_seconds",
            "E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue.",
            ("attempts",),
            tuple(0.01 * 2**n for n in range(20)),
        )
        self.pod_attempts = registry.histogram(
            "scheduler_pod_scheduling_attempts",
            "Number of attempts to successfully schedule a pod.",
            buckets=(1.0, 2.0, 4.0, 8.0, 16.0),
        )
        self._add_preemption(registry)
        self._add_queue(registry)

    def _add_preemption(self, registry: Registry) -> None:
        self.victims = registry.histogram(
            "scheduler_preemption_victims",
            "Number of selected preemption victims.",
            buckets=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
        )
        self.preemptions = registry.counter(
            "scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now."
        )
        self.evictions = registry.counter(
            "scheduler_preemption_goroutines_execution_total",
            "Number of preemptions that were carried out in the background, by the result.",
            ("result",),
        )

    def _add_queue(self, registry: Registry) -> None:
        self.plugin_failures = registry.counter(
            "kubelite_scheduler_user_plugin_failures_total",
            "Number of calls of user plugins that raised, were too slow or answered wrongly.",
            ("plugin", "extension_point", "reason"),
        )
        self.waiting = registry.gauge(
            "scheduler_pending_pods", "Number of pending pods, by the queue type.", ("queue",)
        )
        self.incoming = registry.counter(
            "scheduler_queue_incoming_pods_total",
            "Number of pods added to scheduling queues by event and queue type.",
            ("queue", "event"),
        )
        self.unschedulable = registry.gauge(
            "scheduler_unschedulable_pods",
            "The number of unschedulable pods broken down by plugin name.",
            ("plugin", "profile"),
        )
        self.cached = registry.gauge(
            "scheduler_cache_size", "Number of nodes, pods, and assumed (bound) pods in the scheduler cache.", ("type",)
        )

    def render(self) -> str:
        """The exposition text of this moment."""
        for room, number in self.pending.sizes().items():
            self.waiting.set(number, room)
        for (event, room), number in self.pending.moves.items():
            self.incoming.values[room, event] = number
        self.unschedulable.values = {
            (plugin, profile): float(number) for (plugin, profile), number in self.pending.rejections().items()
        }
        return self.registry.render()

"""What the scheduler counts, under upstream's names (pkg/scheduler/metrics).

What: `Metrics` for /metrics, `pod_resources` for /metrics/resources. Why: people's dashboards and alerts ask for these names.
Flow: the loop counts, the cache is asked when somebody scrapes; what takes time is measured in `measured`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kubelite.api.logic import podresources
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.measured import Measures
from kubelite.scheduler.pods import Pod
from kubelite.util.metrics import Registry, add_process_metrics

MILLISECONDS = tuple(0.001 * 2**n for n in range(15))
DECISIONS = (0.0001, 0.0002, 0.0005, *MILLISECONDS)


class Metrics:
    """The counters of one scheduler process."""

    def __init__(self, cache: Cache, measures: Measures | None = None) -> None:
        self.registry = registry = Registry()
        self.cache, self.measures = cache, measures or Measures()
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
        self.flushed = registry.counter(
            "scheduler_pod_scheduled_after_flush_total",
            "Number of pods successfully scheduled after being flushed from unschedulablePods due to timeout.",
        )
        self._add_preemption(registry)
        self._add_queue(registry)
        self._add_devices(registry)
        for measure in (self.measures.points, self.measures.plugins, self.measures.events, self.measures.hints):
            registry.add(measure)
        registry.collect(
            "scheduler_plugin_evaluation_total",
            "Number of attempts to schedule pods by each plugin and the extension point (Filter and Score).",
            "counter",
            ("plugin", "extension_point", "profile"),
            self._evaluations,
        )

    def _add_preemption(self, registry: Registry) -> None:
        self.victims = registry.histogram(
            "scheduler_preemption_victims",
            "Number of selected preemption victims.",
            buckets=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
        )
        self.preemptions = registry.counter(
            "scheduler_preemption_attempts_total", "Total preemption attempts in the cluster till now."
        )
        self.eviction_duration = registry.histogram(
            "scheduler_preemption_goroutines_duration_seconds",
            "Duration in seconds of preemptions that were carried out in the background.",
            ("result",),
            tuple(0.01 * 2**n for n in range(20)),
        )
        self.evictions = registry.counter(
            "scheduler_preemption_goroutines_execution_total",
            "Number of preemptions that were carried out in the background, by the result.",
            ("result",),
        )

    def _add_devices(self, registry: Registry) -> None:
        self.claims_made = registry.counter(
            "scheduler_resourceclaim_creates_total",
            "Number of ResourceClaims creation requests within scheduler.",
            ("status",),
        )
        self.conditions = registry.counter(
            "scheduler_dra_bindingconditions_allocations_total",
            "Number of allocations using devices with BindingConditions, counted per driver per scheduling attempt.",
            ("profile", "driver", "status"),
        )
        self.conditions_wait = registry.histogram(
            "scheduler_dra_bindingconditions_wait_duration_seconds",
            "Time in seconds spent waiting for BindingConditions to be satisfied.",
            ("profile", "driver", "status"),
            MILLISECONDS + tuple(2.0**n * 32 for n in range(6)),
        )

    def waited(self, profile: str, driver: str, status: str, seconds: float) -> None:
        """A pod has waited for devices of a driver."""
        self.conditions.inc(profile, driver, status)
        self.conditions_wait.observe(seconds, profile, driver, status)

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

    def point(self, name: str, done: bool, profile: str, seconds: float) -> None:
        """The plugins of an extension point outside the decision have run."""
        self.measures.points.observe(seconds, name, "Success" if done else "Error", profile)

    def _evaluations(self) -> Iterator[tuple[tuple[str, ...], float]]:
        for profile, scheduler in self.cache.schedulers.items():
            for point, numbers in (("Filter", scheduler.filtered), ("Score", scheduler.scored)):
                for plugin, number in numbers.items():
                    yield (plugin, point, profile), number

    def render(self) -> str:
        """The exposition text of this moment."""
        pending, cache = self.cache.pending, self.cache
        self.measures.sort()
        for room, number in pending.sizes().items():
            self.waiting.set(number, room)
        for (event, room), number in pending.moves.items():
            self.incoming.values[room, event] = number
        self.unschedulable.values = {
            (plugin, profile): float(number) for (plugin, profile), number in pending.rejections().items()
        }
        self.cached.set(len(cache.nodes), "nodes")
        self.cached.set(len(cache.placed), "pods")
        self.cached.set(sum(1 for placed in cache.placed.values() if not placed.confirmed), "assumed_pods")
        return self.registry.render()


UNITS = {"cpu": "cores", "memory": "bytes", "storage": "bytes", "ephemeral-storage": "bytes"}
RESOURCES = (
    (
        "kube_pod_resource_request",
        "Resources requested by workloads on the cluster, broken down by pod.",
        podresources.requests,
    ),
    (
        "kube_pod_resource_limit",
        "Resources limit for workloads on the cluster, broken down by pod.",
        podresources.limits,
    ),
)


def unit(resource: str) -> str:
    """What an amount of a resource is counted in, "" if nobody knows."""
    if resource.startswith("hugepages-"):
        return "bytes"
    return "integer" if resource.startswith("attachable-volumes-") else UNITS.get(resource, "")


def pod_resources(pods: Iterable[Pod]) -> str:
    """Requests and limits of all pods that have not ended, one line a pod and resource (metrics/resources)."""
    registry, everyone = Registry(), list(pods)
    for name, text, amounts in RESOURCES:
        gauge = registry.gauge(name, text, ("namespace", "pod", "node", "scheduler", "priority", "resource", "unit"))
        for pod in everyone:
            meta, spec = pod.metadata, pod.spec
            priority = "" if spec.priority is None else str(spec.priority)
            known = (meta.namespace, meta.name, spec.nodeName, spec.schedulerName, priority)
            for resource, amount in amounts(pod).items():
                if amount:
                    number = amount / 1000 if resource == "cpu" else amount
                    gauge.set(number, *known, resource, unit(resource))
    return registry.render()

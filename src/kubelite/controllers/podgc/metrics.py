"""What pod garbage collection tells at /metrics, under upstream's names. Source: pkg/controller/podgc/metrics."""

from __future__ import annotations

from kubelite.util.metrics import Registry

LABELS = ("namespace", "reason")


class PodGcMetrics:
    """The counters; `reason` is why a pod had to go."""

    def __init__(self, registry: Registry) -> None:
        text = "Number of pods that are being forcefully deleted since the Pod GC Controller started."
        self._deleted = registry.counter("pod_gc_collector_force_delete_pods_total", text, LABELS)
        text = "Number of errors encountered when forcefully deleting the pods since the Pod GC Controller started."
        self._errors = registry.counter("pod_gc_collector_force_delete_pod_errors_total", text, LABELS)

    def deleted(self, namespace: str, reason: str) -> None:
        """A pod was deleted."""
        self._deleted.inc(namespace, reason)

    def failed(self, namespace: str, reason: str) -> None:
        """A pod was to be deleted, and was not."""
        self._deleted.inc(namespace, reason)
        self._errors.inc(namespace, reason)

"""What the autoscaler tells at /metrics, under upstream's names. Source: pkg/controller/podautoscaler/{metrics,monitor}."""

from __future__ import annotations

from collections.abc import Callable

from kubelite.util.metrics import Registry

INTERNAL = "internal"
SPEC = "spec"
NONE = "none"
_PREFIX = "horizontal_pod_autoscaler_controller_"
_BUCKETS = tuple(0.001 * 2**power for power in range(15))
_ACTION = "The label 'action' should be either 'scale_down', 'scale_up', or 'none'."
_ERROR = "the label 'error' should be either 'spec', 'internal', or 'none'."
_FIRST = (
    "Note that if both spec and internal errors happen during a reconciliation, the first one to occur is reported in `error` "
    "label."
)
_TYPE = "The label 'metric_type' corresponds to HPA.spec.metrics[*].type"


class AutoscalerMetrics:
    """The counters; callers say what happened. `count` tells how many autoscalers there are."""

    def __init__(self, registry: Registry, count: Callable[[], int]) -> None:
        labels, typed = ("action", "error"), ("action", "error", "metric_type")
        text = f"Number of reconciliations of HPA controller. {_ACTION} Also, {_ERROR} {_FIRST}"
        self._rounds = registry.counter(f"{_PREFIX}reconciliations_total", text, labels)
        text = f"The time(seconds) that the HPA controller takes to reconcile once. {_ACTION} Also, {_ERROR} {_FIRST}"
        self._times = registry.histogram(f"{_PREFIX}reconciliation_duration_seconds", text, labels, _BUCKETS)
        text = f"Number of metric computations. {_ACTION} Also, {_ERROR} {_TYPE}"
        self._computed = registry.counter(f"{_PREFIX}metric_computation_total", text, typed)
        text = (
            f"The time(seconds) that the HPA controller takes to calculate one metric. {_ACTION} T{_ERROR[1:]} {_TYPE}"
        )
        self._computing = registry.histogram(f"{_PREFIX}metric_computation_duration_seconds", text, typed, _BUCKETS)
        text = "Current desired replica count for HPA objects."
        self._desired = registry.gauge(f"{_PREFIX}desired_replicas", text, ("namespace", "hpa_name"))
        text = "Current number of controlled HPA objects."
        registry.gauge(f"{_PREFIX}num_horizontal_pod_autoscalers", text, read=count)

    def looked(self, action: str, error: str, seconds: float) -> None:
        """One round of an autoscaler is over."""
        self._rounds.inc(action, error)
        self._times.observe(seconds, action, error)

    def computed(self, kind: str, action: str, error: str, seconds: float) -> None:
        """A metric of this kind has said how many replicas it asks for, or could not."""
        self._computed.inc(action, error, kind)
        self._computing.observe(seconds, action, error, kind)

    def wants(self, namespace: str, name: str, replicas: int) -> None:
        """An autoscaler has decided."""
        self._desired.set(replicas, namespace, name)

    def gone(self, namespace: str, name: str) -> None:
        """An autoscaler is there no more."""
        self._desired.values.pop((namespace, name), None)


def action(before: int, after: int) -> str:
    """What going from one size to the other is called."""
    if before == after:
        return NONE
    return "scale_up" if after > before else "scale_down"

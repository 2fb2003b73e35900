"""The aggregator's metrics, under upstream's names.

What: `publish`. Why: an extension server that is away breaks `kubectl get all` and the deletion of namespaces, so
people watch these. Flow: read from the table of extension servers when scraped. Source:
kube-aggregator/pkg/controllers/status/metrics.
"""

from __future__ import annotations

from kubelite.apiserver import metrics
from kubelite.apiserver.aggregator.aggregator import Aggregator


def publish(aggregator: Aggregator) -> None:
    """Which APIServices cannot be used now, and how often each became so, by reason."""
    collect = metrics.REGISTRY.collect
    collect(
        "aggregator_unavailable_apiservice",
        "Gauge of APIServices which are marked as unavailable broken down by APIService name.",
        "gauge",
        ("name",),
        lambda: (((one.remote.name,), float(not one.remote.available)) for one in aggregator.extensions()),
    )
    collect(
        "aggregator_unavailable_apiservice_total",
        "Counter of APIServices which are marked as unavailable broken down by APIService name and reason.",
        "counter",
        ("name", "reason"),
        lambda: (
            ((one.remote.name, reason), float(count))
            for one in aggregator.extensions()
            for reason, count in one.remote.failures.items()
        ),
    )

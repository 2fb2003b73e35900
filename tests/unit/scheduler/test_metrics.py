"""/metrics speaks upstream's names, as dashboards and alerts ask for them."""

from __future__ import annotations

import pytest

from kubelite.scheduler.metrics import Metrics
from kubelite.scheduler.queue import PendingPods


@pytest.mark.parametrize(
    "name",
    [
        "scheduler_schedule_attempts_total",
        "scheduler_scheduling_attempt_duration_seconds",
        "scheduler_scheduling_algorithm_duration_seconds",
        "scheduler_pod_scheduling_sli_duration_seconds",
        "scheduler_pod_scheduling_attempts",
        "scheduler_preemption_victims",
        "scheduler_preemption_attempts_total",
        "scheduler_pending_pods",
        "scheduler_queue_incoming_pods_total",
        "scheduler_unschedulable_pods",
        "scheduler_cache_size",
    ],
)
def test_metrics_have_upstreams_names(name: str) -> None:
    text = Metrics(PendingPods()).render()
    assert f"# TYPE {name} " in text

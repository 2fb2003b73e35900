"""/metrics speaks upstream's names, as dashboards and alerts ask for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.client.calls import Calls
from kubelite.scheduler import events
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.measured import SAMPLE, Measures
from kubelite.scheduler.metrics import Metrics, pod_resources
from kubelite.scheduler.pods import Node, Pod
from kubelite.util.metrics import Registry


def pod(name: str, **spec: Any) -> Pod:
    containers = [{"name": "c", "resources": {"requests": {"cpu": "250m"}, "limits": {"memory": "1Gi"}}}]
    body = {"schedulerName": "default-scheduler", "containers": containers, **spec}
    return msgspec.convert({"metadata": {"name": name, "namespace": "ns", "uid": name}, "spec": body}, Pod)


def node(name: str, cpu: str = "32") -> Node:
    body = {"metadata": {"name": name}, "status": {"allocatable": {"cpu": cpu, "memory": "64Gi", "pods": "110"}}}
    return msgspec.convert(body, Node)


def value(text: str, line: str) -> float:
    """The number behind a metric with its labels."""
    return float(next(found for found in text.splitlines() if found.startswith(f"{line} ")).rpartition(" ")[2])


@pytest.fixture
def cache() -> Cache:
    measures = Measures()
    made = Cache((), measures.pods(), measures.scheduler)
    made.measures = measures  # type: ignore[attr-defined]
    return made


def render(cache: Cache) -> str:
    return Metrics(cache, cache.measures).render()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    [
        "scheduler_schedule_attempts_total",
        "scheduler_scheduling_attempt_duration_seconds",
        "scheduler_scheduling_algorithm_duration_seconds",
        "scheduler_pod_scheduling_sli_duration_seconds",
        "scheduler_pod_scheduling_attempts",
        "scheduler_framework_extension_point_duration_seconds",
        "scheduler_plugin_execution_duration_seconds",
        "scheduler_plugin_evaluation_total",
        "scheduler_event_handling_duration_seconds",
        "scheduler_queueing_hint_execution_duration_seconds",
        "scheduler_preemption_victims",
        "scheduler_preemption_attempts_total",
        "scheduler_preemption_goroutines_duration_seconds",
        "scheduler_preemption_goroutines_execution_total",
        "scheduler_pending_pods",
        "scheduler_queue_incoming_pods_total",
        "scheduler_unschedulable_pods",
        "scheduler_cache_size",
    ],
)
def test_metrics_have_upstreams_names(name: str, cache: Cache) -> None:
    assert f"# TYPE {name} " in render(cache)


def test_every_decision_counts_at_its_extension_points_and_some_at_their_plugins(cache: Cache) -> None:
    for name in ("a", "b"):
        cache.node_changed(None, node(name), 0.0)
    for number in range(SAMPLE):
        cache.pod_changed(None, pod(f"p{number}"), 0.0)
        entry = cache.pending.pop()
        assert entry is not None
        assert cache.scheduler.place(entry.info) in ("a", "b")
    text = render(cache)
    point = 'scheduler_framework_extension_point_duration_seconds_count{extension_point="%s",%s}'
    success = 'status="Success",profile="default-scheduler"'
    assert value(text, point % ("Filter", success)) == SAMPLE
    assert value(text, point % ("Score", success)) == SAMPLE
    plugin = 'scheduler_plugin_execution_duration_seconds_count{plugin="%s",extension_point="%s",status="%s"}'
    assert value(text, plugin % ("NodeResourcesFit", "Filter", "Success")) == 1
    assert value(text, plugin % ("NodePorts", "Filter", "Skip")) == 1
    assert value(text, plugin % ("NodeResourcesFit", "Score", "Success")) == 1
    asked = (
        'scheduler_plugin_evaluation_total{plugin="NodeResourcesFit",extension_point="%s",profile="default-scheduler"}'
    )
    assert value(text, asked % "Filter") == value(text, asked % "Score") == SAMPLE
    assert 'plugin="NodePorts",extension_point="Filter",profile' not in text  # no opinion on pods without ports
    assert value(text, 'scheduler_queue_incoming_pods_total{queue="active",event="UnschedulablePodAdd"}') == SAMPLE


def test_a_pod_that_fits_nowhere_counts_as_unschedulable_and_its_hints_are_timed(cache: Cache) -> None:
    cache.node_changed(None, node("small", "100m"), 0.0)
    cache.pod_changed(None, pod("p"), 0.0)
    entry = cache.pending.pop()
    assert entry is not None
    result = cache.scheduler.place(entry.info)
    assert isinstance(result, Diagnosis)
    cache.pending.failed(entry, 1.0, result.plugins)
    for _ in range(SAMPLE):
        cache.pending.happened(events.NODE_ALLOCATABLE, 2.0, node("small", "100m"), node("small", "100m"))
    text = render(cache)
    point = 'extension_point="PostFilter",status="Unschedulable",profile="default-scheduler"'
    assert value(text, f"scheduler_framework_extension_point_duration_seconds_count{{{point}}}") == 1
    assert value(text, 'scheduler_event_handling_duration_seconds_count{event="NodeUpdateNodeAllocatable"}') == SAMPLE
    hint = 'plugin="NodeResourcesFit",event="NodeUpdateNodeAllocatable",hint="QueueSkip"'
    assert value(text, f"scheduler_queueing_hint_execution_duration_seconds_count{{{hint}}}") == 1
    assert value(text, 'scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"}') == 1
    incoming = 'scheduler_queue_incoming_pods_total{queue="unschedulable",event="ScheduleAttemptFailure"}'
    assert value(text, incoming) == 1


def test_the_cache_is_counted_when_it_is_asked_for(cache: Cache) -> None:
    cache.node_changed(None, node("a"), 0.0)
    cache.pod_changed(None, pod("there", nodeName="a"), 0.0)
    cache.pod_changed(None, pod("new"), 0.0)
    entry = cache.pending.pop()
    assert entry is not None
    cache.assume(entry.info, "a")
    text = render(cache)
    sizes = {kind: value(text, f'scheduler_cache_size{{type="{kind}"}}') for kind in ("nodes", "pods", "assumed_pods")}
    assert sizes == {"nodes": 1, "pods": 2, "assumed_pods": 1}


def test_requests_and_limits_of_each_pod_are_told_with_their_units() -> None:
    text = pod_resources([pod("p", nodeName="n", priority=7)])
    known = 'namespace="ns",pod="p",node="n",scheduler="default-scheduler",priority="7"'
    assert value(text, f'kube_pod_resource_request{{{known},resource="cpu",unit="cores"}}') == 0.25
    assert value(text, f'kube_pod_resource_limit{{{known},resource="memory",unit="bytes"}}') == 2**30


def test_requests_to_the_api_server_are_counted_by_method_and_code() -> None:
    calls, registry = Calls("10.0.0.1:6443"), Registry()
    calls.tell(registry)
    for status in (200, 200, 409, 0):
        calls.note(b"POST /api/v1/pods HTTP/1.1\r\n\r\n", status, 0.02)
    text = registry.render()
    counts = {
        code: f'rest_client_requests_total{{code="{code}",host="10.0.0.1:6443",method="POST"}}'
        for code in ("200", "409", "<error>")
    }
    assert {code: value(text, line) for code, line in counts.items()} == {"200": 2, "409": 1, "<error>": 1}
    bucket = 'rest_client_request_duration_seconds_bucket{host="10.0.0.1:6443",verb="POST",le="0.025"}'
    assert value(text, bucket) == 4


def test_waiting_for_devices_is_counted_by_driver_and_how_it_ended() -> None:
    metrics = Metrics(Cache())
    metrics.waited("default-scheduler", "gpu.example.com", "timeout", 600.0)
    text = metrics.render()
    labels = 'profile="default-scheduler",driver="gpu.example.com",status="timeout"'
    assert f"scheduler_dra_bindingconditions_allocations_total{{{labels}}} 1" in text
    assert f"scheduler_dra_bindingconditions_wait_duration_seconds_sum{{{labels}}} 600" in text

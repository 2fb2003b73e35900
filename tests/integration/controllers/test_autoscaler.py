"""HorizontalPodAutoscalers against a real server and metrics APIs that it passes on."""

from __future__ import annotations

import pathlib
from typing import Any

from kubelite.controllers.scale import Scales
from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.metrics_server import MetricsServer, metrics_server
from tests.integration.controllers.workloads import APPS, CORE

HPAS = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
FAST = {"horizontal_pod_autoscaler_sync_period": 0.1}
RESOURCE, CUSTOM, EXTERNAL = "metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"
CPU = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
}


async def workload(world: World, replicas: int) -> list[str]:
    """A Deployment whose size nobody acts on, and its pods, which have run for long."""
    pod = {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    await world.create(f"{APPS}/deployments", {"metadata": {"name": "web"}, "spec": spec})
    await world.merge(f"{APPS}/deployments/web/status", {"status": {"replicas": replicas}})
    names = [f"web-{number}" for number in range(replicas)]
    for name in names:
        made = await world.create(f"{CORE}/pods", {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": pod})
        await world.make_ready(made)
        await world.merge(f"{CORE}/pods/{name}/status", {"status": {"startTime": "2020-01-01T00:00:00Z"}})
    return names


async def autoscale(world: World, *metrics: Any, name: str = "web", **spec: Any) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": list(metrics), **spec}
    await world.create(HPAS, {"metadata": {"name": name}, "spec": body})


async def size(world: World) -> int:
    found: int = (await world.get(f"{APPS}/deployments/web"))["spec"]["replicas"]
    return found


async def conditions(world: World, name: str = "web") -> dict[str, Any]:
    status = (await world.get(f"{HPAS}/{name}"))["status"]
    return {one["type"]: one for one in status.get("conditions", [])}


def sized(world: World, wanted: int) -> Any:
    async def check() -> bool:
        return await size(world) == wanted

    return check


async def test_cpu_above_its_target_makes_more_pods_and_tells_so(tmp_path: pathlib.Path) -> None:
    async with (
        running("horizontal-pod-autoscaler-controller", **FAST) as world,
        metrics_server(world, tmp_path, RESOURCE) as metrics,
    ):
        metrics.pods(dict.fromkeys(await workload(world, 2), "100m"))
        await autoscale(world, CPU)
        await eventually(sized(world, 4))
        message = "New size: 4; reason: cpu resource utilization (percentage of request) above target"
        await eventually(lambda: _told(world, "SuccessfulRescale", message))
        assert any("labelSelector=app=web" in seen for seen in metrics.seen)

        async def reported() -> bool:
            status = (await world.get(f"{HPAS}/web"))["status"]
            measured = status["currentMetrics"][0]["resource"]["current"]
            return bool(
                status["desiredReplicas"] == 4
                and status["lastScaleTime"]
                and measured == {"averageUtilization": 100, "averageValue": "100m"}
            )

        await eventually(reported)
        active = (await conditions(world))["ScalingActive"]
        assert (active["status"], active["reason"]) == ("True", "ValidMetricFound")
        counted = _counted(world)
        assert counted['reconciliations_total{action="scale_up",error="none"}'] == 1
        assert counted['reconciliation_duration_seconds_count{action="scale_up",error="none"}'] == 1
        computed = '{action="scale_up",error="none",metric_type="Resource"}'
        assert counted[f"metric_computation_total{computed}"] >= 1
        assert counted[f"metric_computation_duration_seconds_count{computed}"] >= 1
        assert counted['desired_replicas{namespace="default",hpa_name="web"}'] == 4
        assert counted["num_horizontal_pod_autoscalers"] == 1
        await world.delete(f"{HPAS}/web")
        await eventually(lambda: _forgotten(world))


def _counted(world: World) -> dict[str, float]:
    """What is told at /metrics about autoscalers."""
    prefix = "horizontal_pod_autoscaler_controller_"
    lines = [line for line in world.context.metrics.render().splitlines() if line.startswith(prefix)]
    return {name.removeprefix(prefix): float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def _forgotten(world: World) -> bool:
    counted = _counted(world)
    return not counted["num_horizontal_pod_autoscalers"] and not any(key.startswith("desired") for key in counted)


async def _told(world: World, reason: str, message: str) -> bool:
    return message in await world.events(reason)


async def test_without_a_metrics_api_nothing_is_scaled_and_the_condition_says_why() -> None:
    async with running("horizontal-pod-autoscaler-controller", **FAST) as world:
        await workload(world, 2)
        await autoscale(world, CPU)

        async def refused() -> bool:
            return (await conditions(world))["ScalingActive"]["reason"] == "FailedGetResourceMetric"

        await eventually(refused)
        why = (
            "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from "
            "resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
        )
        found = (await conditions(world))["ScalingActive"]
        assert found["message"] == f"the HPA was unable to compute the replica count: {why}"
        assert _counted(world)['reconciliations_total{action="none",error="internal"}'] >= 1
        whole = f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
        await eventually(lambda: _told(world, "FailedComputeMetricsReplicas", whole))
        assert await size(world) == 2


async def test_an_object_and_a_queue_without_metrics_apis_are_told_of_in_full() -> None:
    async with running("horizontal-pod-autoscaler-controller", **FAST) as world:
        await workload(world, 2)
        described = {"apiVersion": "v1", "kind": "Service", "name": "web"}
        target = {"type": "AverageValue", "averageValue": "5"}
        one = {"metric": {"name": "hits"}, "describedObject": described, "target": target}
        queue = {"metric": {"name": "depth"}, "target": {"type": "Value", "value": "5"}}
        await autoscale(world, {"type": "Object", "object": one}, {"type": "External", "external": queue})
        absent = "no custom metrics API (custom.metrics.k8s.io) registered"
        why = f"unable to get metric hits: Service on default web/unable to fetch metrics from custom metrics API: {absent}"
        whole = (
            "invalid metrics (2 invalid out of 2), first error is: failed to get object metric value: failed to get hits "
            f"object metric: {why}"
        )
        await eventually(lambda: _told(world, "FailedComputeMetricsReplicas", whole))
        await eventually(lambda: _told(world, "FailedGetObjectMetric", why))
        found = await conditions(world)
        assert found["ScalingActive"]["reason"] == "FailedGetObjectMetric"
        assert found["ScalingActive"]["message"] == f"the HPA was unable to compute the replica count: {why}"
        shown = (await world.get(f"{HPAS}/web"))["status"]["currentMetrics"]
        assert [one.get("type", "") for one in shown] == ["", ""]


async def test_bounds_hold_without_any_metrics() -> None:
    async with running("horizontal-pod-autoscaler-controller", **FAST) as world:
        await workload(world, 1)
        await autoscale(world, CPU, minReplicas=3)
        await eventually(sized(world, 3))
        await eventually(
            lambda: _told(
                world, "SuccessfulRescale", "New size: 3; reason: Current number of replicas below Spec.MinReplicas"
            )
        )


async def test_a_target_that_is_not_there_is_told() -> None:
    async with running("horizontal-pod-autoscaler-controller", **FAST) as world:
        await autoscale(world, CPU)

        async def refused() -> bool:
            return (await conditions(world))["AbleToScale"]["reason"] == "FailedGetScale"

        await eventually(refused)
        text = 'the HPA controller was unable to get the target\'s current scale: deployments.apps "web" not found'
        assert (await conditions(world))["AbleToScale"]["message"] == text


async def test_pods_object_and_external_metrics_the_greatest_counts(tmp_path: pathlib.Path) -> None:
    async with (
        running("horizontal-pod-autoscaler-controller", **FAST) as world,
        metrics_server(world, tmp_path, CUSTOM, EXTERNAL) as metrics,
    ):
        names = await workload(world, 2)
        pods, service, queue = _metrics(metrics, names)
        await autoscale(world, pods, service, queue)
        await eventually(sized(world, 4))  # at most four more, or twice as many, at a time
        status = (await world.get(f"{HPAS}/web"))["status"]
        shown = [next(v for k, v in one.items() if k != "type")["current"] for one in status["currentMetrics"]]
        assert shown == [{"averageValue": "20"}, {"value": "7"}, {"averageValue": "25"}]
        assert any("labelSelector=queue=jobs" in seen for seen in metrics.seen)


def _metrics(metrics: MetricsServer, names: list[str]) -> tuple[Any, Any, Any]:
    root = f"/apis/{CUSTOM}/v1beta1/namespaces/default"
    metrics.values(f"{root}/pods/*/requests", dict.fromkeys(names, "20"))
    metrics.values(f"{root}/services/web/hits", {"web": "7"})
    metrics.values(f"/apis/{EXTERNAL}/v1beta1/namespaces/default/depth", {"a": "30", "b": "20"})
    pods = {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "20"}}
    described = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    service = {"metric": {"name": "hits"}, "describedObject": described, "target": {"type": "Value", "value": "7"}}
    depth = {"name": "depth", "selector": {"matchLabels": {"queue": "jobs"}}}
    queue = {"metric": depth, "target": {"type": "AverageValue", "averageValue": "10"}}
    return (
        {"type": "Pods", "pods": pods},
        {"type": "Object", "object": service},
        {"type": "External", "external": queue},
    )


async def test_the_scale_of_a_custom_resource(tmp_path: pathlib.Path) -> None:
    async with (
        running("horizontal-pod-autoscaler-controller", **FAST) as world,
        metrics_server(world, tmp_path, RESOURCE) as metrics,
    ):
        metrics.pods(dict.fromkeys(await workload(world, 2), "5m"))
        path = await _farm(world)
        target = {"apiVersion": "example.com/v1", "kind": "Farm", "name": "web"}
        down = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        await autoscale(world, CPU, scaleTargetRef=target, behavior=down)

        async def shrunk() -> bool:
            return bool((await world.get(path))["spec"]["count"] == 1)

        await eventually(shrunk)
        await eventually(lambda: _told(world, "SuccessfulRescale", "New size: 1; reason: All metrics below target"))


async def _farm(world: World) -> str:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    scale = {
        "specReplicasPath": ".spec.count",
        "statusReplicasPath": ".status.count",
        "labelSelectorPath": ".status.selector",
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {"type": "object", "properties": dict.fromkeys(("spec", "status"), schema)},
        },
        "subresources": {"scale": scale},
    }
    names = {"plural": "farms", "kind": "Farm"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await world.create(root, {"metadata": {"name": "farms.example.com"}, "spec": spec})
    farms = "/apis/example.com/v1/namespaces/default/farms"

    async def served() -> bool:
        return (await world.api.get(farms)).status == 200

    await eventually(served)
    farm = {
        "apiVersion": "example.com/v1",
        "kind": "Farm",
        "metadata": {"name": "web"},
        "spec": {"count": 2},
        "status": {"count": 2, "selector": "app=web"},
    }
    await world.create(farms, farm)
    return f"{farms}/web"


async def test_a_size_is_written_although_somebody_else_has_changed_the_target_meanwhile() -> None:
    async with running("horizontal-pod-autoscaler-controller") as world:
        await workload(world, 2)
        scales = Scales(world.client, world.context.clock.monotonic)
        scale, path = await scales.get("apps/v1", "Deployment", "default", "web")
        await world.merge(f"{APPS}/deployments/web", {"metadata": {"labels": {"touched": "yes"}}})
        await scales.resize(path, scale, 5)
        assert await size(world) == 5


async def test_two_autoscalers_of_the_same_pods_do_not_fight() -> None:
    async with running("horizontal-pod-autoscaler-controller", **FAST) as world:
        await workload(world, 1)
        await autoscale(world, CPU)
        await autoscale(world, CPU, name="other")

        async def refused() -> bool:
            return (await conditions(world, "web"))["ScalingActive"]["reason"] == "AmbiguousSelector"

        await eventually(refused)
        text = "pods by selector app=web are controlled by multiple HPAs: [default/other default/web]"
        assert (await conditions(world, "web"))["ScalingActive"]["message"] == text

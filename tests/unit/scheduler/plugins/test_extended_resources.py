"""Extended resources that device classes stand behind: claims that are made for them, and where they are not needed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.api.types import resource_v1 as v1
from kubelite.scheduler import events
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.devices.allocation import Allotment
from kubelite.scheduler.devices.extended import claim_for, class_names
from kubelite.scheduler.framework import Cycle, Diagnosis
from kubelite.scheduler.plugins.allocation import balance, strategy_scorer
from kubelite.scheduler.plugins.args import ResourceSpec, ScoringStrategy
from kubelite.scheduler.plugins.dynamic_resources import DynamicResources
from kubelite.scheduler.plugins.resources_fit import ResourcesFit
from kubelite.scheduler.pods import Pod, PodInfo, pod_info
from tests.unit.scheduler.world import node, pod

GPU = "example.com/gpu"
IMPLICIT = "deviceclass.resource.kubernetes.io/gpu"


def device_class(name: str, resource: str = "", created: str = "2030-01-01T00:00:00Z") -> v1.DeviceClass:
    meta = {"name": name, "creationTimestamp": created}
    return msgspec.convert({"metadata": meta, "spec": {"extendedResourceName": resource}}, v1.DeviceClass)


def container(name: str, number: int = 0, resource: str = GPU, **more: Any) -> dict[str, Any]:
    asked = {"cpu": "1", **({resource: str(number)} if number else {})}
    return {"name": name, "resources": {"requests": asked}, **more}


def wants(name: str, *containers: dict[str, Any], init: tuple[dict[str, Any], ...] = ()) -> Pod:
    made = pod(name)
    spec = msgspec.convert({"containers": containers, "initContainers": init}, type(made.spec))
    spec.schedulerName = made.spec.schedulerName
    return msgspec.structs.replace(made, spec=spec)


class Lab:
    """Node b has devices, node a has a device plugin if a test says so."""

    def __init__(self, plugin: str = "0") -> None:
        self.cache = Cache()
        self.devices = self.cache.world.devices
        self.cache.node_changed(None, node("a", **{GPU: plugin}), 0.0)
        self.cache.node_changed(None, node("b"), 0.0)
        self.devices.class_changed(None, device_class("gpu", GPU))

    def offer(self, *devices: str, on: str = "b") -> None:
        pool = {"name": on, "resourceSliceCount": 1, "generation": 1}
        made = [{"name": name} for name in devices]
        spec = {"driver": "gpu.example.com", "pool": pool, "nodeName": on, "devices": made}
        self.devices.slice_changed(None, msgspec.convert({"metadata": {"name": on}, "spec": spec}, v1.ResourceSlice))

    def place(self, info: PodInfo) -> str:
        result = self.cache.scheduler.place(info)
        return result.message() if isinstance(result, Diagnosis) else result

    @property
    def allotments(self) -> tuple[Allotment, ...]:
        return self.cache.scheduler.binding.devices


def test_a_claim_is_made_for_a_resource_that_only_devices_offer() -> None:
    lab = Lab()
    lab.offer("gpu-0")
    info = pod_info(wants("p", container("main", 1)))
    assert lab.place(info) == "b"
    (allotment,) = lab.allotments
    meta = allotment.claim.metadata
    assert (meta.generateName, meta.annotations) == (
        "p-extended-resources-",
        {"resource.kubernetes.io/extended-resource-claim": "true"},
    )
    assert [(o.kind, o.name, o.uid, o.controller) for o in meta.ownerReferences] == [("Pod", "p", info.uid, True)]
    assert allotment.allocation is not None and allotment.allocation.devices is not None
    assert [(r.request, r.device) for r in allotment.allocation.devices.results] == [("container-0-request-1", "gpu-0")]
    assert [(m.containerName, m.resourceName, m.requestName) for m in allotment.mappings] == [
        ("main", GPU, "container-0-request-1")
    ]


def test_each_class_can_be_asked_for_by_its_own_name() -> None:
    lab = Lab()
    lab.offer("gpu-0")
    assert lab.place(pod_info(wants("p", container("main", 1, IMPLICIT)))) == "b"
    assert lab.allotments[0].mappings[0].resourceName == IMPLICIT


def test_a_node_that_offers_the_resource_itself_needs_no_claim() -> None:
    lab = Lab(plugin="2")
    info = pod_info(wants("p", container("main", 2)))
    assert lab.place(info) == "a"
    assert lab.allotments == ()
    lab.cache.world.nodes.add_pod(info, "a")
    refused = lab.place(pod_info(wants("q", container("main", 1))))
    assert refused.startswith("0/2 nodes are available: 1 Insufficient example.com/gpu, 1 cannot allocate all claims.")
    lab.offer("gpu-0")
    assert lab.place(pod_info(wants("q", container("main", 1)))) == "b"


def test_a_device_that_is_being_given_is_not_there_for_the_next_pod() -> None:
    lab = Lab()
    lab.offer("gpu-0")
    lab.place(pod_info(wants("p", container("main", 1))))
    lab.devices.give(lab.allotments, pod_info(wants("p", container("main", 1))))
    text = "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable,"
    assert lab.place(pod_info(wants("q", container("main", 1)))).startswith(text)


def test_a_resource_without_a_class_is_counted_as_ever() -> None:
    text = "0/2 nodes are available: 2 Insufficient example.com/other. no new claims to deallocate,"
    assert Lab().place(pod_info(wants("p", container("main", 1, "example.com/other")))).startswith(text)


def test_a_claim_of_an_earlier_attempt_has_to_go_first() -> None:
    lab = Lab()
    lab.offer("gpu-0")
    info = pod_info(wants("p", container("main", 1)))
    lab.place(info)
    old = msgspec.structs.replace(lab.allotments[0].claim)
    lab.devices.claim_changed(None, old)
    assert "cannot schedule extended resource claim" in lab.place(info)
    hint = DynamicResources().events[events.RESOURCE_CLAIM]
    assert hint is not None and hint(info, old, None)
    assert not hint(pod_info(wants("q", container("main", 1))), old, None)
    lab.devices.claim_changed(old, None)
    assert lab.place(info) == "b"


def test_a_class_wakes_the_pods_that_ask_for_its_resource() -> None:
    hint = ResourcesFit().events[events.DEVICE_CLASS]
    info = pod_info(wants("p", container("main", 1)))
    assert hint is not None
    assert hint(info, None, device_class("any", GPU))
    assert not hint(info, None, device_class("any", "example.com/other"))
    assert not hint(info, device_class("any", GPU), None)
    assert hint(pod_info(wants("p", container("main", 1, IMPLICIT))), None, device_class("gpu"))


def test_a_class_that_comes_later_changes_the_verdict() -> None:
    lab = Lab()
    lab.offer("gpu-0")
    lab.devices.class_changed(device_class("gpu", GPU), None)
    info = pod_info(wants("p", container("main", 1)))
    assert "2 Insufficient example.com/gpu" in lab.place(info)
    lab.devices.class_changed(None, device_class("gpu", GPU))
    assert lab.place(info) == "b"


@pytest.mark.parametrize(
    ("classes", "chosen"),
    [
        ([device_class("a", GPU, "2030-01-01T00:00:00Z"), device_class("b", GPU, "2030-01-02T00:00:00Z")], "b"),
        ([device_class("b", GPU), device_class("a", GPU)], "a"),
        ([device_class("a", GPU), device_class("b", GPU)], "a"),
    ],
)
def test_of_classes_with_the_same_resource_the_newest_counts_then_the_first_by_name(
    classes: list[v1.DeviceClass], chosen: str
) -> None:
    assert class_names(classes)[GPU] == chosen


def asked(found: Pod) -> tuple[list[tuple[str, int | None]], list[tuple[str, str]]]:
    """(request, number), (container, request)."""
    claim, mappings = claim_for(found, [GPU], {GPU: "gpu"})
    assert claim.spec.devices is not None
    requests = [(r.name, r.exactly.count) for r in claim.spec.devices.requests if r.exactly is not None]
    return requests, [(m.containerName, m.requestName) for m in mappings]


def test_each_container_has_its_own_request() -> None:
    requests, mappings = asked(wants("p", container("one", 1), container("none"), container("two", 2)))
    assert requests == [("container-0-request-1", 1), ("container-2-request-1", 2)]
    assert mappings == [("one", "container-0-request-1"), ("two", "container-2-request-1")]


def test_init_containers_use_what_later_ones_get_and_share_the_rest() -> None:
    init = (container("small", 2), container("side", 1, restartPolicy="Always"), container("large", 4))
    requests, mappings = asked(wants("p", container("main", 1), init=init))
    assert requests == [
        ("container-1-request-1", 1),
        ("container-2-request-1", 3),
        ("container-3-request-1", 1),
    ]
    assert mappings == [
        ("side", "container-1-request-1"),
        ("main", "container-3-request-1"),
        ("small", "container-1-request-1"),
        ("small", "container-3-request-1"),
        ("large", "container-3-request-1"),
        ("large", "container-2-request-1"),
    ]


def test_init_containers_that_run_before_everything_share_one_request() -> None:
    requests, mappings = asked(wants("p", container("main"), init=(container("a", 1), container("b", 2))))
    assert requests == [("container-1-request-1", 2)]
    assert mappings == [("a", "container-1-request-1"), ("b", "container-1-request-1")]


def points(lab: Lab, kind: str, info: PodInfo) -> dict[str, float]:
    """By node, for how it suits the pod in GPUs alone, or (`balance`) in how GPUs and CPUs are in use."""
    cycle = Cycle(info, lab.cache.world)
    if kind == "balance":
        found = balance(cycle, [ResourceSpec("cpu", 1), ResourceSpec(GPU, 1)])
    else:
        found = strategy_scorer(msgspec.convert({"type": kind, "resources": [{"name": GPU}]}, ScoringStrategy))(cycle)
    return {name: float(found[at]) for name, at in cycle.nodes.index.items()}


def test_nodes_are_compared_by_the_devices_behind_a_resource() -> None:
    lab = Lab(plugin="4")
    lab.offer("gpu-0", "gpu-1", "gpu-2", "gpu-3")
    first, info = pod_info(wants("p", container("main", 1, IMPLICIT))), pod_info(wants("q", container("main", 2)))
    assert points(lab, "LeastAllocated", info) == {"a": 50, "b": 50}
    assert lab.place(first) == "b"
    lab.devices.give(lab.allotments, first)
    assert points(lab, "LeastAllocated", info) == {"a": 50, "b": 25}
    assert points(lab, "MostAllocated", info) == {"a": 50, "b": 75}
    assert points(lab, "balance", info) == {"a": 68, "b": 69}
    assert points(lab, "MostAllocated", pod_info(wants("r", container("main")))) == {"a": 0, "b": 0}


def test_only_devices_of_the_class_are_counted() -> None:
    lab = Lab()
    lab.offer("gpu-0", "gpu-1")
    info = pod_info(wants("p", container("main", 1)))
    chosen = device_class("gpu", GPU)
    for expression, expected in (("device.driver == 'other'", 0), ("device.attributes['x'].y", 0), ("true", 50)):
        chosen.spec.selectors = [v1.DeviceSelector(cel=v1.CELDeviceSelector(expression=expression))]
        lab.devices.class_changed(None, chosen)
        assert points(lab, "MostAllocated", info) == {"a": 0, "b": expected}

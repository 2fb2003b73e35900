"""DynamicResources: which nodes can give a pod's claims their devices, and what is given."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.core_v1 import PodResourceClaimStatus
from kubelite.scheduler import events
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.devices.allocation import Allotment
from kubelite.scheduler.framework import AttemptFailed, Diagnosis
from kubelite.scheduler.offline import Simulation
from kubelite.scheduler.plugins.dynamic_resources import DynamicResources
from kubelite.scheduler.pods import pod_info
from tests.unit.scheduler.world import node, pod

DRIVER = "gpu.example.com"
Given = list[tuple[str, str]]


def device(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def gpu(name: str, model: str = "a", memory: str = "10Gi", **more: Any) -> dict[str, Any]:
    return device(name, attributes={"model": {"string": model}}, capacity={"memory": {"value": memory}}, **more)


def exactly(name: str = "gpu", *selectors: str, **more: Any) -> dict[str, Any]:
    chosen = [{"cel": {"expression": text}} for text in selectors]
    return {"name": name, "exactly": {"deviceClassName": "gpu", "selectors": chosen, **more}}


class Lab:
    """Two nodes, a class, and whatever devices and claims a test makes."""

    def __init__(self) -> None:
        self.cache = Cache()
        self.devices = self.cache.world.devices
        for name in ("a", "b"):
            self.cache.node_changed(None, node(name), 0.0)
        self.device_class("gpu", f'device.driver == "{DRIVER}"')

    def device_class(self, name: str, expression: str, **more: Any) -> None:
        spec = {"selectors": [{"cel": {"expression": expression}}], **more}
        self.devices.class_changed(None, msgspec.convert({"metadata": {"name": name}, "spec": spec}, v1.DeviceClass))

    def offer(self, name: str, devices: list[dict[str, Any]], **spec: Any) -> None:
        pool = spec.pop("pool", {"name": name, "resourceSliceCount": 1, "generation": 1})
        body = {"metadata": {"name": name}, "spec": {"driver": DRIVER, "pool": pool, "devices": devices, **spec}}
        self.devices.slice_changed(None, msgspec.convert(body, v1.ResourceSlice))

    def claim(self, name: str, *requests: dict[str, Any], **devices: Any) -> v1.ResourceClaim:
        meta = {"name": name, "namespace": "default", "uid": f"uid-{name}"}
        body = {"metadata": meta, "spec": {"devices": {"requests": requests, **devices}}}
        made = msgspec.convert(body, v1.ResourceClaim)
        self.devices.claim_changed(None, made)
        return made

    def place(self, *claims: str) -> str:
        """The chosen node, or the reasons."""
        result = self._decide(claims)
        return result.message() if isinstance(result, Diagnosis) else result

    def diagnose(self, *claims: str) -> Diagnosis:
        result = self._decide(claims)
        assert isinstance(result, Diagnosis), result
        return result

    def _decide(self, claims: tuple[str, ...]) -> str | Diagnosis:
        names = [{"name": f"c{i}", "resourceClaimName": name} for i, name in enumerate(claims)]
        return self.cache.scheduler.place(pod_info(pod("p", resourceClaims=names)))

    @property
    def allotments(self) -> tuple[Allotment, ...]:
        return self.cache.scheduler.binding.devices

    def given(self) -> Given:
        """(request, device) of what the last placed pod gets."""
        made = [a.allocation for a in self.allotments if a.allocation is not None]
        return [(r.request, r.device) for a in made if a.devices is not None for r in a.devices.results]

    def keep(self) -> None:
        """What was decided is written."""
        for allotment in self.allotments:
            new = msgspec.structs.replace(
                allotment.claim, status=v1.ResourceClaimStatus(allocation=allotment.allocation)
            )
            self.devices.claim_changed(allotment.claim, new)


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_a_pod_goes_where_a_device_is_and_the_claim_gets_it(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("c", exactly())
    assert (lab.place("c"), lab.given()) == ("b", [("gpu", "gpu-0")])
    allocation = lab.allotments[0].allocation
    assert allocation is not None and allocation.nodeSelector is not None
    (term,) = allocation.nodeSelector.nodeSelectorTerms
    assert [(f.key, f.operator, f.values) for f in term.matchFields] == [("metadata.name", "In", ["b"])]


def test_a_device_is_given_once(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("first", exactly())
    lab.claim("second", exactly())
    lab.place("first")
    lab.keep()
    assert lab.place("second").startswith(
        "0/2 nodes are available: 2 cannot allocate all claims. still not schedulable,"
    )


def test_a_device_that_is_being_given_is_no_longer_there_for_others(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    first = lab.claim("first", exactly())
    lab.claim("second", exactly())
    lab.place("first")
    assert lab.allotments[0].allocation is not None
    lab.devices.assumed["default/first"] = lab.allotments[0].allocation
    assert "2 cannot allocate all claims" in lab.place("second")
    assert "resource claim default/first is in the process of being allocated" in lab.place("first")
    lab.devices.claim_changed(first, None)
    assert lab.place("second") == "b"


def test_selectors_see_driver_attributes_and_capacity(lab: Lab) -> None:
    lab.offer("s", [gpu("small", "a", "4Gi"), gpu("other", "b", "80Gi"), gpu("right", "a", "80Gi")], nodeName="a")
    model = f'device.attributes["{DRIVER}"].model == "a"'
    size = f'device.capacity["{DRIVER}"].memory.compareTo(quantity("20Gi")) >= 0'
    lab.claim("c", exactly("gpu", model, size))
    lab.place("c")
    assert lab.given() == [("gpu", "right")]


def test_versions_compare_and_unknown_domains_are_empty(lab: Lab) -> None:
    versions = [device(f"v{n}", attributes={"driverVersion": {"version": f"{n}.0.0"}}) for n in (1, 2)]
    lab.offer("s", versions, nodeName="a")
    newer = f'device.attributes["{DRIVER}"].driverVersion.isGreaterThan(semver("1.5.0"))'
    lab.claim("c", exactly("gpu", newer, '!("x" in device.attributes["other.example.com"])'))
    lab.place("c")
    assert lab.given() == [("gpu", "v2")]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("device.nothing == 1", "CEL compile error"),
        ("device.driver", "must evaluate to bool"),
        ('device.attributes["gpu.example.com"].absent == 1', "CEL runtime error: no such key: absent"),
    ],
)
def test_a_selector_that_cannot_be_judged_is_an_error_that_names_it(lab: Lab, expression: str, text: str) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("c", exactly("gpu", "true", expression))
    with pytest.raises(AttemptFailed) as found:
        lab.place("c")
    assert str(found.value).startswith('running "DynamicResources" filter plugin: claim default/c: selector #1: ')
    assert text in str(found.value)
    lab.device_class("gpu", expression)
    with pytest.raises(AttemptFailed, match="filter plugin: class gpu: selector #0: "):
        lab.place("c")


def test_counts_are_met_on_one_node(lab: Lab) -> None:
    lab.offer("sa", [gpu("gpu-0")], nodeName="a")
    lab.offer("sb", [gpu("gpu-0"), gpu("gpu-1")], nodeName="b")
    lab.claim("c", exactly("gpu", count=2))
    assert (lab.place("c"), lab.given()) == ("b", [("gpu", "gpu-0"), ("gpu", "gpu-1")])


def test_all_means_every_device_and_none_of_them_taken(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0"), gpu("gpu-1")], nodeName="b")
    lab.claim("every", exactly("gpu", allocationMode="All"))
    assert (lab.place("every"), lab.given()) == ("b", [("gpu", "gpu-0"), ("gpu", "gpu-1")])
    lab.claim("one", exactly())
    lab.place("one")
    lab.keep()
    assert "2 cannot allocate all claims" in lab.place("every")


def test_the_first_alternative_that_works_is_taken(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0", "small")], nodeName="b")
    chosen = [{"cel": {"expression": f'device.attributes["{DRIVER}"].model == "large"'}}]
    large = {"name": "large", "deviceClassName": "gpu", "selectors": chosen}
    small = {"name": "small", "deviceClassName": "gpu"}
    lab.claim("c", {"name": "gpu", "firstAvailable": [large, small]})
    lab.place("c")
    assert lab.given() == [("gpu/small", "gpu-0")]


def test_nodes_where_requests_get_what_they_prefer_are_better(lab: Lab) -> None:
    lab.offer("sa", [gpu("gpu-0", "small")], nodeName="a")
    lab.offer("sb", [gpu("gpu-0", "large")], nodeName="b")
    for name in (f"filler-{number}" for number in range(3)):
        lab.cache.pod_changed(None, pod(name, on="b", requests={"cpu": "500m"}), 0.0)  # a has more room
    chosen = [{"cel": {"expression": f'device.attributes["{DRIVER}"].model == "large"'}}]
    large = {"name": "large", "deviceClassName": "gpu", "selectors": chosen}
    small = {"name": "small", "deviceClassName": "gpu"}
    lab.claim("whatever", {"name": "gpu", "firstAvailable": [small]})
    assert lab.place("whatever") == "a"
    lab.claim("c", {"name": "gpu", "firstAvailable": [large, small]})
    assert (lab.place("c"), lab.given()) == ("b", [("gpu/large", "gpu-0")])


def test_devices_that_must_match_are_found_even_if_the_first_ones_do_not(lab: Lab) -> None:
    lab.offer("s", [gpu("x0", "x"), gpu("y0", "y"), gpu("y1", "y")], nodeName="a")
    constraint = {"matchAttribute": f"{DRIVER}/model"}
    lab.claim("c", exactly("one"), exactly("two"), constraints=[constraint])
    lab.place("c")
    assert lab.given() == [("one", "y0"), ("two", "y1")]


def test_devices_that_must_differ(lab: Lab) -> None:
    lab.offer("s", [gpu("x0", "x"), gpu("x1", "x"), gpu("y0", "y")], nodeName="a")
    lab.claim("c", exactly("one", count=2), constraints=[{"distinctAttribute": f"{DRIVER}/model"}])
    lab.place("c")
    assert lab.given() == [("one", "x0"), ("one", "y0")]


def test_administrators_look_at_devices_that_others_have(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("user", exactly())
    lab.place("user")
    lab.keep()
    lab.claim("admin", exactly("gpu", adminAccess=True))
    assert (lab.place("admin"), lab.given()) == ("b", [("gpu", "gpu-0")])
    lab.keep()
    assert ("gpu.example.com", "s", "gpu-0") in lab.devices.taken().whole


def test_tainted_devices_are_for_those_who_tolerate_it(lab: Lab) -> None:
    taint = {"key": "broken", "value": "yes", "effect": "NoSchedule"}
    lab.offer("s", [gpu("gpu-0", taints=[taint])], nodeName="b")
    lab.claim("plain", exactly())
    assert "2 cannot allocate all claims" in lab.place("plain")
    toleration = {"key": "broken", "operator": "Exists", "effect": "NoSchedule"}
    lab.claim("tolerant", exactly("gpu", tolerations=[toleration]))
    assert lab.place("tolerant") == "b"
    allocation = lab.allotments[0].allocation
    assert allocation is not None and allocation.devices is not None
    assert allocation.devices.results[0].tolerations[0].key == "broken"


def test_partitions_of_a_device_share_its_counters(lab: Lab) -> None:
    consumes = [{"counterSet": "card", "counters": {"memory": {"value": "30Gi"}}}]
    sets = [{"name": "card", "counters": {"memory": {"value": "40Gi"}}}]
    parts = [gpu("half-0", consumesCounters=consumes), gpu("half-1", consumesCounters=consumes)]
    lab.offer("s", parts, nodeName="b", sharedCounters=sets)
    lab.claim("first", exactly())
    lab.claim("second", exactly())
    lab.place("first")
    lab.keep()
    assert "2 cannot allocate all claims" in lab.place("second")


def test_a_pool_counts_when_all_slices_of_its_newest_generation_are_there(lab: Lab) -> None:
    lab.offer("s-1", [gpu("old")], nodeName="b", pool={"name": "p", "resourceSliceCount": 1, "generation": 1})
    lab.offer("s-2", [gpu("new-0")], nodeName="b", pool={"name": "p", "resourceSliceCount": 2, "generation": 2})
    lab.claim("c", exactly())
    assert "2 cannot allocate all claims" in lab.place("c")
    lab.offer("s-3", [gpu("new-1")], nodeName="b", pool={"name": "p", "resourceSliceCount": 2, "generation": 2})
    assert (lab.place("c"), lab.given()) == ("b", [("gpu", "new-0")])


def test_a_shared_pool_is_reached_by_the_nodes_that_it_selects(lab: Lab) -> None:
    requirement = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a"]}
    selector = {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}
    lab.offer("s", [gpu("gpu-0")], nodeSelector=selector)
    lab.claim("c", exactly())
    assert lab.place("c") == "a"
    allocation = lab.allotments[0].allocation
    assert allocation is not None
    assert msgspec.to_builtins(allocation.nodeSelector) == {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}


def test_each_device_of_a_slice_can_say_where_it_is(lab: Lab) -> None:
    devices = [gpu("gpu-a", nodeName="a"), gpu("gpu-b", nodeName="b"), gpu("net", "net", allNodes=True)]
    lab.offer("s", devices, perDeviceNodeSelection=True)
    lab.claim("c", exactly("gpu", count=3))
    assert "2 cannot allocate all claims" in lab.place("c")
    lab.claim("d", exactly("gpu", count=2))
    assert lab.place("d") in ("a", "b")


def test_a_claim_that_has_its_devices_binds_the_pod_to_their_node(lab: Lab) -> None:
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    lab.claim("c", exactly())
    lab.place("c")
    lab.keep()
    lab.device_class("gpu", "false")
    assert lab.place("c") == "b"
    assert [a.allocation for a in lab.allotments] == [None]
    lab.cache.node_changed(node("b"), None, 0.0)
    assert "1 resourceclaim not available on the node" in lab.place("c")


def test_configurations_of_class_and_claim_reach_the_driver(lab: Lab) -> None:
    lab.device_class("gpu", "true", config=[{"opaque": {"driver": DRIVER, "parameters": {"from": "class"}}}])
    lab.offer("s", [gpu("gpu-0")], nodeName="b")
    mine = {"requests": ["gpu"], "opaque": {"driver": DRIVER, "parameters": {"from": "claim"}}}
    lab.claim("c", exactly(), config=[mine])
    lab.place("c")
    allocation = lab.allotments[0].allocation
    assert allocation is not None and allocation.devices is not None
    assert [(c.source, c.requests) for c in allocation.devices.config] == [
        ("FromClass", ["gpu"]),
        ("FromClaim", ["gpu"]),
    ]


def test_what_is_missing_is_named(lab: Lab) -> None:
    assert 'resourceclaim.resource.k8s.io "c" not found' in lab.place("c")
    lab.claim("c", {"name": "gpu", "exactly": {"deviceClassName": "nope"}})
    assert "request gpu: device class nope does not exist" in lab.place("c")
    waiting = pod("p", resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "t"}])
    result = lab.cache.scheduler.place(pod_info(waiting))
    assert isinstance(result, Diagnosis) and 'pod "default/p": ResourceClaim not created yet' in result.message()


def test_a_claim_made_for_another_pod_is_refused(lab: Lab) -> None:
    lab.claim("c", exactly())
    waiting = pod("p", resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "t"}])
    waiting.status.resourceClaimStatuses = [PodResourceClaimStatus(name="gpu", resourceClaimName="c")]
    result = lab.cache.scheduler.place(pod_info(waiting))
    assert isinstance(result, Diagnosis)
    assert "ResourceClaim default/c was not created for pod default/p (pod is not owner)" in result.message()


def test_only_claims_that_matter_wake_a_pod(lab: Lab) -> None:
    mine, other = lab.claim("c", exactly()), lab.claim("other", exactly())
    hint = DynamicResources().events[events.RESOURCE_CLAIM]
    assert hint is not None
    waiting = pod_info(pod("p", resourceClaims=[{"name": "gpu", "resourceClaimName": "c"}]))
    assert hint(waiting, None, mine)
    assert not hint(waiting, None, other)
    had = msgspec.structs.replace(other, status=v1.ResourceClaimStatus(allocation=v1.AllocationResult()))
    assert hint(waiting, had, other)
    assert hint(waiting, had, None)


def test_the_search_ends_after_its_steps(lab: Lab) -> None:
    lab.offer("s", [gpu(f"gpu-{n}", str(n % 7)) for n in range(28)], nodeName="b")
    lab.claim("c", exactly("gpu", count=12), constraints=[{"matchAttribute": f"{DRIVER}/model"}])
    assert "2 cannot allocate all claims" in lab.place("c")
    plugin = next(p for p in lab.cache.scheduler.profile.filters if isinstance(p, DynamicResources))
    plugin.steps = 20
    text = 'running "DynamicResources" filter plugin: node b: timed out trying to allocate devices'
    with pytest.raises(AttemptFailed, match=text):
        lab.place("c")


def test_a_simulation_gives_devices_as_the_scheduler_does() -> None:
    def claim(name: str) -> dict[str, Any]:
        meta = {"name": name, "namespace": "default", "uid": name}
        return {"kind": "ResourceClaim", "metadata": meta, "spec": {"devices": {"requests": [exactly()]}}}

    pool = {"name": "s", "resourceSliceCount": 1}
    offer = {"driver": DRIVER, "nodeName": "a", "pool": pool, "devices": [gpu("gpu-0")]}
    simulation = Simulation(
        objects=[
            {"kind": "Node", "metadata": {"name": "a"}, "status": {"allocatable": {"pods": "9"}}},
            {"kind": "DeviceClass", "metadata": {"name": "gpu"}, "spec": {}},
            {"kind": "ResourceSlice", "metadata": {"name": "s"}, "spec": offer},
            claim("one"),
            claim("two"),
        ]
    )

    def waiting(name: str, of: str) -> dict[str, Any]:
        spec = {"resourceClaims": [{"name": "c", "resourceClaimName": of}]}
        return {"kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": name}, "spec": spec}

    assert simulation.schedule(waiting("p", "one")).node == "a"
    simulation.place(waiting("p", "one"), "a")
    assert simulation.schedule(waiting("q", "one")).node == "a"
    assert "cannot allocate all claims" in simulation.schedule(waiting("q", "two")).message

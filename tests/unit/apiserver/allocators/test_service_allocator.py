"""Service addresses and node ports: given out once, given back, repaired."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubelite import api
from kubelite.api.types.core_v1 import Service, ServicePort, ServiceSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.allocators.hook import ServiceAllocator
from kubelite.apiserver.allocators.ranges import AddressRange, PortRange
from kubelite.apiserver.allocators.repair import Repair
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.storage.memory import MemoryStore

KIND = next(kind for kind in api.KINDS if kind.kind == "Service")


def allocator(store: MemoryStore, cidr: str = "10.96.0.0/24", ports: str = "30000-30100") -> ServiceAllocator:
    return ServiceAllocator(KIND, store, AddressRange(cidr), PortRange(ports))


def service(name: str = "web", *ports: ServicePort, type: str = "ClusterIP", **spec: Any) -> Service:
    wanted = list(ports) or [ServicePort(port=80, protocol="TCP")]
    metadata = ObjectMeta(name=name, namespace="default", uid=f"uid-{name}")
    return Service(metadata=metadata, spec=ServiceSpec(type=type, ports=wanted, **spec))


def write(new: Service | None, old: Service | None = None, *, dry_run: bool = False) -> AdmissionRequest:
    operation = "DELETE" if new is None else "CREATE" if old is None else "UPDATE"
    name = (new or old or service()).metadata.name
    return AdmissionRequest(operation, KIND, "default", name, object=new, old=old, dry_run=dry_run)


async def created(hook: ServiceAllocator, new: Service) -> Service:
    await hook.before_write(write(new))
    await hook.after_write(write(new))
    return new


async def test_a_service_gets_an_address_and_node_ports_of_the_ranges() -> None:
    made = await created(allocator(MemoryStore()), service(type="NodePort"))
    assert made.spec.clusterIP is not None and made.spec.clusterIP.startswith("10.96.0.")
    assert made.spec.clusterIPs == [made.spec.clusterIP]
    assert (made.spec.ipFamilies, made.spec.ipFamilyPolicy) == (["IPv4"], "SingleStack")
    assert 30000 <= (made.spec.ports[0].nodePort or 0) <= 30100


async def test_two_servers_never_give_out_the_same() -> None:
    store = MemoryStore()
    first, second = allocator(store, "10.0.0.0/27"), allocator(store, "10.0.0.0/27")
    made = await asyncio.gather(
        *(created(hook, service(f"{letter}{i}")) for letter, hook in (("a", first), ("b", second)) for i in range(15))
    )
    assert len({one.spec.clusterIP for one in made}) == 30
    with pytest.raises(StatusError) as found:
        await created(first, service("one-too-many"))
    assert found.value.message == "Internal error occurred: failed to allocate a serviceIP: range is full"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        pytest.param(
            {"clusterIP": "10.96.0.9"},
            'spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated',
            id="address that is taken",
        ),
        pytest.param(
            {"clusterIP": "192.168.0.1"},
            'spec.clusterIPs: Invalid value: ["192.168.0.1"]: failed to allocate IP 192.168.0.1: the provided IP (192.168.0.1)'
            " is not in the valid range. The range of valid IPs is 10.96.0.0/24",
            id="address outside the range",
        ),
        pytest.param(
            {"type": "NodePort", "port": 30080},
            "spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated",
            id="port that is taken",
        ),
        pytest.param(
            {"type": "NodePort", "port": 80},
            "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range."
            " The range of valid ports is 30000-30100",
            id="port outside the range",
        ),
    ],
)
async def test_what_cannot_be_had_is_refused_in_upstreams_words(wanted: dict[str, Any], text: str) -> None:
    hook = allocator(MemoryStore())
    port = ServicePort(port=80, protocol="TCP", nodePort=30080)
    await created(hook, service("first", port, type="NodePort", clusterIP="10.96.0.9"))
    number = wanted.pop("port", None)
    with pytest.raises(StatusError) as found:
        await created(hook, service("second", ServicePort(port=80, protocol="TCP", nodePort=number), **wanted))
    assert found.value.message == f'Service "second" is invalid: {text}'


async def test_a_refused_write_gives_back_what_it_had_taken() -> None:
    hook = allocator(MemoryStore())
    await created(hook, service("first", ServicePort(port=80, nodePort=30080), type="NodePort"))
    before = await hook.address_claims.taken()
    with pytest.raises(StatusError):
        await created(hook, service("second", ServicePort(port=80, nodePort=30080), type="NodePort"))
    assert await hook.address_claims.taken() == before


async def test_headless_and_external_services_have_no_address() -> None:
    hook = allocator(MemoryStore())
    headless = await created(hook, service(clusterIP="None"))
    assert headless.spec.clusterIPs == ["None"]
    external = await created(hook, service("out", type="ExternalName", externalName="example.org"))
    assert external.spec.clusterIP is None
    assert await hook.address_claims.taken() == {}


async def test_what_the_new_service_no_longer_has_is_given_back() -> None:
    hook = allocator(MemoryStore())
    old = await created(hook, service(type="NodePort"))
    new = codec.clone(old)
    new.spec.type, new.spec.ports[0].nodePort = "ClusterIP", None
    await hook.before_write(write(new, old))
    await hook.after_write(write(new, old))
    assert await hook.port_claims.taken() == {}
    assert await hook.address_claims.taken() == {old.spec.clusterIP: "uid-web"}
    await hook.after_write(write(None, new))
    assert await hook.address_claims.taken() == {}


async def test_an_external_service_that_becomes_internal_gets_an_address() -> None:
    hook = allocator(MemoryStore())
    old = await created(hook, service(type="ExternalName", externalName="example.org"))
    new = service()
    await hook.before_write(write(new, old))
    assert new.spec.clusterIP is not None and new.spec.clusterIP.startswith("10.96.0.")


async def test_a_dry_run_shows_values_and_claims_none() -> None:
    hook = allocator(MemoryStore())
    new = service(type="NodePort")
    await hook.before_write(write(new, dry_run=True))
    assert new.spec.clusterIP and new.spec.ports[0].nodePort
    assert await hook.address_claims.taken() == {} == await hook.port_claims.taken()


async def test_tcp_and_udp_of_one_port_share_a_node_port() -> None:
    both = service("dns", ServicePort(port=53, protocol="TCP"), ServicePort(port=53, protocol="UDP"), type="NodePort")
    made = await created(allocator(MemoryStore()), both)
    assert made.spec.ports[0].nodePort == made.spec.ports[1].nodePort


async def test_a_local_load_balancer_gets_a_health_check_port() -> None:
    made = await created(allocator(MemoryStore()), service(type="LoadBalancer", externalTrafficPolicy="Local"))
    assert made.spec.healthCheckNodePort
    assert made.spec.healthCheckNodePort != made.spec.ports[0].nodePort


async def test_repair_adds_missing_claims_and_drops_those_that_stay_without_a_service() -> None:
    hook = allocator(MemoryStore())
    lost = await created(hook, service("lost"))
    present = service("present", ServicePort(port=80, nodePort=30001), type="NodePort", clusterIP="10.96.0.77")
    repair = Repair(hook, lambda: [present])
    await repair.once()
    assert set(await hook.address_claims.taken()) == {"10.96.0.77", lost.spec.clusterIP}
    await repair.once()
    assert await hook.address_claims.taken() == {"10.96.0.77": "uid-present"}
    assert await hook.port_claims.taken() == {"30001": "uid-present"}


async def test_what_a_service_gives_up_is_free_only_when_it_has_come_back() -> None:
    store = MemoryStore()
    first, second = allocator(store), allocator(store)
    port = ServicePort(port=80, nodePort=30001)
    had = await created(first, service("web", port, type="NodePort"))
    without = codec.clone(had)
    without.spec.type, without.spec.ports[0].nodePort = "ClusterIP", None
    await first.before_write(write(without, had))
    # The first server has written, but not given back yet; a client takes the port again through the second.
    with pytest.raises(StatusError, match="provided port is already allocated"):
        await second.before_write(write(codec.clone(had), without))
    await first.after_write(write(without, had))
    await second.before_write(write(codec.clone(had), without))
    assert await second.port_claims.taken() == {"30001": "uid-web"}


async def test_the_next_try_of_a_write_waits_until_the_claims_of_the_last_are_back() -> None:
    hook = allocator(MemoryStore())
    old = await created(hook, service())
    wanted = service("web", ServicePort(port=80, nodePort=30001), type="NodePort", clusterIP=old.spec.clusterIP)
    undo = await hook.before_write(write(wanted, old))
    assert undo is not None
    undo()
    await hook.before_write(write(wanted, old))
    await asyncio.sleep(0)
    assert await hook.port_claims.taken() == {"30001": "uid-web"}

"""Service addresses and node ports: given out once, given back, repaired."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kubelite import api
from kubelite.api.networking.ip_address import IP_ADDRESS
from kubelite.api.types.core_v1 import Service, ServicePort, ServiceSpec
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import IPAddress, ParentReference, ServiceCIDR, ServiceCIDRSpec
from kubelite.apiserver.allocators.address_repair import AddressRepair
from kubelite.apiserver.allocators.addresses import AddressClaims
from kubelite.apiserver.allocators.cidrs import ServiceRanges
from kubelite.apiserver.allocators.claims import Claims
from kubelite.apiserver.allocators.hook import ServiceAllocator
from kubelite.apiserver.allocators.port_repair import PortRepair
from kubelite.apiserver.allocators.ranges import PortRange
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.storage.memory import MemoryStore

KIND = next(kind for kind in api.KINDS if kind.kind == "Service")


def allocator(store: MemoryStore, *cidrs: str, ports: str = "30000-30100") -> ServiceAllocator:
    ranges = ServiceRanges("IPv4")
    for number, cidr in enumerate(cidrs or ("10.96.0.0/24",)):
        ranges.changed(f"range{number}", ServiceCIDR(spec=ServiceCIDRSpec(cidrs=[cidr])))

    async def values() -> set[str]:
        return set(await objects(store))

    addresses = AddressClaims(store, lambda: "2026-01-01T00:00:00Z", values, lambda revision: None)
    return ServiceAllocator(KIND, addresses, ranges, Claims(store, "nodeports"), PortRange(ports))


async def objects(store: MemoryStore) -> dict[str, IPAddress]:
    """The IPAddress objects there are."""
    page = await store.range(IP_ADDRESS.key_prefix)
    found = [codec.decode(item.value, IPAddress) for item in page.items]
    return {one.metadata.name: one for one in found}


async def held(store: MemoryStore) -> dict[str, str]:
    """Who has which address."""
    parents = {name: one.spec.parentRef or ParentReference() for name, one in (await objects(store)).items()}
    return {name: f"{parent.resource}/{parent.namespace}/{parent.name}" for name, parent in parents.items()}


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
            'spec.clusterIPs: Invalid value: ["192.168.0.1"]: failed to allocate IP 192.168.0.1: the provided network'
            " does not match the current range",
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
    store = MemoryStore()
    hook = allocator(store)
    port = ServicePort(port=80, protocol="TCP", nodePort=30080)
    await created(hook, service("first", port, type="NodePort", clusterIP="10.96.0.9"))
    number = wanted.pop("port", None)
    with pytest.raises(StatusError) as found:
        await created(hook, service("second", ServicePort(port=80, protocol="TCP", nodePort=number), **wanted))
    assert found.value.message == f'Service "second" is invalid: {text}'


async def test_a_refused_write_gives_back_what_it_had_taken() -> None:
    store = MemoryStore()
    hook = allocator(store)
    await created(hook, service("first", ServicePort(port=80, nodePort=30080), type="NodePort"))
    before = await held(store)
    with pytest.raises(StatusError):
        await created(hook, service("second", ServicePort(port=80, nodePort=30080), type="NodePort"))
    assert await held(store) == before


async def test_headless_and_external_services_have_no_address() -> None:
    store = MemoryStore()
    hook = allocator(store)
    headless = await created(hook, service(clusterIP="None"))
    assert headless.spec.clusterIPs == ["None"]
    external = await created(hook, service("out", type="ExternalName", externalName="example.org"))
    assert external.spec.clusterIP is None
    assert await held(store) == {}


async def test_what_the_new_service_no_longer_has_is_given_back() -> None:
    store = MemoryStore()
    hook = allocator(store)
    old = await created(hook, service(type="NodePort"))
    new = codec.clone(old)
    new.spec.type, new.spec.ports[0].nodePort = "ClusterIP", None
    await hook.before_write(write(new, old))
    await hook.after_write(write(new, old))
    assert await hook.port_claims.taken() == {}
    assert await held(store) == {old.spec.clusterIP: "services/default/web"}
    await hook.after_write(write(None, new))
    assert await held(store) == {}


async def test_an_external_service_that_becomes_internal_gets_an_address() -> None:
    store = MemoryStore()
    hook = allocator(store)
    old = await created(hook, service(type="ExternalName", externalName="example.org"))
    new = service()
    await hook.before_write(write(new, old))
    assert new.spec.clusterIP is not None and new.spec.clusterIP.startswith("10.96.0.")


async def test_a_dry_run_shows_values_and_claims_none() -> None:
    store = MemoryStore()
    hook = allocator(store)
    new = service(type="NodePort")
    await hook.before_write(write(new, dry_run=True))
    assert new.spec.clusterIP and new.spec.ports[0].nodePort
    assert await held(store) == {} == await hook.port_claims.taken()


async def test_tcp_and_udp_of_one_port_share_a_node_port() -> None:
    both = service("dns", ServicePort(port=53, protocol="TCP"), ServicePort(port=53, protocol="UDP"), type="NodePort")
    made = await created(allocator(MemoryStore()), both)
    assert made.spec.ports[0].nodePort == made.spec.ports[1].nodePort


async def test_a_local_load_balancer_gets_a_health_check_port() -> None:
    made = await created(allocator(MemoryStore()), service(type="LoadBalancer", externalTrafficPolicy="Local"))
    assert made.spec.healthCheckNodePort
    assert made.spec.healthCheckNodePort != made.spec.ports[0].nodePort


def repairs(store: MemoryStore, hook: ServiceAllocator, *services: Service) -> tuple[AddressRepair, PortRepair]:
    async def listed() -> tuple[Service, ...]:
        return services

    async def addresses() -> list[IPAddress]:
        return list((await objects(store)).values())

    return (
        AddressRepair(hook.address_claims, hook.address_range, listed, addresses, None),
        PortRepair(hook.port_claims, hook.port_range, listed, None),
    )


async def test_repair_adds_missing_claims_and_drops_those_that_stay_without_a_service() -> None:
    store = MemoryStore()
    hook = allocator(store)
    lost = await created(hook, service("lost"))
    present = service("present", ServicePort(port=80, nodePort=30001), type="NodePort", clusterIP="10.96.0.77")
    addresses, ports = repairs(store, hook, present)
    await addresses.once()
    await ports.once()
    assert set(await held(store)) == {"10.96.0.77", lost.spec.clusterIP}
    await addresses.once()
    assert await held(store) == {"10.96.0.77": "services/default/present"}
    assert await hook.port_claims.taken() == {"30001": "uid-present"}


async def test_an_object_of_somebody_else_is_replaced_by_one_of_the_service_that_has_the_address() -> None:
    store = MemoryStore()
    hook = allocator(store)
    await created(hook, service("gone", clusterIP="10.96.0.77"))
    addresses, _ = repairs(store, hook, service("present", clusterIP="10.96.0.77"))
    await addresses.once()
    assert await held(store) == {"10.96.0.77": "services/default/present"}


async def test_of_two_services_with_one_address_the_first_keeps_it() -> None:
    store = MemoryStore()
    hook = allocator(store)
    first = await created(hook, service("first", clusterIP="10.96.0.77"))
    addresses, _ = repairs(store, hook, service("second", clusterIP="10.96.0.77"), first)
    await addresses.once()
    await addresses.once()
    assert await held(store) == {"10.96.0.77": "services/default/first"}


async def test_services_that_an_older_server_wrote_get_their_objects_at_the_start() -> None:
    store = MemoryStore()
    hook = allocator(store)
    addresses, _ = repairs(store, hook, service("old", clusterIP="10.96.0.77"), service("out", type="ExternalName"))
    assert await addresses.adopt() == 1
    assert await addresses.adopt() == 0
    assert await held(store) == {"10.96.0.77": "services/default/old"}


async def test_addresses_come_from_every_range_that_is_ready() -> None:
    hook = allocator(MemoryStore(), "10.0.0.0/29", "10.0.1.0/29", "2001:db8::/120")
    made = [await created(hook, service(f"s{number}")) for number in range(12)]
    assert {one.spec.clusterIP.rpartition(".")[0] for one in made if one.spec.clusterIP} == {"10.0.0", "10.0.1"}
    with pytest.raises(StatusError, match="range is full"):
        await created(hook, service("one-too-many"))


async def test_a_range_that_is_being_deleted_gives_out_nothing() -> None:
    hook = allocator(MemoryStore(), "10.0.0.0/29", "10.0.1.0/24")
    going = ServiceCIDR(metadata=ObjectMeta(deletionTimestamp="2026-01-01T00:00:00Z"))
    going.spec.cidrs = ["10.0.1.0/24"]
    hook.address_range.changed("range1", going)
    assert {(await created(hook, service(f"s{number}"))).spec.clusterIP for number in range(6)} == {
        f"10.0.0.{number}" for number in range(1, 7)
    }
    with pytest.raises(StatusError, match="does not match the current range"):
        await created(hook, service("asks", clusterIP="10.0.1.7"))


async def test_a_service_does_not_give_back_what_its_namesake_took() -> None:
    store = MemoryStore()
    hook = allocator(store)
    old = await created(hook, service("web", clusterIP="10.96.0.9"))
    found = await hook.address_claims.found("10.96.0.9")
    assert found is not None
    assert await hook.address_claims.drop(found)
    new = service("web", clusterIP="10.96.0.9")
    new.metadata.uid = "another"
    await created(hook, new)
    await hook.after_write(write(None, old))
    assert await held(store) == {"10.96.0.9": "services/default/web"}


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
    store = MemoryStore()
    hook = allocator(store)
    old = await created(hook, service())
    wanted = service("web", ServicePort(port=80, nodePort=30001), type="NodePort", clusterIP=old.spec.clusterIP)
    undo = await hook.before_write(write(wanted, old))
    assert undo is not None
    undo()
    await hook.before_write(write(wanted, old))
    await asyncio.sleep(0)
    assert await hook.port_claims.taken() == {"30001": "uid-web"}

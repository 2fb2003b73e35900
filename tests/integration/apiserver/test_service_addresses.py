"""Addresses and node ports of Services over one etcd: two servers, racing clients, and a store whose answer gets lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kubelite.apiserver import allocators
from kubelite.apiserver.bootstrap import masters
from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import Unavailable
from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready

SERVICES = "/api/v1/namespaces/default/services"
RANGES = "/apis/networking.k8s.io/v1/servicecidrs"
ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses"


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}], **spec}}


@pytest.fixture
async def servers(etcd: Etcd) -> AsyncIterator[tuple[ApiEnv, ApiEnv]]:
    """Two servers with few addresses and ports."""
    stores = [await ready(await EtcdStore.open([etcd.endpoint])) for _ in range(2)]
    shared = {
        "etcd_servers": etcd.endpoint,
        "service_cluster_ip_range": "10.96.0.0/27",
        "service_node_port_range": "30000-30019",
    }
    async with api_server(store=stores[0], **shared) as one, api_server(store=stores[1], **shared) as two:
        yield one, two
    for store in stores:
        await store.close()


def held(items: list[dict[str, Any]]) -> tuple[list[str], list[int]]:
    """All addresses and all node ports that Services have."""
    addresses = [one["spec"]["clusterIP"] for one in items]
    return addresses, [port["nodePort"] for one in items for port in one["spec"]["ports"] if port.get("nodePort")]


async def names(api: ApiEnv) -> set[str]:
    """The addresses that IPAddress objects say are taken."""
    return {one["metadata"]["name"] for one in (await api.get(ADDRESSES)).json()["items"]}


async def taken(api: ApiEnv) -> set[str]:
    """The keys of all that Services hold."""
    claims = await api.store.range("/registry/allocations/")
    return {*(one.key for one in claims.items), *await names(api)}


async def test_two_servers_never_give_the_same_address_or_port_twice(servers: tuple[ApiEnv, ApiEnv]) -> None:
    writes = [servers[n % 2].post(SERVICES, service(f"s{n}")) for n in range(25)]
    replies = await asyncio.gather(*writes)
    assert sorted(reply.status for reply in replies) == [201] * 20 + [500] * 5, "there are twenty ports"
    addresses, ports = held([one.json() for one in replies if one.status == 201])
    assert sorted(ports) == list(range(30000, 30020))
    assert len(set(addresses)) == 20
    assert await names(servers[0]) == {*addresses, "10.96.0.1"}


async def test_one_of_those_who_ask_for_the_same_gets_it(servers: tuple[ApiEnv, ApiEnv]) -> None:
    same = {"clusterIP": "10.96.0.20", "ports": [{"port": 80, "nodePort": 30007}]}
    replies = await asyncio.gather(*(servers[n % 2].post(SERVICES, service(f"s{n}", **same)) for n in range(8)))
    assert sorted(reply.status for reply in replies) == [201] + [422] * 7


async def test_services_that_come_go_and_change_at_once_share_nothing(servers: tuple[ApiEnv, ApiEnv]) -> None:
    async def client(number: int) -> None:
        choice = random.Random(number)
        for _ in range(12):
            api, name = choice.choice(servers), f"s{choice.randrange(6)}"
            act = choice.randrange(4)
            if act == 0:
                await api.post(SERVICES, service(name, ports=[{"port": 80, "nodePort": 30000 + choice.randrange(4)}]))
            elif act == 1:
                await api.patch(f"{SERVICES}/{name}", {"spec": {"type": "ClusterIP"}})
            elif act == 2:
                port = {"port": 80, "nodePort": 30000 + choice.randrange(4)}
                await api.patch(f"{SERVICES}/{name}", {"spec": {"type": "NodePort", "ports": [port]}})
            else:
                await api.delete(f"{SERVICES}/{name}")
            addresses, ports = held((await api.get(SERVICES)).json()["items"])
            assert len(set(addresses)) == len(addresses)
            assert len(set(ports)) == len(ports)

    await asyncio.gather(*(client(number) for number in range(8)))
    items = (await servers[0].get(SERVICES)).json()["items"]
    addresses, ports = held(items)
    claims = await servers[0].store.range("/registry/allocations/")
    assert {one.key.rpartition("/")[2] for one in claims.items} == {str(port) for port in ports}
    assert await names(servers[1]) == set(addresses)


class LosesAnswers(MemoryStore):
    """Writes Services, and says that nobody knows."""

    broken = False

    async def create(self, key: str, value: bytes, *, ttl: int = 0) -> int:
        done = await super().create(key, value, ttl=ttl)
        if self.broken and "/services/" in key:
            raise Unavailable("no answer in time")
        return done


async def test_a_write_whose_outcome_is_unknown_keeps_what_it_took() -> None:
    store = LosesAnswers()
    async with api_server(store=store, service_node_port_range="30000-30001") as api:
        store.broken = True
        assert (await api.post(SERVICES, service("first"))).status == 503
        store.broken = False
        [first] = [one for one in (await api.get(SERVICES)).json()["items"] if one["metadata"]["name"] == "first"]
        taken = first["spec"]["ports"][0]["nodePort"]
        same = await api.post(SERVICES, service("second", ports=[{"port": 80, "nodePort": taken}]))
        assert (same.status, "already allocated" in same.json()["message"]) == (422, True)
    await store.close()


@pytest.mark.parametrize("finalizers", [["example.com/cleanup"], None])
async def test_a_service_that_waited_for_a_finalizer_gives_back_what_it_had(finalizers: list[str] | None) -> None:
    async with api_server() as api:
        before = await taken(api)
        body = service("web", ports=[{"port": 80, "nodePort": 30123}])
        body["metadata"]["finalizers"] = finalizers
        assert (await api.post(SERVICES, body)).status == 201
        assert (await api.delete(f"{SERVICES}/web", {"propagationPolicy": "Foreground"})).status == 200
        assert (await api.get(f"{SERVICES}/web")).json()["metadata"]["deletionTimestamp"]
        assert (await api.post(SERVICES, {**body, "metadata": {"name": "other"}})).status == 422
        assert (await api.patch(f"{SERVICES}/web", {"metadata": {"finalizers": None}})).status == 200
        assert (await api.get(f"{SERVICES}/web")).status == 404
        assert await taken(api) == before
        assert (await api.post(SERVICES, {**body, "metadata": {"name": "other"}})).status == 201


async def test_the_service_of_the_api_server_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masters, "RENEW_SECONDS", 0.05)
    async with api_server() as api:
        first = (await api.get(f"{SERVICES}/kubernetes")).json()
        assert (await api.delete(f"{SERVICES}/kubernetes")).status == 200
        async with asyncio.timeout(10):
            while (found := await api.get(f"{SERVICES}/kubernetes")).status != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert found.json()["metadata"]["uid"] != first["metadata"]["uid"]
        assert found.json()["spec"]["clusterIP"] == first["spec"]["clusterIP"]


async def test_an_address_is_an_object_that_names_its_service() -> None:
    async with api_server() as api:
        address = (await api.post(SERVICES, service("web"))).json()["spec"]["clusterIP"]
        found = (await api.get(f"{ADDRESSES}/{address}")).json()
        assert found["spec"] == {"parentRef": {"resource": "services", "namespace": "default", "name": "web"}}
        labels = {
            "ipaddress.kubernetes.io/ip-family": "IPv4",
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        }
        assert found["metadata"]["labels"] == labels
        [manager] = found["metadata"].pop("managedFields")
        # What the server notes of its own write is what it would note of a client that wrote the same.
        body = {"metadata": {"name": "10.5.0.1", "labels": labels}, "spec": found["spec"]}
        other = (await api.post(ADDRESSES, body)).json()
        [noted] = other["metadata"].pop("managedFields")
        assert manager["manager"] == "kube-apiserver"
        assert {**manager, "manager": "", "time": ""} == {**noted, "manager": "", "time": ""}
        assert set(found["metadata"]) == set(other["metadata"])
        assert (await api.delete(f"{SERVICES}/web")).status == 200
        assert (await api.get(f"{ADDRESSES}/{address}")).status == 404


async def test_an_object_that_somebody_wrote_reserves_its_address() -> None:
    async with api_server() as api:
        parent = {"resource": "things", "name": "a"}
        body = {"metadata": {"name": "10.96.0.77"}, "spec": {"parentRef": parent}}
        assert (await api.post(ADDRESSES, body)).status == 201
        refused = await api.post(SERVICES, service("web", clusterIP="10.96.0.77"))
        text = "failed to allocate IP 10.96.0.77: provided IP is already allocated"
        assert (refused.status, text in refused.json()["message"]) == (422, True)


async def test_a_range_that_is_added_gives_out_addresses_through_every_server(servers: tuple[ApiEnv, ApiEnv]) -> None:
    one, two = servers
    small = {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.97.0.0/28"]}}
    assert (await one.post(RANGES, small)).status == 201
    await two.get(RANGES)  # a consistent read: this server knows the range, too
    writes = [servers[n % 2].post(SERVICES, service(f"s{n}", type="ClusterIP")) for n in range(46)]
    replies = await asyncio.gather(*writes)
    assert sorted(reply.status for reply in replies) == [201] * 43 + [500] * 3, "29 and 14 addresses are free"
    addresses, _ = held([reply.json() for reply in replies if reply.status == 201])
    assert len(set(addresses)) == 43
    # A range that is being deleted gives out nothing more.
    assert (await one.patch(f"{RANGES}/more", {"metadata": {"finalizers": ["example.com/wait"]}})).status == 200
    assert (await one.delete(f"{RANGES}/more")).status == 200
    await two.get(RANGES)
    gone = next(
        reply.json() for reply in replies if reply.status == 201 and reply.json()["spec"]["clusterIP"] in addresses[-5:]
    )
    assert (await two.delete(f"{SERVICES}/{gone['metadata']['name']}")).status == 200
    asked = await two.post(SERVICES, service("asks", clusterIP="10.97.0.3"))
    assert "does not match the current range" in asked.json()["message"]


@pytest.mark.parametrize("status", ["True", "False"])
async def test_a_range_gives_out_addresses_as_its_condition_says(status: str) -> None:
    async with api_server() as api:
        body = {"metadata": {"name": "more"}, "spec": {"cidrs": ["2001:db8::/112", "10.97.0.0/24"]}}
        assert (await api.post(RANGES, body)).status == 201
        condition = {
            "type": "Ready",
            "status": status,
            "reason": "Told",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "",
        }
        said = await api.patch(f"{RANGES}/more/status", {"status": {"conditions": [condition]}})
        assert said.status == 200
        asked = await api.post(SERVICES, service("asks", clusterIP="10.97.0.3"))
        assert asked.status == (201 if status == "True" else 422)


async def test_a_cluster_that_an_older_server_wrote_keeps_its_addresses() -> None:
    store = MemoryStore()
    async with api_server(store=store) as api:
        for number in range(5):
            await api.post(SERVICES, service(f"s{number}"))
        wanted = await names(api)
        for name in wanted:  # as an older server left it: claims, and no objects
            assert (await api.delete(f"{ADDRESSES}/{name}")).status == 200
            await store.create(f"/registry/allocations/clusterips/{name}", b'{"metadata":{},"owner":"x"}')
    async with api_server(store=store) as api:
        assert await names(api) == wanted
        assert not (await store.range("/registry/allocations/clusterips/")).items
        events = (await api.get("/api/v1/events")).json()["items"]
        assert events == [], "an upgrade is no reason to complain"
    await store.close()


async def test_repair_tells_what_it_found() -> None:
    async with api_server() as api:
        work = allocators.repairs(api.server.config, api.registry)
        assert work is not None
        parent = {"resource": "services", "namespace": "default", "name": "nobody"}
        labels = {
            "ipaddress.kubernetes.io/ip-family": "IPv4",
            "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        }
        leaked = {"metadata": {"name": "10.96.0.99", "labels": labels}, "spec": {"parentRef": parent}}
        assert (await api.post(ADDRESSES, leaked)).status == 201
        lost = (await api.post(SERVICES, service("lost"))).json()["spec"]["clusterIP"]
        assert (await api.delete(f"{ADDRESSES}/{lost}")).status == 200
        before = await names(api)
        await work.once()
        assert await names(api) == {*before, lost}
        await work.once()
        assert await names(api) == {*before, lost} - {"10.96.0.99"}
        events = (await api.get("/apis/events.k8s.io/v1/namespaces/default/events")).json()["items"]
        told = {(one["regarding"]["kind"], one["reason"], one["note"]) for one in events}
        assert told == {
            ("Service", "ClusterIPNotAllocated", f"Cluster IP [IPv4]: {lost} is not allocated; repairing"),
            (
                "IPAddress",
                "IPAddressNotAllocated",
                "IPAddress: 10.96.0.99 for Service default/nobody appears to have leaked: cleaning up",
            ),
        }

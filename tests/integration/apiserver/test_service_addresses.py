"""Addresses and node ports of Services over one etcd: two servers, racing clients, and a store whose answer gets lost."""

from __future__ import annotations

import asyncio
import pathlib
import random
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kubelite.apiserver.bootstrap import masters
from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import Unavailable
from kubelite.storage.memory import MemoryStore
from tests.apienv import ApiEnv, api_server
from tests.contract.storage_backends import Etcd, ready

SERVICES = "/api/v1/namespaces/default/services"


def service(name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": [{"port": 80}], **spec}}


@pytest.fixture
async def servers(tmp_path: pathlib.Path) -> AsyncIterator[tuple[ApiEnv, ApiEnv]]:
    """Two servers with few addresses and ports."""
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed")
    etcd = Etcd(tmp_path)
    etcd.start()
    try:
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
    finally:
        etcd.kill()


def held(items: list[dict[str, Any]]) -> tuple[list[str], list[int]]:
    """All addresses and all node ports that Services have."""
    addresses = [one["spec"]["clusterIP"] for one in items]
    return addresses, [port["nodePort"] for one in items for port in one["spec"]["ports"] if port.get("nodePort")]


async def test_two_servers_never_give_the_same_address_or_port_twice(servers: tuple[ApiEnv, ApiEnv]) -> None:
    writes = [servers[n % 2].post(SERVICES, service(f"s{n}")) for n in range(25)]
    replies = await asyncio.gather(*writes)
    assert sorted(reply.status for reply in replies) == [201] * 20 + [500] * 5, "there are twenty ports"
    addresses, ports = held([one.json() for one in replies if one.status == 201])
    assert sorted(ports) == list(range(30000, 30020))
    assert len(set(addresses)) == 20


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
    assert {one.key.rpartition("/")[2] for one in claims.items} == {*addresses, *(str(port) for port in ports)}


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
        before = await api.store.range("/registry/allocations/")
        body = service("web", ports=[{"port": 80, "nodePort": 30123}])
        body["metadata"]["finalizers"] = finalizers
        assert (await api.post(SERVICES, body)).status == 201
        assert (await api.delete(f"{SERVICES}/web", {"propagationPolicy": "Foreground"})).status == 200
        assert (await api.get(f"{SERVICES}/web")).json()["metadata"]["deletionTimestamp"]
        assert (await api.post(SERVICES, {**body, "metadata": {"name": "other"}})).status == 422
        assert (await api.patch(f"{SERVICES}/web", {"metadata": {"finalizers": None}})).status == 200
        assert (await api.get(f"{SERVICES}/web")).status == 404
        after = await api.store.range("/registry/allocations/")
        assert [one.key for one in after.items] == [one.key for one in before.items]
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

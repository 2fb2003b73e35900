"""The cloud controllers with the provider `local` against a real server."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kubelite.controllers.cloud import server as cloud
from kubelite.controllers.cloud.announce import ANNOTATION
from kubelite.controllers.servicelb.plan import FINALIZER
from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import CORE

POOL = "192.0.2.8-192.0.2.9"
TAINT = "node.cloudprovider.kubernetes.io/uninitialized"


@asynccontextmanager
async def clouded(pool: str = POOL, server: Mapping[str, Any] | None = None, **settings: Any) -> AsyncIterator[World]:
    """A world with the cloud's controllers."""
    async with running(more_roles=["cloud"], server=server) as world:
        stop = asyncio.Event()
        context = world.context
        config = cloud.Config(load_balancer_pool=pool, **settings)
        parts = cloud.controllers(context, cloud.make_provider(config, context), config)
        task = asyncio.create_task(_only_parts(parts, stop))
        try:
            yield world
        finally:
            stop.set()
            await asyncio.gather(task, return_exceptions=True)


async def _only_parts(parts: dict[str, Any], stop: asyncio.Event) -> None:
    """The informers run in the world already."""
    tasks = [asyncio.create_task(part.run()) for part in parts.values()]
    await stop.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def node(world: World, name: str, ready: bool = True, **more: Any) -> None:
    meta = {"name": name, **more.pop("metadata", {})}
    await world.create("/api/v1/nodes", {"metadata": meta, **more})
    await tell(world, name, ready)


async def tell(world: World, name: str, ready: bool) -> None:
    condition = {"type": "Ready", "status": "True" if ready else "Unknown", "lastHeartbeatTime": None}
    await world.merge(f"/api/v1/nodes/{name}/status", {"status": {"conditions": [condition]}})


async def service(world: World, name: str, port: int = 80, **spec: Any) -> None:
    body = {"type": "LoadBalancer", "selector": {"app": name}, "ports": [{"port": port}], **spec}
    await world.create(f"{CORE}/services", {"metadata": {"name": name}, "spec": body})


async def address(world: World, name: str) -> str:
    """The Service's address, "" if it has none."""
    found = await world.get(f"{CORE}/services/{name}")
    ingress = found["status"].get("loadBalancer", {}).get("ingress", [])
    return ingress[0]["ip"] if ingress else ""


def given(world: World, name: str, wanted: str) -> Any:
    async def check() -> bool:
        return await address(world, name) == wanted

    return check


def announced(world: World, name: str, wanted: str) -> Any:
    async def check() -> bool:
        found = await world.get(f"/api/v1/nodes/{name}")
        return found["metadata"].get("annotations", {}).get(ANNOTATION, "") == wanted

    return check


async def test_a_service_gets_an_address_of_the_pool_and_gives_it_back() -> None:
    async with clouded() as world:
        await node(world, "a")
        await service(world, "web")
        await eventually(given(world, "web", "192.0.2.8"))
        found = await world.get(f"{CORE}/services/web")
        assert found["metadata"]["finalizers"] == [FINALIZER]
        assert found["status"]["loadBalancer"]["ingress"] == [{"ip": "192.0.2.8", "ipMode": "VIP"}]
        await eventually(announced(world, "a", "192.0.2.8"))
        for reason, message in (
            ("EnsuringLoadBalancer", "Ensuring load balancer"),
            ("EnsuredLoadBalancer", "Ensured load balancer"),
        ):
            await eventually(lambda reason=reason, message=message: _told(world, reason, message))

        await world.delete(f"{CORE}/services/web")

        async def gone() -> bool:
            return await world.get(f"{CORE}/services/web") is None

        await eventually(gone)
        await eventually(announced(world, "a", ""))
        await eventually(lambda: _told(world, "DeletedLoadBalancer", "Deleted load balancer"))


async def _told(world: World, reason: str, message: str) -> bool:
    return message in await world.events(reason)


async def test_other_nodes_and_other_wishes_are_told_in_events() -> None:
    async with clouded() as world:
        await node(world, "a")
        await service(world, "web")
        await eventually(given(world, "web", "192.0.2.8"))
        await eventually(lambda: _told(world, "EnsuredLoadBalancer", "Ensured load balancer"))
        assert await world.events("UpdatedLoadBalancer") == []
        await node(world, "b", ready=False)  # whether it answers is not asked: the address goes where it can be served
        await eventually(lambda: _told(world, "UpdatedLoadBalancer", "Updated load balancer with new hosts"))
        excluded = {"metadata": {"labels": {"node.kubernetes.io/exclude-from-external-load-balancers": ""}}}
        await world.merge("/api/v1/nodes/a", excluded)
        await world.delete("/api/v1/nodes/b")
        await eventually(
            lambda: _told(world, "UnAvailableLoadBalancer", "There are no available nodes for LoadBalancer")
        )
        await world.merge(f"{CORE}/services/web", {"spec": {"externalTrafficPolicy": "Local"}})
        await eventually(lambda: _told(world, "ExternalTrafficPolicy", "Cluster -> Local"))
        await world.merge(f"{CORE}/services/web", {"spec": {"type": "ClusterIP", "externalTrafficPolicy": None}})
        await eventually(lambda: _told(world, "Type", "LoadBalancer -> ClusterIP"))
        await eventually(lambda: _told(world, "DeletedLoadBalancer", "Deleted load balancer"))


async def test_addresses_that_no_node_announces_are_refused_by_name() -> None:
    async with clouded(server={"service_cluster_ip_range": "fd00:10:96::/112"}) as world:
        await node(world, "a")
        await service(world, "six")
        text = "the provider local announces addresses of IPv4 only, and the Service requires IPv6"
        message = f"Error syncing load balancer: failed to ensure load balancer: {text}"
        await eventually(lambda: _told(world, "SyncLoadBalancerFailed", message))
        assert await address(world, "six") == ""
        await world.delete(f"{CORE}/services/six")
        await eventually(lambda: _told(world, "DeletedLoadBalancer", "Deleted load balancer"))
        assert await world.events("DeletingLoadBalancer") == [], "there was none"


async def test_services_whose_ports_differ_share_and_others_wait_for_an_address() -> None:
    async with clouded() as world:
        await node(world, "a")
        for name in ("one", "two"):
            await service(world, name)
        await eventually(given(world, "one", "192.0.2.8"))
        await eventually(given(world, "two", "192.0.2.9"))
        await service(world, "tls", port=443)
        await eventually(given(world, "tls", "192.0.2.8"))
        await service(world, "three")
        text = f"Error syncing load balancer: failed to ensure load balancer: no address is left in the pool {POOL}"
        await eventually(lambda: _told(world, "SyncLoadBalancerFailed", text))
        await world.delete(f"{CORE}/services/two")
        await eventually(given(world, "three", "192.0.2.9"))


async def test_other_types_and_classes_are_left_alone() -> None:
    async with clouded() as world:
        await node(world, "a")
        await service(world, "classed", loadBalancerClass="example.com/other")
        await service(world, "web")
        await eventually(given(world, "web", "192.0.2.8"))
        assert await address(world, "classed") == ""
        await world.merge(f"{CORE}/services/web", {"spec": {"type": "ClusterIP"}})

        async def clean() -> bool:
            found = await world.get(f"{CORE}/services/web")
            return "finalizers" not in found["metadata"] and found["status"] == {"loadBalancer": {}}

        await eventually(clean)


async def test_an_address_moves_when_its_node_is_lost_and_with_local_endpoints() -> None:
    async with clouded() as world:
        await node(world, "a")
        await node(world, "b")
        await service(world, "web", externalTrafficPolicy="Local")
        await eventually(announced(world, "a", "192.0.2.8"))
        piece = {
            "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"port": 80}],
            "endpoints": [{"addresses": ["10.244.1.5"], "nodeName": "b", "conditions": {"ready": True}}],
        }
        await world.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", piece)
        await eventually(announced(world, "b", "192.0.2.8"))
        await eventually(announced(world, "a", ""))
        await tell(world, "b", ready=False)
        await eventually(announced(world, "a", "192.0.2.8"))


async def test_a_new_node_is_told_where_it_stands() -> None:
    async with clouded() as world:
        labels = {"topology.kubernetes.io/zone": "z1"}
        taint = {"key": TAINT, "value": "true", "effect": "NoSchedule"}
        annotations = {"kubelite.io/external-addresses": "198.51.100.7"}
        await node(world, "a", metadata={"labels": labels, "annotations": annotations}, spec={"taints": [taint]})

        async def told() -> bool:
            found = await world.get("/api/v1/nodes/a")
            keys = [one["key"] for one in found["spec"].get("taints", [])]
            zone = found["metadata"]["labels"].get("failure-domain.beta.kubernetes.io/zone")
            external = [one["address"] for one in found["status"].get("addresses", []) if one["type"] == "ExternalIP"]
            known = (found["spec"].get("providerID"), zone, external)
            return TAINT not in keys and known == ("local://a", "z1", ["198.51.100.7"])

        await eventually(told)


async def test_nodes_whose_machines_are_not_in_the_inventory_go_once_they_are_not_ready(tmp_path: pathlib.Path) -> None:
    inventory, shutdown = tmp_path / "machines", "node.cloudprovider.kubernetes.io/shutdown"
    inventory.write_text("off shutdown\nslow\n")
    async with clouded("", machine_inventory=str(inventory), node_monitor_period=0.05) as world:
        for name in ("off", "slow", "sold", "borrowed"):
            await node(world, name, ready=name == "borrowed")

        async def nodes() -> dict[str, list[str]]:
            found = await world.items("/api/v1/nodes")
            return {one["metadata"]["name"]: [taint["key"] for taint in one["spec"].get("taints", [])] for one in found}

        async def settled() -> bool:
            found = await nodes()
            return set(found) == {"off", "slow", "borrowed"} and shutdown in found["off"]

        await eventually(settled)
        assert shutdown not in (await nodes())["slow"]
        text = "Deleting node sold because it does not exist in the cloud provider"

        async def said() -> bool:
            return await world.events("DeletingNode") == [text]

        await eventually(said)
        await tell(world, "off", ready=True)

        async def back() -> bool:
            return shutdown not in (await nodes())["off"]

        await eventually(back)
        inventory.write_text("")
        await tell(world, "borrowed", ready=False)
        await asyncio.sleep(0.3)
        assert set(await nodes()) == {"off", "slow", "borrowed"}, "an inventory without machines says nothing"


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"cloud_provider": "moon"}, 'unknown cloud provider "moon"'),
        ({"configure_cloud_routes": True, "cluster_cidr": "10.0.0.0/40"}, "10.0.0.0/40"),
        ({"configure_cloud_routes": True, "cluster_cidr": "10.0.0.0/9,fd00::/56,fd01::/56"}, "is:3 more than max"),
        ({"load_balancer_pool": "192.0.2.300"}, "192.0.2.300"),
        ({"load_balancer_pool": "192.0.2.8,2001:db8::8"}, "announces addresses of IPv4 only"),
    ],
)
async def test_what_the_provider_cannot_do_is_refused_at_the_start(settings: dict[str, Any], why: str) -> None:
    async with running() as world:
        config = cloud.Config(**settings)
        with pytest.raises(ValueError, match=why):
            cloud.controllers(world.context, cloud.make_provider(config, world.context), config)

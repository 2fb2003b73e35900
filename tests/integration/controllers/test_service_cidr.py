"""ServiceCIDRs: the server's own range, and ranges that people write."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.controllers.servicecidr import plan
from tests.integration.controllers.manager import World, eventually, running

ROOT = "/apis/networking.k8s.io/v1"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"


async def ready(world: World, name: str) -> tuple[str, str]:
    found = await world.get(f"{ROOT}/servicecidrs/{name}")
    assert found["metadata"]["finalizers"] == [FINALIZER]
    (condition,) = found["status"]["conditions"]
    return condition["status"], condition["message"]


async def test_the_range_of_the_server_is_there_and_ready() -> None:
    async with running("service-cidr-controller", server={"service_cluster_ip_range": "10.96.0.0/16"}) as world:

        async def told() -> Any:
            return await ready(world, "kubernetes") == ("True", "Kubernetes Service CIDR is ready")

        await eventually(told)
        assert (await world.get(f"{ROOT}/servicecidrs/kubernetes"))["spec"]["cidrs"] == ["10.96.0.0/16"]


async def test_a_range_in_use_cannot_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "GRACE_SECONDS", 0.0)
    async with running("service-cidr-controller", server={"service_cluster_ip_range": "10.96.0.0/16"}) as world:
        await world.create(f"{ROOT}/servicecidrs", {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.5.0.0/24"]}})

        async def told() -> Any:
            return (await ready(world, "more"))[0] == "True"

        await eventually(told)
        services = "/api/v1/namespaces/default/services"
        spec = {"clusterIP": "10.5.0.7", "ports": [{"port": 80}]}
        await world.create(services, {"metadata": {"name": "web"}, "spec": spec})
        await world.delete(f"{ROOT}/servicecidrs/more")

        async def refused() -> Any:
            return "There are still IPAddresses" in (await ready(world, "more"))[1]

        await eventually(refused)
        await world.delete(f"{services}/web")

        async def gone() -> bool:
            return await world.get(f"{ROOT}/servicecidrs/more") is None

        await eventually(gone)


async def test_a_range_waits_until_every_server_knows_that_it_goes() -> None:
    async with running("service-cidr-controller") as world:
        await world.create(f"{ROOT}/servicecidrs", {"metadata": {"name": "more"}, "spec": {"cidrs": ["10.5.0.0/24"]}})

        async def told() -> Any:
            return (await ready(world, "more"))[0] == "True"

        await eventually(told)
        await world.delete(f"{ROOT}/servicecidrs/more")
        found = await world.get(f"{ROOT}/servicecidrs/more")
        assert found["metadata"]["deletionTimestamp"]
        assert found["metadata"]["finalizers"] == [FINALIZER]

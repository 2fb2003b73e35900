"""kr8s, unmodified, in the event loop of the server: discovery, conditions, labels, owners, custom kinds and tables."""

from __future__ import annotations

import asyncio
from typing import Any

import kr8s
import pytest
from kr8s.asyncio.objects import ConfigMap, CustomResourceDefinition, Deployment, Namespace, Node, Table

from tests.integration.clients.definitions import DEFINITION, GROUP, order
from tests.integration.controllers.manager import World, eventually

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]},
        },
    },
}


# It warns of versions of Kubernetes that came after its own.
pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version:UserWarning")


@pytest.fixture
async def api(world: World) -> Any:
    return await kr8s.asyncio.api(kubeconfig=world.api.kubeconfig())


async def test_the_server_says_who_asks_and_what_there_is(api: Any) -> None:
    assert await api.whoami() == "admin"
    assert (await api.version())["gitVersion"].startswith("v1.36")
    kinds = {(one["version"], one["kind"]) for one in await api.api_resources()}
    assert {("v1", "Pod"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob")} <= kinds
    versions = [version async for version in api.api_versions()]
    assert {"v1", "apps/v1", "rbac.authorization.k8s.io/v1"} <= set(versions)
    assert await api.lookup_kind("deploy") == ("deployment.apps/v1", "deployments", True)


async def test_a_deployment_becomes_ready_is_scaled_labelled_and_deleted(api: Any) -> None:
    web = await Deployment(DEPLOYMENT, api=api)
    await web.create()
    await web.wait("condition=Available", timeout=20)
    await web.scale(3)
    await web.wait("jsonpath='{.status.readyReplicas}'=3", timeout=20)
    assert len(await web.pods()) == 3
    await web.label({"one": "1", "two": "2"})
    await web.annotate(note="x/y")
    await web.remove_label("one")
    await web.refresh()
    assert (dict(web.labels), web.annotations["note"]) == ({"two": "2"}, "x/y")
    pods = [
        pod async for pod in api.get("pods", label_selector={"app": "web"}, field_selector={"status.phase": "Running"})
    ]
    assert len(pods) == 3
    await web.delete(propagation_policy="Foreground")
    await web.wait("delete", timeout=20)
    assert [pod async for pod in api.get("pods")] == []


async def test_owners_take_their_objects_along(api: Any) -> None:
    owner = await ConfigMap({"metadata": {"name": "owner"}, "data": {"a": "1"}}, api=api)
    child = await ConfigMap({"metadata": {"name": "child"}}, api=api)
    await owner.create()
    await child.create()
    await owner.adopt(child)
    await owner.patch([{"op": "replace", "path": "/data/a", "value": "2"}], type="json")
    assert owner.data.a == "2"
    await owner.delete()
    await eventually(lambda: _gone(child))


async def _gone(obj: Any) -> bool:
    return not await obj.exists()


async def test_custom_kinds_are_defined_watched_and_shown_as_tables(api: Any) -> None:
    definition = await CustomResourceDefinition(DEFINITION, api=api)
    await definition.create()
    await definition.wait("condition=Established", timeout=10)
    Order = kr8s.asyncio.objects.new_class(
        kind="Order", version=f"{GROUP}/v1", namespaced=True, scalable=True, scalable_spec="count", plural="orders"
    )
    seen = []
    listening = asyncio.Event()

    async def follow() -> None:
        async for event, obj in api.watch(f"orders.{GROUP}", namespace="default"):
            listening.set()
            seen.append((event, obj.name))
            if event == "DELETED":
                return

    first = await Order(order("one"), api=api)
    await first.create()
    following = asyncio.create_task(follow())
    await asyncio.wait_for(listening.wait(), 10)
    await first.patch({"status": {"phase": "Paid"}}, subresource="status")
    await first.wait("jsonpath='{.status.phase}'=Paid", timeout=10)
    await first.scale(5)
    assert first.spec.count == 5
    tables = [table async for table in api.get("orders", as_object=Table, allow_unknown_type=True)]
    assert [column["name"] for column in tables[0].column_definitions][:4] == ["Name", "Item", "Count", "Phase"]
    assert tables[0].rows[0]["cells"][:4] == ["one", "bread", 5, "Paid"]
    await first.delete()
    await asyncio.wait_for(following, 10)
    assert seen == [("ADDED", "one"), ("MODIFIED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]


async def test_refusals_nodes_and_other_namespaces(api: Any, world: World) -> None:
    await world.create("/api/v1/nodes", {"metadata": {"name": "node-1"}})
    node = await Node.get("node-1", api=api)
    await node.cordon()
    await node.taint("key", "value", effect="NoSchedule")
    await node.refresh()
    assert (node.unschedulable, node.taints[-1].key) == (True, "key")
    await node.uncordon()
    space = await Namespace({"metadata": {"name": "team"}}, api=api)
    await space.create()
    with pytest.raises(kr8s.NotFoundError):
        await ConfigMap.get("absent", namespace="team", api=api)
    with pytest.raises(kr8s.ServerError, match="is invalid"):
        await (await ConfigMap({"metadata": {"name": "Bad_Name"}}, api=api)).create()
    await space.delete()
    await eventually(lambda: _gone(space))

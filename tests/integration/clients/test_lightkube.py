"""lightkube, unmodified, in the event loop of the server: typed objects, custom kinds, apply, watches and selectors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from lightkube import ApiError, AsyncClient, KubeConfig, codecs
from lightkube.core.exceptions import ObjectDeleted
from lightkube.generic_resource import async_load_in_cluster_generic_resources, get_generic_resource
from lightkube.models.apps_v1 import DeploymentSpec
from lightkube.models.core_v1 import Container, PodSpec, PodTemplateSpec
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta
from lightkube.operators import exists, in_, not_exists
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Namespace, Node, Pod
from lightkube.types import CascadeType, PatchType

from tests.integration.clients.definitions import DEFINITION, GROUP
from tests.integration.controllers.manager import World, eventually
from tests.integration.custom_resources.definitions import established


@pytest.fixture
async def light(world: World) -> AsyncIterator[AsyncClient]:
    made = AsyncClient(KubeConfig.from_file(world.api.kubeconfig()), field_manager="light")
    yield made
    await made.close()


async def test_typed_objects_are_created_selected_replaced_and_patched(light: AsyncClient) -> None:
    for name, labels in (("a", {"tier": "x"}), ("b", {"tier": "y", "old": "1"}), ("c", {})):
        await light.create(ConfigMap(metadata=ObjectMeta(name=name, labels=labels), data={"k": name}))

    async def names(**labels: Any) -> list[str]:
        return [one.metadata.name async for one in light.list(ConfigMap, labels=labels)]  # type: ignore[union-attr]

    assert await names(tier=in_(["x", "y"]), old=not_exists()) == ["a"]
    assert await names(tier=exists()) == ["a", "b"]
    assert [one.metadata.name async for one in light.list(ConfigMap, chunk_size=1)] == ["a", "b", "c"]
    found = [one async for one in light.list(ConfigMap, fields={"metadata.name": "c"})]
    assert [one.data for one in found] == [{"k": "c"}]
    mine = await light.get(ConfigMap, "a")
    mine.data["more"] = "1"
    changed = await light.replace(mine)
    assert changed.data == {"k": "a", "more": "1"}
    with pytest.raises(ApiError) as late:
        await light.replace(mine)
    assert (late.value.status.code, late.value.status.reason) == (409, "Conflict")
    patch = [{"op": "remove", "path": "/data/more"}, {"op": "test", "path": "/data/k", "value": "a"}]
    assert (await light.patch(ConfigMap, "a", patch, patch_type=PatchType.JSON)).data == {"k": "a"}
    labelled = await light.set(ConfigMap, "a", labels={"new": "1", "tier": None})
    assert labelled.metadata.labels == {"new": "1"}
    tried = await light.create(ConfigMap(metadata=ObjectMeta(name="tried")), dry_run=True)
    assert tried.metadata.uid and await names() == ["a", "b", "c"]
    await light.deletecollection(ConfigMap)
    assert await names() == []


async def test_a_deployment_is_applied_scaled_waited_for_and_deleted_with_its_pods(light: AsyncClient) -> None:
    labels = {"app": "web"}
    template = PodTemplateSpec(
        metadata=ObjectMeta(labels=labels), spec=PodSpec(containers=[Container(name="web", image="web:1")])
    )
    spec = DeploymentSpec(replicas=2, selector=LabelSelector(matchLabels=labels), template=template)
    wanted = Deployment(metadata=ObjectMeta(name="web", namespace="default"), spec=spec)
    assert (await light.apply(wanted)).metadata.generation == 1
    done = await light.wait(Deployment, "web", for_conditions=["Available"])
    assert done.status.availableReplicas == 2
    template.spec.containers[0].image = "web:2"  # type: ignore[union-attr]
    with pytest.raises(ApiError) as conflict:
        await light.apply(wanted, field_manager="other")
    assert (conflict.value.status.code, conflict.value.status.reason) == (409, "Conflict")
    assert (await light.apply(wanted, field_manager="other", force=True)).metadata.generation == 2
    scale = await light.patch(Deployment.Scale, "web", {"spec": {"replicas": 3}}, patch_type=PatchType.MERGE)
    assert scale.spec.replicas == 3
    await light.delete(Deployment, "web", cascade=CascadeType.FOREGROUND)
    with pytest.raises(ObjectDeleted):
        await light.wait(Deployment, "web", for_conditions=["Never"])
    assert [pod async for pod in light.list(Pod)] == []


async def test_kinds_of_definitions_are_loaded_from_the_cluster(light: AsyncClient, world: World) -> None:
    await established(world.api, DEFINITION)
    await async_load_in_cluster_generic_resources(light)
    kind = get_generic_resource(f"{GROUP}/v1", "Order")
    assert kind is not None
    made = await light.apply(kind(metadata=ObjectMeta(name="one", namespace="default"), spec={"item": "bread"}))
    assert made.spec == {"item": "bread", "count": 1}
    status = await light.apply(
        kind.Status(metadata=ObjectMeta(name="one", namespace="default"), status={"phase": "Paid"})
    )
    assert status.status == {"phase": "Paid"}
    seen: list[tuple[str, str]] = []

    async def follow() -> None:
        async for event, obj in light.watch(kind, namespace="*"):
            seen.append((event, obj.metadata.name))
            if event == "DELETED":
                return

    following = asyncio.create_task(follow())
    text = f"apiVersion: {GROUP}/v1\nkind: Order\nmetadata: {{name: two, namespace: default}}\nspec: {{item: milk}}"
    (two,) = codecs.load_all_yaml(text)
    await eventually(lambda: asyncio.sleep(0, seen == [("ADDED", "one")]))
    await light.create(two)
    await light.delete(kind, "two", namespace="default")
    await asyncio.wait_for(following, 10)
    assert seen == [("ADDED", "one"), ("ADDED", "two"), ("DELETED", "two")]
    with pytest.raises(ApiError) as wrong:
        await light.create(kind(metadata=ObjectMeta(name="bad", namespace="default"), spec={"count": 1}))
    assert wrong.value.status.message == 'Order.shop.example.com "bad" is invalid: spec.item: Required value'


async def test_objects_of_the_cluster_and_of_all_namespaces_are_reached(light: AsyncClient) -> None:
    await light.create(Namespace(metadata=ObjectMeta(name="team")))
    await light.create(ConfigMap(metadata=ObjectMeta(name="there", namespace="team")))
    found = {(one.metadata.namespace, one.metadata.name) async for one in light.list(ConfigMap, namespace="*")}
    assert ("team", "there") in found
    assert [node async for node in light.list(Node)] == []
    await light.delete(Namespace, "team")
    with pytest.raises(ObjectDeleted):
        await light.wait(Namespace, "team", for_conditions=["Never"])

"""Objects go with their owners: in the background, in the foreground, or set free."""

from __future__ import annotations

import pytest

from tests.integration.controllers.manager import World, eventually, running

MAPS = "/api/v1/namespaces/default/configmaps"
NAME = "garbage-collector-controller"


async def family(world: World, *, block: bool = True) -> None:
    """parent ← child ← grandchild."""
    owner = None
    for name in ("parent", "child", "grandchild"):
        body = {"metadata": {"name": name}}
        if owner is not None:
            reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
            reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": block}
            body["metadata"]["ownerReferences"] = [reference]
        owner = await world.create(MAPS, body)


async def names(world: World) -> set[str]:
    return {item["metadata"]["name"] for item in await world.items(MAPS)}


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_dependents_go_with_their_owner(policy: str):
    async with running(NAME) as world:
        await family(world)
        await world.create(MAPS, {"metadata": {"name": "stranger"}})
        await world.delete(f"{MAPS}/parent", {"propagationPolicy": policy})

        async def gone() -> bool:
            return await names(world) == {"stranger"}

        await eventually(gone)


async def test_in_the_foreground_the_owner_goes_last():
    async with running(NAME) as world:
        await family(world)
        await world.merge(f"{MAPS}/grandchild", {"metadata": {"finalizers": ["example.com/hold"]}})
        await world.delete(f"{MAPS}/parent", {"propagationPolicy": "Foreground"})

        async def waiting() -> bool:
            child = await world.get(f"{MAPS}/child")
            return "deletionTimestamp" in child["metadata"] and "foregroundDeletion" in child["metadata"]["finalizers"]

        await eventually(waiting)
        assert await names(world) == {"parent", "child", "grandchild"}
        await world.merge(f"{MAPS}/grandchild", {"metadata": {"finalizers": None}})

        async def gone() -> bool:
            return not await names(world)

        await eventually(gone)


async def test_orphans_stay_without_a_reference():
    async with running(NAME) as world:
        await family(world)
        await world.delete(f"{MAPS}/parent", {"propagationPolicy": "Orphan"})

        async def free() -> bool:
            child = await world.get(f"{MAPS}/child")
            return await names(world) == {"child", "grandchild"} and not child["metadata"].get("ownerReferences")

        await eventually(free)


async def test_an_owner_that_never_was_takes_its_dependent_and_a_second_owner_saves_it():
    async with running(NAME) as world:
        keeper = await world.create(MAPS, {"metadata": {"name": "keeper"}})
        absent = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": "0000"}
        solid = {"apiVersion": "v1", "kind": "ConfigMap", "name": "keeper", "uid": keeper["metadata"]["uid"]}
        await world.create(MAPS, {"metadata": {"name": "lost", "ownerReferences": [absent]}})
        await world.create(MAPS, {"metadata": {"name": "saved", "ownerReferences": [absent, solid]}})

        async def judged() -> bool:
            saved = await world.get(f"{MAPS}/saved")
            left = [reference["name"] for reference in saved["metadata"]["ownerReferences"]]
            return await names(world) == {"keeper", "saved"} and left == ["keeper"]

        await eventually(judged)


async def test_an_owner_in_another_namespace_counts_as_absent_and_is_reported():
    async with running(NAME) as world:
        await world.create("/api/v1/namespaces", {"metadata": {"name": "other"}})
        owner = await world.create("/api/v1/namespaces/other/configmaps", {"metadata": {"name": "owner"}})
        uid = owner["metadata"]["uid"]
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
        await world.create(MAPS, {"metadata": {"name": "lost", "ownerReferences": [reference]}})

        async def gone_and_told() -> bool:
            text = f'ownerRef [v1/ConfigMap, namespace: default, name: owner, uid: {uid}] does not exist in namespace "default"'
            return not await names(world) and text in await world.events("OwnerRefInvalidNamespace")

        await eventually(gone_and_told)


async def test_an_object_without_a_namespace_is_never_deleted_for_an_owner_inside_one():
    async with running(NAME) as world:
        owner = await world.create(MAPS, {"metadata": {"name": "owner"}})
        present = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
        roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
        absent = {**present, "uid": "00000000-0000-0000-0000-000000000000"}
        for name, reference in (("a", present), ("b", absent)):
            await world.create(roles, {"metadata": {"name": name, "ownerReferences": [reference]}})

        async def told() -> bool:
            return bool(await world.events("OwnerRefInvalidNamespace"))

        await eventually(told)
        await family(world)  # what comes later is dealt with, so what came before has been looked at
        await world.delete(f"{MAPS}/parent")

        async def gone() -> bool:
            return await names(world) == {"owner"}

        await eventually(gone)
        assert [await world.get(f"{roles}/{name}") is not None for name in ("a", "b")] == [True, True]


async def test_what_another_controller_follows_is_collected_from_its_cache():
    async with running(NAME, "replicaset-controller") as world:
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        body = {"metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": labels}}}
        body["spec"]["template"] = template
        path = "/apis/apps/v1/namespaces/default/replicasets"
        await world.create(path, body)

        async def three() -> bool:
            return len(await world.pods()) == 3

        await eventually(three)
        await world.delete(f"{path}/web", {"propagationPolicy": "Background"})

        async def none() -> bool:
            return not await world.pods()

        await eventually(none)

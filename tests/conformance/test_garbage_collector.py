"""The garbage collector with the real controllers: what goes with its owner, what stays, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conformance.harness import controllers, eventually, good
from tests.integration.controllers.manager import World

DEFAULT = "/api/v1/namespaces/default"
CONTROLLERS, PODS = f"{DEFAULT}/replicationcontrollers", f"{DEFAULT}/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
MANAGERS = ("garbage-collector-controller", "replicationcontroller-controller")
SPEC = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "nginx", "image": "nginx"}]}


def controller(name: str, replicas: int, labels: dict[str, str]) -> dict[str, Any]:
    template = {"metadata": {"labels": labels}, "spec": SPEC}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": labels, "template": template}}


@asynccontextmanager
async def with_controller(replicas: int) -> AsyncIterator[World]:
    """A world with the controller `simpletest` and all of its pods."""
    async with controllers(*MANAGERS, kubelet=True) as world:
        await world.create(CONTROLLERS, controller("simpletest", replicas, {"app": "gc-test"}))
        await pods(world, replicas)
        yield world


async def pods(world: World, count: int) -> list[Any]:
    """Waits until there are so many pods, and for the controller to have told of them."""

    async def there() -> Any:
        found = await world.items(PODS)
        owner = await world.get(f"{CONTROLLERS}/simpletest")
        told = owner is None or owner["status"].get("replicas", 0) == count
        return found if told and len(found) == count else None

    found: list[Any] = await eventually(there) if count else await world.items(PODS)
    return found


async def gone(world: World, *paths: str) -> None:
    for path in paths:

        async def absent(path: str = path) -> bool:
            found = (await world.api.get(path)).json()
            return found.get("code") == 404 or found.get("items") == []

        await eventually(absent)


def owners(obj: Any) -> list[str]:
    return [one["name"] for one in obj["metadata"].get("ownerReferences", [])]


async def test_garbage_collector_should_delete_pods_created_by_rc_when_not_orphaning() -> None:
    """A replication controller that is deleted in the background takes its two pods along.

    [sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning [Conformance]
    """
    async with with_controller(2) as world:
        good(await world.api.delete(f"{CONTROLLERS}/simpletest", {"propagationPolicy": "Background"}), 200)
        assert await world.get(f"{CONTROLLERS}/simpletest") is None
        await gone(world, PODS)


async def test_garbage_collector_should_orphan_pods_created_by_rc_if_delete_options_say_so() -> None:
    """A replication controller that is deleted as an owner of orphans leaves its pods behind, without owner.

    [sig-api-machinery] Garbage collector should orphan pods created by rc if delete options say so [Serial]
    [Conformance]
    """
    async with with_controller(10) as world:
        uid = (await world.get(f"{CONTROLLERS}/simpletest"))["metadata"]["uid"]
        options = {"propagationPolicy": "Orphan", "preconditions": {"uid": uid}}
        good(await world.api.delete(f"{CONTROLLERS}/simpletest", options))
        await gone(world, f"{CONTROLLERS}/simpletest")
        left = await pods(world, 10)
        assert [one for one in left if owners(one) or "deletionTimestamp" in one["metadata"]] == []


async def test_garbage_collector_should_delete_rs_created_by_deployment_when_not_orphaning() -> None:
    """A deployment deleted in the background takes its replica set and the pods along.

    [sig-api-machinery] Garbage collector should delete RS created by deployment when not orphaning [Conformance]
    """
    async with with_deployment() as world:
        good(await world.api.delete(f"{DEPLOYMENTS}/simpletest", {"propagationPolicy": "Background"}), 200)
        await gone(world, f"{DEPLOYMENTS}/simpletest", SETS, PODS)


async def test_should_orphan_rs_created_by_deployment_when_deleteoptions_propagationpolicy_is_orphan() -> None:
    """A deployment that orphans leaves its replica set without owner, and the pods with the set.

    [sig-api-machinery] Garbage collector should orphan RS created by deployment when deleteOptions.PropagationPolicy is
    Orphan [Conformance]
    """
    async with with_deployment() as world:
        good(await world.api.delete(f"{DEPLOYMENTS}/simpletest", {"propagationPolicy": "Orphan"}))
        await gone(world, f"{DEPLOYMENTS}/simpletest")
        (left,) = await world.items(SETS)
        assert owners(left) == [] and "deletionTimestamp" not in left["metadata"]
        assert [owners(one) for one in await pods(world, 2)] == [[left["metadata"]["name"]]] * 2


@asynccontextmanager
async def with_deployment() -> AsyncIterator[World]:
    """A world with the deployment `simpletest`, its replica set and two pods."""
    names = ("garbage-collector-controller", "deployment-controller", "replicaset-controller")
    async with controllers(*names, kubelet=True) as world:
        labels = {"app": "gc-test"}
        spec = {**controller("", 2, labels)["spec"], "selector": {"matchLabels": labels}}
        await world.create(DEPLOYMENTS, {"metadata": {"name": "simpletest"}, "spec": spec})
        await pods(world, 2)
        assert len(await world.items(SETS)) == 1
        yield world


async def test_should_keep_the_rc_around_until_all_its_pods_are_deleted_if_the_deleteoptions_says_so() -> None:
    """Deleted in the foreground, the controller waits with its finalizer until the last pod is gone.

    [sig-api-machinery] Garbage collector should keep the rc around until all its pods are deleted if the deleteOptions
    says so [Serial] [Conformance]
    """
    async with controllers(*MANAGERS) as world:
        await world.create(CONTROLLERS, controller("simpletest", 10, {"app": "gc-test"}))
        for pod in await pods(world, 10):
            await world.merge(f"{PODS}/{pod['metadata']['name']}", {"metadata": {"finalizers": ["example.com/wait"]}})
        reply = await world.api.delete(f"{CONTROLLERS}/simpletest", {"propagationPolicy": "Foreground"})
        assert reply.status == 200
        left = await pods(world, 10)
        for number, pod in enumerate(left):
            owner = await world.get(f"{CONTROLLERS}/simpletest")
            assert owner is not None, f"gone with {len(left) - number} pods left"
            assert owner["metadata"]["finalizers"] == ["foregroundDeletion"]
            name = pod["metadata"]["name"]

            async def leaving(name: str = name) -> bool:
                return "deletionTimestamp" in (await world.get(f"{PODS}/{name}"))["metadata"]

            await eventually(leaving)
            await world.merge(f"{PODS}/{name}", {"metadata": {"finalizers": None}})
        await gone(world, PODS, f"{CONTROLLERS}/simpletest")


async def test_not_delete_dependents_that_have_both_valid_owner_and_owner_that_s_waiting() -> None:
    """Of ten pods of a controller that is deleted in the foreground, the five with a second, living owner stay.

    [sig-api-machinery] Garbage collector should not delete dependents that have both valid owner and owner that's
    waiting for dependents to be deleted [Serial] [Conformance]
    """
    async with with_controller(10) as world:
        # The second controller selects nothing of the first one's; it only owns.
        body = controller("simpletest-to-stay", 0, {"other": "one"})
        stays = good(await world.api.post(CONTROLLERS, body), 201)
        reference = {"apiVersion": "v1", "kind": "ReplicationController", "name": "simpletest-to-stay"}
        reference |= {"uid": stays["metadata"]["uid"]}
        for pod in (await pods(world, 10))[:5]:
            patch = {"metadata": {"ownerReferences": [reference]}}
            good(await world.api.patch(f"{PODS}/{pod['metadata']['name']}", patch, "strategic"))
        good(await world.api.delete(f"{CONTROLLERS}/simpletest", {"propagationPolicy": "Foreground"}))
        await gone(world, f"{CONTROLLERS}/simpletest")

        async def half() -> bool:
            return [owners(one) for one in await world.items(PODS)] == [["simpletest-to-stay"]] * 5

        await eventually(half)
        assert [one for one in await world.items(PODS) if "deletionTimestamp" in one["metadata"]] == []


async def test_garbage_collector_should_not_be_blocked_by_dependency_circle() -> None:
    """Three pods that own one another in a circle all go when one of them is deleted.

    [sig-api-machinery] Garbage collector should not be blocked by dependency circle [Conformance]
    """
    async with controllers("garbage-collector-controller", kubelet=True) as world:
        made = {name: await world.create(PODS, {"metadata": {"name": name}, "spec": SPEC}) for name in "abc"}
        for name, owner in (("a", "c"), ("b", "a"), ("c", "b")):
            reference = {"apiVersion": "v1", "kind": "Pod", "name": owner, "uid": made[owner]["metadata"]["uid"]}
            reference |= {"controller": True, "blockOwnerDeletion": True}
            await world.merge(f"{PODS}/{name}", {"metadata": {"ownerReferences": [reference]}})
        good(await world.api.delete(f"{PODS}/a", {"propagationPolicy": "Foreground"}))
        await gone(world, PODS)

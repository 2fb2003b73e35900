"""Replication controllers: adoption and release, scale, a quota that stops them, and their life as objects."""

from __future__ import annotations

from typing import Any

from tests.conformance.harness import seen
from tests.conformance.lab import CORE, PODS, Lab, condition, controller_of, lab, name, template

CONTROLLERS = f"{CORE}/replicationcontrollers"
NAME = "replicationcontroller-controller"


def controller(called: str, replicas: int, **labels: str) -> dict[str, Any]:
    wanted = labels or {"name": called}
    spec = {"replicas": replicas, "selector": wanted, "template": template(wanted)}
    return {"metadata": {"name": called, "labels": labels}, "spec": spec}


async def available(it: Lab, called: str, count: int) -> Any:
    """The controller as soon as it says that so many pods can be used."""
    return await it.until(f"{CONTROLLERS}/{called}", lambda one: one["status"].get("availableReplicas", 0) == count)


async def test_replicationcontroller_should_adopt_matching_pods_on_creation() -> None:
    """A pod without owner that the selector finds becomes the controller's, and counts as its replica.

    [sig-apps] ReplicationController should adopt matching pods on creation [Conformance]
    """
    async with lab(NAME) as it:
        called = "pod-adoption"
        await it.post(PODS, {"metadata": {"name": called, "labels": {"name": called}}, "spec": template({})["spec"]})
        made = await it.post(CONTROLLERS, controller(called, 1))
        found = await it.until(f"{PODS}/{called}", controller_of)
        wanted = {"apiVersion": "v1", "kind": "ReplicationController", "name": called, "uid": made["metadata"]["uid"]}
        owners = found["metadata"]["ownerReferences"]
        assert owners == [{**wanted, "controller": True, "blockOwnerDeletion": True}]
        await available(it, called, 1)
        assert [name(pod) for pod in await it.pods()] == [called]


async def test_replicationcontroller_should_get_and_update_a_replicationcontroller_scale() -> None:
    """The scale tells of one replica; updated to three, the controller has three.

    [sig-apps] ReplicationController should get and update a ReplicationController scale [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{CONTROLLERS}/e2e-rc"
        await it.post(CONTROLLERS, controller("e2e-rc", 1))
        await available(it, "e2e-rc", 1)
        scale = await it.get(f"{path}/scale")
        assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "name=e2e-rc"})
        scale["spec"]["replicas"] = 3
        del scale["metadata"]["resourceVersion"]
        assert (await it.good("PUT", f"{path}/scale", scale))["spec"]["replicas"] == 3
        assert (await available(it, "e2e-rc", 3))["spec"]["replicas"] == 3


async def test_replicationcontroller_should_release_no_longer_matching_pods() -> None:
    """A pod whose labels change is nobody's any more, lives on, and has a successor.

    [sig-apps] ReplicationController should release no longer matching pods [Conformance]
    """
    async with lab(NAME) as it:
        await it.post(CONTROLLERS, controller("pod-release", 1))
        (pod,) = await it.until_pods(lambda pods: len(pods) == 1)
        path = f"{PODS}/{name(pod)}"
        await it.patch(path, {"metadata": {"labels": {"name": "not-matching-name"}}})
        released = await it.until(path, lambda one: "ownerReferences" not in one["metadata"])
        assert released["metadata"]["uid"] == pod["metadata"]["uid"]
        (new,) = await it.until_pods(lambda pods: len(pods) == 1, "name=pod-release")
        assert (controller_of(new), name(new) != name(pod)) == ("pod-release", True)


async def test_surface_a_failure_condition_on_a_common_issue_like_exceeded_quota() -> None:
    """A controller that wants more pods than the quota allows says so, until it wants fewer.

    [sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota
    [Conformance]
    """
    async with lab(NAME, "resourcequota-controller") as it:
        quotas, path = f"{CORE}/resourcequotas", f"{CONTROLLERS}/condition-test"
        await it.post(quotas, {"metadata": {"name": "condition-test"}, "spec": {"hard": {"pods": "2"}}})
        await it.until(f"{quotas}/condition-test", lambda one: one["status"].get("hard") == {"pods": "2"})
        await it.post(CONTROLLERS, controller("condition-test", 3))
        failed = await it.until(path, lambda one: condition(one, "ReplicaFailure"))
        found = condition(failed, "ReplicaFailure")
        assert found["reason"] == "FailedCreate"
        told = "is forbidden: exceeded quota: condition-test, requested: pods=1, used: pods=2, limited: pods=2"
        assert found["message"].startswith('pods "condition-test-') and found["message"].endswith(told)
        await it.update(path, lambda one: one["spec"].update(replicas=2))
        after = await it.until(path, lambda one: not condition(one, "ReplicaFailure"))
        assert after["status"]["replicas"] == 2 and "conditions" not in after["status"]


async def test_replicationcontroller_should_test_the_lifecycle_of_a_replicationcontroller() -> None:
    """Created, patched, its status patched, scaled, updated, listed and deleted: each step is seen by who watches.

    [sig-apps] ReplicationController should test the lifecycle of a ReplicationController [Conformance]
    """
    async with lab(NAME, "garbage-collector-controller") as it:  # its pods are orphaned
        path, label = f"{CONTROLLERS}/rc-test", {"test-rc-static": "true"}
        query = {"labelSelector": "test-rc-static=true", "resourceVersion": "0"}
        async with it.world.api.watch(CONTROLLERS, **query) as watch:
            await it.post(CONTROLLERS, controller("rc-test", 1, **label))
            await seen(watch, "ADDED", "rc-test")
            await until(watch, lambda one: one["status"].get("readyReplicas") == 1)
            await it.patch(path, {"metadata": {"labels": {"test-rc": "patched"}}})
            await until(watch, lambda one: one["metadata"]["labels"].get("test-rc") == "patched")
            none = {"status": {"readyReplicas": 0, "availableReplicas": 0}}
            patched = await it.patch(f"{path}/status", none, "merge")
            assert patched["status"].get("readyReplicas", 0) == 0
            await until(watch, lambda one: one["status"].get("readyReplicas", 0) == 0)
            await until(watch, lambda one: one["status"].get("readyReplicas") == 1)  # the controller knows better
            assert (await it.get(f"{path}/status"))["kind"] == "ReplicationController"
            await it.patch(f"{path}/scale", {"spec": {"replicas": 2}}, "merge")
            await until(watch, lambda one: one["status"].get("readyReplicas") == 2)
            await it.update(path, lambda one: one["metadata"].update(labels={**label, "test-rc": "updated"}))
            await until(watch, lambda one: one["metadata"]["labels"].get("test-rc") == "updated")
            (found,) = await it.items("/api/v1/replicationcontrollers", "test-rc-static=true")
            assert found["metadata"]["labels"] == {**label, "test-rc": "updated"}
            await it.good("DELETE", CONTROLLERS, labelSelector="test-rc-static=true")
            await seen(watch, "DELETED", "rc-test")


async def until(watch: Any, check: Any) -> None:
    """Waits for a change after which `check` holds."""
    while not check(await seen(watch, "MODIFIED")):
        pass

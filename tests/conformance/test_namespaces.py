"""Namespaces: their labels, status and finalizers, and what their deletion takes along."""

from __future__ import annotations

from typing import Any

from tests.apienv import ApiEnv
from tests.conformance.harness import controllers, eventually, good, namespace
from tests.integration.controllers.manager import World

NAMESPACES = "/api/v1/namespaces"
PATH = f"{NAMESPACES}/conformance"
MANAGERS = ("namespace-controller", "serviceaccount-controller")
# The controller comes back for a pod after half of its time to end.
POD_SPEC = {"terminationGracePeriodSeconds": 2, "containers": [{"name": "nginx", "image": "pause"}]}
POD = {"metadata": {"name": "test-pod"}, "spec": POD_SPEC}


async def ready_namespace(world: World) -> None:
    """Makes the namespace; returns when it has its service account."""
    await namespace(world.api)
    await eventually(lambda: world.get(f"{PATH}/serviceaccounts/default"))


async def gone(world: World) -> None:
    async def absent() -> bool:
        return await world.get(PATH) is None

    await eventually(absent)


async def test_namespaces_should_ensure_that_all_pods_are_removed_when_a_namespace_is_deleted() -> None:
    """A running pod goes with its namespace; the namespace made anew has none.

    [sig-api-machinery] Namespaces [Serial] should ensure that all pods are removed when a namespace is deleted
    [Conformance]
    """
    async with controllers(*MANAGERS) as world:
        await ready_namespace(world)
        pod = good(await world.api.post(f"{PATH}/pods", POD), 201)
        target = {"metadata": {"name": "test-pod"}, "target": {"kind": "Node", "name": "node-1"}}
        good(await world.api.post(f"{PATH}/pods/test-pod/binding", target), 201)
        good(await world.api.patch(f"{PATH}/pods/test-pod/status", {"status": {"phase": "Running"}}))
        good(await world.api.delete(PATH), 200)

        async def leaving() -> bool:
            return "deletionTimestamp" in (await world.get(f"{PATH}/pods/test-pod"))["metadata"]

        await eventually(leaving)
        assert (await world.get(PATH))["status"]["phase"] == "Terminating"
        uid = {"preconditions": {"uid": pod["metadata"]["uid"]}}
        good(
            await world.api.delete(f"{PATH}/pods/test-pod", {"gracePeriodSeconds": 0, **uid})
        )  # as the kubelet ends it
        await gone(world)
        await namespace(world.api)
        assert (await world.api.get(f"{PATH}/pods/test-pod")).status == 404


async def test_namespaces_should_ensure_that_all_services_are_removed_when_a_namespace_is_deleted() -> None:
    """A service goes with its namespace; the namespace made anew has none.

    [sig-api-machinery] Namespaces [Serial] should ensure that all services are removed when a namespace is deleted
    [Conformance]
    """
    async with controllers(*MANAGERS) as world:
        await ready_namespace(world)
        spec = {"selector": {"foo": "bar"}, "ports": [{"port": 80, "targetPort": 80}]}
        good(await world.api.post(f"{PATH}/services", {"metadata": {"name": "test-service"}, "spec": spec}), 201)
        good(await world.api.delete(PATH), 200)
        await gone(world)
        await namespace(world.api)
        assert (await world.api.get(f"{PATH}/services/test-service")).status == 404


async def test_orderednamespacedeletion_namespace_deletion_should_delete_pod_first() -> None:
    """While a finalizer holds a pod of a namespace being deleted, nothing else of the namespace is touched.

    [sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first [Conformance]
    """
    async with controllers("namespace-controller") as world:
        await namespace(world.api)
        held = {**POD, "metadata": {"name": "test-pod", "finalizers": ["e2e.example.com/finalizer"]}}
        good(await world.api.post(f"{PATH}/pods", held), 201)
        good(await world.api.post(f"{PATH}/configmaps", {"metadata": {"name": "test-configmap"}}), 201)
        good(await world.api.delete(PATH), 200)

        async def waits() -> bool:
            told = {one["type"]: one for one in (await world.get(PATH))["status"].get("conditions", [])}
            return (
                told["NamespaceContentRemaining"]["status"] == "True"
                and "deletionTimestamp" in (await world.get(f"{PATH}/pods/test-pod"))["metadata"]
            )

        await eventually(waits)
        conditions = {one["type"]: one for one in (await world.get(PATH))["status"]["conditions"]}
        assert "pods. has 1 resource instances" in conditions["NamespaceContentRemaining"]["message"]
        assert "NamespaceDeletionContentFailure" in conditions
        kept = await world.get(f"{PATH}/configmaps/test-configmap")
        assert kept is not None and "deletionTimestamp" not in kept["metadata"]
        await world.merge(f"{PATH}/pods/test-pod", {"metadata": {"finalizers": None}})
        await gone(world)
        assert await world.get(f"{PATH}/configmaps/test-configmap") is None


async def test_namespaces_should_patch_a_namespace(api: ApiEnv) -> None:
    """A strategic patch gives a namespace a label.

    [sig-api-machinery] Namespaces [Serial] should patch a Namespace [Conformance]
    """
    await namespace(api)
    good(await api.patch(PATH, {"metadata": {"labels": {"testLabel": "testValue"}}}, "strategic"), 200)
    labels = good(await api.get(PATH))["metadata"]["labels"]
    assert labels == {"testLabel": "testValue", "kubernetes.io/metadata.name": "conformance"}


async def test_namespaces_should_apply_an_update_to_a_namespace(api: ApiEnv) -> None:
    """An update of the whole object gives a namespace a label.

    [sig-api-machinery] Namespaces [Serial] should apply an update to a Namespace [Conformance]
    """
    await namespace(api)
    found = good(await api.get(PATH))
    found["metadata"]["labels"]["conformance"] = "updated"
    assert good(await api.put(PATH, found), 200)["metadata"]["labels"]["conformance"] == "updated"


async def test_namespaces_should_apply_changes_to_a_namespace_status(api: ApiEnv) -> None:
    """The status is Active; conditions are added to it by a patch and by an update of its subresource.

    [sig-api-machinery] Namespaces [Serial] should apply changes to a namespace status [Conformance]
    """
    await namespace(api)
    assert good(await api.get(f"{PATH}/status"))["status"] == {"phase": "Active"}

    def condition(kind: str) -> dict[str, Any]:
        return {"type": kind, "status": "True", "reason": "E2E", "message": f"{kind} by an e2e test"}

    annotations = {"metadata": {"annotations": {"e2e-patched-ns-status": "conformance"}}}
    patch = {**annotations, "status": {"conditions": [condition("StatusPatch")]}}
    patched = good(await api.patch(f"{PATH}/status", patch), 200)
    assert patched["metadata"]["annotations"] == annotations["metadata"]["annotations"]
    assert patched["status"]["phase"] == "Active"
    assert patched["status"]["conditions"][-1].items() >= condition("StatusPatch").items()
    patched["status"]["conditions"].append(condition("StatusUpdate"))
    updated = good(await api.put(f"{PATH}/status", patched), 200)
    assert [one["type"] for one in updated["status"]["conditions"]] == ["StatusPatch", "StatusUpdate"]
    assert good(await api.get(PATH))["status"] == updated["status"]


async def test_namespaces_should_apply_a_finalizer_to_a_namespace(api: ApiEnv) -> None:
    """The finalize subresource puts a finalizer in the spec and takes it out again.

    [sig-api-machinery] Namespaces [Serial] should apply a finalizer to a Namespace [Conformance]
    """
    await namespace(api)
    found = good(await api.get(PATH))
    assert found["spec"]["finalizers"] == ["kubernetes"]
    found["spec"]["finalizers"].append("e2e.example.com/fakeFinalizer")
    finalized = good(await api.put(f"{PATH}/finalize", found), 200)
    assert finalized["spec"]["finalizers"] == ["kubernetes", "e2e.example.com/fakeFinalizer"]
    finalized["spec"]["finalizers"].remove("e2e.example.com/fakeFinalizer")
    assert good(await api.put(f"{PATH}/finalize", finalized), 200)["spec"]["finalizers"] == ["kubernetes"]
    assert good(await api.get(PATH))["spec"]["finalizers"] == ["kubernetes"]

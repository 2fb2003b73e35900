"""Replica sets: they keep so many pods, adopt and release by labels, and have status and scale."""

from __future__ import annotations

from typing import Any

from tests.conformance.lab import APPS, PODS, Lab, controller_of, images, lab, name, status_endpoints, template

SETS = f"{APPS}/replicasets"
NAME = "replicaset-controller"
LABELS = {"name": "sample-pod", "pod": "httpd"}


def replica_set(called: str, replicas: int, **labels: str) -> dict[str, Any]:
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template(LABELS)}
    return {"metadata": {"name": called, "labels": labels or LABELS}, "spec": spec}


async def available(it: Lab, called: str, count: int) -> Any:
    """The set as soon as it says that so many pods can be used."""
    return await it.until(f"{SETS}/{called}", lambda one: one["status"].get("availableReplicas", 0) == count)


async def test_replicaset_replace_and_patch_tests() -> None:
    """A set scaled by an update gets the second pod; a patch changes labels, replicas and template at once.

    [sig-apps] ReplicaSet Replace and Patch tests [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{SETS}/test-rs"
        await it.post(SETS, replica_set("test-rs", 1))
        await available(it, "test-rs", 1)
        await it.update(path, lambda one: one["spec"].update(replicas=2))
        found = await available(it, "test-rs", 2)
        assert found["status"]["observedGeneration"] == found["metadata"]["generation"] == 2
        changed = {"spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "httpd", "image": "httpd:2"}]}}
        spec = {"replicas": 3, "template": changed}
        await it.patch(path, {"metadata": {"labels": {"test-rs": "patched"}}, "spec": spec})
        found = await available(it, "test-rs", 3)
        assert (found["metadata"]["labels"], found["status"]["replicas"]) == ({**LABELS, "test-rs": "patched"}, 3)
        pod = found["spec"]["template"]["spec"]
        assert (pod["terminationGracePeriodSeconds"], pod["containers"][0]["image"]) == (0, "httpd:2")
        assert sorted(images(await it.pods())) == ["httpd:1", "httpd:1", "httpd:2"]
        await it.told("SuccessfulCreate", *(f"Created pod: {name(pod)}" for pod in await it.pods()))


async def test_replicaset_replicaset_should_have_a_working_scale_subresource() -> None:
    """The scale is read, put and patched; the set follows.

    [sig-apps] ReplicaSet Replicaset should have a working scale subresource [Conformance]
    """
    async with lab(NAME) as it:
        path = f"{SETS}/test-rs"
        await it.post(SETS, replica_set("test-rs", 1))
        await available(it, "test-rs", 1)
        scale = await it.until(f"{path}/scale", lambda one: one["status"]["replicas"] == 1)
        assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 1})
        assert scale["status"]["selector"] == "name=sample-pod,pod=httpd"
        del scale["metadata"]["resourceVersion"]
        scale["spec"]["replicas"] = 2
        assert (await it.good("PUT", f"{path}/scale", scale))["spec"]["replicas"] == 2
        assert (await it.get(path))["spec"]["replicas"] == 2
        patched = await it.patch(f"{path}/scale", {"spec": {"replicas": 4}}, "merge")
        assert patched["spec"]["replicas"] == 4
        assert (await available(it, "test-rs", 4))["spec"]["replicas"] == 4


async def test_should_adopt_matching_pods_on_creation_and_release_no_longer_matching_pods() -> None:
    """A pod that the selector finds becomes the set's; with other labels it is nobody's, and another takes its place.

    [sig-apps] ReplicaSet should adopt matching pods on creation and release no longer matching pods [Conformance]
    """
    async with lab(NAME) as it:
        called = "pod-adoption-release"
        labels = {"name": called}
        await it.post(PODS, {"metadata": {"name": called, "labels": labels}, "spec": template({})["spec"]})
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template(labels)}
        made = await it.post(SETS, {"metadata": {"name": called}, "spec": spec})
        found = await it.until(f"{PODS}/{called}", controller_of)
        (owner,) = found["metadata"]["ownerReferences"]
        wanted = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": called, "uid": made["metadata"]["uid"]}
        assert owner == {**wanted, "controller": True, "blockOwnerDeletion": True}
        assert len(await it.pods()) == 1
        await it.patch(f"{PODS}/{called}", {"metadata": {"labels": {"name": "not-matching-name"}}})
        await it.until(f"{PODS}/{called}", lambda one: "ownerReferences" not in one["metadata"])
        (new,) = await it.until_pods(lambda pods: len(pods) == 1, f"name={called}")
        assert controller_of(new) == called


async def test_replicaset_should_list_and_delete_a_collection_of_replicasets() -> None:
    """The set is found in all namespaces by its labels, and goes by them.

    [sig-apps] ReplicaSet should list and delete a collection of ReplicaSets [Conformance]
    """
    async with lab(NAME) as it:
        labels = {"name": "sample-pod", "pod": "httpd", "e2e": "rs"}
        await it.post(SETS, replica_set("test-rs", 3, **labels))
        await available(it, "test-rs", 3)
        (found,) = await it.items("/apis/apps/v1/replicasets", "e2e=rs")
        assert found["metadata"]["labels"] == labels
        await it.good("DELETE", SETS, {"gracePeriodSeconds": 1}, labelSelector="e2e=rs")
        await it.until("/apis/apps/v1/replicasets", lambda found: found["items"] == [], labelSelector="e2e=rs")


async def test_replicaset_should_validate_replicaset_status_endpoints() -> None:
    """Conditions go into the status by update and patch, and are seen by who reads and watches.

    [sig-apps] ReplicaSet should validate Replicaset Status endpoints [Conformance]
    """
    async with lab(NAME) as it:
        await it.post(SETS, replica_set("test-rs", 1))
        await available(it, "test-rs", 1)
        await status_endpoints(it, f"{SETS}/test-rs")

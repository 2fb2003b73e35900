"""Deployments: rollouts of both strategies, history, scale in proportion, and their life as objects."""

from __future__ import annotations

from typing import Any

from tests.conformance.harness import seen
from tests.conformance.lab import (
    APPS,
    Lab,
    condition,
    image_patch,
    images,
    lab,
    name,
    no_image,
    running,
    status_endpoints,
    template,
)

DEPLOYMENTS, SETS = f"{APPS}/deployments", f"{APPS}/replicasets"
NAMES = ("deployment-controller", "replicaset-controller")
REVISION = "deployment.kubernetes.io/revision"
BAD = "webserver:404"


def deployment(called: str, replicas: int, labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    wanted = labels or {"name": "sample-pod"}
    more = {"replicas": replicas, "selector": {"matchLabels": wanted}, "template": template(wanted)}
    return {"metadata": {"name": called, "labels": wanted}, "spec": {**more, **spec}}


def replica_set(called: str, replicas: int, **annotations: str) -> dict[str, Any]:
    labels = {"name": "sample-pod", "pod": "httpd"}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels)}
    return {"metadata": {"name": called, "labels": labels, "annotations": annotations}, "spec": spec}


def by_image(pod: Any) -> Any:
    """Images of no registry are not there."""
    return no_image(pod) if pod["spec"]["containers"][0]["image"] == BAD else running(pod)


def finished(one: Any) -> bool:
    """All replicas are new ones and can be used; the last change has been seen."""
    status, wanted = one["status"], one["spec"]["replicas"]
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")]
    return counts == [wanted] * 3 and status["observedGeneration"] == one["metadata"]["generation"]


async def complete(it: Lab, called: str) -> Any:
    return await it.until(f"{DEPLOYMENTS}/{called}", finished)


async def sets(it: Lab) -> dict[str, Any]:
    """The image of its template → the replica set."""
    return {one["spec"]["template"]["spec"]["containers"][0]["image"]: one for one in await it.items(SETS)}


async def test_deployment_deployment_should_have_a_working_scale_subresource() -> None:
    """The scale is read, put and patched; the deployment follows.

    [sig-apps] Deployment Deployment should have a working scale subresource [Conformance]
    """
    async with lab(*NAMES) as it:
        path = f"{DEPLOYMENTS}/test-new-deployment"
        await it.post(DEPLOYMENTS, deployment("test-new-deployment", 1))
        await complete(it, "test-new-deployment")
        scale = await it.get(f"{path}/scale")
        assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 1, "selector": "name=sample-pod"})
        del scale["metadata"]["resourceVersion"]
        scale["spec"]["replicas"] = 2
        assert (await it.good("PUT", f"{path}/scale", scale))["spec"]["replicas"] == 2
        assert (await it.get(path))["spec"]["replicas"] == 2
        assert (await it.patch(f"{path}/scale", {"spec": {"replicas": 4}}, "merge"))["spec"]["replicas"] == 4
        assert (await complete(it, "test-new-deployment"))["spec"]["replicas"] == 4


async def test_deployment_recreatedeployment_should_delete_old_pods_and_create_new_ones() -> None:
    """No new pod starts before the last old one is gone, even when its end takes a while.

    [sig-apps] Deployment RecreateDeployment should delete old pods and create new ones [Conformance]
    """
    async with lab(*NAMES) as it:
        path = f"{DEPLOYMENTS}/test-recreate-deployment"
        await it.post(DEPLOYMENTS, deployment("test-recreate-deployment", 1, strategy={"type": "Recreate"}))
        first = await complete(it, "test-recreate-deployment")
        assert first["metadata"]["annotations"][REVISION] == "1"
        (old,) = await it.pods()
        it.held.add(name(old))
        await it.patch(path, image_patch("httpd:2"))
        await it.until_pods(lambda pods: pods == [])
        after = await it.until(path, lambda one: one["status"]["observedGeneration"] == one["metadata"]["generation"])
        assert after["status"].get("updatedReplicas", 0) == 0 and list(await sets(it)) == ["httpd:1"]
        it.held.clear()
        await it.again()
        last = await complete(it, "test-recreate-deployment")
        assert last["metadata"]["annotations"][REVISION] == "2"
        assert [entry for entry in it.log if entry[0] != "ready"][:2] == [("added", name(old)), ("deleted", name(old))]


async def test_deployment_rollingupdatedeployment_should_delete_old_pods_and_create_new_ones() -> None:
    """A deployment takes a replica set over as its old revision and goes on from that number.

    [sig-apps] Deployment RollingUpdateDeployment should delete old pods and create new ones [Conformance]
    """
    async with lab(*NAMES) as it:
        old = replica_set("test-rolling-update-controller", 1, **{REVISION: "3546343826724305832"})
        await it.post(SETS, old)
        await it.until(f"{SETS}/{name(old)}", lambda one: one["status"].get("availableReplicas") == 1)
        labels = {"name": "sample-pod"}
        body = deployment("test-rolling-update-deployment", 1, labels, template=template(labels, "agnhost:2"))
        await it.post(DEPLOYMENTS, body)
        done = await complete(it, "test-rolling-update-deployment")
        assert done["metadata"]["annotations"][REVISION] == "3546343826724305833"
        found = await sets(it)
        assert {image: one["spec"]["replicas"] for image, one in found.items()} == {"httpd:1": 0, "agnhost:2": 1}
        assert found["agnhost:2"]["metadata"]["annotations"][REVISION] == "3546343826724305833"
        (owner,) = found["httpd:1"]["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Deployment", done["metadata"]["uid"])
        progressing = condition(done, "Progressing")
        assert progressing["reason"] == "NewReplicaSetAvailable" and condition(done, "Available")


async def test_deployment_deployment_should_delete_old_replica_sets() -> None:
    """With a history of no revisions the old set goes once the new one stands.

    [sig-apps] Deployment deployment should delete old replica sets [Conformance]
    """
    async with lab(*NAMES) as it:
        await it.post(SETS, replica_set("test-cleanup-controller", 1))
        await it.until(f"{SETS}/test-cleanup-controller", lambda one: one["status"].get("availableReplicas") == 1)
        labels = {"name": "sample-pod"}
        body = deployment("test-cleanup-deployment", 1, labels, template=template(labels, "agnhost:2"))
        body["spec"]["revisionHistoryLimit"] = 0
        await it.post(DEPLOYMENTS, body)
        await it.absent(f"{SETS}/test-cleanup-controller")
        assert list(await sets(it)) == ["agnhost:2"]
        assert sum(what == "added" for what, _ in it.log) == 2


async def test_deployment_deployment_should_support_proportional_scaling() -> None:
    """Scaled in the middle of a rollout that is stuck, old and new set grow by their shares.

    [sig-apps] Deployment deployment should support proportional scaling [Conformance]
    """
    async with lab(*NAMES, report=by_image) as it:
        path = f"{DEPLOYMENTS}/webserver-deployment"
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        await it.post(DEPLOYMENTS, deployment("webserver-deployment", 10, strategy=rolling))
        await complete(it, "webserver-deployment")
        await it.patch(path, image_patch(BAD))
        await it.until(SETS, lambda found: sizes(found) == {"httpd:1": (8, 8), BAD: (5, 0)})
        await it.patch(path, {"spec": {"replicas": 30}}, "merge")
        await it.until(SETS, lambda found: sizes(found) == {"httpd:1": (20, 20), BAD: (13, 0)})
        counts = {"replicas": 33, "updatedReplicas": 13, "unavailableReplicas": 13}
        await it.until(path, lambda one: counts.items() <= one["status"].items())


def sizes(found: Any) -> dict[str, tuple[int, int]]:
    """The image of each set's template → wanted and usable replicas."""
    return {
        one["spec"]["template"]["spec"]["containers"][0]["image"]: (
            one["spec"]["replicas"],
            one["status"].get("availableReplicas", 0),
        )
        for one in found["items"]
    }


async def test_deployment_deployment_should_support_rollover() -> None:
    """A rollout that is stuck gives way to the next one, which ends; the old sets are empty then.

    [sig-apps] Deployment deployment should support rollover [Conformance]
    """
    async with lab(*NAMES, report=by_image) as it:
        await it.post(SETS, replica_set("test-rollover-controller", 1))
        await it.until(f"{SETS}/test-rollover-controller", lambda one: one["status"].get("availableReplicas") == 1)
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
        labels = {"name": "sample-pod"}
        body = deployment("test-rollover-deployment", 1, labels, strategy=rolling, template=template(labels, BAD))
        await it.post(DEPLOYMENTS, body)
        path = f"{DEPLOYMENTS}/test-rollover-deployment"
        stuck = await it.until(path, lambda one: one["status"].get("updatedReplicas") == 1)
        assert stuck["metadata"]["annotations"][REVISION] == "1"
        assert sizes(await it.get(SETS)) == {"httpd:1": (1, 1), BAD: (1, 0)}
        changed = {"minReadySeconds": 1, **image_patch("agnhost:2")["spec"]}
        await it.patch(path, {"spec": changed})
        done = await complete(it, "test-rollover-deployment")
        assert done["metadata"]["annotations"][REVISION] == "2"
        assert sizes(await it.get(SETS)) == {"httpd:1": (0, 0), BAD: (0, 0), "agnhost:2": (1, 1)}
        assert images(await it.pods()) == ["agnhost:2"]


async def test_deployment_should_run_the_lifecycle_of_a_deployment() -> None:
    """Created, patched, scaled, its status patched, updated, listed and deleted: who watches sees each step.

    [sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]
    """
    async with lab(*NAMES) as it:
        path, label = f"{DEPLOYMENTS}/test-deployment", {"test-deployment-static": "true"}
        query = {"labelSelector": "test-deployment-static=true"}
        async with it.world.api.watch(DEPLOYMENTS, **query) as watch:
            await it.post(DEPLOYMENTS, deployment("test-deployment", 2, label))
            await seen(watch, "ADDED")
            await until(watch, lambda one: one["status"].get("readyReplicas") == 2)
            spec = {"replicas": 1, **image_patch("httpd:2")["spec"]}
            await it.patch(path, {"metadata": {"labels": {"test-deployment": "patched"}}, "spec": spec})
            await until(watch, lambda one: one["metadata"]["labels"].get("test-deployment") == "patched")
            await until(watch, finished)
            (found,) = await it.items("/apis/apps/v1/deployments", "test-deployment-static=true")
            assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "httpd:2"
            await it.update(path, lambda one: one["metadata"]["labels"].update({"test-deployment": "updated"}))
            await until(watch, lambda one: one["metadata"]["labels"]["test-deployment"] == "updated")
            assert (await it.get(f"{path}/status"))["status"]["readyReplicas"] == 1
            patch = {"metadata": {"labels": {"test-deployment": "patched-status"}}, "status": {"readyReplicas": 0}}
            code, refused = await it.call("PATCH", f"{path}/status", patch, "merge")
            told = "status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas"
            assert (code, refused["message"]) == (422, f'Deployment.apps "test-deployment" is invalid: {told}')
            patch["status"]["availableReplicas"] = 0
            patched = await it.patch(f"{path}/status", patch, "merge")
            assert patched["metadata"]["labels"]["test-deployment"] == "updated"  # labels are not of the status
            await until(watch, lambda one: one["status"].get("readyReplicas", 0) == 0)
            await until(watch, lambda one: one["status"].get("readyReplicas") == 1)
            await it.good("DELETE", DEPLOYMENTS, labelSelector="test-deployment-static=true")
            await seen(watch, "DELETED")


async def until(watch: Any, check: Any) -> None:
    """Waits for a change after which `check` holds."""
    while not check(await seen(watch, "MODIFIED")):
        pass


async def test_deployment_should_validate_deployment_status_endpoints() -> None:
    """Conditions go into the status by update and patch, and are seen by who reads and watches.

    [sig-apps] Deployment should validate Deployment Status endpoints [Conformance]
    """
    async with lab(*NAMES) as it:
        await it.post(DEPLOYMENTS, deployment("test-deployment", 1))
        await complete(it, "test-deployment")
        await status_endpoints(it, f"{DEPLOYMENTS}/test-deployment")

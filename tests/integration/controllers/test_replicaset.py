"""ReplicaSets and ReplicationControllers keep their pods, on a real API server."""

from __future__ import annotations

import pytest

from tests.integration.controllers.manager import eventually, running

SETS = "/apis/apps/v1/namespaces/default/replicasets"
CONTROLLERS = "/api/v1/namespaces/default/replicationcontrollers"
PODS = "/api/v1/namespaces/default/pods"


def template(label: str = "web") -> dict:
    return {"metadata": {"labels": {"app": label}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def replica_set(replicas: int) -> dict:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template()}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"}, "spec": spec}


def replication_controller(replicas: int) -> dict:
    spec = {"replicas": replicas, "selector": {"app": "web"}, "template": template()}
    return {"apiVersion": "v1", "kind": "ReplicationController", "metadata": {"name": "web"}, "spec": spec}


CASES = [
    pytest.param("replicaset-controller", SETS, replica_set, id="replicaset"),
    pytest.param("replicationcontroller-controller", CONTROLLERS, replication_controller, id="replicationcontroller"),
]


@pytest.mark.parametrize(("name", "path", "make"), CASES)
async def test_creates_pods_replaces_deleted_ones_and_scales(name, path, make):
    async with running(name, kubelet=True) as world:
        await world.create(path, make(3))

        async def available(count: int) -> bool:
            status = (await world.get(f"{path}/web"))["status"]
            return status.get("availableReplicas", 0) == status["replicas"] == count == len(await world.pods())

        await eventually(lambda: available(3))
        pods = await world.pods()
        owner = pods[0]["metadata"]["ownerReferences"][0]
        assert (owner["name"], owner["controller"], owner["blockOwnerDeletion"]) == ("web", True, True)
        assert pods[0]["metadata"]["name"].startswith("web-")

        victim = pods[0]["metadata"]["name"]
        await world.delete(f"{PODS}/{victim}")

        async def replaced() -> bool:
            return await available(3) and victim not in {p["metadata"]["name"] for p in await world.pods()}

        await eventually(replaced)
        await world.merge(f"{path}/web", {"spec": {"replicas": 1}})
        await eventually(lambda: available(1))

        async def told() -> bool:
            return len(await world.events("SuccessfulCreate")) == 4 and len(await world.events("SuccessfulDelete")) == 2

        await eventually(told)
        assert all(message.startswith("Created pod: web-") for message in await world.events("SuccessfulCreate"))
        status = (await world.get(f"{path}/web"))["status"]
        assert status["observedGeneration"] == 2


async def test_adopts_matching_orphans_and_releases_pods_that_no_longer_match():
    async with running("replicaset-controller", kubelet=True) as world:
        orphan = {"metadata": {"name": "orphan", "labels": {"app": "web"}}, "spec": template()["spec"]}
        await world.create(PODS, orphan)
        await world.create(SETS, replica_set(2))

        async def adopted() -> bool:
            pods = await world.pods("app=web")
            return len(pods) == 2 and all(pod["metadata"].get("ownerReferences") for pod in pods)

        await eventually(adopted)
        await world.merge(f"{PODS}/orphan", {"metadata": {"labels": {"app": "other"}}})

        async def released() -> bool:
            pod = await world.get(f"{PODS}/orphan")
            return not pod["metadata"].get("ownerReferences") and len(await world.pods("app=web")) == 2

        await eventually(released)


async def test_a_refused_pod_is_reported_as_event_and_condition_and_retried():
    async with running("replicaset-controller", kubelet=True) as world:
        body = replica_set(5)
        body["spec"]["template"]["spec"]["priorityClassName"] = "missing"
        await world.create(SETS, body)

        async def failed() -> bool:
            conditions = (await world.get(f"{SETS}/web"))["status"]["conditions"]
            return conditions[0]["type"] == "ReplicaFailure" and conditions[0]["reason"] == "FailedCreate"

        await eventually(failed)
        assert (await world.events("FailedCreate"))[0].startswith("Error creating: pods ")
        await world.create("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "missing"}, "value": 1})

        async def recovered() -> bool:
            status = (await world.get(f"{SETS}/web"))["status"]
            return status.get("availableReplicas") == 5 and not status.get("conditions")

        await eventually(recovered)

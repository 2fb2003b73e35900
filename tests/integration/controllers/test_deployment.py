"""Deployments roll, roll back, pause, scale and fail as users expect, on a real API server."""

from __future__ import annotations

from typing import Any

from kubelite.controllers.context import Context, Informers
from kubelite.controllers.deployment.controller import DeploymentController
from kubelite.controllers.kinds import DEPLOYMENT, REPLICA_SET
from tests.apienv import ADMIN_TOKEN
from tests.integration.controllers.manager import World, eventually, running

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
NAMES = ("deployment-controller", "replicaset-controller")
REVISION = "deployment.kubernetes.io/revision"


def deployment(replicas: int = 3, image: str = "one", **spec: Any) -> dict:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    body = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": body}


def image(name: str) -> dict:
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": name}]}}}}


async def complete(world: World, replicas: int, image: str) -> bool:
    """As `kubectl rollout status` sees it, and every pod has the image."""
    found = await world.get(f"{DEPLOYMENTS}/web")
    status = found["status"]
    assert status["observedGeneration"] == found["metadata"]["generation"]
    counts = (status.get("replicas"), status.get("updatedReplicas"), status.get("availableReplicas"))
    pods = await world.pods()
    images = {pod["spec"]["containers"][0]["image"] for pod in pods}
    progressing = [c["reason"] for c in status["conditions"] if c["type"] == "Progressing"]
    return counts == (replicas,) * 3 and images == {image} and progressing == ["NewReplicaSetAvailable"]


async def test_rolls_out_updates_rolls_back_and_keeps_revisions():
    async with running(*NAMES, kubelet=True) as world:
        await world.create(DEPLOYMENTS, deployment())
        await eventually(lambda: complete(world, 3, "one"))
        first = (await world.items(SETS))[0]
        assert first["metadata"]["name"] == f"web-{first['metadata']['labels']['pod-template-hash']}"
        made = (await world.get(f"{DEPLOYMENTS}/web"))["metadata"]
        assert (made["annotations"][REVISION], made["generation"]) == ("1", 1)
        assert f"Scaled up replica set {first['metadata']['name']} from 0 to 3" in await world.events(
            "ScalingReplicaSet"
        )

        await world.merge(f"{DEPLOYMENTS}/web", image("two"))
        await eventually(lambda: complete(world, 3, "two"))
        assert (await world.get(f"{DEPLOYMENTS}/web"))["metadata"]["annotations"][REVISION] == "2"
        assert sorted(rs["spec"]["replicas"] for rs in await world.items(SETS)) == [0, 3]

        await world.merge(f"{DEPLOYMENTS}/web", image("one"))
        await eventually(lambda: complete(world, 3, "one"))
        sets = {rs["metadata"]["name"]: rs["metadata"]["annotations"] for rs in await world.items(SETS)}
        assert len(sets) == 2
        annotations = sets[first["metadata"]["name"]]
        assert (annotations[REVISION], annotations["deployment.kubernetes.io/revision-history"]) == ("3", "1")
        assert (await world.get(f"{DEPLOYMENTS}/web"))["metadata"]["annotations"][REVISION] == "3"


async def test_the_old_annotation_rolls_back_too():
    async with running(*NAMES, kubelet=True) as world:
        for name in ("one", "two"):
            if name == "one":
                await world.create(DEPLOYMENTS, deployment())
            else:
                await world.merge(f"{DEPLOYMENTS}/web", image(name))
            await eventually(lambda name=name: complete(world, 3, name))
        request = {"metadata": {"annotations": {"deprecated.deployment.rollback.to": "1"}}}
        await world.merge(f"{DEPLOYMENTS}/web", request)
        await eventually(lambda: complete(world, 3, "one"))
        annotations = (await world.get(f"{DEPLOYMENTS}/web"))["metadata"]["annotations"]
        assert annotations == {REVISION: "3"}

        async def told() -> bool:
            return await world.events("DeploymentRollback") == ['Rolled back deployment "web" to revision 1']

        await eventually(told)


async def test_old_replica_sets_beyond_the_history_limit_are_removed():
    async with running(*NAMES, kubelet=True) as world:
        await world.create(DEPLOYMENTS, deployment(1, "v0", revisionHistoryLimit=1))
        await eventually(lambda: complete(world, 1, "v0"))
        for version in ("v1", "v2", "v3"):
            await world.merge(f"{DEPLOYMENTS}/web", image(version))
            await eventually(lambda version=version: complete(world, 1, version))

        async def cleaned() -> bool:
            return len(await world.items(SETS)) == 2

        await eventually(cleaned)


async def test_recreate_never_runs_both_templates_at_once():
    async with running(*NAMES, kubelet=True) as world:
        await world.create(DEPLOYMENTS, deployment(2, "one", strategy={"type": "Recreate"}))
        await eventually(lambda: complete(world, 2, "one"))
        mixed = []

        async def rolled() -> bool:
            pods = await world.items("/api/v1/namespaces/default/pods")
            images = {pod["spec"]["containers"][0]["image"] for pod in pods}
            mixed.append(len(images) > 1)
            return await complete(world, 2, "two")

        await world.merge(f"{DEPLOYMENTS}/web", image("two"))
        await eventually(rolled)
        assert not any(mixed)


async def test_a_paused_deployment_scales_but_does_not_roll():
    async with running(*NAMES, kubelet=True) as world:
        await world.create(DEPLOYMENTS, deployment(2))
        await eventually(lambda: complete(world, 2, "one"))
        await world.merge(f"{DEPLOYMENTS}/web", {"spec": {"paused": True}})
        await world.merge(f"{DEPLOYMENTS}/web", {**image("two"), "spec": {**image("two")["spec"], "replicas": 4}})

        async def scaled() -> bool:
            found = await world.get(f"{DEPLOYMENTS}/web")
            reasons = [c["reason"] for c in found["status"]["conditions"] if c["type"] == "Progressing"]
            return len(await world.pods()) == 4 and reasons == ["DeploymentPaused"]

        await eventually(scaled)
        assert {pod["spec"]["containers"][0]["image"] for pod in await world.pods()} == {"one"}
        await world.merge(f"{DEPLOYMENTS}/web", {"spec": {"paused": False}})
        await eventually(lambda: complete(world, 4, "two"))


async def test_a_rollout_that_does_not_progress_is_reported_after_its_deadline():
    async with running(*NAMES) as world:
        await world.create(DEPLOYMENTS, deployment(1, progressDeadlineSeconds=1))

        async def timed_out() -> bool:
            conditions = {c["type"]: c for c in (await world.get(f"{DEPLOYMENTS}/web"))["status"]["conditions"]}
            found = conditions["Progressing"]
            return found["reason"] == "ProgressDeadlineExceeded" and "has timed out progressing." in found["message"]

        await eventually(timed_out)


async def test_scaling_in_the_middle_of_a_rollout_is_shared_between_the_sets():
    async with running(*NAMES) as world:
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
        await world.create(DEPLOYMENTS, deployment(10, strategy=rolling))

        async def count(total: int) -> bool:
            return len(await world.pods()) == total

        await eventually(lambda: count(10))
        for pod in await world.pods():
            await world.make_ready(pod)

        async def first_done() -> bool:
            return (await world.get(f"{DEPLOYMENTS}/web"))["status"].get("availableReplicas") == 10

        await eventually(first_done)
        await world.merge(f"{DEPLOYMENTS}/web", image("two"))

        async def sizes() -> list[int]:
            return sorted(rs["spec"]["replicas"] for rs in await world.items(SETS))

        async def are(wanted: list[int]) -> bool:
            assert await sizes() == wanted
            return True

        await eventually(lambda: are([5, 8]))
        await world.merge(f"{DEPLOYMENTS}/web", {"spec": {"replicas": 15}})
        await eventually(lambda: are([7, 11]))


async def test_a_set_that_the_cache_does_not_show_yet_counts_when_the_next_one_is_made():
    """From the old cache the second set got the one pod that `maxSurge` 0 allows, and the first one had it already."""
    async with running(token=ADMIN_TOKEN) as world:
        client = world.client
        context = Context(client, Informers(client))  # nobody runs them: what the caches show is said below
        controller = DeploymentController(context)
        deployments, sets = context.informers.get(DEPLOYMENT), context.informers.get(REPLICA_SET)
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
        body = deployment(1, strategy=rolling)
        await world.create(DEPLOYMENTS, body)

        async def step() -> list[Any]:
            deployments.replace([await client.get(DEPLOYMENT, "web", "default")])
            await controller.reconcile("default/web")
            return (await client.list(REPLICA_SET, "default")).items

        (first,) = await step()
        template = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
        await world.merge(f"{DEPLOYMENTS}/web", template)
        assert len(await step()) == 1
        sets.replace([first])
        assert sorted(rs.spec.replicas for rs in await step()) == [0, 1]
        for recorder in context.recorders.values():
            await recorder.close()

"""PodDisruptionBudgets tell what may be disrupted, on a real API server."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.test_replicaset import SETS, replica_set
from tests.integration.controllers.workloads import CORE, template

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
NAME = "disruption-controller"


def budget(**spec: Any) -> dict[str, Any]:
    wanted = {"selector": {"matchLabels": {"app": "web"}}} | spec
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}, "spec": wanted}


async def allows(world: World, allowed: int, expected: int, healthy: int) -> bool:
    found = await world.get(f"{BUDGETS}/web")
    status = found["status"]
    assert (status["disruptionsAllowed"], status["expectedPods"], status["currentHealthy"]) == (
        allowed,
        expected,
        healthy,
    )
    assert status["observedGeneration"] == found["metadata"]["generation"]
    (condition,) = status["conditions"]
    assert condition["type"] == "DisruptionAllowed" and condition["status"] == str(allowed > 0)
    return True


async def test_disruption_controller_updates_the_status_of_a_budget_as_pods_and_sizes_change():
    async with running(NAME, "replicaset-controller", kubelet=True) as world:
        await world.create(BUDGETS, budget(maxUnavailable=1))
        await eventually(lambda: allows(world, 0, 0, 0))
        await world.create(SETS, replica_set(3))
        await eventually(lambda: allows(world, 1, 3, 3))
        await world.merge(f"{BUDGETS}/web", {"spec": {"maxUnavailable": "67%"}})
        await eventually(lambda: allows(world, 3, 3, 3))
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 2}})
        await eventually(lambda: allows(world, 2, 2, 2))
        await world.merge(f"{BUDGETS}/web", {"spec": {"maxUnavailable": None, "minAvailable": 2}})
        await eventually(lambda: allows(world, 0, 2, 2))


async def test_disruption_controller_tells_of_pods_without_a_controller():
    async with running(NAME) as world:
        await world.create(f"{CORE}/pods", template() | {"metadata": {"name": "alone", "labels": {"app": "web"}}})
        await world.create(BUDGETS, budget(maxUnavailable=1))

        async def told() -> bool:
            return any("were found to be unmanaged" in text for text in await world.events("UnmanagedPods"))

        await eventually(told)
        await eventually(lambda: allows(world, 0, 0, 0))


def owned(pod: str, **owner: Any) -> dict[str, Any]:
    meta = {"name": pod, "labels": {"app": "web"}, "ownerReferences": [{"controller": True, **owner}]}
    return template() | {"metadata": meta}


async def failed(world: World) -> str:
    """What keeps the budget from being counted."""
    (condition,) = (await world.get(f"{BUDGETS}/web"))["status"]["conditions"]
    return str(condition["message"]) if condition["reason"] == "SyncFailed" else ""


async def test_disruption_controller_asks_any_owner_for_its_scale():
    definition = {
        "metadata": {"name": "fleets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "fleets", "kind": "Fleet", "singular": "fleet", "listKind": "FleetList"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    "subresources": {"scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}},
                }
            ],
        },
    }
    async with running(NAME) as world:
        await world.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        fleets = "/apis/example.com/v1/namespaces/default/fleets"

        async def served() -> bool:
            return bool((await world.api.get(fleets)).status == 200)

        await eventually(served)
        body = {"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "f"}, "spec": {"size": 4}}
        fleet = await world.create(fleets, body)
        reference = {"apiVersion": "example.com/v1", "kind": "Fleet", "name": "f", "uid": fleet["metadata"]["uid"]}
        for number in range(3):
            await world.create(f"{CORE}/pods", owned(f"p{number}", **reference))
            await world.make_ready(await world.get(f"{CORE}/pods/p{number}"))
        await world.create(BUDGETS, budget(maxUnavailable="50%"))
        await eventually(lambda: allows(world, 1, 4, 3))

        job = {"apiVersion": "batch/v1", "kind": "Job", "name": "j", "uid": "u"}
        await world.create(f"{CORE}/pods", owned("j", **job))

        async def told() -> bool:
            return await failed(world) == "jobs.batch does not implement the scale subresource"

        await eventually(told)


async def evict(world: World, name: str, **preconditions: str) -> Any:
    body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    body["deleteOptions"] = {"preconditions": preconditions}
    return await world.api.post(f"{CORE}/pods/{name}/eviction", body)


async def test_disruption_controller_blocks_an_eviction_until_the_budget_is_updated_to_allow_it():
    async with running(NAME, "replicaset-controller") as world:
        await world.create(SETS, replica_set(2))

        async def two() -> bool:
            return len(await world.pods()) == 2

        await eventually(two)
        pods = await world.pods()
        for pod in pods:
            await world.make_ready(pod)
        await world.create(BUDGETS, budget(minAvailable=2))
        await eventually(lambda: allows(world, 0, 2, 2))
        name = pods[0]["metadata"]["name"]
        refused = await evict(world, name)
        status = refused.json()
        assert (refused.status, status["reason"]) == (429, "TooManyRequests")
        assert status["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
        (cause,) = status["details"]["causes"]
        assert cause["reason"] == "DisruptionBudget"
        assert cause["message"] == "The disruption budget web needs 2 healthy pods and has 2 currently"
        await world.merge(f"{BUDGETS}/web", {"spec": {"minAvailable": 1}})
        await eventually(lambda: allows(world, 1, 2, 2))
        assert (await evict(world, name)).status == 201
        # The second one comes too late, whether or not the controller has looked meanwhile.
        assert (await evict(world, pods[1]["metadata"]["name"])).status == 429


async def test_an_eviction_needs_one_budget_at_most_and_spares_none_for_pods_that_do_not_run():
    async with running(NAME) as world:
        body = template() | {"metadata": {"name": "p", "labels": {"app": "web"}, "finalizers": ["example.com/stay"]}}
        await world.create(f"{CORE}/pods", body)
        pod = await world.get(f"{CORE}/pods/p")
        for name in ("web", "other"):
            await world.create(BUDGETS, budget(minAvailable=1) | {"metadata": {"name": name}})
        await world.make_ready(pod)
        many = await evict(world, "p")
        assert many.status == 500 and "more than one PodDisruptionBudget" in many.json()["message"]
        await world.merge(f"{CORE}/pods/p/status", {"status": {"phase": "Pending"}})
        assert (await evict(world, "p", uid="another")).status == 409
        version = (await world.get(f"{CORE}/pods/p"))["metadata"]["resourceVersion"]
        assert (await evict(world, "p", resourceVersion=version)).status == 201
        conditions = (await world.get(f"{CORE}/pods/p"))["status"]["conditions"]
        (target,) = (found for found in conditions if found["type"] == "DisruptionTarget")
        assert (target["status"], target["reason"]) == ("True", "EvictionByEvictionAPI")
        assert target["message"] == "Eviction API: evicting"


async def test_the_mark_of_a_disruption_that_did_not_come_is_taken_back():
    async with running(NAME) as world:
        await world.create(f"{CORE}/pods", template() | {"metadata": {"name": "p", "labels": {"app": "web"}}})
        mark = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "evicting"}
        mark["lastTransitionTime"] = "2026-01-01T00:00:00Z"
        status = {"status": {"phase": "Running", "conditions": [mark]}}
        await world.merge(f"{CORE}/pods/p/status", status)

        async def taken_back() -> bool:
            pod = await world.get(f"{CORE}/pods/p")
            (found,) = (one for one in pod["status"]["conditions"] if one["type"] == "DisruptionTarget")
            assert found["observedGeneration"] == pod["metadata"]["generation"]
            assert found["lastTransitionTime"] > mark["lastTransitionTime"]
            return found["status"] == "False" and "reason" not in found and "message" not in found

        await eventually(taken_back)


async def test_a_budget_of_all_pods_protects_those_without_labels():
    async with running(NAME) as world:
        await world.create(f"{CORE}/pods", template() | {"metadata": {"name": "p"}})
        await world.make_ready(await world.get(f"{CORE}/pods/p"))
        await world.create(BUDGETS, budget(minAvailable=1, selector={}))
        await eventually(lambda: allows(world, 0, 1, 1))
        assert (await evict(world, "p")).status == 429

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

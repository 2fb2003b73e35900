"""What controllers tell in events, word by word: people search for these texts, and alerts match them."""

from __future__ import annotations

from typing import Any

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.test_nodes import NODES, node
from tests.integration.controllers.test_nodes import pod as pod_on
from tests.integration.controllers.test_replicaset import SETS, replica_set
from tests.integration.controllers.test_statefulset import SETS as STATEFUL_SETS
from tests.integration.controllers.test_statefulset import with_claims
from tests.integration.controllers.workloads import APPS, CORE, finish, template

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


async def told(world: World, *wanted: tuple[str, str, str, str]) -> bool:
    """Whether there are events with these component, type, reason and message."""
    found = {
        (one["source"].get("component", ""), one["type"], one["reason"], one["message"])
        for one in await world.items("/api/v1/events")
    }
    missing = set(wanted) - found
    assert not missing, (missing, found)
    return True


async def test_the_controllers_of_nodes() -> None:
    names = ("node-lifecycle-controller", "node-ipam-controller")
    async with running(*names, node_monitor_grace_period=0.5, cluster_cidr="10.244.0.0/24") as world:
        await node(world, "a")
        await pod_on(world, "web", "a")
        lifecycle, ipam = "node-controller", "cidrAllocator"
        await eventually(
            lambda: told(
                world,
                (lifecycle, "Normal", "RegisteredNode", "Node a event: Registered Node a in Controller"),
                (lifecycle, "Normal", "NodeNotReady", "Node a status is now: NodeNotReady"),
                (lifecycle, "Warning", "NodeNotReady", "Node is not ready"),
            )
        )
        await world.create(NODES, {"metadata": {"name": "b"}})
        full = (ipam, "Normal", "CIDRNotAvailable", "Node b status is now: CIDRNotAvailable")
        await eventually(lambda: told(world, full))
        await world.delete(f"{NODES}/b")
        removed = (lifecycle, "Normal", "RemovingNode", "Node b event: Removing Node b from Controller")
        await eventually(lambda: told(world, removed))


async def test_a_stateful_set_whose_claims_are_refused() -> None:
    async with running("statefulset-controller") as world:
        quota = {"metadata": {"name": "none"}, "spec": {"hard": {"persistentvolumeclaims": "0"}}}
        await world.create(f"{CORE}/resourcequotas", quota)
        counted = {"status": quota["spec"] | {"used": {"persistentvolumeclaims": "0"}}}
        assert (await world.api.patch(f"{CORE}/resourcequotas/none/status", counted)).status == 200
        await world.create(STATEFUL_SETS, with_claims(1))
        why = (
            'persistentvolumeclaims "data-web-0" is forbidden: exceeded quota: none, requested: persistentvolumeclaims=1, '
            "used: persistentvolumeclaims=0, limited: persistentvolumeclaims=0"
        )
        claim = f"create Claim data-web-0 for Pod web-0 in StatefulSet web failed error: {why}"
        pod = f"create Pod web-0 in StatefulSet web failed error: failed to create PVC data-web-0: {why}"
        component = "statefulset-controller"
        await eventually(
            lambda: told(
                world,
                (component, "Warning", "FailedCreate", claim),
                (component, "Warning", "FailedCreate", pod),
            )
        )
        await world.delete(f"{CORE}/resourcequotas/none")
        good = "create Pod web-0 in StatefulSet web successful"
        await eventually(lambda: told(world, (component, "Normal", "SuccessfulCreate", good)))
        await world.merge(f"{STATEFUL_SETS}/web", {"spec": {"replicas": 0}})
        gone = "delete Pod web-0 in StatefulSet web successful"
        await eventually(lambda: told(world, (component, "Normal", "SuccessfulDelete", gone)))


async def test_sets_and_budgets() -> None:
    async with running("replicaset-controller", "daemonset-controller", "disruption-controller") as world:
        budget = {
            "metadata": {"name": "web"},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": 1},
        }
        await world.create(BUDGETS, budget)
        await eventually(lambda: told(world, ("controllermanager", "Normal", "NoPods", "No matching pods found")))
        await world.create(SETS, replica_set(1))
        name = await _only(world)
        await eventually(
            lambda: told(world, ("replicaset-controller", "Normal", "SuccessfulCreate", f"Created pod: {name}"))
        )
        await world.merge(f"{SETS}/web", {"spec": {"replicas": 0}})
        await eventually(
            lambda: told(world, ("replicaset-controller", "Normal", "SuccessfulDelete", f"Deleted pod: {name}"))
        )
        await node(world, "a")
        await world.merge(f"{NODES}/a", {"spec": {"taints": None}})
        selector = {"matchLabels": {"app": "agent"}}
        spec: dict[str, Any] = {"selector": selector, "template": template(label="agent")}
        await world.create(f"{APPS}/daemonsets", {"metadata": {"name": "agent"}, "spec": spec})
        name = await _only(world, "app=agent")
        await finish(world, name, "Succeeded")
        text = f"Found succeeded daemon pod default/{name} on node a, will try to delete it"
        await eventually(lambda: told(world, ("daemonset-controller", "Normal", "SucceededDaemonPod", text)))


async def test_a_budget_of_an_unknown_controller() -> None:
    async with running("disruption-controller") as world:
        owner = {"apiVersion": "example.com/v1", "kind": "Flock", "name": "f", "uid": "u", "controller": True}
        meta = {"name": "bird", "labels": {"app": "bird"}, "ownerReferences": [owner]}
        await world.create(f"{CORE}/pods", template(label="bird") | {"metadata": meta})
        spec = {"selector": {"matchLabels": {"app": "bird"}}, "maxUnavailable": 1}
        await world.create(BUDGETS, {"metadata": {"name": "bird"}, "spec": spec})
        text = 'Failed to calculate the number of expected pods: no matches for kind "Flock" in group "example.com"'
        event = ("controllermanager", "Warning", "CalculateExpectedPodCountFailed", text)
        await eventually(lambda: told(world, event))


async def _only(world: World, label: str = "app=web") -> str:
    async def there() -> bool:
        return len(await world.pods(label)) == 1

    await eventually(there)
    return str((await world.pods(label))[0]["metadata"]["name"])

"""The controllers work with the rights of their own user, not only with an administrator's."""

from __future__ import annotations

from pathlib import Path

from kubelite.controllers.registry import CONTROLLERS
from tests.apienv import ADMIN_TOKEN
from tests.integration.controllers.manager import eventually, running
from tests.integration.controllers.test_deployment import DEPLOYMENTS, complete, deployment, image
from tests.integration.controllers.test_endpoints import SLICES
from tests.integration.controllers.test_nodes import node, pod, taints


async def test_the_controller_managers_user_may_do_all_that_its_controllers_need(tmp_path: Path):
    tokens = tmp_path / "tokens.csv"
    tokens.write_text(f'{ADMIN_TOKEN},admin,1,"system:masters"\nmanager,system:kube-controller-manager,2\n')
    settings = {"node_monitor_grace_period": 1.0, "node_eviction_rate": 100.0}
    async with running(*CONTROLLERS, kubelet=True, tokens=str(tokens), token="manager", **settings) as world:
        await world.create(
            "/api/v1/namespaces/default/services",
            {
                "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
            },
        )
        await world.create(DEPLOYMENTS, deployment(2))
        await eventually(lambda: complete(world, 2, "one"))
        await world.merge(f"{DEPLOYMENTS}/web", image("two"))
        await eventually(lambda: complete(world, 2, "two"))

        async def served() -> bool:
            subsets = (await world.get("/api/v1/namespaces/default/endpoints/web"))["subsets"]
            slices = await world.items(SLICES)
            return len(subsets[0]["addresses"]) == 2 == len(slices[0]["endpoints"])

        await eventually(served)
        await node(world, "lost")
        await pod(world, "away", "lost", [{"operator": "Exists", "effect": "NoSchedule"}])

        async def tainted() -> bool:
            return ("node.kubernetes.io/unreachable", "NoSchedule") in await taints(world, "lost")

        await eventually(tainted)
        await world.create("/api/v1/namespaces", {"metadata": {"name": "team"}})

        async def furnished() -> bool:
            found = await world.get("/api/v1/namespaces/team/configmaps/kube-root-ca.crt")
            return found is not None and await world.get("/api/v1/namespaces/team/serviceaccounts/default") is not None

        await eventually(furnished)
        await world.delete(f"{DEPLOYMENTS}/web")
        await world.delete("/api/v1/namespaces/team")

        async def gone() -> bool:
            sets = await world.items("/apis/apps/v1/namespaces/default/replicasets")
            return not sets and await world.get("/api/v1/namespaces/team") is None

        await eventually(gone)
        assert (await world.get("/api/v1/nodes/lost"))["spec"]["podCIDR"] == "10.244.0.0/24"

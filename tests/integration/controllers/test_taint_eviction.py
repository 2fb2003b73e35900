"""Taints that people write drive pods away when their tolerated time is over."""

from __future__ import annotations

from tests.integration.controllers.manager import eventually, running
from tests.integration.controllers.test_nodes import NODES, PODS, node, pod


async def test_a_taint_written_by_hand_drives_pods_away_when_their_time_is_over_and_spares_them_when_it_goes():
    async with running("taint-eviction-controller") as world:
        await node(world, "a")
        tolerated = {"key": "maint", "operator": "Exists", "effect": "NoExecute"}
        await pod(world, "short", "a", [tolerated | {"tolerationSeconds": 1}])
        await pod(world, "long", "a", [tolerated | {"tolerationSeconds": 3600}])
        await world.merge(f"{NODES}/a", {"spec": {"taints": [{"key": "maint", "effect": "NoExecute"}]}})

        async def gone() -> bool:
            return await world.get(f"{PODS}/short") is None

        await eventually(gone)
        await world.merge(f"{NODES}/a", {"spec": {"taints": None}})

        async def spared() -> bool:
            events = await world.items("/api/v1/namespaces/default/events")
            return "Cancelling deletion of Pod default/long" in {event["message"] for event in events}

        await eventually(spared)
        assert await world.get(f"{PODS}/long") is not None
        counted = world.context.metrics.render()
        assert "\ntaint_eviction_controller_pod_deletions_total 1\n" in counted
        assert "\ntaint_eviction_controller_pod_deletion_duration_seconds_count 1\n" in counted

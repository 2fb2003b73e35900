"""Nodes get ranges, are missed when silent, and lose their pods."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.controllers.nodelifecycle import controller
from tests.integration.controllers.manager import World, eventually, running

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"


async def node(world: World, name: str, ready: str = "True") -> None:
    await world.create(NODES, {"metadata": {"name": name}})
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "KubeletReady",
        "lastHeartbeatTime": "2026-01-01T00:00:00Z",
    }
    reply = await world.api.patch(f"{NODES}/{name}/status", {"status": {"conditions": [condition]}})
    assert reply.status == 200, reply.body


async def pod(world: World, name: str, node_name: str, tolerations: Any = None) -> None:
    spec = {"nodeName": node_name, "containers": [{"name": "c", "image": "i"}], "terminationGracePeriodSeconds": 0}
    if tolerations:
        spec["tolerations"] = tolerations
    await world.create(PODS, {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec})
    await world.make_ready(await world.get(f"{PODS}/{name}"))


async def taints(world: World, name: str) -> set[tuple[str, str]]:
    return {(t["key"], t["effect"]) for t in (await world.get(f"{NODES}/{name}"))["spec"].get("taints", [])}


async def test_each_node_gets_a_range_of_its_own():
    async with running("node-ipam-controller", cluster_cidr="10.244.0.0/16") as world:
        await world.create(
            NODES, {"metadata": {"name": "taken"}, "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}}
        )
        for name in ("a", "b", "c"):
            await world.create(NODES, {"metadata": {"name": name}})

        async def given() -> bool:
            found = {n["metadata"]["name"]: n["spec"].get("podCIDR") for n in await world.items(NODES)}
            return set(found.values()) == {f"10.244.{i}.0/24" for i in range(4)} and found["taken"] == "10.244.0.0/24"

        await eventually(given)


async def test_a_silent_node_is_marked_tainted_and_its_pods_moved():
    names = ("node-lifecycle-controller", "taint-eviction-controller")
    async with running(*names, node_monitor_grace_period=1.0, node_eviction_rate=100.0) as world:
        await node(world, "lost")
        await node(world, "alive")
        await pod(world, "goes", "lost", [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}])
        await pod(world, "stays", "lost", [{"operator": "Exists"}])
        beat = 0

        async def moved() -> bool:
            nonlocal beat
            beat += 1
            lease = {"metadata": {"name": "alive", "namespace": "kube-node-lease"}}
            path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
            spec = {"spec": {"renewTime": f"2026-01-01T00:00:00.{beat:06}Z"}}
            if (await world.api.patch(f"{path}/alive", spec)).status == 404:
                await world.api.post("/api/v1/namespaces", {"metadata": {"name": "kube-node-lease"}})
                await world.api.post(path, lease | spec)
            return await world.get(f"{PODS}/goes") is None

        await eventually(moved)
        conditions = {c["type"]: c for c in (await world.get(f"{NODES}/lost"))["status"]["conditions"]}
        assert (conditions["Ready"]["status"], conditions["Ready"]["reason"]) == ("Unknown", "NodeStatusUnknown")
        assert conditions["MemoryPressure"]["reason"] == "NodeStatusNeverUpdated"
        unreachable = "node.kubernetes.io/unreachable"
        assert await taints(world, "lost") == {(unreachable, "NoSchedule"), (unreachable, "NoExecute")}
        told = world.context.metrics.render()
        assert 'node_collector_evictions_total{zone=""} 1' in told
        assert 'node_collector_zone_size{zone=""} 2' in told
        assert 'node_collector_unhealthy_nodes_in_zone{zone=""} 1' in told
        assert 'node_collector_zone_health{zone=""} 50' in told
        assert await taints(world, "alive") == set()
        stays = await world.get(f"{PODS}/stays")
        assert [c["status"] for c in stays["status"]["conditions"] if c["type"] == "Ready"] == ["False"]

        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "lastHeartbeatTime": "2026-01-01T00:01:00Z",
        }
        await world.api.patch(f"{NODES}/lost/status", {"status": {"conditions": [ready]}})

        async def back() -> bool:
            return await taints(world, "lost") == set()

        await eventually(back)


async def test_when_every_node_is_silent_nothing_is_evicted():
    names = ("node-lifecycle-controller", "taint-eviction-controller")
    async with running(*names, node_monitor_grace_period=0.3, node_eviction_rate=100.0) as world:
        await node(world, "only")
        await pod(world, "stays", "only", [{"key": "x", "operator": "Exists"}])

        async def marked() -> bool:
            return await taints(world, "only") == {("node.kubernetes.io/unreachable", "NoSchedule")}

        await eventually(marked)
        assert await world.get(f"{PODS}/stays") is not None


async def test_when_the_last_node_is_lost_the_pods_of_those_before_it_are_spared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(controller, "LOST_SECONDS", 0.1)
    monkeypatch.setattr(controller, "TAINTED_SECONDS", 0.1)
    monkeypatch.setattr(controller, "ZONES_SECONDS", 0.1)
    not_ready = "node.kubernetes.io/not-ready"
    async with running("node-lifecycle-controller", "taint-eviction-controller", node_eviction_rate=100.0) as world:
        await node(world, "last")
        await node(world, "first", ready="False")
        wait = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]
        await pod(world, "waits", "first", wait)

        async def driven() -> bool:
            return await taints(world, "first") == {(not_ready, "NoSchedule"), (not_ready, "NoExecute")}

        await eventually(driven)
        lost = {"type": "Ready", "status": "False", "lastHeartbeatTime": "2026-01-01T00:01:00Z"}
        await world.api.patch(f"{NODES}/last/status", {"status": {"conditions": [lost]}})

        async def spared() -> bool:
            found = [await taints(world, name) for name in ("first", "last")]
            return found == [{(not_ready, "NoSchedule")}] * 2

        await eventually(spared)

        async def told() -> bool:
            return await world.events("TaintManagerEviction") == ["Cancelling deletion of Pod default/waits"]

        await eventually(told)
        ready = {**lost, "status": "True", "lastHeartbeatTime": "2026-01-01T00:02:00Z"}
        await world.api.patch(f"{NODES}/last/status", {"status": {"conditions": [ready]}})
        await eventually(driven)


async def test_a_cordoned_node_and_one_under_pressure_are_tainted():
    async with running("node-lifecycle-controller") as world:
        await node(world, "a")
        await world.merge(f"{NODES}/a", {"spec": {"unschedulable": True}})
        pressure = [{"type": "DiskPressure", "status": "True"}, {"type": "Ready", "status": "True"}]
        await world.api.patch(f"{NODES}/a/status", {"status": {"conditions": pressure}})

        async def tainted() -> bool:
            wanted = {
                ("node.kubernetes.io/unschedulable", "NoSchedule"),
                ("node.kubernetes.io/disk-pressure", "NoSchedule"),
            }
            return await taints(world, "a") == wanted

        await eventually(tainted)


async def test_pods_of_a_node_that_is_gone_and_pods_deleted_before_they_had_one_are_removed():
    from datetime import UTC, datetime

    from kubelite.util.clock import FakeClock

    clock = FakeClock(datetime.now(UTC))
    async with running("pod-garbage-collector-controller", clock=clock) as world:
        await pod(world, "orphan", "ghost")
        unbound = {"metadata": {"name": "unbound"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        await world.create(PODS, unbound)
        await world.delete(f"{PODS}/unbound")

        async def unbound_gone() -> bool:
            return await world.get(f"{PODS}/unbound") is None

        await eventually(unbound_gone)
        assert await world.get(f"{PODS}/orphan") is not None
        await clock.advance(41)
        await world.merge(f"{PODS}/orphan", {"metadata": {"labels": {"touched": "yes"}}})

        async def orphan_gone() -> bool:
            return await world.get(f"{PODS}/orphan") is None

        await eventually(orphan_gone)
        await eventually(lambda: _counted(world, "orphaned"))


async def test_a_pod_deleted_before_it_had_a_node_fails_although_a_finalizer_holds_it():
    """A Job that replaces only failed pods would wait for it for ever."""
    async with running("pod-garbage-collector-controller") as world:
        finalizers = ["batch.kubernetes.io/job-tracking"]
        spec = {"containers": [{"name": "c", "image": "i"}]}
        await world.create(PODS, {"metadata": {"name": "held", "finalizers": finalizers}, "spec": spec})
        await world.delete(f"{PODS}/held")

        async def failed() -> bool:
            return (await world.get(f"{PODS}/held"))["status"]["phase"] == "Failed"

        await eventually(failed)
        assert (await world.get(f"{PODS}/held"))["metadata"]["finalizers"] == finalizers
        await eventually(lambda: _counted(world, "unscheduled"))


async def _counted(world: World, reason: str) -> bool:
    name = "pod_gc_collector_force_delete_pods_total"
    return f'{name}{{namespace="default",reason="{reason}"}}' in world.context.metrics.render()


async def test_a_kubelet_that_calls_its_pod_ready_on_a_node_that_counts_as_lost_is_not_fought_at_once():
    """Its lease may be late while it reports pods: contradicting each report made hundreds of writes a second."""
    async with running("node-lifecycle-controller") as world:
        await node(world, "lost", ready="Unknown")
        await pod(world, "web", "lost")

        async def ready() -> str:
            found = await world.get(f"{PODS}/web")
            return next(c["status"] for c in found["status"]["conditions"] if c["type"] == "Ready")

        async def contradicted() -> bool:
            return await ready() == "False"

        await eventually(contradicted)
        await world.make_ready(await world.get(f"{PODS}/web"))
        # What the controller does about a change of a node comes after what it does about the pod's report.
        await world.create(NODES, {"metadata": {"name": "other"}, "spec": {"unschedulable": True}})

        async def looked() -> bool:
            return await taints(world, "other") != set()

        await eventually(looked)
        assert await ready() == "True"


async def test_a_lease_outside_the_namespace_of_nodes_is_no_heartbeat():
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    async with running("node-lifecycle-controller", node_monitor_grace_period=1.0) as world:
        await node(world, "lost")
        await world.create(path, {"metadata": {"name": "lost"}, "spec": {"renewTime": "2026-01-01T00:00:00.000000Z"}})
        beat = 0

        async def missed() -> bool:
            nonlocal beat
            beat += 1
            await world.merge(f"{path}/lost", {"spec": {"renewTime": f"2026-01-01T00:00:00.{beat:06}Z"}})
            conditions = {c["type"]: c["status"] for c in (await world.get(f"{NODES}/lost"))["status"]["conditions"]}
            return conditions["Ready"] == "Unknown"

        await eventually(missed)


async def test_nodes_say_how_long_what_is_read_may_be_believed():
    async with running("ttl-controller") as world:
        key = "node.alpha.kubernetes.io/ttl"

        async def told() -> dict[str, str | None]:
            found = await world.items(NODES)
            return {one["metadata"]["name"]: one["metadata"].get("annotations", {}).get(key) for one in found}

        await world.create(NODES, {"metadata": {"name": "first"}})

        async def alone() -> bool:
            return await told() == {"first": "0"}

        await eventually(alone)
        for number in range(100):
            await world.create(NODES, {"metadata": {"name": f"n{number}"}})

        async def many() -> bool:
            return (await told())["n99"] == "15"

        await eventually(many)
        await world.merge(f"{NODES}/first", {"metadata": {"labels": {"touched": "yes"}}})

        async def touched() -> bool:
            return (await told())["first"] == "15"

        await eventually(touched)

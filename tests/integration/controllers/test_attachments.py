"""Volumes of CSI drivers are attached to the nodes of their pods and detached, against a real API server."""

from __future__ import annotations

from typing import Any

from kubelite.controllers.attachdetach.plan import attachment_name, unique_name
from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.test_volumes import BASE, BINDER, CLAIMS, VOLUMES, claim, phase, told

ATTACHER = "persistentvolume-attach-detach-controller"
DRIVER = "d.example.com"
NODES = "/api/v1/nodes"
ATTACHMENTS = "/apis/storage.k8s.io/v1/volumeattachments"
UNIQUE = unique_name(DRIVER, "handle")


async def a_node(world: World, name: str, ready: str = "True") -> None:
    notes = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    await world.create(NODES, {"metadata": {"name": name, "annotations": notes}})
    await world.merge(f"{NODES}/{name}/status", {"status": {"conditions": [{"type": "Ready", "status": ready}]}})


async def a_volume(world: World, mode: str = "ReadWriteOnce") -> None:
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": [mode], "csi": {"driver": DRIVER, "volumeHandle": "handle"}}
    await world.create(VOLUMES, {"metadata": {"name": "v"}, "spec": spec})
    await world.create(CLAIMS, claim("c", accessModes=[mode]))
    await phase(world, f"{CLAIMS}/c", "Bound")


async def a_pod(world: World, name: str, node: str) -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}]
    spec = {"nodeName": node, "containers": [{"name": "c", "image": "x"}], "volumes": volumes}
    await world.create(f"{BASE}/pods", {"metadata": {"name": name}, "spec": spec})


def path(node: str) -> str:
    return f"{ATTACHMENTS}/{attachment_name('handle', DRIVER, node)}"


async def exists(world: World, node: str, wanted: bool = True) -> Any:
    async def so() -> bool:
        return (await world.get(path(node)) is not None) == wanted

    await eventually(so)
    return await world.get(path(node))


async def shown(world: World, node: str, wanted: list[str]) -> None:
    async def so() -> bool:
        found = (await world.get(f"{NODES}/{node}"))["status"].get("volumesAttached") or []
        return [one["name"] for one in found] == wanted

    await eventually(so)


async def test_a_volume_is_attached_for_a_pod_shown_in_the_nodes_status_and_detached_after_it():
    async with running(BINDER, ATTACHER) as world:
        await a_node(world, "n1")
        await a_volume(world)
        await a_pod(world, "p", "n1")
        made = await exists(world, "n1")
        assert made["spec"] == {"attacher": DRIVER, "nodeName": "n1", "source": {"persistentVolumeName": "v"}}
        await shown(world, "n1", [])
        await world.merge(f"{path('n1')}/status", {"status": {"attached": True}})
        await shown(world, "n1", [UNIQUE])
        await told(world, "SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "v"')
        await world.merge(f"{NODES}/n1/status", {"status": {"volumesInUse": [UNIQUE]}})
        await world.delete(f"{BASE}/pods/p", {"gracePeriodSeconds": 0})
        assert await world.get(path("n1")) is not None
        await world.merge(f"{NODES}/n1/status", {"status": {"volumesInUse": []}})
        await exists(world, "n1", False)
        await shown(world, "n1", [])


async def test_an_exclusive_volume_waits_for_the_node_that_has_it():
    async with running(BINDER, ATTACHER) as world:
        await a_node(world, "n1")
        await a_node(world, "n2")
        await a_volume(world)
        await a_pod(world, "first", "n1")
        await exists(world, "n1")
        await a_pod(world, "second", "n2")
        await told(
            world, "FailedAttachVolume", 'Multi-Attach error for volume "v" Volume is already used by pod(s) first'
        )
        assert await world.get(path("n2")) is None
        await world.delete(f"{BASE}/pods/first", {"gracePeriodSeconds": 0})
        await exists(world, "n2")
        assert await world.get(path("n1")) is None


async def test_a_shared_volume_is_attached_to_every_node():
    async with running(BINDER, ATTACHER) as world:
        await a_volume(world, "ReadWriteMany")
        for node in ("n1", "n2"):
            await a_node(world, node)
            await a_pod(world, f"on-{node}", node)
        await exists(world, "n1")
        await exists(world, "n2")


async def test_a_node_declared_out_of_service_loses_its_volumes_at_once():
    async with running(BINDER, ATTACHER) as world:
        await a_node(world, "n1", ready="False")
        await a_volume(world)
        await a_pod(world, "p", "n1")
        await exists(world, "n1")
        await world.merge(f"{NODES}/n1/status", {"status": {"volumesInUse": [UNIQUE]}})
        await world.delete(f"{BASE}/pods/p", {"gracePeriodSeconds": 0})
        assert await world.get(path("n1")) is not None
        taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        await world.merge(f"{NODES}/n1", {"spec": {"taints": [taint]}})
        await exists(world, "n1", False)


async def test_a_driver_that_does_not_attach_is_left_alone_and_failures_are_told():
    async with running(BINDER, ATTACHER) as world:
        drivers = "/apis/storage.k8s.io/v1/csidrivers"
        await world.create(drivers, {"metadata": {"name": DRIVER}, "spec": {"attachRequired": False}})
        await a_node(world, "n1")
        await a_volume(world)
        await a_pod(world, "p", "n1")
        assert await world.get(path("n1")) is None
        await world.delete(f"{drivers}/{DRIVER}")
        await exists(world, "n1")
        error = {"message": "no such disk", "time": "2026-01-01T00:00:00Z"}
        await world.merge(f"{path('n1')}/status", {"status": {"attachError": error}})
        await told(world, "FailedAttachVolume", 'AttachVolume.Attach failed for volume "v" : no such disk')

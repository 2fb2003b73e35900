"""Between the choice of a node and the binding: what others see of it, and what ends it early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.apienv import api_server
from tests.integration.scheduler.world import PODS, World, scheduling

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
SELECTED = "volume.kubernetes.io/selected-node"
DATA = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]


@asynccontextmanager
async def waiting(**spec: Any) -> AsyncIterator[World]:
    """A pod whose volume is being made on its node, by nobody: the test is the provisioner."""
    async with api_server() as api, scheduling(api):
        world = World(api)
        await world.node("a", cpu="1")
        waits = {"provisioner": "example.com/disks", "volumeBindingMode": "WaitForFirstConsumer"}
        assert (await api.post(CLASSES, {"metadata": {"name": "slow"}, **waits})).status == 201
        wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        body = {"metadata": {"name": "data"}, "spec": {**wanted, "storageClassName": "slow"}}
        assert (await api.post(CLAIMS, body)).status == 201
        await world.pod("p", cpu="1", volumes=DATA, **spec)
        await world.until("p", lambda p: p["status"].get("nominatedNodeName") == "a")
        async with api.watch(CLAIMS) as events:
            while True:
                event = await events.next(10)
                assert event is not None
                if event["object"]["metadata"].get("annotations", {}).get(SELECTED) == "a":
                    break
        yield world


async def failure(world: World) -> str:
    """The message of the first failure to be bound."""
    pod = await world.until("p", lambda p: broken(p) is not None)
    found = broken(pod)
    assert found is not None
    return str(found["message"])


def broken(pod: Any) -> Any:
    found = (c for c in pod["status"].get("conditions", ()) if c["type"] == "PodScheduled")
    return next((c for c in found if (c["status"], c["reason"]) == ("False", "SchedulerError")), None)


async def test_the_expected_node_is_told_while_a_volume_is_made_and_no_longer_once_the_pod_is_bound() -> None:
    async with waiting() as world:
        assert "nodeName" not in (await world.get("p"))["spec"]
        notes = {"pv.kubernetes.io/bind-completed": "yes"}
        volume = {
            "metadata": {"name": "made"},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/mnt"}},
        }
        assert (await world.api.post("/api/v1/persistentvolumes", volume)).status == 201
        body = {"metadata": {"annotations": notes}, "spec": {"volumeName": "made"}}
        assert (await world.api.patch(f"{CLAIMS}/data", body)).status == 200
        assert await world.placed("p") == "a"
        assert "nominatedNodeName" not in (await world.get("p"))["status"]


async def test_a_provisioner_that_gives_up_has_the_pod_placed_anew_which_is_told() -> None:
    async with waiting() as world:
        gone = {"metadata": {"annotations": {SELECTED: None, "x": "y"}}}
        assert (await world.api.patch(f"{CLAIMS}/data", gone)).status == 200
        text = 'running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "data"'
        assert await failure(world) == text
        event = await world.event("FailedScheduling")
        assert (event["type"], event["message"]) == ("Warning", text)
        # The next attempt asks for the volume again.
        async with asyncio.timeout(10), world.api.watch(CLAIMS) as events:
            while True:
                seen = await events.next(10)
                assert seen is not None
                if seen["object"]["metadata"]["annotations"].get(SELECTED) == "a":
                    break


async def test_a_pod_that_is_still_waiting_for_its_volume_is_recalled_rather_than_deleted_to_make_room() -> None:
    async with waiting() as world:
        await world.priority_class("high", 1000)
        await world.pod("high", cpu="1", priorityClassName="high")
        assert await world.placed("high") == "a"
        event = await world.event("Preempted")
        uid = (await world.get("high"))["metadata"]["uid"]
        assert event["message"] == f"Preempted by pod {uid} on node a (in kube-scheduler memory)."
        victim = await world.get("p")
        assert victim is not None
        assert "deletionTimestamp" not in victim["metadata"]
        refused = await world.until("p", lambda p: "Insufficient cpu" in str(p["status"].get("conditions")))
        assert "nominatedNodeName" not in refused["status"]


@pytest.mark.parametrize("path", [f"{PODS}/p", "/api/v1/nodes/a"])
async def test_work_for_a_pod_or_a_node_that_is_gone_ends(path: str) -> None:
    async with waiting() as world:
        reply = await world.api.delete(path, {"gracePeriodSeconds": 0})
        assert reply.status == 200
        event = await world.event("FailedScheduling")
        what = (
            'pod does not exist any more: pod "p" not found'
            if "pods" in path
            else 'failed to get node "a": node "a" not found'
        )
        assert event["message"] == f'running PreBind plugin "VolumeBinding": binding volumes: {what}'

"""Pods with claims: bound to their volumes before they are bound to their nodes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apienv import ApiEnv, api_server
from tests.integration.scheduler.world import World, scheduling

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


async def served(api: ApiEnv) -> bool:
    return (await api.get(CLAIMS)).status == 200 and (await api.get(CLASSES)).status == 200


async def create(api: ApiEnv, path: str, name: str, **body: Any) -> None:
    reply = await api.post(path, {"metadata": {"name": name}, **body})
    assert reply.status == 201, reply.body


async def test_a_missing_claim_keeps_a_pod_waiting() -> None:
    async with api_server() as api, scheduling(api):
        world = World(api)
        await world.node("a")
        volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
        await world.pod("p", volumes=volumes)
        assert await world.refused("p") == '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'


async def test_a_waiting_claim_gets_a_volume_that_the_node_reaches() -> None:
    async with api_server() as api, scheduling(api):
        if not await served(api):
            pytest.skip("this API server has no volumes yet")
        world = World(api)
        await world.node("a")
        await world.node("b")
        await create(
            api,
            CLASSES,
            "local",
            provisioner="kubernetes.io/no-provisioner",
            volumeBindingMode="WaitForFirstConsumer",
        )
        term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["b"]}]}
        await create(
            api,
            VOLUMES,
            "disk",
            spec={
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": "1Gi"},
                "storageClassName": "local",
                "local": {"path": "/mnt"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
            },
        )
        assert (await api.patch(f"{VOLUMES}/disk/status", {"status": {"phase": "Available"}})).status == 200
        resources = {"requests": {"storage": "1Gi"}}
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "local", "resources": resources}
        await create(api, CLAIMS, "data", spec=spec)
        await world.pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])
        # The test is the volume controller: it completes what the scheduler has begun.
        async with api.watch(VOLUMES, fieldSelector="metadata.name=disk") as events:
            while True:
                event = await events.next(10)
                assert event is not None
                if event["object"]["spec"].get("claimRef"):
                    break
        assert event["object"]["spec"]["claimRef"]["name"] == "data"
        assert "nodeName" not in (await world.get("p"))["spec"]
        notes = {"pv.kubernetes.io/bind-completed": "yes"}
        reply = await api.patch(f"{CLAIMS}/data", {"metadata": {"annotations": notes}, "spec": {"volumeName": "disk"}})
        assert reply.status == 200, reply.body
        assert await world.placed("p") == "b"

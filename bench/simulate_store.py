"""A store that holds ReplicaSets with all their pods on simulated nodes, as `python -m bench.simulate hold` begins with.

What: `fill`. Why: a hundred thousand pods take minutes to grow, and what is measured is what it costs to have them. Flow:
objects as the API server stores them → the embedded store's file → the API server starts → `kubelite simulate` finds their
containers running.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import uuid
from typing import Any

from kubelite.cmd.simulate.addresses import node_address

AT_ONCE = 64
BATCH = 1000
"""Replicas of one ReplicaSet."""
NOW = "2026-01-01T00:00:00Z"
BASE = int(ipaddress.IPv4Address("100.64.0.0"))


def _uid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def _meta(name: str, label: str) -> dict[str, Any]:
    made = {"name": name, "namespace": "default", "uid": _uid(name), "creationTimestamp": NOW, "generation": 1}
    return {**made, "labels": {"app": label}}


def replicaset(name: str, replicas: int, template: dict[str, Any]) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"), replicas)
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": _meta(name, name),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
        "status": {**counts, "observedGeneration": 1},
    }


def pod(number: int, owner: str, node: str, template: dict[str, Any]) -> dict[str, Any]:
    """As it looks when it has run for a while."""
    name, ip = f"{owner}-{number:06d}", str(ipaddress.IPv4Address(BASE + number + 1))
    meta = _meta(name, owner)
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": _uid(owner)}
    meta["ownerReferences"] = [{**reference, "controller": True, "blockOwnerDeletion": True}]
    types = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    conditions = [
        {"type": type_, "status": "True", "lastTransitionTime": NOW, "observedGeneration": 1} for type_ in types
    ]
    state = {"running": {"startedAt": NOW}}
    container: dict[str, Any] = {
        "name": "app",
        "image": "app:1",
        "imageID": "app:1",
        "containerID": f"simulated://{number:064x}",
    }
    resources = template["spec"]["containers"][0]["resources"]
    container |= {"resources": resources, "allocatedResources": resources["requests"]}
    flags = {"ready": True, "started": True, "restartCount": 0, "state": state, "lastState": {}}
    status: dict[str, Any] = {
        "phase": "Running",
        "conditions": conditions,
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": NOW,
    }
    prefix, _, index = node.rpartition("-")
    host = node_address(prefix, int(index))
    status |= {"hostIP": host, "hostIPs": [{"ip": host}], "observedGeneration": 1}
    spec = {
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "dnsPolicy": "ClusterFirst",
        **template["spec"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {**spec, "nodeName": node},
        "status": {**status, "qosClass": "Burstable", "containerStatuses": [{**container, **flags}]},
    }


async def fill(address: str, pods: int, nodes: list[str], template: dict[str, Any]) -> None:
    """Puts them into the store, without a server."""
    from kubelite.storage.registry import open_store

    store = await open_store(address)
    owners = [f"hold-{number}" for number in range(max(1, pods // BATCH))]
    for index, owner in enumerate(owners):
        mine = {**template, "metadata": {"labels": {"app": owner}}}
        replicas = len(range(index, pods, len(owners)))
        await store.create(
            f"/registry/replicasets/default/{owner}", json.dumps(replicaset(owner, replicas, mine)).encode()
        )
    numbers = iter(range(pods))

    async def worker() -> None:
        for number in numbers:
            made = pod(number, owners[number % len(owners)], nodes[number % len(nodes)], template)
            await store.create(f"/registry/pods/default/{made['metadata']['name']}", json.dumps(made).encode())

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    await store.close()

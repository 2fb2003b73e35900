"""Nodes and pods for the scheduler's tests, written as short as manifests allow."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from kubelite.scheduler.cache import Cache
from kubelite.scheduler.cycle import Scheduler
from kubelite.scheduler.framework import Cycle, Diagnosis, World
from kubelite.scheduler.pods import Node, Pod, PodInfo, pod_info

PROFILE = "default-scheduler"
_uids = itertools.count(1)


def node(
    name: str,
    *,
    cpu: str = "4",
    memory: str = "8Gi",
    pods: int = 110,
    labels: dict[str, str] | None = None,
    taints: list[dict[str, str]] | None = None,
    unschedulable: bool = False,
    images: list[dict[str, Any]] | None = None,
    features: list[str] | None = None,
    **more: str,
) -> Node:
    """`more`: further resources, with `_` for `/` and `-` kept out of the way: nvidia_gpu="1" is "nvidia/gpu"."""
    extended = {key.replace("_", "/"): value for key, value in more.items()}
    return msgspec.convert(
        {
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
            "spec": {"unschedulable": unschedulable, "taints": taints or []},
            "status": {
                "allocatable": {"cpu": cpu, "memory": memory, "pods": str(pods), **extended},
                "images": images or [],
                "declaredFeatures": features or [],
            },
        },
        Node,
    )


def pod(
    name: str,
    *,
    namespace: str = "default",
    on: str = "",
    requests: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    host_port: int = 0,
    priority: int = 0,
    uid: str = "",
    owner: str = "",
    nominated: str = "",
    started: str | None = None,
    leaving: bool = False,
    image: str = "",
    scheduler: str = PROFILE,
    **spec: Any,
) -> Pod:
    """`spec`: any further field of the pod's spec, as in a manifest."""
    ports = [{"hostPort": host_port, "protocol": "TCP"}] if host_port else []
    return msgspec.convert(
        {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": uid or f"uid-{next(_uids)}",
                "labels": labels or {},
                "deletionTimestamp": "2030-01-01T00:00:00Z" if leaving else None,
                "ownerReferences": [_owner(owner)] if owner else [],
            },
            "status": {"nominatedNodeName": nominated, "startTime": started},
            "spec": {
                "nodeName": on,
                "schedulerName": scheduler,
                "priority": priority,
                "containers": [
                    {"name": "main", "image": image, "ports": ports, "resources": {"requests": requests or {}}}
                ],
                **spec,
            },
        },
        Pod,
    )


def _owner(name: str) -> dict[str, Any]:
    return {"uid": name, "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "controller": True}


def info(name: str, **fields: Any) -> PodInfo:
    return pod_info(pod(name, **fields))


def scheduler(*nodes: Node, placed: tuple[Pod, ...] = ()) -> Scheduler:
    """A scheduler over these nodes, with pods that count on the nodes they name."""
    made = Scheduler(World())
    for one in nodes:
        made.nodes.set_node(one)
    for other in placed:
        made.nodes.add_pod(pod_info(other), other.spec.nodeName)
    return made


def passing(made: Scheduler, plugin: str, wanted: PodInfo) -> set[str]:
    """The names of the nodes that one plugin lets pass."""
    cycle = Cycle(wanted, made.world)
    mask = next(p for p in made.profile.filters if p.name == plugin).filter(cycle)
    return {name for name, at in made.nodes.index.items() if mask is None or mask[at]}


def scores(made: Scheduler, plugin: str, wanted: PodInfo) -> dict[str, float] | None:
    """One plugin's score of each node; None where it finds all alike."""
    cycle = Cycle(wanted, made.world)
    found = next(p for p, _ in made.profile.scores if p.name == plugin).score(cycle, made.nodes.active.copy())
    return None if found is None else {name: float(found[at]) for name, at in made.nodes.index.items()}


def refusal(made: Scheduler, wanted: PodInfo) -> str:
    """The reasons of a pod that fits nowhere, without what came of making room."""
    return failure(made, wanted).message().partition(" no new claims to deallocate")[0]


def failure(made: Scheduler, wanted: PodInfo) -> Diagnosis:
    """What is known of a pod that fits nowhere."""
    result = made.place(wanted)
    assert isinstance(result, Diagnosis), f"placed on {result}"
    return result


def cache(*nodes: Node) -> Cache:
    made = Cache()
    for one in nodes:
        made.node_changed(None, one, 0.0)
    return made

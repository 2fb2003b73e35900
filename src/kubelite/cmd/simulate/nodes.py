"""The Node objects of simulated nodes. Pure.

What: `Shape` holds what all nodes of a run share; `new(shape, index, now)` is the object to register, `status(...)` its
status, made by the kubelet's own `node.status`. Why: schedulers, controllers and people see a node as a kubelet reports it,
marked as simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubelite.api.logic.localpath import SIMULATED
from kubelite.api.types.core_v1 import Node, NodeStatus
from kubelite.cmd.simulate.addresses import node_address
from kubelite.cmd.simulate.runtime import NAME
from kubelite.kubelet.node import status as node_status
from kubelite.kubelet.node.machine import ARCHITECTURES, Machine
from kubelite.machinery import quantity

MARK = SIMULATED
"""Label of simulated nodes."""
LOST = "kubelite.io/simulate-lost"
"""Annotation of a node that shall be silent, as if its network were cut."""
ZONE = "topology.kubernetes.io/zone"
DISK = "100Gi"
CAPACITY: Mapping[str, str] = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": DISK}


def parse_capacity(items: tuple[str, ...]) -> dict[str, str]:
    """`cpu=8`, `memory=32Gi`, `example.com/gpu=4`, over the defaults. ValueError says what is wrong."""
    found = dict(CAPACITY)
    for item in items:
        name, sign, amount = item.partition("=")
        try:
            if not name or not sign or quantity.nano(amount) < 0:
                raise ValueError
        except ValueError:
            raise ValueError(f"invalid capacity {item!r}: such as cpu=8 or memory=32Gi") from None
        found[name] = amount
    return found


@dataclass(frozen=True, slots=True)
class Shape:
    """What the nodes of one run have in common."""

    prefix: str = "hollow"
    zones: int = 3
    capacity: Mapping[str, str] = field(default_factory=lambda: dict(CAPACITY))
    labels: tuple[str, ...] = ()
    taints: tuple[str, ...] = ()

    def name(self, index: int) -> str:
        return f"{self.prefix}-{index}"

    def own_labels(self, index: int) -> list[str]:
        zone = [f"{ZONE}=zone-{index % self.zones + 1}"] if self.zones else []
        return [f"{MARK}=true", *zone, *self.labels]


def _facts(shape: Shape, index: int) -> node_status.NodeFacts:
    name = shape.name(index)
    machine = Machine(
        hostname=name,
        cpus=0,
        memory_bytes=0,
        machine_id=name,
        system_uuid=name,
        boot_id=name,
        kernel="simulated",
        os_image="kubelite simulate",
        architecture=ARCHITECTURES["x86_64"],
        swap_bytes=0,
    )
    return node_status.NodeFacts(
        machine=machine,
        hostname=name,
        ips=(node_address(shape.prefix, index),),
        port=0,
        max_pods=0,
        disk_bytes=0,
        reserved={},
        runtime_version=f"{NAME}://1",
        images=(),
    )


def status(shape: Shape, index: int, old: NodeStatus, now: str) -> NodeStatus:
    """The status of a healthy node; nothing is reserved, so all of the capacity is allocatable."""
    made = node_status.compute_status(_facts(shape, index), old, now)
    made.capacity = dict(shape.capacity)
    made.allocatable = dict(shape.capacity)
    made.daemonEndpoints = None
    return made


def new(shape: Shape, index: int, now: str) -> Node:
    """The object to register."""
    node = node_status.new_node(shape.name(index), _facts(shape, index), shape.own_labels(index), shape.taints, now)
    node.status = status(shape, index, NodeStatus(), now)
    return node


def heartbeat(node: Node, fresh: NodeStatus) -> dict[str, Any]:
    """The patch of a node whose status may only differ in its conditions."""
    return {"metadata": {"uid": node.metadata.uid}, "status": {"conditions": msgspec.to_builtins(fresh.conditions)}}


def is_ready(node: Node) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in node.status.conditions)


def is_lost(node: Node) -> bool:
    return node.metadata.annotations.get(LOST, "") not in ("", "false")

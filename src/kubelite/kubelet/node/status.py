"""The status of the Node object, from facts. Pure.

Upstream: pkg/kubelet/nodestatus/setters.go, pkg/kubelet/kubelet_node_status.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.api import constants
from kubelite.api.logic import restartrules
from kubelite.api.types.core_v1 import (
    ContainerImage,
    DaemonEndpoint,
    Node,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeRuntimeHandler,
    NodeStatus,
    NodeSystemInfo,
    Taint,
)
from kubelite.kubelet.node.machine import Machine
from kubelite.machinery import quantity

DECLARED_FEATURES = (restartrules.FEATURE,)
"""What the scheduler must know of this kubelet before it sends pods that need it, in order. Upstream: NodeDeclaredFeatures."""
MAX_IMAGES = 50
MAX_NAMES = 5


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """All that the status depends on; amounts are bytes, `cri_*` come from the runtime, `problem` "" means healthy."""

    machine: Machine
    hostname: str
    ips: Sequence[str]
    port: int
    max_pods: int
    disk_bytes: int
    reserved: Mapping[str, int]
    """cpu (milli), memory and ephemeral-storage kept for daemons."""
    runtime_version: str
    images: Sequence[tuple[Sequence[str], int]]
    runtime_problem: str = ""
    network_problem: str = ""
    memory_pressure: bool = False
    disk_pressure: bool = False
    pid_pressure: bool = False
    runtime_handlers: tuple[str, ...] = ()


def capacity(facts: NodeFacts) -> dict[str, str]:
    return {
        "cpu": str(facts.machine.cpus),
        "ephemeral-storage": f"{facts.disk_bytes // 1024}Ki",
        "memory": f"{facts.machine.memory_bytes // 1024}Ki",
        "pods": str(facts.max_pods),
        "hugepages-2Mi": "0",
        "hugepages-1Gi": "0",
    }


def allocatable(facts: NodeFacts) -> dict[str, str]:
    """Capacity without what is reserved and without the memory at which eviction begins."""
    reserved = facts.reserved
    memory = max(0, facts.machine.memory_bytes - reserved.get("memory", 0) - (100 << 20))
    disk = max(0, facts.disk_bytes - facts.disk_bytes // 10 - reserved.get("ephemeral-storage", 0))
    return {
        **capacity(facts),
        "cpu": quantity.from_milli(max(0, facts.machine.cpus * 1000 - reserved.get("cpu", 0))),
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": str(disk),
    }


def compute_status(facts: NodeFacts, old: NodeStatus, now: str) -> NodeStatus:
    """The kubelet's part of the status; conditions of others are kept."""
    machine = facts.machine
    status = NodeStatus(
        capacity=dict(capacity(facts)),
        allocatable=dict(allocatable(facts)),
        addresses=[NodeAddress(type="InternalIP", address=ip) for ip in facts.ips]
        + [NodeAddress(type="Hostname", address=facts.hostname)],
        daemonEndpoints=NodeDaemonEndpoints(kubeletEndpoint=DaemonEndpoint(Port=facts.port)),
        nodeInfo=NodeSystemInfo(
            machineID=machine.machine_id,
            systemUUID=machine.system_uuid,
            bootID=machine.boot_id,
            kernelVersion=machine.kernel,
            osImage=machine.os_image,
            containerRuntimeVersion=facts.runtime_version,
            kubeletVersion=constants.KUBERNETES_VERSION,
            operatingSystem="linux",
            architecture=machine.architecture,
        ),
        images=[
            ContainerImage(names=list(names)[:MAX_NAMES], sizeBytes=size)
            for names, size in sorted(facts.images, key=lambda image: -image[1])[:MAX_IMAGES]
        ],
        runtimeHandlers=[NodeRuntimeHandler(name=name) for name in facts.runtime_handlers],
        declaredFeatures=list(DECLARED_FEATURES),
        volumesInUse=old.volumesInUse,
        volumesAttached=old.volumesAttached,
    )
    known = {condition.type: condition for condition in old.conditions}
    own = [_condition(*values, known, now) for values in _conditions(facts)]
    others = [condition for condition in old.conditions if condition.type not in {c.type for c in own}]
    status.conditions = [*others, *own]
    return status


PRESSURES = (
    (
        "MemoryPressure",
        "memory_pressure",
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available"),
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ),
    (
        "DiskPressure",
        "disk_pressure",
        ("KubeletHasDiskPressure", "kubelet has disk pressure"),
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ),
    (
        "PIDPressure",
        "pid_pressure",
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available"),
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ),
)


def _conditions(facts: NodeFacts) -> list[tuple[str, str, str, str]]:
    """(type, status, reason, message) of each condition that the kubelet owns."""
    found = []
    for type_, attribute, under, calm in PRESSURES:
        on = getattr(facts, attribute)
        found.append((type_, "True" if on else "False", *(under if on else calm)))
    problems = [problem for problem in (facts.runtime_problem, facts.network_problem) if problem]
    if problems:
        found.append(("Ready", "False", "KubeletNotReady", ", ".join(problems)))
    else:
        found.append(("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    return found


def _condition(
    type_: str, status: str, reason: str, message: str, known: Mapping[str, NodeCondition], now: str
) -> NodeCondition:
    before = known.get(type_)
    same = before is not None and before.status == status
    return NodeCondition(
        type=type_,
        status=status,
        reason=reason,
        message=message,
        lastHeartbeatTime=now,
        lastTransitionTime=before.lastTransitionTime if before is not None and same else now,
    )


def differs(old: NodeStatus, new: NodeStatus) -> bool:
    """Whether the status changed in more than its heartbeat times."""
    return _comparable(old) != _comparable(new)


def _comparable(status: NodeStatus) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.to_builtins(status)
    for condition in value.get("conditions", []):
        condition.pop("lastHeartbeatTime", None)
    return value


def labels(facts: NodeFacts, extra: Sequence[str]) -> dict[str, str]:
    """The labels that the kubelet gives its node; `extra` are `key=value`."""
    found = {
        "kubernetes.io/hostname": facts.hostname,
        "kubernetes.io/arch": facts.machine.architecture,
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": facts.machine.architecture,
        "beta.kubernetes.io/os": "linux",
    }
    for item in extra:
        key, _, value = item.partition("=")
        found[key] = value
    return found


def parse_taint(text: str) -> Taint:
    """`key=value:effect` or `key:effect`."""
    rest, _, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise ValueError(f"invalid taint {text!r}: must be key[=value]:effect")
    return Taint(key=key, value=value, effect=effect)


def new_node(name: str, facts: NodeFacts, extra_labels: Sequence[str], taints: Sequence[str], now: str) -> Node:
    """The Node object to register."""
    node = Node()
    node.metadata.name = name
    node.metadata.labels = labels(facts, extra_labels)
    node.metadata.annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    node.spec.taints = [parse_taint(text) for text in taints]
    node.status = compute_status(facts, NodeStatus(), now)
    return node

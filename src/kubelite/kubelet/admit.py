"""Whether this node takes a pod that was bound to it. Pure.

What: `admit(pod, others, node, …)` → None or the reason and message with which the pod fails. Why: a scheduler may have
been wrong, or there was none.
Upstream: pkg/kubelet/lifecycle/predicate.go, pkg/kubelet/sysctl/allowlist.go, pkg/kubelet/kubelet.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kubelite.api.logic import podresources
from kubelite.api.logic.affinity import node_matches
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import Node, Pod
from kubelite.kubelet.runtime.sandbox import forbidden_sysctls


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the pod becomes Failed."""

    reason: str
    message: str


def admit(
    pod: Pod,
    others: Sequence[Pod],
    node: Node | None,
    allocatable: Mapping[str, Quantity],
    *,
    allowed_sysctls: tuple[str, ...] = (),
) -> Rejection | None:
    """`others` are the pods that already live here; `node` None before registration."""
    forbidden = forbidden_sysctls(pod, allowed_sysctls)
    if forbidden:
        return Rejection("SysctlForbidden", f'forbidden sysctl: "{forbidden[0]}" not allowlisted')
    if pod.spec.os is not None and pod.spec.os.name not in ("", "linux"):
        return Rejection("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS")
    if pod.spec.nodeName and node is not None and not node_matches(pod.spec, node.metadata.labels, node.metadata.name):
        return Rejection("NodeAffinity", "Predicate NodeAffinity failed")
    conflict = _port_conflict(pod, others)
    if conflict:
        text = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
        return Rejection("NodePorts", text)
    return _fits(pod, others, allocatable)


def _host_ports(pods: Iterable[Pod]) -> set[tuple[str, str, int]]:
    return {
        (port.protocol or "TCP", port.hostIP or "0.0.0.0", port.hostPort)
        for pod in pods
        for container in pod.spec.containers
        for port in container.ports
        if port.hostPort
    }


def _port_conflict(pod: Pod, others: Sequence[Pod]) -> bool:
    wanted = _host_ports([pod])
    if not wanted:
        return False
    for protocol, address, number in _host_ports(others):
        for own_protocol, own_address, own_number in wanted:
            same = protocol == own_protocol and number == own_number
            if same and ("0.0.0.0" in (address, own_address) or address == own_address):
                return True
    return False


def _fits(pod: Pod, others: Sequence[Pod], allocatable: Mapping[str, Quantity]) -> Rejection | None:
    """Upstream's OutOfcpu, OutOfmemory, OutOfpods."""
    total = podresources.amounts(allocatable)
    if "pods" in total and len(others) + 1 > total["pods"]:
        return Rejection("OutOfpods", _out_of("pods", 1, len(others), total["pods"]))
    used: dict[str, int] = {}
    for other in others:
        for name, number in podresources.requests(other).items():
            used[name] = used.get(name, 0) + number
    for name, number in podresources.requests(pod).items():
        if number and name in total and used.get(name, 0) + number > total[name]:
            return Rejection(f"OutOf{name}", _out_of(name, number, used.get(name, 0), total[name]))
    return None


def _out_of(name: str, requested: int, used: int, capacity: int) -> str:
    return f"Node didn't have enough resource: {name}, requested: {requested}, used: {used}, capacity: {capacity}"

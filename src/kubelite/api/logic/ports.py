"""Host ports: which a pod takes on its node, and when two collide.

Why: scheduler and kubelet admission refuse a pod whose host port is in use. Flow: a pod in, `HostPort` values out; two sets
in, the collision out. Upstream: scheduler framework HostPortInfo.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

ANY_ADDRESS = "0.0.0.0"


class HostPort(NamedTuple):
    """A port taken on a node's address; `ANY_ADDRESS` is all of them."""

    ip: str
    protocol: str
    port: int


def host_ports(pod: Any) -> list[HostPort]:
    """The host ports of the containers and the sidecars, in order, each once."""
    found: dict[HostPort, None] = {}
    spec = pod.spec
    for container in spec.containers:
        _collect(container, found)
    for container in spec.initContainers:
        if container.restartPolicy == "Always":
            _collect(container, found)
    return list(found)


def _collect(container: Any, found: dict[HostPort, None]) -> None:
    for port in container.ports:
        if port.hostPort:
            found[HostPort(port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort)] = None


def collide(left: HostPort, right: HostPort) -> bool:
    """Whether both cannot be taken on one node: same port and protocol, on one address or on all."""
    if left.port != right.port or left.protocol != right.protocol:
        return False
    return left.ip == right.ip or ANY_ADDRESS in (left.ip, right.ip)


def first_collision(wanted: Iterable[HostPort], used: Iterable[HostPort]) -> HostPort | None:
    """The first wanted port that is taken, or None."""
    taken: dict[tuple[str, int], set[str]] = {}
    for port in used:
        taken.setdefault((port.protocol, port.port), set()).add(port.ip)
    for port in wanted:
        addresses = taken.get((port.protocol, port.port))
        if addresses and (port.ip == ANY_ADDRESS or ANY_ADDRESS in addresses or port.ip in addresses):
            return port
    return None

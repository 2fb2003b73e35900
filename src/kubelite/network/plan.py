"""What a node's pod network needs, decided from the Node objects alone.

What: `observe` reads nodes, `cni_config` renders the CNI plugin list, `routes` the way to other nodes' pods, `tables` the
packet rules. Why: pure values are easy to test; `server.py` applies them.
Routed mode: every node has a /24 of the cluster's pod range on its bridge and is the next hop for it; pods reach each other
without address translation, and only traffic that leaves the pod range is masqueraded.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from kubelite.netfilter.iptables import Jump, Table

BRIDGE = "kubelite0"
FORWARD, MASQUERADE = "KUBELITE-FORWARD", "KUBELITE-POSTROUTING"


class NodeMeta(msgspec.Struct):
    name: str = ""
    resourceVersion: str = ""
    annotations: dict[str, str] = msgspec.field(default_factory=dict)


class NodeSpec(msgspec.Struct):
    podCIDR: str = ""


class NodeAddress(msgspec.Struct):
    type: str = ""
    address: str = ""


class NodeStatus(msgspec.Struct):
    addresses: list[NodeAddress] = msgspec.field(default_factory=list)


class Node(msgspec.Struct):
    """The little of a Node that its network depends on."""

    metadata: NodeMeta
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)

    @property
    def internal_ip(self) -> str:
        return next((a.address for a in self.status.addresses if a.type == "InternalIP"), "")


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """Packets for `target` go to the node at `via`."""

    target: str
    via: str


def own_cidr(nodes: Iterable[Node], name: str) -> str:
    """The pod range of this node; "" until it has one."""
    return next((node.spec.podCIDR for node in nodes if node.metadata.name == name), "")


def cni_config(pod_cidr: str, mtu: int = 0) -> str:
    """The plugin list for the runtime (CNI specification 0.4.0, which every plugin since 2018 speaks)."""
    bridge: dict[str, Any] = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": pod_cidr}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    if mtu:
        bridge["mtu"] = mtu
    plugins = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "0.4.0", "name": "kubelite", "plugins": plugins}, indent=2) + "\n"


def routes(nodes: Iterable[Node], name: str, own_address: str = "") -> set[Route]:
    """One route to the pods of every other node."""
    found = set()
    for node in nodes:
        address = node.internal_ip
        if node.metadata.name == name or not node.spec.podCIDR or not address or address == own_address:
            continue
        found.add(Route(node.spec.podCIDR, address))
    return found


def tables(cluster_cidr: str) -> tuple[Table, Table]:
    """The nat and filter tables: masquerade what leaves the pod range, let pod traffic through a strict FORWARD policy."""
    pods = str(ipaddress.ip_network(cluster_cidr))
    comment = '-m comment --comment "kubelite pod network"'
    nat = Table(
        "nat",
        {
            MASQUERADE: (
                f"-s {pods} -d {pods} -j RETURN",
                f"-s {pods} -d 224.0.0.0/4 -j RETURN",
                f"-s {pods} -j MASQUERADE --random-fully",
            )
        },
        (Jump("POSTROUTING", f"{comment} -j {MASQUERADE}"),),
    )
    filtering = Table(
        "filter",
        {FORWARD: (f"-s {pods} -j ACCEPT", f"-d {pods} -j ACCEPT")},
        (Jump("FORWARD", f"{comment} -j {FORWARD}"),),
    )
    return nat, filtering

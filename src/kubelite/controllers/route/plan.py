"""Which routes the provider should have, and what nodes are told of theirs: pure.

What: `plan` and `condition`. Why: a route is judged by its target and its node alone, so that one which is right is never
touched. Flow: nodes and the provider's routes → routes to delete, then routes to create; what is there afterwards → conditions.
Source: k8s.io/cloud-provider/controllers/route/route_controller.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.controllers.cloud.provider import Route
from kubelite.controllers.objects import Node

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
CONDITION = "NetworkUnavailable"
MOST_RANGES = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """`delete` comes first: a wrong route stands in the way of the right one. `create` pairs a node's UID with its route."""

    delete: tuple[Route, ...] = ()
    create: tuple[tuple[str, Route], ...] = ()


def cluster_ranges(text: str) -> tuple[Network, ...]:
    """The ranges of `--cluster-cidr`. Raises ValueError for one that is none, and for more than two."""
    found = tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    if len(found) > MOST_RANGES:
        raise ValueError(f"length of clusterCIDRs is:{len(found)} more than max allowed of {MOST_RANGES}")
    return found


def plan(nodes: Iterable[Node], routes: Sequence[Route], ranges: Collection[Network]) -> Plan:
    """Routes that lead outside `ranges` are somebody else's and stay."""
    wanted = {(node.metadata.name, cidr): node for node in nodes for cidr in node.spec.podCIDRs}
    delete, present = [], set()
    for route in routes:
        key = (route.node, route.target)
        if not route.blackhole and key in wanted and key not in present:
            present.add(key)
        elif responsible(route, ranges):
            delete.append(route)
    create = tuple(
        (node.metadata.uid, Route(name, cidr, tuple(node.status.addresses)))
        for (name, cidr), node in wanted.items()
        if (name, cidr) not in present
    )
    return Plan(tuple(delete), create)


def responsible(route: Route, ranges: Collection[Network]) -> bool:
    """Whether a route leads to pods of this cluster."""
    try:
        target = ipaddress.ip_network(route.target)
    except ValueError:
        return False
    return any(one.version == target.version and target.subnet_of(one) for one in ranges)  # type: ignore[arg-type]


def condition(node: Node, present: Collection[tuple[str, str]], now: str) -> dict[str, Any] | None:
    """The condition that a node should have got with the routes (node, target) `present`; None where it says so already."""
    created = bool(node.spec.podCIDRs) and all((node.metadata.name, cidr) in present for cidr in node.spec.podCIDRs)
    status = "False" if created else "True"
    if any(one.type == CONDITION and one.status == status for one in node.status.conditions):
        return None
    return {
        "type": CONDITION,
        "status": status,
        "reason": "RouteCreated" if created else "NoRouteCreated",
        "message": "RouteController created a route" if created else "RouteController failed to create a route",
        "lastTransitionTime": now,
        "lastHeartbeatTime": now,
    }

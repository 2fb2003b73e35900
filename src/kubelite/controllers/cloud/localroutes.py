"""Routes to the nodes' pods in the kernel of this machine, which is then the router of the nodes' network.

What: `LocalRoutes`, the provider local's part of `provider.Routes`, over netlink. Why: nodes that share no link cannot be each
other's next hop; their common router can be told where each node's pods are.
Flow: the route controller → `list`, `create`, `delete` → RTM_GETROUTE, RTM_NEWROUTE, RTM_DELROUTE. Routes carry a protocol number
of our own, so that only ours are listed and removed, and a metric above the network agent's: on a node that is the router too,
the agent's route wins and both stay.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from kubelite.client.informer import Informer
from kubelite.controllers.cloud.provider import ProviderError, Route
from kubelite.controllers.objects import Node

PROTOCOL = 109
"""The network agent's is 108; the numbers from 100 are free for routing daemons (rt_protos)."""
METRIC = 2048
BLACKHOLE = 6
NO_SUCH_ROUTE = 3
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class LocalRoutes:
    """`nodes` tell whose a next hop is."""

    def __init__(self, nodes: Informer[Node]) -> None:
        self._nodes = nodes

    async def list(self) -> list[Route]:
        """Our routes, and one to each node that is this machine: its pods hang on its own bridge."""
        async with _netlink() as kernel:
            shown = [route for family in FAMILIES.values() for route in await _dump(kernel.route, family)]
            own = {one.get("address") for family in FAMILIES.values() for one in await _dump(kernel.addr, family)}
        nodes = self._nodes.list()
        found = [_route(nodes, *_read(one)) for one in shown if one.get("priority") == METRIC]
        for node in nodes:
            here = {address for address in _internal(node.status.addresses) if address in own}
            found += [Route(node.metadata.name, cidr) for cidr in node.spec.podCIDRs if here]
        return found

    async def create(self, hint: str, route: Route) -> None:
        """Lead to the InternalIP of the node, of the family of its pods."""
        target = ipaddress.ip_network(route.target)
        hops = [one for one in _internal(route.addresses) if ipaddress.ip_address(one).version == target.version]
        if not hops:
            raise ProviderError(f"node {route.node} has no InternalIP of IPv{target.version}")
        async with _netlink() as kernel:
            await kernel.route("replace", gateway=hops[0], **_key(route.target))

    async def delete(self, route: Route) -> None:
        """Remove ours to this target."""
        async with _netlink() as kernel:
            kind = {"type": "blackhole"} if route.blackhole else {}
            try:
                await kernel.route("del", **_key(route.target), **kind)
            except Exception as error:
                if getattr(error, "code", 0) != NO_SUCH_ROUTE:
                    raise


@asynccontextmanager
async def _netlink() -> AsyncIterator[Any]:
    """A connection to the kernel; what it refuses becomes a ProviderError. The library is loaded by those who route only."""
    import pyroute2

    try:
        async with pyroute2.AsyncIPRoute() as kernel, asyncio.timeout(10):
            yield kernel
    except (OSError, pyroute2.NetlinkError, TimeoutError) as error:
        text = error.args[-1] if isinstance(error, pyroute2.NetlinkError) else error
        raise ProviderError(f"the kernel refuses the route: {text}") from None


async def _dump(call: Any, family: int) -> list[Any]:
    more = {"proto": PROTOCOL} if call.__name__ == "route" else {}
    return [one async for one in await call("dump", family=family, **more)]


def _key(target: str) -> dict[str, Any]:
    """What names a route of ours; the library sees by the address which family it is."""
    return {"dst": target, "proto": PROTOCOL, "priority": METRIC}


def _read(one: Any) -> tuple[str, str, bool]:
    return f"{one.get('dst')}/{one['dst_len']}", one.get("gateway") or "", one["type"] == BLACKHOLE


def _route(nodes: Iterable[Node], target: str, hop: str, blackhole: bool) -> Route:
    """Several nodes may stand at one address: the one whose pods these are comes first."""
    at = [node for node in nodes if hop and hop in _internal(node.status.addresses)]
    at.sort(key=lambda node: target not in node.spec.podCIDRs)
    return Route(at[0].metadata.name if at else "", target, blackhole=blackhole)


def _internal(addresses: Iterable[Any]) -> list[str]:
    return [one.address for one in addresses if one.type == "InternalIP"]

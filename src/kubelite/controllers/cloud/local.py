"""The provider `local`: machines that stand somewhere, without any cloud.

What: load balancer addresses from a pool, announced on the nodes; addresses, zones and regions from the nodes' labels and
annotations; routes to the nodes' pods in the kernel of this machine, for those who ask for them; which machines exist, where a
file says so.
Flow: `LocalLoadBalancers` gives addresses out; `announcer` says which node answers for each; the network agents do it.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.api.types.core_v1 import LoadBalancerIngress, NodeAddress, Service
from kubelite.client.informer import Informer, object_key
from kubelite.controllers.cloud.announcer import Announcer
from kubelite.controllers.cloud.inventory import Inventory
from kubelite.controllers.cloud.localroutes import LocalRoutes
from kubelite.controllers.cloud.pool import Holder, Pool, choose, parse_pool
from kubelite.controllers.cloud.provider import Instance, Provider, ProviderError
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE, SERVICE
from kubelite.controllers.objects import Node
from kubelite.controllers.servicelb.plan import ingress_of, wants

NAME = "local"
IPV4_ONLY = "the provider local announces addresses of IPv4 only"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
EXTERNAL = "kubelite.io/external-addresses"
"""On a Node: its addresses outside the cluster, separated by commas; as annotation."""


class LocalLoadBalancers:
    """What was given out counts before the cache shows it: no address and port are given twice."""

    def __init__(self, context: Context, pool: Pool, shown: str) -> None:
        self._pool = pool
        self._shown = shown
        self._services: Informer[Service] = context.informers.get(SERVICE)
        self._given: dict[str, Holder] = {}

    async def ensure(self, service: Service, nodes: Sequence[Node]) -> list[LoadBalancerIngress]:
        """The Service's address: one of IPv4, as no node announces others."""
        families = service.spec.ipFamilies or ["IPv4"]
        if "IPv4" not in families or service.spec.ipFamilyPolicy == "RequireDualStack":
            raise ProviderError(f"{IPV4_ONLY}, and the Service requires IPv6")
        present = self._holders()
        key = object_key(service)
        asking = _holder(service)
        if key in self._given:
            asking = Holder(key, asking.ports, self._given[key].addresses, asking.since)
        others = [one for name, one in present.items() if name != key]
        wanted = service.spec.loadBalancerIP
        address = choose(self._pool, asking, others, "IPv4", wanted)
        if address is None and wanted:
            raise ProviderError(f"the address {wanted} is not in the pool {self._shown} or is taken")
        if address is None:
            raise ProviderError(f"no address is left in the pool {self._shown}")
        self._given[key] = Holder(key, asking.ports, (address,), asking.since)
        return [LoadBalancerIngress(ip=address)]

    async def update(self, service: Service, nodes: Sequence[Node]) -> None:
        """Nothing: the announcer follows the nodes by itself."""

    async def delete(self, service: Service) -> None:
        """Give the address back."""
        self._given.pop(object_key(service), None)

    def _holders(self) -> dict[str, Holder]:
        """Who has what, by status and by what was given out since."""
        found = {}
        for service in self._services.list():
            key = object_key(service)
            if wants(service):
                holder = _holder(service)
                given = self._given.get(key)
                if given is not None:
                    holder = Holder(key, holder.ports, given.addresses, holder.since)
                found[key] = holder
            else:
                self._given.pop(key, None)
        for key in [key for key in self._given if key not in found and self._services.get(key) is None]:
            del self._given[key]
        return found


def _holder(service: Service) -> Holder:
    ports = frozenset((port.port or 0, port.protocol or "TCP") for port in service.spec.ports)
    addresses = tuple(one.ip for one in ingress_of(service) if one.ip)
    return Holder(object_key(service), ports, addresses, service.metadata.creationTimestamp or "")


class LocalInstances:
    """A machine is what its node says of it."""

    async def metadata(self, node: Node) -> Instance | None:
        """Addresses of the node's own and those that people wrote on it."""
        meta = node.metadata
        external = [one for one in meta.annotations.get(EXTERNAL, "").split(",") if one]
        known = [one for one in node.status.addresses if one.type != "ExternalIP"]
        addresses = (*known, *(NodeAddress(type="ExternalIP", address=one) for one in external))
        labels = meta.labels
        return Instance(
            provider_id=node.spec.providerID or f"local://{meta.name}",
            addresses=addresses,
            zone=labels.get(ZONE, ""),
            region=labels.get(REGION, ""),
            type=labels.get(INSTANCE_TYPE, ""),
        )


def make(context: Context, pool: str, inventory: str = "") -> Provider:
    """The provider; without a pool it has no load balancers, without an inventory it does not know which machines exist.

    Raises ValueError for a pool that is none, or has addresses that no node would announce.
    """
    parsed = parse_pool(pool)
    if any(first.version == 6 for first, _ in parsed.ranges):
        raise ValueError(f"{IPV4_ONLY}, and the pool {pool} has others")
    instances, routes = LocalInstances(), LocalRoutes(context.informers.get(NODE, Node))
    machines = Inventory(inventory) if inventory else None
    if not parsed.ranges:
        return Provider(NAME, None, instances, machines, routes)
    balancers = LocalLoadBalancers(context, parsed, pool)
    return Provider(NAME, balancers, instances, machines, routes, extra={"announcer": Announcer(context, parsed)})

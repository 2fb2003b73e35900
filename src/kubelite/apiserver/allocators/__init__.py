"""Addresses and node ports of Services: given out once, whatever dies, however many servers there are.

`build` gives the write hooks of a server; `adopt` runs before it takes requests; `run` keeps claims and Services in agreement.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Container, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.allocators.addresses import AddressClaims
from kubelite.apiserver.allocators.cidrs import ServiceRanges
from kubelite.apiserver.allocators.claims import ROOT, Claims
from kubelite.apiserver.allocators.hook import ServiceAllocator
from kubelite.apiserver.allocators.ranges import PortRange
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup
from kubelite.apiserver.request import WriteHook
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import Conflict, StoreError
from kubelite.util.log import get_logger

__all__ = ["Repairs", "adopt", "build", "repairs", "run"]

log = get_logger(__name__)
SECONDS = 180.0
"""Between two rounds of repair; longer than any write may take."""
OLD_CLAIMS = ROOT + "clusterips/"
"""Where servers before IPAddress objects kept their claims on addresses."""
_GROUP = "networking.k8s.io"
_allocators: WeakKeyDictionary[Any, ServiceAllocator] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Sequence[WriteHook]:
    """The write hooks; none on a server without Services. Raises ValueError for a malformed range."""
    kind, address = registry.scheme.by_kind("v1", "Service"), registry.scheme.by_kind(f"{_GROUP}/v1", "IPAddress")
    if kind is None or address is None:
        return []
    if registry not in _allocators:
        network = ipaddress.ip_network(config.service_cluster_ip_range, strict=False)
        ranges = ServiceRanges(f"IPv{network.version}")
        ranges.follow(Lookup(registry))

        async def values() -> Container[str]:
            await registry.cache.fresh()
            return registry.cache.of(address).entries  # type: ignore[no-any-return]

        addresses = AddressClaims(registry.store, registry.now_text, values, registry.wrote)
        ports = Claims(registry.store, "nodeports")
        _allocators[registry] = ServiceAllocator(
            kind, addresses, ranges, ports, PortRange(config.service_node_port_range)
        )
    return [_allocators[registry]]


class Repairs:
    """What brings claims and Services in line."""

    def __init__(self, allocator: ServiceAllocator, registry: Any) -> None:
        from kubelite.api.types.core_v1 import Service
        from kubelite.api.types.networking_v1 import IPAddress
        from kubelite.apiserver.allocators.address_repair import AddressRepair
        from kubelite.apiserver.allocators.complaints import Complaints
        from kubelite.apiserver.allocators.port_repair import PortRepair

        lookup = Lookup(registry)

        async def services() -> Iterable[Service]:
            await registry.cache.fresh()
            return list(lookup.list("services", Service))

        async def addresses() -> Iterable[IPAddress]:
            await registry.cache.fresh()
            return list(lookup.list("ipaddresses", IPAddress, _GROUP))

        def complaints(name: str) -> Complaints:
            return Complaints(registry, f"{name}-repair-controller", f"{name}-repair-controller-{id(registry):x}")

        self.addresses = AddressRepair(
            allocator.address_claims, allocator.address_range, services, addresses, complaints("ipallocator")
        )
        self.ports = PortRepair(allocator.port_claims, allocator.port_range, services, complaints("portallocator"))

    async def once(self) -> None:
        """One round. Raises StoreError if the store does not answer."""
        await self.addresses.once()
        await self.ports.once()


def repairs(config: Config, registry: Any) -> Repairs | None:
    """None on a server without Services."""
    return Repairs(_allocators[registry], registry) if build(config, registry) else None


async def adopt(config: Config, registry: Any) -> None:
    """Gives every Service that has an address its IPAddress, and forgets how older servers noted that. Raises StoreError."""
    work = repairs(config, registry)
    if work is None:
        return
    count = await work.addresses.adopt()
    if count:
        log.info("Addresses of Services noted as IPAddress objects", count=count)
    while True:
        page = await registry.store.range(OLD_CLAIMS, limit=500)
        for item in page.items:
            try:
                await registry.store.delete(item.key, item.revision)
            except Conflict:
                continue  # another server that starts does the same
        if not page.more:
            return


async def run(config: Config, registry: Any, port: int = 0) -> None:
    """Repairs now and every few minutes, until cancelled."""
    work = repairs(config, registry)
    while True:
        try:
            if work is not None:
                await work.once()
        except (StoreError, StatusError) as error:
            log.warning("Claims on addresses and ports could not be checked", error=str(error))
        await asyncio.sleep(SECONDS)

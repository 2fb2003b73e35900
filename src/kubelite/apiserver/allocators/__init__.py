"""Addresses and node ports of Services: given out once, whatever dies, however many servers there are.

`build` gives the write hooks of a server; `run` keeps claims and Services in agreement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from kubelite.apiserver.allocators.hook import ServiceAllocator
from kubelite.apiserver.allocators.ranges import AddressRange, PortRange
from kubelite.apiserver.allocators.repair import SECONDS, Repair
from kubelite.apiserver.config import Config
from kubelite.apiserver.lookup import Lookup
from kubelite.apiserver.request import WriteHook
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

__all__ = ["build", "repair", "run"]

log = get_logger(__name__)
_allocators: WeakKeyDictionary[Any, ServiceAllocator] = WeakKeyDictionary()


def build(config: Config, registry: Any) -> Sequence[WriteHook]:
    """The write hooks; none on a server without Services. Raises ValueError for a malformed range."""
    kind = registry.scheme.by_kind("v1", "Service")
    if kind is None:
        return []
    if registry not in _allocators:
        addresses = AddressRange(config.service_cluster_ip_range)
        _allocators[registry] = ServiceAllocator(
            kind, registry.store, addresses, PortRange(config.service_node_port_range)
        )
    return [_allocators[registry]]


def repair(config: Config, registry: Any) -> Repair | None:
    """What brings claims and Services in line; None on a server without Services."""
    from kubelite.api.types.core_v1 import Service

    if not build(config, registry):
        return None
    lookup = Lookup(registry)
    return Repair(_allocators[registry], lambda: lookup.list("services", Service))


async def run(config: Config, registry: Any, port: int = 0) -> None:
    """Repairs now and every few minutes, until cancelled."""
    work = repair(config, registry)
    while True:
        try:
            if work is not None:
                await work.once()
        except StoreError as error:
            log.warning("Claims on addresses and ports could not be checked", error=str(error))
        await asyncio.sleep(SECONDS)

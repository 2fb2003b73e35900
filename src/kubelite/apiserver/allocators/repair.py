"""Makes claims and Services agree again after a server died between the two.

What: `Repair.once` adds the claim that a Service lacks, and drops a claim without Service if it was one in the round before too.
Why: a claim without Service may belong to a write that is under way on another server; a minute later it cannot.
Flow: at start and every `SECONDS`. Source: pkg/registry/core/service/{ipallocator,portallocator}/controller/repair.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from kubelite.api.types.core_v1 import Service
from kubelite.apiserver.allocators import wants
from kubelite.apiserver.allocators.claims import Claims, Taken
from kubelite.apiserver.allocators.hook import ServiceAllocator
from kubelite.util.log import get_logger

log = get_logger(__name__)

SECONDS = 180.0


class Repair:
    """`services` lists all Services as they are now."""

    def __init__(self, allocator: ServiceAllocator, services: Callable[[], Iterable[Service]]) -> None:
        self._allocator = allocator
        self._services = services
        self._suspects: set[tuple[str, str, str]] = set()

    async def once(self) -> None:
        """One round. Raises StoreError if the store does not answer."""
        addresses, ports = self._allocator.address_claims, self._allocator.port_claims
        # Claims first: a Service that is written meanwhile is then seen with what it took.
        rounds = ((addresses, await addresses.taken(), wants.addresses), (ports, await ports.taken(), wants.ports))
        services = list(self._services())
        suspects: set[tuple[str, str, str]] = set()
        known = {one.metadata.uid for one in services}
        for claims, taken, held in rounds:
            wanted = {value: one.metadata.uid for one in services for value in held(one)}
            for value, owner in taken.items():
                if value not in wanted:
                    await self._drop(claims, value, owner, suspects)
            for value, owner in wanted.items():
                if taken.get(value) != owner:
                    await _restore(claims, value, owner, taken.get(value, ""), known)
        self._suspects = suspects

    async def _drop(self, claims: Claims, value: str, owner: str, suspects: set[tuple[str, str, str]]) -> None:
        suspect = (claims.prefix, value, owner)
        if suspect in self._suspects:
            log.info("Claim without a Service dropped", claim=claims.prefix + value, owner=owner)
            await claims.give_back(value, owner)
        else:
            suspects.add(suspect)


async def _restore(claims: Claims, value: str, owner: str, before: str, known: set[str]) -> None:
    """Puts a claim in the name of the Service that has the value, unless another living Service claims it too."""
    if before and before not in known:
        await claims.give_back(value, before)
    try:
        await claims.take(value, owner)
    except Taken:
        log.warning("Two Services have the same address or port", value=value, service=owner)

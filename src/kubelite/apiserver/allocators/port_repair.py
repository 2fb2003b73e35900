"""Makes node port claims and Services agree again after a server died between the two.

What: `PortRepair.once` adds the claim that a Service lacks, and drops a claim without Service if it was one in the round before
too. Why: a claim without Service may belong to a write that is under way on another server; a round later it cannot.
Flow: at start and every few minutes. Source: pkg/registry/core/service/portallocator/controller/repair.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from kubelite.api.types.core_v1 import Service
from kubelite.apiserver.allocators import wants
from kubelite.apiserver.allocators.claims import Claims, Owner, Taken
from kubelite.apiserver.allocators.complaints import Complaints
from kubelite.apiserver.allocators.hook import owner_of
from kubelite.apiserver.allocators.ranges import PortRange
from kubelite.util.log import get_logger

log = get_logger(__name__)

ACTION = "PortAllocation"


class PortRepair:
    """`services` lists all Services as they are now."""

    def __init__(
        self,
        claims: Claims,
        ports: PortRange,
        services: Callable[[], Awaitable[Iterable[Service]]],
        complaints: Complaints | None,
    ) -> None:
        self._claims, self._ports = claims, ports
        self._services = services
        self._complaints = complaints
        self._suspects: set[tuple[str, str]] = set()

    async def once(self) -> None:
        """One round. Raises StoreError if the store does not answer."""
        # Claims first: a Service that is written meanwhile is then seen with what it took.
        taken = await self._claims.taken()
        services = list(await self._services())
        known = {one.metadata.uid for one in services}
        wanted: set[str] = set()
        for service in services:
            for value in wants.ports(service):
                wanted.add(value)
                if self._ports.refusal(value):
                    range_text = f"{self._ports.first}-{self._ports.last}"
                    text = f"Port {value} is not within the port range {range_text}; please recreate service"
                    await self._tell(service, "PortOutOfRange", text)
                elif taken.get(value) != service.metadata.uid:
                    await self._restore(service, value, taken.get(value, ""), known)
        suspects = {(value, owner) for value, owner in taken.items() if value not in wanted}
        for value, owner in suspects & self._suspects:
            log.info("Claim without a Service dropped", port=value, owner=owner)
            await self._claims.give_back(value, Owner(owner))
        self._suspects = suspects

    async def _restore(self, service: Service, value: str, before: str, known: set[str]) -> None:
        """Puts a claim in the name of the Service that has the value, unless another living Service claims it too."""
        if before and before not in known:
            await self._claims.give_back(value, Owner(before))
        try:
            await self._claims.take(value, owner_of(service))
        except Taken:
            text = f"Port {value} was assigned to multiple services; please recreate service"
            await self._tell(service, "PortAlreadyAllocated", text)
            return
        await self._tell(service, "PortNotAllocated", f"Port {value} is not allocated; repairing")

    async def _tell(self, service: Service, reason: str, note: str) -> None:
        if self._complaints is not None:
            await self._complaints.tell("Service", service.metadata, reason, ACTION, note)

"""Gives Services their addresses and node ports, as a step of the write path.

What: `ServiceAllocator`, a WriteHook for Services. Why: what a Service holds lies outside its object, and must be taken before
the object is written and given back after it changed. Flow: `before_write` fills in and claims what is new; its undo returns that
if the write fails; `after_write` gives back what the old object had and the new one has not. A dry run claims nothing.
Texts and order follow pkg/registry/core/service/storage/alloc.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Coroutine, Iterator, Sequence
from typing import Any

from kubelite.api.types.core_v1 import Service, ServicePort
from kubelite.apiserver.allocators import wants
from kubelite.apiserver.allocators.addresses import AddressClaims
from kubelite.apiserver.allocators.cidrs import ServiceRanges
from kubelite.apiserver.allocators.claims import SCAN_AFTER, Claims, Full, Owner, Taken
from kubelite.apiserver.allocators.families import settle
from kubelite.apiserver.allocators.ranges import PortRange
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors, fielderrors
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)

SPEC = Path("spec")
ALLOCATED, PORT_ALLOCATED = "provided IP is already allocated", "provided port is already allocated"


class ServiceAllocator:
    """The hook. `kinds` is the Service kind alone."""

    def __init__(
        self, kind: Kind, addresses: AddressClaims, ranges: ServiceRanges, ports: Claims, port_range: PortRange
    ) -> None:
        self.kinds: Sequence[Kind] = (kind,)
        self.address_range, self.port_range = ranges, port_range
        self.address_claims, self.port_claims = addresses, ports
        self._undoing: set[asyncio.Task[None]] = set()

    async def before_write(self, request: AdmissionRequest) -> Callable[[], None] | None:
        """Claims and fills in; raises StatusError 422 for a value that cannot be had, 500 for a full range."""
        service: Service = request.object
        if self._undoing:  # this may be the next try of a write whose claims are still on their way back
            await asyncio.wait(self._undoing)
        transaction = _Transaction(owner_of(service), dry_run=request.dry_run)
        try:
            await self._addresses(service, request.old, transaction)
            await self._ports(service, request.old, transaction)
            await self._health_port(service, request.old, transaction)
        except BaseException:
            await transaction.undo()
            raise
        return None if transaction.is_empty else lambda: self._later(transaction.undo())

    async def after_write(self, request: AdmissionRequest) -> None:
        """Gives back what only the old object had. Trouble is logged: `repair` finishes the work."""
        old: Service | None = request.old
        if old is None:
            return
        new: Service | None = request.object if request.operation != "DELETE" else None
        owner = owner_of(old)
        try:
            for address in wants.addresses(old) - wants.addresses(new):
                await self.address_claims.give_back(address, owner)
            for port in wants.ports(old) - wants.ports(new):
                await self.port_claims.give_back(port, owner)
        except StoreError as error:
            log.warning(
                "A released address or port could not be given back yet", service=old.metadata.name, error=str(error)
            )

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._undoing.add(task)
        task.add_done_callback(self._undoing.discard)

    # -- addresses

    async def _addresses(self, service: Service, old: Service | None, transaction: _Transaction) -> None:
        spec = service.spec
        if not wants.needs_address(service):
            return
        wrong = settle(service, old, self.address_range.family)
        if wrong:
            raise errors.invalid("", "Service", service.metadata.name, wrong)
        if spec.clusterIP == wants.HEADLESS:
            spec.clusterIPs = [wants.HEADLESS]
        else:
            had = wants.addresses(old)
            if not spec.clusterIP:
                spec.clusterIP = await self._any_address(transaction)
            elif spec.clusterIP not in had:
                await self._one_address(service, spec.clusterIP, transaction)
            spec.clusterIPs = [spec.clusterIP]

    async def _any_address(self, transaction: _Transaction) -> str:
        try:
            return await transaction.take_any(self.address_claims, self.address_range.picks())
        except Full:
            raise errors.internal_error(f"failed to allocate a serviceIP: {self.address_range.full_text}") from None

    async def _one_address(self, service: Service, address: str, transaction: _Transaction) -> None:
        why = self.address_range.refusal(address)
        if not why:
            try:
                await transaction.take(self.address_claims, address)
                return
            except Taken:
                why = ALLOCATED
        text = f"failed to allocate IP {address}: {why}"
        shown = service.spec.clusterIPs or [address]
        error = fielderrors.invalid(SPEC / "clusterIPs", shown, text)
        raise errors.invalid("", "Service", service.metadata.name, [error])

    # -- ports

    async def _ports(self, service: Service, old: Service | None, transaction: _Transaction) -> None:
        had = {str(port.nodePort) for port in old.spec.ports if port.nodePort} if old is not None else set()
        taken: dict[tuple[int | None, str], str] = {}
        mine: set[str] = set(had)
        for index, port in enumerate(service.spec.ports):
            if port.nodePort and str(port.nodePort) not in mine:
                await self._one_port(service, (SPEC / "ports").index(index) / "nodePort", port, transaction)
                mine.add(str(port.nodePort))
            if port.nodePort:
                taken[port.port, port.protocol] = str(port.nodePort)
        if not wants.needs_node_ports(service):
            return
        for port in service.spec.ports:
            if not port.nodePort:
                twin = next(
                    (v for (number, proto), v in taken.items() if number == port.port and proto != port.protocol), ""
                )
                free = twin and (twin, port.protocol) not in {(v, proto) for (_, proto), v in taken.items()}
                port.nodePort = int(twin if free else await self._any_port(transaction))
                taken[port.port, port.protocol] = str(port.nodePort)

    async def _one_port(self, service: Service, path: Path, port: ServicePort, transaction: _Transaction) -> None:
        why = self.port_range.refusal(str(port.nodePort))
        if not why:
            try:
                await transaction.take(self.port_claims, str(port.nodePort))
                return
            except Taken:
                why = PORT_ALLOCATED
        error = fielderrors.invalid(path, port.nodePort, why)
        raise errors.invalid("", "Service", service.metadata.name, [error])

    async def _any_port(self, transaction: _Transaction) -> str:
        try:
            return await transaction.take_any(self.port_claims, self.port_range.picks())
        except Full:
            raise errors.internal_error(f"failed to allocate a nodePort: {self.port_range.full_text}") from None

    async def _health_port(self, service: Service, old: Service | None, transaction: _Transaction) -> None:
        spec = service.spec
        if not wants.needs_health_port(service):
            return
        if not spec.healthCheckNodePort:
            spec.healthCheckNodePort = int(await self._any_port(transaction))
        elif old is None or old.spec.healthCheckNodePort != spec.healthCheckNodePort:
            value = str(spec.healthCheckNodePort)
            why = self.port_range.refusal(value)
            try:
                if not why:
                    await transaction.take(self.port_claims, value)
            except Taken:
                why = PORT_ALLOCATED
            if why:
                raise errors.internal_error(f"failed to allocate requested HealthCheck NodePort {value}: {why}")


def owner_of(service: Service) -> Owner:
    """What claims know of a Service."""
    return Owner(service.metadata.uid, service.metadata.namespace, service.metadata.name)


class _Transaction:
    """The claims of one write."""

    def __init__(self, owner: Owner, *, dry_run: bool) -> None:
        self._owner = owner
        self._dry_run = dry_run
        self._made: list[tuple[Claims | AddressClaims, str]] = []
        self._tried: set[str] = set()

    @property
    def is_empty(self) -> bool:
        return not self._made

    async def take(self, claims: Claims | AddressClaims, value: str) -> None:
        """Claims one value for the write; raises Taken."""
        if not self._dry_run:
            await claims.take(value, self._owner)
            self._made.append((claims, value))
        elif not await claims.is_free(value):
            raise Taken(value)

    async def take_any(self, claims: Claims | AddressClaims, picks: Iterator[str]) -> str:
        """Claims the first free value; raises Full."""
        known: Container[str] = ()
        for attempt, value in enumerate(picks):
            if attempt == SCAN_AFTER:
                known = await claims.values()
            if value in self._tried or value in known:
                continue
            self._tried.add(value)
            try:
                await self.take(claims, value)
            except Taken:
                continue
            return value
        raise Full

    async def undo(self) -> None:
        while self._made:
            claims, value = self._made.pop()
            try:
                await claims.give_back(value, self._owner)
            except StoreError as error:
                log.warning("A claim could not be undone yet", value=value, owner=self._owner.uid, error=str(error))

"""Makes IPAddress objects and Services agree again after a server died between the two, or a person changed one of them.

What: `AddressRepair.once` writes the IPAddress that a Service lacks, removes one whose Service is not there or has another
address, and complains in Events. Why: an address without object would be given out again. Flow: `adopt` before the server
takes requests, quietly: Services of a cluster that an older server wrote have no objects; then `once` every few minutes. What
looks left over is removed only if it did so in the round before too: the write may be under way on another server.
Source: pkg/registry/core/service/ipallocator/controller/repairip.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from kubelite.api.types.core_v1 import Service
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import IPAddress, ParentReference
from kubelite.apiserver.allocators import wants
from kubelite.apiserver.allocators.addresses import (
    CONTROLLER,
    FAMILY_LABEL,
    MANAGED_LABEL,
    SERVICES,
    AddressClaims,
    family_of,
)
from kubelite.apiserver.allocators.cidrs import ServiceRanges
from kubelite.apiserver.allocators.claims import Taken
from kubelite.apiserver.allocators.complaints import Complaints
from kubelite.apiserver.allocators.hook import owner_of
from kubelite.apiserver.watchcache.entry import decode
from kubelite.storage.interface import KeyValue
from kubelite.util.log import get_logger

log = get_logger(__name__)

SERVICE_ACTION, ADDRESS_ACTION = "ClusterIPAllocation", "IPAddressAllocation"
Services = dict[tuple[str, str], Service]


class AddressRepair:
    """`services` and `addresses` list all objects as they are now; without `complaints` nobody is told."""

    def __init__(
        self,
        claims: AddressClaims,
        ranges: ServiceRanges,
        services: Callable[[], Awaitable[Iterable[Service]]],
        addresses: Callable[[], Awaitable[Iterable[IPAddress]]],
        complaints: Complaints | None,
    ) -> None:
        self._claims, self._ranges = claims, ranges
        self._services, self._addresses = services, addresses
        self._complaints = complaints
        self._suspects: set[tuple[str, str]] = set()

    async def adopt(self) -> int:
        """Writes the objects that Services lack; how many."""
        known = {one.metadata.name for one in await self._addresses()}
        count = 0
        for service in await self._services():
            for value in wants.addresses(service) - known:
                try:
                    await self._claims.take(value, owner_of(service))
                    count += 1
                except Taken:
                    continue  # another server that starts does the same
        return count

    async def once(self) -> None:
        """One round. Raises StoreError if the store does not answer."""
        # Objects first: a Service that is written meanwhile is then seen with what it took.
        found = {one.metadata.name: one for one in await self._addresses()}
        services = {(one.metadata.namespace, one.metadata.name): one for one in await self._services()}
        for service in services.values():
            for value in sorted(wants.addresses(service)):
                await self._check(service, value, found.get(value), services)
        await self._clean(found.values(), services)

    # -- from Services to objects

    async def _check(self, service: Service, value: str, present: IPAddress | None, services: Services) -> None:
        family, meta = family_of(value), service.metadata
        if not self._ranges.has(value):
            text = f"Cluster IP [{family}]: {value} is not within any configured Service CIDR; please recreate service"
            await self._tell(meta, "ClusterIPOutOfRange", text)
            return
        if present is None:
            try:
                await self._claims.take(value, owner_of(service))
            except Taken:
                return  # written since: the next round compares it
            await self._tell(
                meta, "ClusterIPNotAllocated", f"Cluster IP [{family}]: {value} is not allocated; repairing"
            )
            return
        parent = present.spec.parentRef or ParentReference()
        if _belongs(parent, service):
            if not _is_labelled(present):
                await self._anew(service, present)
            return
        other = services.get((parent.namespace, parent.name)) if _is_service(parent) else None
        if other is not None and value in wants.addresses(other):
            text = f"Cluster IP [{family}]:{value} was assigned to multiple services; please recreate service"
            await self._tell(meta, "ClusterIPAlreadyAllocated", text)
            return
        place = f"{meta.namespace}/{meta.name}"
        text = f"the ClusterIP [{family}]: {value} for Service {place} has a wrong reference; repairing"
        await self._tell(meta, "ClusterIPNotAllocated", text)
        await self._anew(service, present)

    async def _anew(self, service: Service, present: IPAddress) -> None:
        """Replaces the object by one of the Service."""
        value = present.metadata.name
        found = await self._claims.found(value)
        if found is not None and not (_same(found, present) and await self._claims.drop(found)):
            return
        try:
            await self._claims.take(value, owner_of(service))
        except Taken:
            log.info("Somebody else took an address that was to be repaired", address=value)

    # -- from objects to Services

    async def _clean(self, found: Iterable[IPAddress], services: Services) -> None:
        suspects: set[tuple[str, str]] = set()
        for one in found:
            if one.metadata.labels.get(MANAGED_LABEL) != CONTROLLER:
                continue
            wrong = _wrong(one, services)
            if wrong is None:
                continue
            suspect = (one.metadata.name, one.metadata.uid)
            if suspect in self._suspects:
                await self._remove(one, *wrong)
            else:
                suspects.add(suspect)
        self._suspects = suspects

    async def _remove(self, one: IPAddress, reason: str, text: str) -> None:
        present = await self._claims.found(one.metadata.name)
        if present is not None and _same(present, one) and await self._claims.drop(present):
            await self._tell(one.metadata, reason, text, kind="IPAddress", action=ADDRESS_ACTION)

    async def _tell(
        self, about: ObjectMeta, reason: str, note: str, *, kind: str = "Service", action: str = SERVICE_ACTION
    ) -> None:
        if self._complaints is not None:
            await self._complaints.tell(kind, about, reason, action, note)


def _wrong(one: IPAddress, services: Services) -> tuple[str, str] | None:
    """Why an object of the allocator should go, as reason and text; None if it should stay."""
    parent, name = one.spec.parentRef or ParentReference(), one.metadata.name
    if not _is_service(parent):
        parts = f"Group:{parent.group},Resource:{parent.resource},Namespace:{parent.namespace},Name:{parent.name},"
        shown = f"&ParentReference{{{parts}}}"
        text = f"IPAddress {name} appears to have been modified, not referencing a Service {shown}: cleaning up"
        return "IPAddressNotAllocated", text
    service = services.get((parent.namespace, parent.name))
    whose = f"IPAddress: {name} for Service {parent.namespace}/{parent.name}"
    if service is None:
        return "IPAddressNotAllocated", f"{whose} appears to have leaked: cleaning up"
    if name not in wants.addresses(service):
        return "IPAddressWrongReference", f"{whose} has a wrong reference; cleaning up"
    return None


def _is_service(parent: ParentReference) -> bool:
    return not parent.group and parent.resource == SERVICES


def _belongs(parent: ParentReference, service: Service) -> bool:
    meta = service.metadata
    return _is_service(parent) and (parent.namespace, parent.name) == (meta.namespace, meta.name)


def _is_labelled(one: IPAddress) -> bool:
    labels = one.metadata.labels
    return labels.get(MANAGED_LABEL) == CONTROLLER and labels.get(FAMILY_LABEL) == family_of(one.metadata.name)


def _same(stored: KeyValue, one: IPAddress) -> bool:
    """Whether the stored object is still the one that was judged."""
    return bool(decode(stored.value, IPAddress).metadata.uid == one.metadata.uid)

"""Addresses that are taken, as IPAddress objects: one object per address, written if absent before the Service that has it.

What: `AddressClaims`, which has the interface of `claims.Claims`. Why: creating a key is atomic in every store, so two servers
never give out the same address, and everybody can list who has which. Flow: `take` creates the object → the Service is written;
`give_back` removes it after the Service let go. The object's uid follows from the Service's, so that a late `give_back` never
hits the object of a later Service with the same name. Source: pkg/registry/core/service/ipallocator/ipallocator.go.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Container

from msgspec import Raw

from kubelite.api.networking.ip_address import IP_ADDRESS
from kubelite.api.types.meta_v1 import ManagedFieldsEntry, ObjectMeta
from kubelite.api.types.networking_v1 import IPAddress, IPAddressSpec, ParentReference
from kubelite.apiserver.allocators.claims import Owner, Taken
from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery import codec
from kubelite.storage.interface import Conflict, KeyExists, KeyValue, Store

CONTROLLER = "ipallocator.k8s.io"
FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family"
MANAGED_LABEL = "ipaddress.kubernetes.io/managed-by"
MANAGER = "kube-apiserver"
SERVICES = "services"
_NAMES = uuid.UUID("0a3b5a4e-6f1f-4c5c-9d0e-2f6c1a7f8f36")
_OWNED = Raw(
    b'{"f:metadata":{"f:labels":{".":{},"f:ipaddress.kubernetes.io/ip-family":{},"f:ipaddress.kubernetes.io/managed-by":{}}},'
    b'"f:spec":{"f:parentRef":{"f:name":{},"f:namespace":{},"f:resource":{}}}}'
)


def family_of(address: str) -> str:
    return "IPv6" if ":" in address else "IPv4"


def uid_of(owner: Owner, address: str) -> str:
    """The uid of the IPAddress that the Service has."""
    return str(uuid.uuid5(_NAMES, f"{owner.uid}/{address}"))


def made(address: str, owner: Owner, now: str) -> IPAddress:
    """The object as it is stored."""
    entry = ManagedFieldsEntry(
        apiVersion=IP_ADDRESS.api_version,
        fieldsType="FieldsV1",
        fieldsV1=_OWNED,
        manager=MANAGER,
        operation="Update",
        time=now,
    )
    metadata = ObjectMeta(
        name=address,
        uid=uid_of(owner, address),
        creationTimestamp=now,
        generation=1 if IP_ADDRESS.has_generation else None,
        labels={FAMILY_LABEL: family_of(address), MANAGED_LABEL: CONTROLLER},
        managedFields=[entry],
    )
    parent = ParentReference(resource=SERVICES, namespace=owner.namespace, name=owner.name)
    spec = IPAddressSpec(parentRef=parent)
    return IPAddress(apiVersion=IP_ADDRESS.api_version, kind=IP_ADDRESS.kind, metadata=metadata, spec=spec)


class AddressClaims:
    """The claims on addresses. `values` tells which are taken; `wrote` hears of each revision."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], str],
        values: Callable[[], Awaitable[Container[str]]],
        wrote: Callable[[int], None],
    ) -> None:
        self._store = store
        self._now = now
        self._wrote = wrote
        self.values = values

    async def is_free(self, value: str) -> bool:
        """Whether `take` would succeed; for dry runs."""
        return await self.found(value) is None

    async def take(self, value: str, owner: Owner) -> None:
        """Claims an address. Raises Taken, whoever has it."""
        try:
            body = codec.encode_whole(made(value, owner, self._now()))
            self._wrote(await self._store.create(IP_ADDRESS.key("", value), body))
        except KeyExists:
            raise Taken(value) from None

    async def found(self, value: str) -> KeyValue | None:
        """The object of an address in the store."""
        return (await self._store.get(IP_ADDRESS.key("", value)))[0]

    async def give_back(self, value: str, owner: Owner) -> None:
        """Drops the claim of `owner`; an address that it does not have stays as it is."""
        found = await self.found(value)
        if found is not None and decode(found.value, IPAddress).metadata.uid == uid_of(owner, value):
            await self.drop(found)

    async def drop(self, found: KeyValue) -> bool:
        """Removes the object unless somebody changed it; whether it did."""
        try:
            self._wrote(await self._store.delete(found.key, found.revision))
        except Conflict:
            return False
        return True

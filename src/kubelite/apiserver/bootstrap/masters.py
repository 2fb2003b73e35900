"""Which API servers are alive, as the endpoints of the Service `default/kubernetes`.

What: every server keeps a lease key with its address in the store; each rewrites the endpoints from the keys that are there.
Why: with several servers, one that died must drop out of the Service, and none may write the others out.
Flow: `announce` → /registry/masterleases/<address> with a time to live → all keys → Endpoints and EndpointSlice.
Source: pkg/controlplane/reconcilers/lease.go (15 s to live, renewed every 10 s).
"""

from __future__ import annotations

import ipaddress
import socket
import uuid
from typing import Any

from kubelite.api.types.core_v1 import Endpoints
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.apiserver.bootstrap import objects
from kubelite.apiserver.bootstrap.writer import Writer
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import Conflict, KeyExists, Store

PREFIX = "/registry/masterleases/"
IDENTITY = str(uuid.uuid4())
"""This process: a successor on the same address has another one, and its lease is not ours to end."""
LEASE_SECONDS = 15
RENEW_SECONDS = 10.0


def advertised(advertise_address: str, bind_address: str) -> str:
    """The address under which clients reach this server: as configured, as bound, or that of the default route."""
    if advertise_address:
        return advertise_address
    if not ipaddress.ip_address(bind_address).is_unspecified:
        return bind_address
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing: it only asks the kernel for a source address
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


class Masters:
    """This server's part in the endpoints."""

    def __init__(self, store: Store, address: str, port: int, endpoints: Kind | None, slices: Kind | None) -> None:
        self._store = store
        self._key = PREFIX + address
        self._port = port
        self._endpoints = endpoints
        self._slices = slices

    async def announce(self) -> None:
        """Renews this server's lease and makes the endpoints fit."""
        await self._renew()
        await self._publish()

    async def withdraw(self) -> None:
        """Takes this server out of the endpoints, at an orderly end."""
        found, _ = await self._store.get(self._key)
        if found is not None and IDENTITY.encode() in found.value:
            try:
                await self._store.delete(self._key, found.revision)
            except Conflict:
                return
        await self._publish()

    async def _renew(self) -> None:
        found, _ = await self._store.get(self._key)
        value = b'{"metadata":{"uid":"%b"},"kind":"Endpoints","apiVersion":"v1"}' % IDENTITY.encode()
        try:
            if found is None:
                await self._store.create(self._key, value, ttl=LEASE_SECONDS)
            else:
                await self._store.update(self._key, value, found.revision, ttl=LEASE_SECONDS)
        except (KeyExists, Conflict):
            return  # somebody renewed it at this moment: it is there, which is all that matters

    async def _publish(self) -> None:
        page = await self._store.range(PREFIX)
        addresses = sorted(item.key[len(PREFIX) :] for item in page.items)
        writer = Writer(self._store)
        if self._endpoints is not None:
            await writer.ensure(self._endpoints, objects.kubernetes_endpoints(addresses, self._port), _set_endpoints)
        if self._slices is not None:
            await writer.ensure(self._slices, objects.kubernetes_slice(addresses, self._port), _set_slice)


def _set_endpoints(wanted: Endpoints, found: Endpoints) -> bool:
    if found.subsets == wanted.subsets:
        return False
    found.subsets = wanted.subsets
    return True


def _set_slice(wanted: EndpointSlice, found: EndpointSlice) -> bool:
    changed = bool(found.endpoints != wanted.endpoints or found.ports != wanted.ports)
    found.endpoints, found.ports = wanted.endpoints, wanted.ports
    return changed


def of(registry: Any, address: str, port: int) -> Masters:
    """The Masters of a server, with the kinds that it serves."""
    return Masters(
        registry.store,
        address,
        port,
        registry.scheme.by_kind("v1", "Endpoints"),
        registry.scheme.by_kind("discovery.k8s.io/v1", "EndpointSlice"),
    )

"""This server's entry in the StorageVersion of each built-in resource.

What: `reports` says in which version every resource is written here, `publish` writes that down, `run` does so from the start on.
Why: while servers of two releases run side by side, a migration must know whether all of them write the same version. Flow: the
server's Lease is there → an object for each resource, if there is none → its status; again every `SECONDS`, in case that
somebody removed it. Source: k8s.io/apiserver/pkg/storageversion, pkg/controlplane/apiserver/server.go.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from kubelite.api import constants
from kubelite.api.apiserverinternal.storage_version import STORAGE_VERSION
from kubelite.api.coordination.lease import LEASE
from kubelite.api.logic import storageversions
from kubelite.api.types.apiserverinternal_v1alpha1 import ServerStorageVersion, StorageVersion
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.apiserver.bootstrap import identity
from kubelite.machinery.errors import StatusError
from kubelite.machinery.scheme import Scheme
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)

SECONDS = 600.0
RETRY_SECONDS = 1.0


def reports(scheme: Scheme, server: str) -> dict[str, ServerStorageVersion]:
    """Name of the object → what the server says there, for every built-in resource that it stores."""
    found: dict[str, ServerStorageVersion] = {}
    built_in = [kind for kind in scheme if kind.verbs and kind.custom is None]
    for stored in built_in:
        if not stored.stored or stored.stored_as is not None:
            continue
        versions = [kind for kind in built_in if kind.storage_kind is stored]
        found[storageversions.name_of(stored.group, stored.plural)] = ServerStorageVersion(
            apiServerID=server,
            encodingVersion=stored.api_version,
            decodableVersions=[kind.api_version for kind in versions],
            servedVersions=[kind.api_version for kind in versions if kind.group == stored.group],
        )
    return found


async def publish(registry: Any, server: str) -> bool:
    """Reports every resource; whether all of them could be. Raises StoreError."""
    done = True
    for name, mine in reports(registry.scheme, server).items():
        try:
            await _report(registry, name, mine)
        except StatusError as error:
            done = False
            log.warning("A storage version could not be reported", name=name, error=error.message)
    return done


async def _report(registry: Any, name: str, mine: ServerStorageVersion) -> None:
    if registry.entry(STORAGE_VERSION, "", name) is None:
        try:
            await registry.create(STORAGE_VERSION, StorageVersion(metadata=ObjectMeta(name=name)))
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    def edit(one: StorageVersion) -> None:
        storageversions.report(one, mine, registry.now_text())

    await registry.change(STORAGE_VERSION, name, "", edit, subresource="status")


async def run(registry: Any) -> None:
    """Never returns. Nothing is reported before the Lease is there: the entries of a server without one are removed."""
    server = identity.name_of(socket.gethostname().lower())
    while True:
        done = False
        try:
            if registry.entry(LEASE, constants.NAMESPACE_SYSTEM, server) is not None:
                done = await publish(registry, server)
        except (StoreError, StatusError, OSError) as error:
            log.warning("Storage versions could not be reported", error=str(error))
        await asyncio.sleep(SECONDS if done else RETRY_SECONDS)

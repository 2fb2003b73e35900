"""Removes what API servers that are gone have said about storage versions.

What: the wiring of `plan`. Why: without it, a server that will never come back keeps a migration waiting for ever. Flow: a
StorageVersion changes, or a server's Lease goes → entries whose server has no Lease in the cache → asked for at the API server,
since the cache may be behind → entries removed, or the object. It begins to watch when the kind is served, which takes
`--feature-gates=StorageVersionAPI=true` of the API server. Source: pkg/controller/storageversiongc.
"""

from __future__ import annotations

import asyncio

from kubelite.api import constants
from kubelite.api.apiserverinternal.storage_version import STORAGE_VERSION
from kubelite.api.types.apiserverinternal_v1alpha1 import StorageVersion
from kubelite.api.types.coordination_v1 import Lease
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import LEASE
from kubelite.controllers.storageversiongc import plan
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "storageversion-garbage-collector-controller"
LOOK_SECONDS = 60.0
"""Between two looks whether the kind is served."""
log = get_logger(__name__)


class StorageVersionCollector:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._informers = context.informers
        self._versions: Informer[StorageVersion] | None = None
        self._leases: Informer[Lease] | None = None
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)

    async def run(self) -> None:
        while True:
            if await self._is_served():
                break
            await asyncio.sleep(LOOK_SECONDS)
        versions = self._versions = self._informers.get(STORAGE_VERSION)
        leases = self._leases = self._informers.select(LEASE, Lease, f"metadata.namespace={constants.NAMESPACE_SYSTEM}")
        self.loop.watch(versions)
        self.loop.watch(leases, self._left_behind)
        await self.loop.run(versions, leases)

    async def _is_served(self) -> bool:
        try:
            await self._client.request("GET", f"/apis/{STORAGE_VERSION.api_version}")
        except StatusError as error:
            if error.code not in (403, 404):
                log.warning("Could not learn whether storage versions are served", error=error.message)
            return False
        except ConnectionFailed:
            return False
        return True

    async def reconcile(self, key: str) -> Result | None:
        """One resource."""
        one = self._versions.get(key) if self._versions is not None else None
        if one is None:
            return None
        living = {server for server in plan.servers_of(one) if await self._lives(server)}
        step = plan.plan(one, living, times.now_text(self._clock.now()))
        try:
            if step is plan.Step.DELETE:
                meta = one.metadata
                options = DeleteOptions(preconditions=Preconditions(uid=meta.uid, resourceVersion=meta.resourceVersion))
                await self._client.delete(STORAGE_VERSION, key, options=options)
                log.info("Deleted the storage version of servers that are gone", name=key)
            elif isinstance(step, StorageVersion):
                await self._client.update(STORAGE_VERSION, step, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise
        return None

    async def _lives(self, server: str) -> bool:
        """By the cache if that knows the server, else by the API server."""
        key = f"{constants.NAMESPACE_SYSTEM}/{server}"
        if self._leases is not None and plan.is_server(self._leases.get(key)):
            return True
        try:
            return plan.is_server(await self._client.get(LEASE, server, constants.NAMESPACE_SYSTEM, type=Lease))
        except StatusError as error:
            if error.code == 404:
                return False
            raise

    def _left_behind(self, change: Change[Lease]) -> list[str]:
        """The resources that a server had reported whose Lease goes."""
        if not plan.is_server(change.old) or plan.is_server(change.new) or self._versions is None:
            return []
        server = change.object.metadata.name
        return [one.metadata.name for one in self._versions.list() if server in plan.servers_of(one)]

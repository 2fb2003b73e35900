"""The node's heartbeat: a Lease in kube-node-lease, renewed every quarter of its duration.

Upstream: component-helpers/apimachinery/lease/controller.go. A failed renewal is tried again soon, so that one lost answer does
not make the node look dead; neither does one that never comes: it is waited for as long as upstream's heartbeat client does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from kubelite.api import constants
from kubelite.api.types.coordination_v1 import Lease
from kubelite.api.types.core_v1 import Node
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.kinds import LEASE
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

HEARTBEAT_SECONDS = 10.0
"""How long a sign of life may wait for its answer: four of them fit into the patience with a silent node."""


def renew_text(now: datetime) -> str:
    """RFC3339 with microseconds, as `renewTime` wants it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class NodeLease:
    """`run()` is its task."""

    def __init__(self, client: Client, node_name: str, duration: int, node: Callable[[], Node | None]) -> None:
        self._client = client
        self._name = node_name
        self._duration = duration
        self._node = node
        self._lease: Lease | None = None

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(initial=0.2, cap=7.0)
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self.renew()
                backoff.reset()
                await asyncio.sleep(self._duration * 0.25)
            except (StatusError, ConnectionFailed, OSError) as error:
                log.warning("Cannot renew the node lease", error=error)
                await asyncio.sleep(backoff.next())

    async def renew(self) -> None:
        """One heartbeat; after a failure the next one reads the Lease anew."""
        lease, self._lease = self._lease or await self._find(), None
        if lease is None:
            lease = Lease()
            lease.metadata.name = self._name
            lease.metadata.namespace = constants.NAMESPACE_NODE_LEASE
            self._fill(lease)
            self._lease = await self._client.create(LEASE, lease)
            return
        self._fill(lease)
        self._lease = await self._client.update(LEASE, lease)

    async def _find(self) -> Lease | None:
        try:
            found: Lease = await self._client.get(LEASE, self._name, constants.NAMESPACE_NODE_LEASE)
            return found
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    def _fill(self, lease: Lease) -> None:
        lease.spec.holderIdentity = self._name
        lease.spec.leaseDurationSeconds = self._duration
        lease.spec.renewTime = renew_text(datetime.now(UTC))
        node = self._node()
        if node is not None and not lease.metadata.ownerReferences:
            owner = OwnerReference(apiVersion="v1", kind="Node", name=node.metadata.name, uid=node.metadata.uid)
            lease.metadata.ownerReferences = [owner]

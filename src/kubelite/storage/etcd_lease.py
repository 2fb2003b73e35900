"""Leases for keys with a time to live, shared by keys that end at about the same time.

What: `Leases.lease(ttl)` gives a lease to attach. Why: a cluster writes thousands of Events an hour, and a lease for each
would load etcd. Flow: a lease is used for `share_seconds` or `KEYS` keys, then the next one is granted; it lives for the
sharing time longer than the ttl, so that no key ends early (apiserver/pkg/storage/etcd3/lease_manager.go).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from kubelite.rpc import etcd_v3_pb2 as pb
from kubelite.storage.etcd_channel import LEASE_GRANT, Connections

KEYS = 1000
LONGEST_SHARE = 60.0


def share_seconds(ttl: int) -> float:
    """How long keys with this ttl share a lease: a twentieth of it, one second to a minute."""
    return min(LONGEST_SHARE, max(1.0, ttl / 20))


@dataclass(slots=True)
class _Shared:
    granted: asyncio.Task[int]
    until: float
    keys: int = 0


class Leases:
    """One shared lease for each ttl in use."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._shared: dict[int, _Shared] = {}

    async def lease(self, ttl: int) -> int:
        """A lease's id that lasts at least `ttl` seconds more; 0 for a ttl of 0."""
        if not ttl:
            return 0
        shared = self._shared.get(ttl)
        now = time.monotonic()
        if shared is None or now >= shared.until or shared.keys >= KEYS:
            shared = _Shared(asyncio.create_task(self._grant(ttl)), now + share_seconds(ttl))
            self._shared = {other: kept for other, kept in self._shared.items() if kept.until > now}
            self._shared[ttl] = shared
        shared.keys += 1
        try:
            return await asyncio.shield(shared.granted)
        except Exception:
            self.forget(ttl)
            raise

    def forget(self, ttl: int) -> None:
        """The next key with this ttl gets a new lease."""
        self._shared.pop(ttl, None)

    async def _grant(self, ttl: int) -> int:
        request = pb.LeaseGrantRequest(TTL=ttl + int(share_seconds(ttl)) + 1)
        # A grant that is repeated leaves at worst an unused lease, which ends by itself.
        response = await self._connections.read(lambda member: member.call(LEASE_GRANT, request))
        return int(response.ID)

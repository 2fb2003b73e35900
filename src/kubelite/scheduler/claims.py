"""Gives devices to a pod's claims before the pod is bound: writes what was decided.

What: `ClaimBinder.bind` enters allocation and user into each claim, `release` takes the user out when the pod could not be bound
after all. Why: a pod must not start before its devices are its own. A claim that changed meanwhile is not written: the pod is
placed anew. Upstream: plugins/dynamicresources bindClaim.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kubelite.api.resource.resource_claim import RESOURCE_CLAIM
from kubelite.api.types import resource_v1 as v1
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery import codec, times
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.devices.allocation import Allotment
from kubelite.scheduler.devices.inventory import Inventory, key_of
from kubelite.scheduler.pods import PodInfo
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

log = get_logger(__name__)
FINALIZER = "resource.kubernetes.io/delete-protection"
MERGE = {"Content-Type": "application/merge-patch+json"}


class ClaimBinder:
    """The writes for claims of devices."""

    def __init__(self, client: Client, inventory: Inventory, clock: Clock) -> None:
        self.client, self.inventory, self.clock = client, inventory, clock

    def assume(self, allotments: Sequence[Allotment]) -> None:
        """The devices are taken, before anybody has written it."""
        for allotment in allotments:
            if allotment.allocation is not None:
                self.inventory.assumed[key_of(allotment.claim)] = allotment.allocation

    async def bind(self, info: PodInfo, allotments: Sequence[Allotment]) -> bool:
        """Whether all claims are the pod's now; False: it has to be placed anew."""
        for allotment in allotments:
            try:
                await self._write(info, allotment)
            except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
                claim = key_of(allotment.claim)
                log.warning("Could not reserve a claim for a pod", pod=info.key, claim=claim, error=error)
                await self.release(info, allotments)
                return False
        return True

    async def _write(self, info: PodInfo, allotment: Allotment) -> None:
        claim, meta = allotment.claim, info.pod.metadata
        version = claim.metadata.resourceVersion
        if allotment.allocation is not None and FINALIZER not in claim.metadata.finalizers:
            head = {"resourceVersion": version, "finalizers": [*claim.metadata.finalizers, FINALIZER]}
            written = await self._patch(claim, {"metadata": head})
            version = written.metadata.resourceVersion
        users = [
            *claim.status.reservedFor,
            v1.ResourceClaimConsumerReference(resource="pods", name=meta.name, uid=meta.uid),
        ]
        status: dict[str, Any] = {"reservedFor": [codec.to_generic(user) for user in users]}
        if allotment.allocation is not None:
            given = codec.to_generic(allotment.allocation)
            status["allocation"] = {**given, "allocationTimestamp": times.now_text(self.clock.now())}
        body = {"metadata": {"uid": claim.metadata.uid, "resourceVersion": version}, "status": status}
        self.inventory.claim_changed(claim, await self._patch(claim, body, "status"))

    async def release(self, info: PodInfo, allotments: Sequence[Allotment]) -> None:
        """The pod does not use the claims after all; what it was given for them goes back if nobody else has it."""
        for allotment in allotments:
            key = key_of(allotment.claim)
            self.inventory.assumed.pop(key, None)
            current = self.inventory.claims.get(key)
            if current is None or not any(user.uid == info.uid for user in current.status.reservedFor):
                continue
            users = [codec.to_generic(user) for user in current.status.reservedFor if user.uid != info.uid]
            head = {"uid": current.metadata.uid, "resourceVersion": current.metadata.resourceVersion}
            status: dict[str, Any] = {"reservedFor": users or None}
            if allotment.allocation is not None and not users:
                status["allocation"] = None
            try:
                written = await self._patch(current, {"metadata": head, "status": status}, "status")
            except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
                log.warning("Could not take a pod out of a claim", pod=info.key, claim=key, error=error)
                continue
            self.inventory.claim_changed(current, written)

    async def _patch(self, claim: v1.ResourceClaim, body: dict[str, Any], subresource: str = "") -> v1.ResourceClaim:
        meta = claim.metadata
        path = RESOURCE_CLAIM.path(meta.namespace, meta.name, subresource)
        answer = await self.client.request("PATCH", path, body=msgspec.json.encode(body), headers=MERGE)
        return msgspec.json.decode(answer.body, type=v1.ResourceClaim)

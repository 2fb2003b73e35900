"""Gives devices to a pod's claims before the pod is bound: writes what was decided.

What: `ClaimBinder.bind` enters allocation and user into each claim and waits for the conditions that its devices name, `release`
takes the user out when the pod could not be bound after all. Why: a pod must not start before its devices are its own, and ready.
A claim that changed meanwhile is not written: the pod is placed anew; so it is when a device failed or `bindingTimeout` is over,
and the claim loses its devices. A claim for extended resources is created here, told in the pod's status, and deleted if the pod
was not bound. Upstream: plugins/dynamicresources bindClaim, PreBind, Unreserve.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from kubelite.api.resource.resource_claim import RESOURCE_CLAIM
from kubelite.api.types import core_v1
from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery import codec, times
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.binding import BindingFailed, patch_status
from kubelite.scheduler.devices.allocation import Allotment
from kubelite.scheduler.devices.conditions import Readiness, failure_of, readiness
from kubelite.scheduler.devices.extended import is_made_for
from kubelite.scheduler.devices.inventory import Inventory, key_of, results_of
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
        self.tell: Callable[[PodInfo, str, str], None] = lambda info, reason, message: None
        """Writes an event about a pod."""
        self.waited: Callable[[PodInfo, str, str, float], None] = lambda info, driver, status, seconds: None
        """Counts how it ended that a pod waited for devices of a driver: success, failure or timeout."""
        self.made: Callable[[str], None] = lambda status: None
        """Counts claims that were created, or not (failure)."""
        self._moved = asyncio.Event()

    def changed(self) -> None:
        """A claim is different: those who wait look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    def assume(self, allotments: Sequence[Allotment]) -> None:
        """The devices are taken, before anybody has written it."""
        for allotment in allotments:
            if allotment.allocation is not None:
                self.inventory.assumed[key_of(allotment.claim)] = allotment.allocation

    async def bind(self, info: PodInfo, node: str, allotments: Sequence[Allotment], seconds: float) -> None:
        """Returns when all claims are the pod's, and ready within so many seconds. Raises BindingFailed."""
        written = []
        for allotment in allotments:
            try:
                written.append(await self._write(info, allotment))
            except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
                claim = key_of(allotment.claim)
                log.warning("Could not reserve a claim for a pod", pod=info.key, claim=claim, error=error)
                await self.release(info, allotments)
                raise BindingFailed(str(error)) from None
        drivers = self._with_conditions(written)
        if drivers:
            text = f"waiting for binding conditions for device on node {node}"
            self.tell(info, "BindingConditionsPending", text)
        status, began = "success", asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(seconds):
                await self._ready(info, written)
        except (BindingFailed, TimeoutError) as error:
            status = "failure" if isinstance(error, BindingFailed) else "timeout"
            text = str(error) if isinstance(error, BindingFailed) else "device binding timeout"
            log.warning("The devices of a pod did not become ready", pod=info.key, error=text)
            await self.release(info, allotments, useless=True)
            raise BindingFailed(text) from None
        finally:
            for driver in drivers:
                self.waited(info, driver, status, asyncio.get_running_loop().time() - began)

    def _with_conditions(self, allotments: Sequence[Allotment]) -> set[str]:
        """The drivers of devices that have to become ready first."""
        current = (self.inventory.claims.get(key_of(allotment.claim), allotment.claim) for allotment in allotments)
        results = (result for claim in current for result in results_of(claim.status.allocation))
        return {result.driver for result in results if result.bindingConditions}

    async def _ready(self, info: PodInfo, allotments: Sequence[Allotment]) -> None:
        """Returns when all devices are ready. Raises BindingFailed if one failed or a claim is no longer the pod's."""
        while True:
            moved, waiting = self._moved, False
            for allotment in allotments:
                claim = self.inventory.claims.get(key_of(allotment.claim))
                if claim is None or not any(user.uid == info.uid for user in claim.status.reservedFor):
                    raise BindingFailed(f"claim {allotment.claim.metadata.name} is not reserved for the pod")
                found = readiness(claim)
                if found is Readiness.FAILED:
                    raise BindingFailed(failure_of(claim))
                waiting = waiting or found is Readiness.WAITING
            if not waiting:
                return
            await moved.wait()

    async def _write(self, info: PodInfo, allotment: Allotment) -> Allotment:
        if not allotment.mappings:
            await self._reserve(info, allotment)
            return allotment
        made = await self._make(allotment)
        await self._reserve(info, made)
        told = core_v1.PodExtendedResourceClaimStatus(
            requestMappings=list(made.mappings), resourceClaimName=made.claim.metadata.name
        )
        if not await patch_status(self.client, info, {"extendedResourceClaimStatus": codec.to_generic(told)}):
            raise TimeoutError("the pod's status could not be written")
        return made

    async def _make(self, allotment: Allotment) -> Allotment:
        """Creates a claim that was only decided upon so far; its devices stay taken meanwhile."""
        meta = msgspec.structs.replace(allotment.claim.metadata, name="", uid="")
        wanted = msgspec.structs.replace(allotment.claim, metadata=meta)
        try:
            claim = await self.client.create(RESOURCE_CLAIM, wanted)
        except (StatusError, ConnectionFailed, OSError, TimeoutError):
            self.made("failure")
            raise
        self.made("success")
        assumed = self.inventory.assumed
        assumed.pop(key_of(allotment.claim), None)
        if allotment.allocation is not None:
            assumed[key_of(claim)] = allotment.allocation
        self.inventory.claim_changed(None, claim)
        return replace(allotment, claim=claim)

    async def _reserve(self, info: PodInfo, allotment: Allotment) -> None:
        claim, meta = allotment.claim, info.pod.metadata
        if allotment.allocation is None and any(user.uid == meta.uid for user in claim.status.reservedFor):
            return
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

    async def release(self, info: PodInfo, allotments: Sequence[Allotment], *, useless: bool = False) -> None:
        """The pod does not use the claims after all; what it was given for them goes back if nobody else has it.

        `useless`: so does what a claim had before, if it is not ready.
        """
        for allotment in allotments:
            key = key_of(allotment.claim)
            self.inventory.assumed.pop(key, None)
            if allotment.mappings:
                await self.discard(info)
                continue
            current = self.inventory.claims.get(key)
            if current is None or not any(user.uid == info.uid for user in current.status.reservedFor):
                continue
            users = [codec.to_generic(user) for user in current.status.reservedFor if user.uid != info.uid]
            head = {"uid": current.metadata.uid, "resourceVersion": current.metadata.resourceVersion}
            status: dict[str, Any] = {"reservedFor": users or None}
            stale = useless and readiness(current) is not Readiness.READY
            if (allotment.allocation is not None or stale) and not users:
                status |= {"allocation": None, "devices": None}
            try:
                written = await self._patch(current, {"metadata": head, "status": status}, "status")
            except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
                log.warning("Could not take a pod out of a claim", pod=info.key, claim=key, error=error)
                continue
            self.inventory.claim_changed(current, written)

    async def give_back(self, info: PodInfo, claim: v1.ResourceClaim) -> None:
        """Empties a claim that keeps the pod from all nodes, or deletes it if it was made for the pod."""
        if is_made_for(claim, info.uid):
            await self.discard(info)
            return
        head = {"uid": claim.metadata.uid, "resourceVersion": claim.metadata.resourceVersion}
        status = {"reservedFor": None, "allocation": None, "devices": None}
        try:
            written = await self._patch(claim, {"metadata": head, "status": status}, "status")
        except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Could not empty a claim", pod=info.key, claim=key_of(claim), error=error)
            return
        self.inventory.claim_changed(claim, written)

    async def discard(self, info: PodInfo) -> None:
        """Deletes the claim for the pod's extended resources, if there is one."""
        claim = self.inventory.made_for(info.uid)
        if claim is None:
            return
        meta = claim.metadata
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        rest = [name for name in meta.finalizers if name != FINALIZER]
        try:
            await self._patch(claim, {"metadata": {"uid": meta.uid, "finalizers": rest or None}})
            await self.client.delete(RESOURCE_CLAIM, meta.name, meta.namespace, options=options)
        except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
            if not isinstance(error, StatusError) or error.code != 404:
                log.warning("Could not delete a pod's claim", pod=info.key, claim=key_of(claim), error=error)
                return
        self.inventory.assumed.pop(key_of(claim), None)
        self.inventory.claim_changed(claim, None)

    async def _patch(self, claim: v1.ResourceClaim, body: dict[str, Any], subresource: str = "") -> v1.ResourceClaim:
        meta = claim.metadata
        path = RESOURCE_CLAIM.path(meta.namespace, meta.name, subresource)
        answer = await self.client.request("PATCH", path, body=msgspec.json.encode(body), headers=MERGE)
        return msgspec.json.decode(answer.body, type=v1.ResourceClaim)

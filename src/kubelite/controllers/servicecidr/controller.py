"""Keeps the condition and the finalizer of ServiceCIDRs.

Flow: a range → finalizer and condition Ready; one that is being deleted → nobody has an address of it, or another range has them
too → some seconds later, when no API server gives addresses out of it any more, the finalizer goes.
Source: pkg/controller/servicecidrs/servicecidrs_controller.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.networking.ip_address import IP_ADDRESS
from kubelite.api.networking.service_cidr import SERVICE_CIDR
from kubelite.api.types.networking_v1 import IPAddress, ServiceCIDR
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.servicecidr import plan
from kubelite.controllers.servicecidr.plan import FINALIZER, IS_READY, READY, TERMINATING, Said, may_go
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError

NAME = "service-cidr-controller"
RECHECK_SECONDS = 10.0


class ServiceCidrController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._ranges: Informer[ServiceCIDR] = context.informers.get(SERVICE_CIDR)
        self._addresses: Informer[IPAddress] = context.informers.get(IP_ADDRESS)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._ranges, self._keys)
        self.loop.watch(self._addresses, self._leaving)

    async def run(self) -> None:
        await self.loop.run(self._ranges, self._addresses)

    async def reconcile(self, key: str) -> Result | None:
        """One range."""
        one = self._ranges.get(key)
        if one is None:
            return None
        try:
            if one.metadata.deletionTimestamp is None:
                if FINALIZER not in one.metadata.finalizers:
                    await self._finalizers(one, [*one.metadata.finalizers, FINALIZER])
                await self._say(one, IS_READY)
                return None
            if FINALIZER not in one.metadata.finalizers:
                return None
            if not may_go(one, self._ranges.list(), self._addresses.list()):
                await self._say(one, TERMINATING)
                return Result(RECHECK_SECONDS)
            left = self._left(one)
            if left > 0:
                return Result(left)
            await self._finalizers(one, [name for name in one.metadata.finalizers if name != FINALIZER])
        except StatusError as error:
            if error.code != 404:
                raise
        return None

    def _left(self, one: ServiceCIDR) -> float:
        """Seconds that a range which is being deleted has still to wait."""
        since = times.parse(one.metadata.deletionTimestamp or "")
        return plan.GRACE_SECONDS - (self._clock.now() - since).total_seconds()

    async def _finalizers(self, one: ServiceCIDR, names: list[str]) -> None:
        meta = {"finalizers": names, "resourceVersion": one.metadata.resourceVersion}
        await self._client.patch(SERVICE_CIDR, one.metadata.name, {"metadata": meta}, type=ServiceCIDR)

    async def _say(self, one: ServiceCIDR, what: Said) -> None:
        present = next((found for found in one.status.conditions if found.type == READY), None)
        if present is not None and (present.status, present.reason, present.message) == what:
            return
        since = times.now_text(self._clock.now())
        if present is not None and present.status == what.status and present.lastTransitionTime:
            since = present.lastTransitionTime
        condition: dict[str, Any] = {"type": READY, "lastTransitionTime": since, **what._asdict()}
        patch = {"status": {"conditions": [condition]}}
        await self._client.patch(SERVICE_CIDR, one.metadata.name, patch, subresource="status", type=ServiceCIDR)

    def _keys(self, change: Change[ServiceCIDR]) -> list[str]:
        """All ranges: what is said of one depends on the others."""
        return [change.object.metadata.name, *(one.metadata.name for one in self._ranges.list())]

    def _leaving(self, change: Change[IPAddress]) -> list[str]:
        """The ranges that wait for addresses to be given back."""
        return [one.metadata.name for one in self._ranges.list() if one.metadata.deletionTimestamp is not None]

"""Copies hand-written Endpoints into EndpointSlices.

What: the wiring of `plan`. Flow: changes of Endpoints, of their services and of the mirrors → key → plan → create, update,
delete.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Endpoints
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.endpointslice.apply import apply_slices
from kubelite.controllers.endpointslice.plan import MANAGED_BY, SERVICE_NAME
from kubelite.controllers.endpointslicemirroring.plan import MANAGER, plan
from kubelite.controllers.kinds import ENDPOINT_SLICE, ENDPOINTS, SERVICE
from kubelite.controllers.objects import Service
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.writes import Writes
from kubelite.machinery.errors import StatusError

NAME = "endpointslice-mirroring-controller"
COMPONENT = "endpoint-slice-mirroring-controller"
BY_MIRROR = "mirror"
STALE_SECONDS = 1.0


class EndpointSliceMirroringController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(COMPONENT)
        self._services: Informer[Service] = context.informers.get(SERVICE, Service)
        self._endpoints: Informer[Endpoints] = context.informers.get(ENDPOINTS)
        self._slices: Informer[EndpointSlice] = context.informers.get(ENDPOINT_SLICE)
        if BY_MIRROR not in self._slices.indexes:
            self._slices.add_indexers({BY_MIRROR: _mirror_of})
        self._writes = Writes(self._slices, context.clock.monotonic)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._services)
        self.loop.watch(self._endpoints)
        self.loop.watch(self._slices, _keys_of_slice)

    async def run(self) -> None:
        await self.loop.run(self._services, self._endpoints, self._slices)

    async def reconcile(self, key: str) -> Result | None:
        """Make the mirrors of one Endpoints object right."""
        if not self._writes.settled(key):
            return Result(STALE_SECONDS)
        mine = self._slices.by_index(BY_MIRROR, key)
        slices = [piece for piece in mine if piece.metadata.deletionTimestamp is None]
        endpoints = self._endpoints.get(key)
        wanted = plan(endpoints, self._services.get(key), slices)
        for type_, reason, message in wanted.events:
            if endpoints is not None:
                self._recorder.event(ENDPOINTS, endpoints, type_, reason, message)
        try:
            await apply_slices(self._client, self._writes, key, wanted)
        except StatusError as error:
            if not is_terminating_namespace(error):
                raise
        return None


def _mirror_of(piece: EndpointSlice) -> tuple[str, ...]:
    labels = piece.metadata.labels
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ()
    return (f"{piece.metadata.namespace}/{labels[SERVICE_NAME]}",)


def _keys_of_slice(change: Change[EndpointSlice]) -> list[str]:
    keys: dict[str, None] = {}
    for piece in change:
        if piece is not None:
            keys |= dict.fromkeys(_mirror_of(piece))
    return list(keys)

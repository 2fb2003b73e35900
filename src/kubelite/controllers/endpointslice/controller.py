"""Writes the EndpointSlices of each service with a selector.

What: the wiring of `plan`. Flow: changes of services, pods, nodes' zones and of the slices themselves → service key → plan →
create, update, delete. Decides only when the cache shows the slices as last written, since their names are generated.
"""

from __future__ import annotations

from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.endpointslice.plan import MANAGED_BY, MANAGER, SERVICE_NAME, ZONE, Observed, Plan, plan
from kubelite.controllers.kinds import ENDPOINT_SLICE, NODE
from kubelite.controllers.objects import Node
from kubelite.controllers.servicepods import ServicePods
from kubelite.controllers.writes import Writes
from kubelite.machinery.errors import StatusError

NAME = "endpointslice-controller"
BY_SERVICE = "service"
STALE_SECONDS = 1.0


class EndpointSliceController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._sources = ServicePods(context)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._slices: Informer[EndpointSlice] = context.informers.get(ENDPOINT_SLICE)
        if BY_SERVICE not in self._slices.indexes:
            self._slices.add_indexers({BY_SERVICE: _service_of})
        self._writes = Writes(self._slices, context.clock.monotonic)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._sources.services)
        self.loop.watch(self._sources.pods, self._sources.keys)
        self.loop.watch(self._slices, _keys_of_slice)
        self.loop.watch(self._nodes, self._keys_of_node)

    async def run(self) -> None:
        await self.loop.run(self._sources.services, self._sources.pods, self._nodes, self._slices)

    async def reconcile(self, key: str) -> Result | None:
        """Make the slices of one service right; a service that is gone is cleaned up by its owner references."""
        service = self._sources.services.get(key)
        if service is None:
            self._writes.forget(key)
            return None
        if not service.spec.selector or service.spec.type == "ExternalName":
            return None
        if service.metadata.deletionTimestamp is not None:
            return None
        if not self._writes.settled(key):
            return Result(STALE_SECONDS)
        slices = [piece for piece in self._slices.by_index(BY_SERVICE, key) if piece.metadata.deletionTimestamp is None]
        pods = self._sources.pods_of(service)
        zones = {name: self._zone(name) for name in {pod.spec.nodeName for pod in pods}}
        await self._apply(key, plan(Observed(service, pods, zones, slices)))
        return None

    async def _apply(self, key: str, wanted: Plan) -> None:
        for piece in wanted.create:
            self._writes.wrote(key, await self._client.create(ENDPOINT_SLICE, piece))
        for piece in wanted.update:
            self._writes.wrote(key, await self._client.update(ENDPOINT_SLICE, piece))
        for piece in wanted.delete:
            meta = piece.metadata
            options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
            try:
                await self._client.delete(ENDPOINT_SLICE, meta.name, meta.namespace, options=options)
            except StatusError as error:
                if error.code not in (404, 409):
                    raise

    def _zone(self, node_name: str) -> str:
        node = self._nodes.get(node_name)
        return node.metadata.labels.get(ZONE, "") if node is not None else ""

    def _keys_of_node(self, change: Change[Node]) -> list[str]:
        """Only a node's zone matters, and nodes that exist rarely move."""
        before = change.old.metadata.labels.get(ZONE, "") if change.old is not None else ""
        after = change.new.metadata.labels.get(ZONE, "") if change.new is not None else ""
        if before == after:
            return []
        return [f"{s.metadata.namespace}/{s.metadata.name}" for s in self._sources.services.list() if s.spec.selector]


def _service_of(piece: EndpointSlice) -> tuple[str, ...]:
    labels = piece.metadata.labels
    if labels.get(MANAGED_BY) != MANAGER or not labels.get(SERVICE_NAME):
        return ()
    return (f"{piece.metadata.namespace}/{labels[SERVICE_NAME]}",)


def _keys_of_slice(change: Change[EndpointSlice]) -> list[str]:
    keys: dict[str, None] = {}
    for piece in change:
        if piece is not None:
            keys |= dict.fromkeys(_service_of(piece))
    return list(keys)

"""Writes the EndpointSlices of each service with a selector.

What: the wiring of `plan`. Flow: changes of services, pods, nodes' zones and of the slices themselves → service key → plan →
create, update, delete. Decides only when the cache shows the slices as last written, since their names are generated.
"""

from __future__ import annotations

from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.endpointslice.apply import apply_slices
from kubelite.controllers.endpointslice.plan import MANAGED_BY, MANAGER, SERVICE_NAME, ZONE, Observed, plan
from kubelite.controllers.kinds import ENDPOINT_SLICE, NODE
from kubelite.controllers.objects import Node
from kubelite.controllers.servicepods import ServicePods
from kubelite.controllers.writes import Writes

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
        await apply_slices(self._client, self._writes, key, plan(Observed(service, pods, zones, slices)))
        return None

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

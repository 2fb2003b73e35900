"""Writes the EndpointSlices of each service with a selector.

What: the wiring of `plan`. Flow: changes of services, pods, nodes' zones and of the slices themselves → service key → plan →
create, update, delete. Decides only when the cache shows the slices as last written, since their names are generated.
Services with hints in proportion to the zones' CPUs are looked at when a node comes, goes, or turns ready or not.
"""

from __future__ import annotations

from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.endpointslice.apply import apply_slices
from kubelite.controllers.endpointslice.hints import ZONE, cpu_ratios, is_asked_for, node_facts
from kubelite.controllers.endpointslice.plan import MANAGED_BY, MANAGER, SERVICE_NAME, Observed, is_lost, plan, timed
from kubelite.controllers.kinds import ENDPOINT_SLICE, NODE, SERVICE
from kubelite.controllers.objects import Node, Service
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.servicepods import ServicePods
from kubelite.controllers.triggertimes import TriggerTimes
from kubelite.controllers.writes import Writes
from kubelite.machinery.errors import StatusError

NAME = "endpointslice-controller"
COMPONENT = "endpoint-slice-controller"
BY_SERVICE = "service"
STALE_SECONDS = 1.0
LOST_SECONDS = 5.0
"""A pod whose node is not known yet is looked at again after this time."""


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
        self._recorder = context.recorder(COMPONENT)
        self._times = TriggerTimes()
        self._hinted: set[str] = set()
        self._ratios: dict[str, float] | None = None
        self._ratios_known = False
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
            self._times.forget(key)
            self._hinted.discard(key)
            return None
        if not service.spec.selector or service.spec.type == "ExternalName":
            return None
        if service.metadata.deletionTimestamp is not None:
            return None
        if not self._writes.settled(key):
            return Result(STALE_SECONDS)
        observed = self._observe(service, key)
        step = plan(observed)
        moment = self._times.since(key, service, observed.pods)
        try:
            await apply_slices(self._client, self._writes, key, timed(step, moment))
        except StatusError as error:
            if is_terminating_namespace(error):
                return None
            text = f"Error updating Endpoint Slices for Service {key}: {error}"
            self._recorder.event(SERVICE, service, "Warning", "FailedToUpdateEndpointSlices", text)
            raise
        (self._hinted.add if step.hinted else self._hinted.discard)(key)
        for type_, reason, message in step.events:
            self._recorder.event(SERVICE, service, type_, reason, message)
        lost = any(is_lost(observed, pod) for pod in observed.pods)
        return Result(LOST_SECONDS) if lost else None

    def _observe(self, service: Service, key: str) -> Observed:
        slices = [piece for piece in self._slices.by_index(BY_SERVICE, key) if piece.metadata.deletionTimestamp is None]
        pods = self._sources.pods_of(service)
        nodes = {name: self._nodes.get(name) for name in {pod.spec.nodeName for pod in pods}}
        zones = {name: node.metadata.labels.get(ZONE, "") for name, node in nodes.items() if node is not None}
        if is_asked_for(service) and not self._ratios_known:
            self._ratios, self._ratios_known = cpu_ratios(self._nodes.list()), True
        return Observed(service, pods, zones, slices, self._ratios, key in self._hinted)

    def _keys_of_node(self, change: Change[Node]) -> list[str]:
        """Only a node's zone matters, and for some services its CPUs; nodes that exist rarely move."""
        old, new = change
        moved = _zone(old) != _zone(new)
        counted = (node_facts(old) if old is not None else None) != (node_facts(new) if new is not None else None)
        if not moved and not counted:
            return []
        self._ratios_known = self._ratios_known and not counted
        concerned = (s for s in self._sources.services.list() if s.spec.selector and (moved or is_asked_for(s)))
        return [object_key(service) for service in concerned]


def _zone(node: Node | None) -> str:
    return node.metadata.labels.get(ZONE, "") if node is not None else ""


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

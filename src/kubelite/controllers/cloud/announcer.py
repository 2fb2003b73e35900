"""Says on each Node which load balancer addresses its network agent announces.

What: the wiring of `announce`. Flow: Services with addresses, their EndpointSlices and the nodes → address → node → an annotation
of each Node that differs. One key: addresses are shared out over all nodes at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelite.api.types.core_v1 import Service
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.cloud.announce import ANNOTATION, assign, parse
from kubelite.controllers.cloud.pool import Pool
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import ENDPOINT_SLICE, NODE, SERVICE
from kubelite.controllers.objects import Node
from kubelite.controllers.servicelb.plan import ingress_of, usable, wants
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "load-balancer-announcer"
KEY = "all"
SERVICE_NAME = "kubernetes.io/service-name"
log = get_logger(__name__)


class Announcer:
    """See the module."""

    def __init__(self, context: Context, pool: Pool) -> None:
        self._client = context.client
        self._pool = pool
        self._services: Informer[Service] = context.informers.get(SERVICE)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._slices: Informer[EndpointSlice] = context.informers.get(ENDPOINT_SLICE)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._services, _always)
        self.loop.watch(self._nodes, _of_node)
        self.loop.watch(self._slices, self._of_slice)

    async def run(self) -> None:
        await self.loop.run(self._services, self._nodes, self._slices)

    async def reconcile(self, key: str) -> Result | None:
        """Make the annotations of all nodes right."""
        nodes = {node.metadata.name: node for node in self._nodes.list()}
        present = {
            address: name
            for name in sorted(nodes)
            for address in parse(nodes[name].metadata.annotations.get(ANNOTATION, ""))
        }
        able = sorted(name for name, node in nodes.items() if usable(node))
        chosen = assign(self._serving(frozenset(able)), able, present)
        wanted: dict[str, list[str]] = {name: [] for name in nodes}
        for address in sorted(chosen):
            wanted[chosen[address]].append(address)
        # Taken away first: two nodes must not answer for one address.
        for name in sorted(nodes, key=lambda name: (bool(wanted[name]), name)):
            await self._put(nodes[name], ",".join(wanted[name]))
        return None

    async def _put(self, node: Node, text: str) -> None:
        if node.metadata.annotations.get(ANNOTATION, "") == text:
            return
        patch = {"metadata": {"annotations": {ANNOTATION: text or None}}}
        try:
            await self._client.patch(NODE, node.metadata.name, patch, type=Node)
        except StatusError as error:
            if error.code != 404:
                raise
        log.info("A node announces load balancer addresses", node=node.metadata.name, addresses=text)

    def _serving(self, able: frozenset[str]) -> dict[str, list[frozenset[str]]]:
        found: dict[str, list[frozenset[str]]] = {}
        for service in self._services.list():
            if not wants(service):
                continue
            local = service.spec.externalTrafficPolicy == "Local"
            for one in ingress_of(service):
                if one.ip in self._pool:
                    found.setdefault(one.ip, []).append(self._local(service) & able if local else able)
        return found

    def _local(self, service: Service) -> frozenset[str]:
        """The nodes with endpoints of a Service."""
        meta = service.metadata
        return frozenset(
            endpoint.nodeName
            for piece in self._slices.list()
            if piece.metadata.namespace == meta.namespace and piece.metadata.labels.get(SERVICE_NAME) == meta.name
            for endpoint in piece.endpoints or []
            if endpoint.nodeName and endpoint.conditions is not None and endpoint.conditions.ready is not False
        )

    def _of_slice(self, change: Change[EndpointSlice]) -> list[str]:
        """Only the slices of Services whose traffic stays on the node matter."""
        meta = change.object.metadata
        service = self._services.get(f"{meta.namespace}/{meta.labels.get(SERVICE_NAME, '')}")
        if service is None or not wants(service) or service.spec.externalTrafficPolicy != "Local":
            return []
        return [KEY]


def _always(change: Change[Any]) -> list[str]:
    return [KEY] if any(one is not None and wants(one) for one in change) else []


def _of_node(change: Change[Node]) -> list[str]:
    """Heartbeats are no news."""
    before, after = (_matters(one) for one in change)
    return [] if before == after else [KEY]


def _matters(node: Node | None) -> Iterable[Any] | None:
    return (usable(node), node.metadata.annotations.get(ANNOTATION, "")) if node is not None else None

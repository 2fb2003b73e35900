"""Gives Services of type LoadBalancer their load balancers, through the provider.

Flow: a Service that wants one → finalizer → `ensure` → status; one that wants none any more → `delete` → finalizer and status
removed; other nodes → `update`. One worker: what the provider gave to one Service must be known before the next asks.
Source: k8s.io/cloud-provider/controllers/service/controller.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.api.types.core_v1 import LoadBalancerIngress, Service
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.cloud.provider import LoadBalancers, ProviderError
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE, SERVICE
from kubelite.controllers.newest import Newest
from kubelite.controllers.objects import Node
from kubelite.controllers.servicelb.plan import (
    FINALIZER,
    Asked,
    Hosts,
    asked,
    host_facts,
    hosts,
    ingress_of,
    is_host,
    needs_cleanup,
    patch,
    same,
    shown_hosts,
    told,
    wants,
)
from kubelite.machinery.errors import StatusError

NAME = "service-controller"
NO_NODES = "There are no available nodes for LoadBalancer"
RETRY_SECONDS = 30.0


class ServiceLbController:
    """See the module."""

    def __init__(self, context: Context, balancers: LoadBalancers) -> None:
        self._client = context.client
        self._balancers = balancers
        self._recorder = context.recorder(NAME)
        self._services: Informer[Service] = context.informers.get(SERVICE)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._newest = Newest(self._services)
        self._done: dict[str, tuple[Asked, Hosts]] = {}
        """Service → what its load balancer was made from, and where it leads to."""
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._services, self._keys)
        self.loop.watch(self._nodes, self._keys_of_node)

    async def run(self) -> None:
        await self.loop.run(self._services, self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """The load balancer of one Service."""
        service = self._newest.get(key)
        if service is None:
            self._done.pop(key, None)
            return None
        try:
            if not wants(service) or needs_cleanup(service):
                await self._remove(service, made=self._done.pop(key, None) is not None)
            elif service.metadata.deletionTimestamp is None:
                await self._settle(key, service)
        except ProviderError as error:
            self._event(service, "Warning", "SyncLoadBalancerFailed", f"Error syncing load balancer: {error}")
            return Result(RETRY_SECONDS)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            return Result(1.0) if error.code == 409 else None
        return None

    async def _remove(self, service: Service, made: bool) -> None:
        if FINALIZER not in service.metadata.finalizers:
            return
        if made or ingress_of(service):  # one that never came is not deleted before the eyes of people
            self._event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        await self._balancers.delete(service)
        left = [name for name in service.metadata.finalizers if name != FINALIZER]
        await self._patch(service, left, [])
        self._event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")

    async def _settle(self, key: str, service: Service) -> None:
        """Have the load balancer made if it is not as the Service asks for, else led to the nodes that there are."""
        nodes = [node for node in self._nodes.list() if is_host(node)]
        made_from, led_to = self._done.get(key, (None, None))
        wanted = asked(service), hosts(nodes)
        if made_from != wanted[0] or not ingress_of(service) or FINALIZER not in service.metadata.finalizers:
            self._done.pop(key, None)
            await self._ensure(service, nodes)
        elif led_to != wanted[1]:
            await self._lead(service, nodes)
        self._done[key] = wanted

    async def _ensure(self, service: Service, nodes: Sequence[Node]) -> None:
        self._event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if FINALIZER not in service.metadata.finalizers:
            service = await self._patch(service, [*service.metadata.finalizers, FINALIZER], None)
        if not nodes:
            self._event(service, "Warning", "UnAvailableLoadBalancer", NO_NODES)
        try:
            found = await self._balancers.ensure(service, nodes)
        except ProviderError as error:
            raise ProviderError(f"failed to ensure load balancer: {error}") from None
        if not same(found, ingress_of(service)):
            await self._patch(service, service.metadata.finalizers, found)
        self._event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    async def _lead(self, service: Service, nodes: Sequence[Node]) -> None:
        """Tell the provider of other nodes; what it cannot do is tried with all the rest, by `ensure`."""
        try:
            await self._balancers.update(service, nodes)
        except ProviderError as error:
            text = f"Error updating load balancer with new hosts {shown_hosts(nodes)}, error: {error}"
            self._event(service, "Warning", "UpdateLoadBalancerFailed", text)
            await self._ensure(service, nodes)
            return
        if nodes:
            self._event(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts")
        else:
            self._event(service, "Warning", "UnAvailableLoadBalancer", NO_NODES)

    async def _patch(
        self, service: Service, finalizers: Sequence[str], ingress: Sequence[LoadBalancerIngress] | None
    ) -> Service:
        meta, body = service.metadata, patch(service, finalizers, ingress)
        written: Service = await self._client.patch(
            SERVICE, meta.name, body, namespace=meta.namespace, patch_type="merge", subresource="status", type=Service
        )
        self._newest.wrote(written)
        return written

    def _event(self, service: Service, type_: str, reason: str, message: str) -> None:
        self._recorder.event(SERVICE, service, type_, reason, message)

    def _keys(self, change: Change[Service]) -> list[str]:
        """The Service, and those that wait for what it gives back."""
        key = object_key(change.object)
        old, new = change
        news = told(old, new) if old is not None and new is not None else None
        if new is not None and news is not None:
            self._event(new, "Normal", *news)
        gave_back = old is not None and bool(ingress_of(old)) and (new is None or not ingress_of(new))
        return [key, *(self._waiting() if gave_back else ())]

    def _waiting(self) -> list[str]:
        return [object_key(one) for one in self._services.list() if wants(one) and not ingress_of(one)]

    def _keys_of_node(self, change: Change[Node]) -> list[str]:
        """Nodes that come and go, and what decides whether they are hosts."""
        before, after = (host_facts(one) if one is not None else None for one in change)
        if before == after:
            return []
        return [object_key(one) for one in self._services.list() if wants(one)]

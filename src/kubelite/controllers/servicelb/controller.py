"""Gives Services of type LoadBalancer their load balancers, through the provider.

Flow: a Service that wants one → finalizer → `ensure` → status; one that wants none any more → `delete` → finalizer and status
removed. One worker: what the provider gave to one Service must be known before the next asks.
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
from kubelite.controllers.objects import Node
from kubelite.controllers.servicelb.plan import FINALIZER, ingress_of, needs_cleanup, patch, same, usable, wants
from kubelite.machinery.errors import StatusError

NAME = "service-controller"
RETRY_SECONDS = 30.0


class ServiceLbController:
    """See the module."""

    def __init__(self, context: Context, balancers: LoadBalancers) -> None:
        self._client = context.client
        self._balancers = balancers
        self._recorder = context.recorder(NAME)
        self._services: Informer[Service] = context.informers.get(SERVICE)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._services, self._keys)
        self.loop.watch(self._nodes, self._keys_of_node)

    async def run(self) -> None:
        await self.loop.run(self._services, self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """The load balancer of one Service."""
        service = self._services.get(key)
        if service is None:
            return None
        try:
            if not wants(service) or needs_cleanup(service):
                await self._remove(service)
            elif service.metadata.deletionTimestamp is None:
                await self._ensure(service)
        except ProviderError as error:
            self._event(service, "Warning", "SyncLoadBalancerFailed", f"Error syncing load balancer: {error}")
            return Result(RETRY_SECONDS)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            return Result(1.0) if error.code == 409 else None
        return None

    async def _remove(self, service: Service) -> None:
        if FINALIZER not in service.metadata.finalizers:
            return
        self._event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        await self._balancers.delete(service)
        left = [name for name in service.metadata.finalizers if name != FINALIZER]
        await self._patch(service, left, [])
        self._event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")

    async def _ensure(self, service: Service) -> None:
        nodes = [node for node in self._nodes.list() if usable(node)]
        present = ingress_of(service)
        if not present:
            self._event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if FINALIZER not in service.metadata.finalizers:
            service = await self._patch(service, [*service.metadata.finalizers, FINALIZER], None)
        if not nodes:
            message = "There are no available nodes for LoadBalancer"
            self._event(service, "Warning", "UnAvailableLoadBalancer", message)
        try:
            found = await self._balancers.ensure(service, nodes)
        except ProviderError as error:
            raise ProviderError(f"failed to ensure load balancer: {error}") from None
        if same(found, present):
            return
        await self._patch(service, service.metadata.finalizers, found)
        self._event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    async def _patch(
        self, service: Service, finalizers: Sequence[str], ingress: Sequence[LoadBalancerIngress] | None
    ) -> Service:
        meta, body = service.metadata, patch(service, finalizers, ingress)
        return await self._client.patch(
            SERVICE, meta.name, body, namespace=meta.namespace, patch_type="merge", subresource="status", type=Service
        )

    def _event(self, service: Service, type_: str, reason: str, message: str) -> None:
        self._recorder.event(SERVICE, service, type_, reason, message)

    def _keys(self, change: Change[Service]) -> list[str]:
        """The Service, and those that wait for what it gives back."""
        key = object_key(change.object)
        old, new = change
        gave_back = old is not None and bool(ingress_of(old)) and (new is None or not ingress_of(new))
        return [key, *(self._waiting() if gave_back else ())]

    def _waiting(self) -> list[str]:
        return [object_key(one) for one in self._services.list() if wants(one) and not ingress_of(one)]

    def _keys_of_node(self, change: Change[Node]) -> list[str]:
        """Only whether a node can be used matters."""
        before, after = (one is not None and usable(one) for one in change)
        if before == after:
            return []
        return [object_key(one) for one in self._services.list() if wants(one)]

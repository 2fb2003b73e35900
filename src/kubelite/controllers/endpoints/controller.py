"""Writes the Endpoints object of each service with a selector.

What: the wiring of `plan`. Flow: changes of services and pods → service key → wanted object → create or update; a service
that is gone takes its Endpoints with it.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Endpoints
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.endpoints.plan import MANAGED_BY, MANAGER, wanted
from kubelite.controllers.kinds import ENDPOINTS
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.servicepods import ServicePods
from kubelite.controllers.triggertimes import TriggerTimes, stamped
from kubelite.machinery.errors import StatusError

NAME = "endpoint-controller"


class EndpointsController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(NAME)
        self._sources = ServicePods(context)
        self._times = TriggerTimes()
        self._endpoints: Informer[Endpoints] = context.informers.get(ENDPOINTS)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._sources.services)
        self.loop.watch(self._sources.pods, self._sources.keys)
        self.loop.watch(self._endpoints)

    async def run(self) -> None:
        await self.loop.run(self._sources.services, self._sources.pods, self._endpoints)

    async def reconcile(self, key: str) -> Result | None:
        """Make the Endpoints of one service right."""
        service = self._sources.services.get(key)
        present = self._endpoints.get(key)
        if service is None:
            self._times.forget(key)
            if present is not None and present.metadata.labels.get(MANAGED_BY) == MANAGER:
                await self._delete(key)
            return None
        if not service.spec.selector or service.spec.type == "ExternalName":
            return None
        pods = self._sources.pods_of(service)
        moment = self._times.since(key, service, pods)
        target = wanted(service, pods, present)
        if target is None:
            return None
        target = stamped(target, moment)
        try:
            if present is None:
                await self._client.create(ENDPOINTS, target)
            else:
                await self._client.update(ENDPOINTS, target)
        except StatusError as error:
            if is_terminating_namespace(error):
                return None
            reason, verb = (
                ("FailedToCreateEndpoint", "create") if present is None else ("FailedToUpdateEndpoint", "update")
            )
            subject = f"endpoint for service {key}" if present is None else f"endpoint {key}"
            self._recorder.event(ENDPOINTS, target, "Warning", reason, f"Failed to {verb} {subject}: {error}")
            raise
        return None

    async def _delete(self, key: str) -> None:
        namespace, name = split_key(key)
        try:
            await self._client.delete(ENDPOINTS, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise

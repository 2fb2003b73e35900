"""Finds out what of each quota is used, and gives back what is free again.

What: fills the status of new and changed quotas; counts anew when an object that a quota counts goes away or changes, some
seconds after admission has reserved something (the write may have failed after all), and every `resync` seconds. Flow: quota →
the objects of its namespace as the server has them now → `plan` → status, by compare-and-swap on the quota that was counted for.

A reservation comes shortly before its object. Counting between the two would give back what is in use, so nothing is given back
within `SETTLE_SECONDS` of a reservation. Objects are watched by metadata, only of resources that some quota names.
Source: pkg/controller/resourcequota.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kubelite.api.core.pod.kind import POD
from kubelite.api.core.resource_quota import RESOURCE_QUOTA
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.logic.quota.evaluators import evaluator
from kubelite.api.resource.device_class import DEVICE_CLASS
from kubelite.api.types.core_v1 import ResourceQuota
from kubelite.api.types.resource_v1 import DeviceClass, ResourceClaim
from kubelite.client.client import Listing
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer, object_key, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.discovery import Discovery
from kubelite.controllers.kinds import SERVICE
from kubelite.controllers.objects import Bare, Pod
from kubelite.controllers.podindex import pods_informer
from kubelite.controllers.resourcequota import plan
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

NAME = "resourcequota-controller"
SETTLE_SECONDS = 0.5
"""How long a reservation may be ahead of its object."""
PATIENCE_SECONDS = 10.0
"""How long reservations without end may put off giving back."""
VERIFY_SECONDS = 5.0
UNKNOWN_SECONDS = 10.0
"""When to look again for a resource that is not served."""
REST = 4.0
"""Counting may take at most one part of so many of the time."""
PAGE = 500
BY_NAMESPACE = "namespace"
TYPES: dict[plan.Resource, type[Any]] = {
    ("", "pods"): POD.type,
    ("", "services"): SERVICE.type,
    ("", "persistentvolumeclaims"): PERSISTENT_VOLUME_CLAIM.type,
    ("resource.k8s.io", "resourceclaims"): ResourceClaim,
}


class ResourceQuotaController:
    """`resync` is the number of seconds between full counts."""

    def __init__(self, context: Context, resync: float) -> None:
        self._client = context.client
        self._clock = context.clock
        self._resync = resync
        self._discovery = Discovery(context.client)
        self._quotas: Informer[ResourceQuota] = context.informers.get(RESOURCE_QUOTA)
        self._quotas.add_indexers({BY_NAMESPACE: lambda quota: (quota.metadata.namespace,)})
        self._pods = pods_informer(context)
        self._classes: Informer[DeviceClass] = context.informers.get(DEVICE_CLASS)
        self._written: dict[str, dict[str, Any]] = {}
        self._grown: dict[str, float] = {}
        self._put_off: dict[str, float] = {}
        self._not_before: dict[str, float] = {}
        self._followers: dict[plan.Resource, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self._quotas.add_handler(self._quota_changed)
        self._pods.add_handler(self._pod_changed)
        self._classes.add_handler(self._class_changed)

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._keep_counting(), name=f"{NAME}-resync")
            await self.loop.run(self._quotas, self._pods)  # not for the classes: a server may not have them

    async def reconcile(self, key: str) -> Result | None:
        """Count what one quota counts, and write its status."""
        if self._quotas.get(key) is None:
            for memory in (self._written, self._grown, self._put_off, self._not_before):
                memory.pop(key, None)
            return None
        started = self._clock.monotonic()
        early = self._not_before.get(key, 0.0) - started
        if early > 0:
            return Result(early)
        quota = await self._live(key)
        if quota is None:
            return None
        objects, complete = await self._objects(quota)
        wanted = plan.status(quota, objects, self._clock.now(), self._names())
        if plan.is_newer(wanted, quota.status):
            wait = self._unsettled(key, quota, wanted.used)
            if wait > 0:
                return Result(wait)
            quota.status = wanted
            self._written[key] = wanted.used
            await self._write(quota)
        self._put_off.pop(key, None)
        now = self._clock.monotonic()
        self._not_before[key] = now + REST * (now - started)
        return None if complete else Result(UNKNOWN_SECONDS)

    async def _live(self, key: str) -> ResourceQuota | None:
        """The quota as the server has it: admission writes it too. Listed, as the controller's role may not get it."""
        namespace, name = split_key(key)
        found: Listing[ResourceQuota] = await self._client.list(
            RESOURCE_QUOTA, namespace, field_selector=f"metadata.name={name}"
        )
        return next(iter(found.items), None)

    async def _write(self, quota: ResourceQuota) -> None:
        try:
            await self._client.update(RESOURCE_QUOTA, quota, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    def _unsettled(self, key: str, quota: ResourceQuota, wanted: dict[str, Any]) -> float:
        """Seconds until something may be given back; 0 for now."""
        if not plan.lowers(wanted, quota.status.used):
            return 0.0
        now = self._clock.monotonic()
        seen = self._quotas.get(key)
        known = seen is not None and seen.status.used == quota.status.used
        left = self._grown.get(key, now - SETTLE_SECONDS) + SETTLE_SECONDS - now if known else SETTLE_SECONDS
        if left <= 0 or now - self._put_off.setdefault(key, now) > PATIENCE_SECONDS:
            return 0.0
        return left

    async def _objects(self, quota: ResourceQuota) -> tuple[dict[plan.Resource, list[Any]], bool]:
        """The objects of each resource that the quota counts, and whether all these resources are served."""
        wanted = plan.resources(quota, self._names())
        served = {(kind.group, kind.plural): kind for kind in (await self._discovery.resources()).kinds}
        for resource in wanted:
            if resource in served:
                self._follow(served[resource])
        namespace = quota.metadata.namespace
        found = {one: await self._list(served[one], namespace) for one in wanted if one in served}
        return found, len(found) == len(wanted)

    async def _list(self, kind: Kind, namespace: str) -> list[Any]:
        """All objects of a kind in the namespace, as of now; by metadata where nothing but their number counts."""
        type_ = TYPES.get((kind.group, kind.plural))
        found: list[Any] = []
        more = ""
        while True:
            page: Any = await self._client.list(
                kind, namespace, type=type_ or Bare, limit=PAGE, continue_=more, metadata_only=type_ is None
            )
            found += page.items
            more = page.continue_
            if not more:
                return found

    # -- what wakes it

    def _follow(self, kind: Kind) -> None:
        """Watch the objects of a kind from now on."""
        resource = (kind.group, kind.plural)
        if resource in self._followers or resource == ("", "pods") or self._tasks is None or "watch" not in kind.verbs:
            return
        informer: Informer[Bare] = Informer(self._client, kind, type=Bare, metadata_only=True)
        informer.add_handler(self._handler(resource))
        task = self._tasks.create_task(informer.run(), name=f"{NAME}-{kind.plural}")
        self._followers[resource] = task

    def _handler(self, resource: plan.Resource) -> Callable[[Change[Bare]], None]:
        only_gone = evaluator(*resource).counts_only

        def handle(change: Change[Bare]) -> None:
            if change.old is not None and (change.new is None or not only_gone):
                self._count_again(resource, change.object.metadata.namespace)

        return handle

    def _pod_changed(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if old is None:
            return
        if new is None or plan.uses_otherwise(old, new):
            self._count_again(("", "pods"), old.metadata.namespace)

    def _names(self) -> dict[str, str]:
        return plan.device_names(self._classes.list())

    def _class_changed(self, change: Change[DeviceClass]) -> None:
        """Another name for devices: what claims use counts elsewhere."""
        before, after = (plan.device_names((one,)) if one is not None else {} for one in change)
        if before != after:
            for quota in self._quotas.list():
                self.loop.queue.add(object_key(quota))

    def _count_again(self, resource: plan.Resource, namespace: str) -> None:
        names = self._names()
        for quota in self._quotas.by_index(BY_NAMESPACE, namespace):
            if resource in plan.resources(quota, names):
                self.loop.queue.add(object_key(quota))

    def _quota_changed(self, change: Change[ResourceQuota]) -> None:
        old, new = change.old, change.new
        key = object_key(change.object)
        if old is None or new is None or old.spec != new.spec:
            self.loop.queue.add(key)
        elif new.status.used != old.status.used and new.status.used != self._written.get(key):
            self._grown[key] = self._clock.monotonic()
            self.loop.queue.add_after(key, VERIFY_SECONDS)

    async def _keep_counting(self) -> None:
        """Queue all quotas from time to time, and stop watching what no quota names any more."""
        while True:
            await self._clock.sleep(self._resync)
            for quota in self._quotas.list():
                self.loop.queue.add(object_key(quota))
            try:
                kinds = (await self._discovery.resources()).kinds
            except (StatusError, ConnectionFailed):
                continue
            names = self._names()
            wanted = {resource for quota in self._quotas.list() for resource in plan.resources(quota, names)}
            wanted &= {(kind.group, kind.plural) for kind in kinds}
            for resource in self._followers.keys() - wanted:
                self._followers.pop(resource).cancel()

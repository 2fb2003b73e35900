"""Empties and removes namespaces that are being deleted.

What: marks the namespace Terminating, deletes its content kind by kind, reports what is left, and takes the finalizer
`kubernetes` away when nothing is. Flow: a namespace with a deletion time → discovery → delete collections (pods first) → count →
conditions → finalize, or again later.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from kubelite.api.types.core_v1 import Namespace
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.discovery import Discovery, Resources
from kubelite.controllers.kinds import NAMESPACE
from kubelite.controllers.namespace.plan import FINALIZER, order, remaining_finalizers, retry_seconds
from kubelite.controllers.namespace.status import Progress, conditions, unexpected
from kubelite.controllers.objects import Bare
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.util.log import get_logger

NAME = "namespace-controller"
AT_ONCE = 4
log = get_logger(__name__)


class NamespaceController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._namespaces = context.informers.get(NAMESPACE)
        self._discovery = Discovery(context.client)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._namespaces)

    async def run(self) -> None:
        await self.loop.run(self._namespaces)

    async def reconcile(self, key: str) -> Result | None:
        """Bring one namespace nearer to its end."""
        namespace: Namespace | None = self._namespaces.get(key)
        if namespace is None or namespace.metadata.deletionTimestamp is None:
            return None
        if FINALIZER not in namespace.spec.finalizers:
            return None  # others' finalizers are others' work; the server removes it after the last
        if namespace.status.phase != "Terminating":
            changed = copy.copy(namespace)
            changed.status = copy.copy(namespace.status)
            changed.status.phase = "Terminating"
            namespace = await self._client.update(NAMESPACE, changed, subresource="status")
        progress = await self._empty(namespace.metadata.name)
        try:
            await self._report(namespace, progress)
            if not progress.empty:
                return Result(retry_seconds(progress.graces))
            await self._finalize(namespace)
        except StatusError as error:
            # The informer had not heard yet that the namespace is gone.
            if error.code != 404:
                raise
        return None

    async def _empty(self, name: str) -> Progress:
        progress = Progress()
        resources = await self._discover(progress)
        pods, others = order(resources.kinds)
        await self._delete_all(name, pods, progress)
        if not progress.resources and not progress.deletion:
            await self._delete_all(name, others, progress)
        return progress

    async def _discover(self, progress: Progress) -> Resources:
        """The kinds that exist now: a kind of which nobody knew yet must not outlive the namespace."""
        resources = await self._discovery.resources()
        progress.discovery += resources.failed
        return resources

    async def _delete_all(self, name: str, kinds: Sequence[Kind], progress: Progress) -> None:
        for start in range(0, len(kinds), AT_ONCE):
            chunk = kinds[start : start + AT_ONCE]
            await gather_errors([self._delete_kind(name, kind, progress) for kind in chunk])

    async def _delete_kind(self, name: str, kind: Kind, progress: Progress) -> None:
        """Delete all objects of one kind and count those that stay; failures go into `progress`."""
        try:
            left = await self._list(kind, name)
            if not left:
                return
            await self._delete_objects(name, kind, left)
            left = await self._list(kind, name)
        except (StatusError, ConnectionFailed) as error:
            if isinstance(error, StatusError) and error.code in (404, 405):
                return  # the resource vanished since discovery, or does not do what it says
            progress.deletion.append(str(error))
            return
        if not left:
            return
        progress.resources[f"{kind.plural}.{kind.group}"] = len(left)
        for obj in left:
            progress.graces.append(obj.metadata.deletionGracePeriodSeconds or 0)
            for finalizer in obj.metadata.finalizers:
                progress.finalizers[finalizer] = progress.finalizers.get(finalizer, 0) + 1
        if not any(obj.metadata.finalizers or obj.metadata.deletionGracePeriodSeconds for obj in left):
            progress.deletion.append(unexpected(name, kind))

    async def _delete_objects(self, name: str, kind: Kind, objects: Sequence[Bare]) -> None:
        options = DeleteOptions(propagationPolicy="Background")
        if "deletecollection" in kind.verbs:
            await self._client.delete_collection(kind, name, options=options)
            return
        for obj in objects:
            try:
                await self._client.delete(kind, obj.metadata.name, name, options=options)
            except StatusError as error:
                if error.code != 404:
                    raise

    async def _list(self, kind: Kind, name: str) -> list[Bare]:
        listing = await self._client.list(kind, name, type=Bare, metadata_only=True)
        return listing.items

    async def _report(self, namespace: Namespace, progress: Progress) -> None:
        wanted = conditions(progress, namespace.status.conditions, self._clock.now())
        if wanted == namespace.status.conditions:
            return
        changed = copy.copy(namespace)
        changed.status = copy.copy(namespace.status)
        changed.status.conditions = wanted
        try:
            await self._client.update(NAMESPACE, changed, subresource="status")
        except StatusError as error:
            if error.code != 409:
                raise
            return  # the report is repeated with the next attempt; deleting need not wait for it

    async def _finalize(self, namespace: Namespace) -> None:
        """Take our finalizer away; the server then removes the namespace."""
        fresh: Namespace = await self._client.get(NAMESPACE, namespace.metadata.name)
        if fresh.metadata.uid != namespace.metadata.uid:
            return
        fresh.spec.finalizers = remaining_finalizers(fresh.spec.finalizers)
        try:
            await self._client.update(NAMESPACE, fresh, subresource="finalize")
        except StatusError as error:
            if error.code != 404:
                raise
        log.info("Namespace emptied", namespace=namespace.metadata.name)

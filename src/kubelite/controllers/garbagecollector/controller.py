"""Deletes objects whose owners are gone, and carries out foreground and orphan deletions.

What: the wiring of `graph` and `plan`. Flow: metadata of every resource → graph → uids to look at → the object as the server
has it → plan → patch or delete. An owner that the graph does not know is looked up at the server before its dependents are
judged; where the graph has all owners, the server is not asked at all. Resources are discovered at start, every ten minutes,
and when an owner of an unknown kind turns up. What another controller of the process follows already is not followed twice.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

import msgspec

from kubelite.api.types.meta_v1 import DeleteOptions, OwnerReference, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.discovery import Discovery, Resources
from kubelite.controllers.garbagecollector.graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    Node,
    Owned,
    shows_owners,
    without_owners,
)
from kubelite.controllers.garbagecollector.plan import (
    ABSENT,
    WAITING,
    Delete,
    DropReferences,
    owner_state,
    plan,
)
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.util.log import get_logger

NAME = "garbage-collector-controller"
DISCOVERY_SECONDS = 600.0
DISCOVERY_RETRY_SECONDS = 5.0
UNKNOWN_KIND_SECONDS = 30.0
DEFINITION_SECONDS = 1.0
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
REMEMBERED_ABSENT = 500
MIRROR = "extensions"
"""A group whose resources show the objects of others: each would be followed twice."""
IGNORED = frozenset((("", "events"), ("events.k8s.io", "events")))
log = get_logger(__name__)


class UnknownOwnerKind(Exception):
    """An owner reference names a kind that the server does not serve."""


class OwnerOutOfReach(Exception):
    """An object without a namespace names an owner inside one: whose owner that would be cannot be told."""


class GarbageCollector:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._shared = context.informers
        self._graph = Graph()
        self._resources = Resources(())
        self._discovery = Discovery(context.client)
        self._followers: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._definitions_changed = False
        self._informers: dict[tuple[str, str], Informer[Any]] = {}
        self._rediscover = asyncio.Event()
        self._discovered = 0.0
        self._absent: OrderedDict[str, None] = OrderedDict()
        self.loop = Controller(NAME, self.reconcile, workers=10, observe=context.observe)

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            await self._discover(group)
            group.create_task(self._keep_discovering(group), name="gc-discovery")
            for informer in list(self._informers.values()):
                await informer.synced()
            log.info("Garbage collector has synced", objects=len(self._graph))
            await self.loop.run()

    async def reconcile(self, key: str) -> Result | None:
        """Look at the object with uid `key`."""
        node = self._graph.get(key)
        if node is None:
            return None
        if node.orphaning:
            await self._orphan(node)
            return None
        if node.in_foreground:
            await self._finish_foreground(node)
            return None
        if node.deleting or not node.meta.ownerReferences or self._graph.is_kept(node):
            return None
        fresh = await self._fresh(node)
        if fresh is None or fresh.metadata.deletionTimestamp is not None:
            return None
        meta = fresh.metadata
        try:
            owners = {ref.uid: await self._owner_state(node, ref) for ref in meta.ownerReferences}
        except UnknownOwnerKind as error:
            self._rediscover.set()
            log.info("Owner of unknown kind, looking again later", object=meta.name, error=error)
            return Result(UNKNOWN_KIND_SECONDS)
        except OwnerOutOfReach:
            return None  # as upstream: kept, for ever
        action = plan(meta.finalizers, owners, bool(self._graph.dependents(key)))
        if isinstance(action, DropReferences):
            await self._set_owners(node.kind, fresh, without_owners(meta.ownerReferences, set(action.uids)))
        elif isinstance(action, Delete):
            if WAITING in owners.values() and any(child.in_foreground for child in self._graph.dependents(key)):
                # Its own dependents wait too: perhaps a circle, in which each would wait for the next for ever.
                await self._unblock(node.kind, fresh)
                fresh = await self._fresh(node)
            if fresh is not None:
                await self._delete(node.kind, fresh, action.policy)
        return None

    async def _owner_state(self, node: Node, reference: OwnerReference) -> str:
        known = self._graph.get(reference.uid)
        if known is not None:
            namespace = known.meta.namespace
            if not namespace or namespace == node.meta.namespace:
                return owner_state(known.meta.deletionTimestamp, known.meta.finalizers)
            self._report_owner(node, reference)  # owners live in the namespace of their dependents or in none
            if not node.meta.namespace:
                raise OwnerOutOfReach
            return ABSENT
        kind = self._resources.find(reference.apiVersion, reference.kind)
        if kind is not None and kind.namespaced and not node.meta.namespace:
            raise OwnerOutOfReach
        if reference.uid in self._absent:
            return ABSENT
        if kind is None:
            raise UnknownOwnerKind(f"{reference.kind} in {reference.apiVersion}")
        found = await self._get(kind, reference.name, node.meta.namespace if kind.namespaced else "")
        if found is not None and found.metadata.uid == reference.uid:
            return owner_state(found.metadata.deletionTimestamp, found.metadata.finalizers)
        self._absent[reference.uid] = None
        if len(self._absent) > REMEMBERED_ABSENT:
            self._absent.popitem(last=False)
        return ABSENT

    def _report_owner(self, node: Node, reference: OwnerReference) -> None:
        """Tell whoever looks at the object why it is going, or staying, without its owner."""
        namespace = node.meta.namespace
        owner = (
            f"[{reference.apiVersion}/{reference.kind}, namespace: {namespace}, "
            f"name: {reference.name}, uid: {reference.uid}]"
        )
        text = f'ownerRef {owner} does not exist in namespace "{namespace}"'
        self._recorder.event(node.kind, Owned(metadata=node.meta), "Warning", "OwnerRefInvalidNamespace", text)

    async def _fresh(self, node: Node) -> Owned | None:
        """The object as the server has it, None if it is gone or another one has its name."""
        found = await self._get(node.kind, node.meta.name, node.meta.namespace)
        return found if found is not None and found.metadata.uid == node.meta.uid else None

    async def _get(self, kind: Kind, name: str, namespace: str) -> Owned | None:
        try:
            return await self._client.get(kind, name, namespace, type=Owned)
        except StatusError as error:
            if error.code == 404:
                return None
            raise

    async def _finish_foreground(self, node: Node) -> None:
        """Delete what blocks the owner; when nothing does, let the owner go."""
        blocking = self._graph.blocking(node.meta.uid)
        if not blocking:
            await self._drop_finalizer(node, FOREGROUND)
            return
        for child in blocking:
            if not child.deleting:
                self.loop.queue.add(child.meta.uid)

    async def _orphan(self, node: Node) -> None:
        """Set the dependents free, then let the owner go."""
        uid = node.meta.uid
        for child in self._graph.dependents(uid):
            fresh = await self._fresh(child)
            if fresh is not None:
                left = without_owners(fresh.metadata.ownerReferences, {uid})
                await self._set_owners(child.kind, fresh, left)
        await self._drop_finalizer(node, ORPHAN)

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        fresh = await self._fresh(node)
        if fresh is None or finalizer not in fresh.metadata.finalizers:
            return
        left = [name for name in fresh.metadata.finalizers if name != finalizer]
        await self._patch(node.kind, fresh, {"finalizers": left})

    async def _set_owners(self, kind: Kind, fresh: Owned, left: list[OwnerReference]) -> None:
        await self._patch(kind, fresh, {"ownerReferences": [msgspec.to_builtins(reference) for reference in left]})

    async def _unblock(self, kind: Kind, fresh: Owned) -> None:
        """Let no owner wait for this object."""
        references = fresh.metadata.ownerReferences
        if any(reference.blockOwnerDeletion for reference in references):
            for reference in references:
                reference.blockOwnerDeletion = False
            await self._set_owners(kind, fresh, references)

    async def _patch(self, kind: Kind, fresh: Owned, metadata: dict[str, Any]) -> None:
        """A merge patch, which every kind takes; the version in it guards the list that it replaces."""
        meta = fresh.metadata
        patch = {"metadata": {"uid": meta.uid, "resourceVersion": meta.resourceVersion, **metadata}}
        try:
            await self._client.patch(kind, meta.name, patch, meta.namespace, type=Owned)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _delete(self, kind: Kind, fresh: Owned, policy: str) -> None:
        meta = fresh.metadata
        preconditions = Preconditions(uid=meta.uid, resourceVersion=meta.resourceVersion)
        options = DeleteOptions(propagationPolicy=policy, preconditions=preconditions)
        log.info("Deleting", resource=kind.resource, object=f"{meta.namespace}/{meta.name}", policy=policy)
        try:
            await self._client.delete(kind, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _keep_discovering(self, group: asyncio.TaskGroup) -> None:
        while True:
            try:
                async with asyncio.timeout(DISCOVERY_SECONDS):
                    await self._rediscover.wait()
            except TimeoutError:
                pass
            self._rediscover.clear()
            # A changed definition says that there is news; an unknown owner only that there might be.
            least = DEFINITION_SECONDS if self._definitions_changed else UNKNOWN_KIND_SECONDS
            self._definitions_changed = False
            pause = least - (self._clock.monotonic() - self._discovered)
            if pause > 0:
                await self._clock.sleep(pause)
            await self._discover(group)

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        """Follow the resources that are new, and stop following those that are gone."""
        while True:
            try:
                self._resources = await self._discovery.resources()
                break
            except (StatusError, ConnectionFailed) as error:
                log.warning("Discovery failed", error=error)
                await self._clock.sleep(DISCOVERY_RETRY_SECONDS)
        self._discovered = self._clock.monotonic()
        for kind in self._resources.kinds:
            name = (kind.group, kind.plural)
            if name in self._informers or name in IGNORED or "watch" not in kind.verbs:
                continue
            if kind.group == MIRROR:
                continue
            informer = self._shared_informer(kind)
            if informer is None:
                informer = Informer(self._client, kind, type=Owned, metadata_only=True)
                self._followers[name] = group.create_task(informer.run(), name=f"gc-{kind.plural}")
            informer.add_handler(self._handler(kind))
            if name == DEFINITIONS:
                informer.add_handler(self._definition_changed)
            self._informers[name] = informer
        present = {(kind.group, kind.plural) for kind in self._resources.kinds}
        for name in [] if self._resources.failed else [one for one in self._followers if one not in present]:
            del self._informers[name]
            self._followers.pop(name).cancel()

    def _shared_informer(self, kind: Kind) -> Informer[Any] | None:
        """The one that others decide by, where it shows who owns whom."""
        found = self._shared.known(kind)
        return found if found is not None and shows_owners(found.type) else None

    def _definition_changed(self, change: Change[Owned]) -> None:
        self._definitions_changed = True
        self._rediscover.set()

    def _handler(self, kind: Kind) -> Any:
        def handle(change: Change[Owned]) -> None:
            if change.new is None:
                uids = self._graph.drop(change.object)
            else:
                if change.old is not None and change.old.metadata.uid != change.new.metadata.uid:
                    for uid in self._graph.drop(change.old):
                        self.loop.queue.add(uid)
                uids = self._graph.put(kind, change.new)
            for uid in uids:
                self.loop.queue.add(uid)

        return handle

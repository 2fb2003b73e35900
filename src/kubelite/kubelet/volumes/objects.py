"""The config maps and secrets that pods of this node use: watched one by one, only while a pod uses them.

What: `ObjectCache`, shared by volumes and variables. Why: a kubelet may read single named objects, not all of a namespace.
Flow: `use` fetches once and starts a watch of that one object; a change asks for a sync of the pods that use it;
`release` ends the watches of a pod. Immutable objects are not watched. Bound: one watch for each object in use.
Source: pkg/kubelet/util/manager/watch_based_manager.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias
from weakref import WeakKeyDictionary

from kubelite.api.types.core_v1 import ConfigMap, Secret
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer
from kubelite.kubelet.interfaces import Context, SyncError
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

KindName: TypeAlias = Literal["configmap", "secret"]
Content: TypeAlias = ConfigMap | Secret
Key: TypeAlias = tuple[KindName, str, str]
"""Kind, namespace, name."""

KINDS: Final[dict[KindName, Kind]] = {
    "configmap": Kind(group="", version="v1", kind="ConfigMap", plural="configmaps", type=ConfigMap),
    "secret": Kind(group="", version="v1", kind="Secret", plural="secrets", type=Secret),
}


@dataclass(slots=True)
class _Entry:
    users: set[str] = field(default_factory=set)
    informer: Informer[Content] | None = None
    task: asyncio.Task[None] | None = None
    fetched: Content | None = None
    """What the first GET gave; the informer's copy wins as soon as it has one."""


class ObjectCache:
    """See the module."""

    def __init__(self, client: Client, resync: Callable[[str], None]) -> None:
        self._client = client
        self._resync = resync
        self._entries: dict[Key, _Entry] = {}

    async def read(self, kind: KindName, namespace: str, name: str, reason: str) -> Content | None:
        """The object now, None when it does not exist; nothing is watched for it. Raises SyncError(reason, ...)."""
        entry = self._entries.get((kind, namespace, name))
        if entry is not None and (obj := _latest(entry, namespace, name)) is not None:
            return obj
        try:
            obj = await self._client.get(KINDS[kind], name, namespace)
        except StatusError as error:
            if error.code == 404:
                return None
            raise SyncError(reason, error.message) from error
        except ConnectionFailed as error:
            raise SyncError(reason, f"failed to sync {kind} cache: {error}") from error
        return obj

    async def use(self, pod_uid: str, kind: KindName, namespace: str, name: str) -> Content | None:
        """The object for a pod, followed from now on. None when it does not exist (it is followed all the same)."""
        key: Key = (kind, namespace, name)
        obj = await self.read(kind, namespace, name, "FailedMount")
        entry = self._entries.setdefault(key, _Entry())
        entry.users.add(pod_uid)
        if entry.informer is None or _latest(entry, namespace, name) is None:
            entry.fetched = obj
        if entry.task is None and not (obj is not None and obj.immutable):
            self._follow(key, entry)
        return obj

    def version(self, kind: KindName, namespace: str, name: str) -> str:
        """The resourceVersion of the object as it is known here; "" where it is not."""
        entry = self._entries.get((kind, namespace, name))
        obj = _latest(entry, namespace, name) if entry is not None else None
        return obj.metadata.resourceVersion if obj is not None else ""

    def _follow(self, key: Key, entry: _Entry) -> None:
        kind, namespace, name = key
        selector = f"metadata.name={name}"
        entry.informer = Informer(self._client, KINDS[kind], namespace=namespace, field_selector=selector)
        entry.informer.add_handler(lambda change: self._changed(entry, change))
        entry.task = asyncio.create_task(entry.informer.run(), name=f"watch {kind} {namespace}/{name}")

    def _changed(self, entry: _Entry, change: Change[Content]) -> None:
        now, before = change.new, change.old or entry.fetched
        if now is not None and before is not None and now.metadata.resourceVersion == before.metadata.resourceVersion:
            return
        if now is None:
            entry.fetched = None
        for uid in list(entry.users):
            self._resync(uid)

    def release(self, pod_uid: str) -> None:
        """The pod is gone: end the watches that nobody else needs."""
        for key, entry in list(self._entries.items()):
            entry.users.discard(pod_uid)
            if not entry.users:
                del self._entries[key]
                if entry.task is not None:
                    entry.task.cancel()

    async def close(self) -> None:
        """End every watch."""
        tasks = [entry.task for entry in self._entries.values() if entry.task is not None]
        self._entries.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _latest(entry: _Entry, namespace: str, name: str) -> Content | None:
    if entry.informer is not None and entry.informer.has_synced:
        return entry.informer.get(f"{namespace}/{name}")
    # Before the first list, or of an immutable object: what was fetched is as good as a new GET.
    return entry.fetched


_caches: WeakKeyDictionary[Client, ObjectCache] = WeakKeyDictionary()


def shared_objects(context: Context) -> ObjectCache:
    """The one cache of a kubelet, which its volumes and its environment share."""
    cache = _caches.get(context.client)
    if cache is None:
        cache = _caches[context.client] = ObjectCache(context.client, context.resync)
    return cache

"""The pods of the owners of one kind: which there are, which to adopt or give up, whose key a change concerns.

What: `Children` over the caches of pods and of their owners. Why: StatefulSets, DaemonSets and Jobs ask the same questions.
Flow: pod change → `keys` → reconcile → `claim` → the pods held (pkg/controller controller_ref_manager.go).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.client.client import Client
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.claims import claim
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.controllers.podcontrol import adopt, release
from kubelite.controllers.podindex import BY_OWNER, ORPHANS
from kubelite.machinery import labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import controller_of

BY_NAMESPACE = "namespace"


async def may_adopt(client: Client, kind: Kind, owner: Any) -> bool:
    """Ask the server, not the cache, whether the owner still is this one and is not being deleted."""
    meta = owner.metadata
    try:
        fresh: Any = await client.get(kind, meta.name, meta.namespace)
    except StatusError as error:
        if error.code == 404:
            return False
        raise
    return bool(fresh.metadata.uid == meta.uid and fresh.metadata.deletionTimestamp is None)


class Children:
    """The pods of the owners of `kind`."""

    def __init__(self, client: Client, kind: Kind, owners: Informer[Any], pods: Informer[Pod]) -> None:
        self._client = client
        self._kind = kind
        self._owners = owners
        self._pods = pods
        if BY_NAMESPACE not in owners.indexes:
            owners.add_indexers({BY_NAMESPACE: lambda owner: (owner.metadata.namespace,)})

    async def claim(self, owner: Any, belongs: Callable[[Pod], bool] = lambda pod: True) -> list[Pod]:
        """The pods that `owner` holds, after adoption of those it selects and release of those it does not.

        `belongs` narrows the selector further.
        """
        meta = owner.metadata
        selector = labels.from_label_selector(owner.spec.selector)
        mine = self._pods.by_index(BY_OWNER, meta.uid)
        orphans = self._pods.by_index(ORPHANS, meta.namespace)
        claims = claim(owner, lambda pod: belongs(pod) and selector.matches(pod.metadata.labels), [*mine, *orphans])
        held = list(claims.held)
        if claims.adopt and await may_adopt(self._client, self._kind, owner):
            for pod in claims.adopt:
                if await self.adopt(owner, pod):
                    held.append(pod)
        for pod in claims.release:
            await self.release(owner, pod)
        return held

    async def adopt(self, owner: Any, pod: Pod) -> bool:
        """Make `owner` the controller of `pod`; False if the pod is gone."""
        return await adopt(self._client, owner, self._kind, pod, POD)

    async def release(self, owner: Any, pod: Pod) -> None:
        """Give `pod` up."""
        await release(self._client, owner, pod, POD)

    def owner_key(self, pod: Pod | None) -> str:
        """The key of the owner that controls `pod`, "" if none of ours does."""
        controller = controller_of(pod) if pod is not None else None
        if pod is None or controller is None or controller.kind != self._kind.kind:
            return ""
        key = f"{pod.metadata.namespace}/{controller.name}"
        found = self._owners.get(key)
        return key if found is not None and found.metadata.uid == controller.uid else ""

    def keys(self, change: Change[Pod]) -> list[str]:
        """The owners that a pod's change concerns: old and new controller, and for a new orphan those that select it."""
        keys: list[str] = []
        for pod in change:
            key = self.owner_key(pod)
            if key and key not in keys:
                keys.append(key)
        old, new = change
        if new is not None and _is_new_orphan(old, new):
            keys += self._selecting(new)
        return keys

    def _selecting(self, pod: Pod) -> list[str]:
        wanted = pod.metadata.labels
        if not wanted:
            return []
        return [
            object_key(owner)
            for owner in self._owners.by_index(BY_NAMESPACE, pod.metadata.namespace)
            if labels.from_label_selector(owner.spec.selector).matches(wanted)
        ]


def _is_new_orphan(old: Pod | None, new: Pod) -> bool:
    """Whether the pod has no controller and its labels, by which one may claim it, are news."""
    if new.metadata.deletionTimestamp is not None or controller_of(new) is not None:
        return False
    return old is None or controller_of(old) is not None or old.metadata.labels != new.metadata.labels

"""Keeps volume claims while pods use them.

Flow: a claim that is being deleted → the pods of its namespace as the server has them now → the finalizer goes if none uses it. A
claim without the finalizer gets it. Pods that go away or change wake the claims of their namespace that wait.
Source: pkg/controller/volume/pvcprotection.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.api.types.core_v1 import Pod as FullPod
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers import finalizers
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.controllers.podindex import pods_informer
from kubelite.controllers.pvcprotection import plan

NAME = "persistentvolumeclaim-protection-controller"
FINALIZER = "kubernetes.io/pvc-protection"
WAITING = "protected-and-deleted"
PAGE = 500


class ClaimProtectionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._claims.add_indexers(
            {WAITING: lambda claim: (claim.metadata.namespace,) if finalizers.is_candidate(claim, FINALIZER) else ()}
        )
        self._pods = pods_informer(context)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._claims)
        self.loop.watch(self._pods, self._waiting_for)

    async def run(self) -> None:
        await self.loop.run(self._claims, self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """Give one claim the finalizer, or take it away."""
        claim = self._claims.get(key)
        if claim is None:
            return None
        going = finalizers.is_candidate(claim, FINALIZER)
        used = going and plan.is_used(claim, await self._pods_of(claim.metadata.namespace))
        wanted = finalizers.wanted(claim, FINALIZER, in_use=used)
        if wanted is not None:
            await finalizers.put(self._client, PERSISTENT_VOLUME_CLAIM, claim, wanted)
        return None

    async def _pods_of(self, namespace: str) -> list[FullPod]:
        found: list[FullPod] = []
        more = ""
        while True:
            page: Any = await self._client.list(POD, namespace, limit=PAGE, continue_=more)
            found += page.items
            more = page.continue_
            if not more:
                return found

    def _waiting_for(self, change: Change[Pod]) -> list[str]:
        """A pod that is there to stay sets no claim free."""
        new = change.new
        if change.old is None or (new is not None and new.metadata.deletionTimestamp is None):
            return []
        return [object_key(claim) for claim in self._claims.by_index(WAITING, change.object.metadata.namespace)]

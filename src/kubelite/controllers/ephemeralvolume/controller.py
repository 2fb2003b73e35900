"""Makes the claims of pods' ephemeral volumes.

Flow: a pod with such volumes whose claims are not all there → the pod as the server has it → create what is missing; a claim of
the name that is another's is reported, and looked at again when it goes. Owner references take the claims away with the pod.
Source: pkg/controller/volume/ephemeral.
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.api.types.core_v1 import Pod as FullPod
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key, split_key
from kubelite.controllers.context import Context
from kubelite.controllers.ephemeralvolume.plan import claim_names, needs_claims, plan
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.podindex import pods_informer
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import controller_of

NAME = "ephemeral-volume-controller"
COMPONENT = "ephemeral_volume"
"""The source of its events."""
FAILED = "FailedBinding"
BY_EPHEMERAL_CLAIM = "ephemeral-claim"


class EphemeralVolumeController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(COMPONENT)
        text = "Number of PersistentVolumeClaim creation requests"
        self._tried = context.metrics.counter("ephemeral_volume_controller_create_total", text)
        self._failed = context.metrics.counter("ephemeral_volume_controller_create_failures_total", text)
        self._claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._pods = pods_informer(context)
        self._pods.add_indexers(
            {BY_EPHEMERAL_CLAIM: lambda pod: [f"{pod.metadata.namespace}/{name}" for name in claim_names(pod)]}
        )
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._pods, _with_ephemeral)
        self.loop.watch(self._claims, self._users_of_gone)

    async def run(self) -> None:
        await self.loop.run(self._pods, self._claims)

    async def reconcile(self, key: str) -> Result | None:
        """Make what one pod lacks."""
        seen = self._pods.get(key)
        if seen is None or not needs_claims(seen) or self._complete(seen):
            return None
        namespace, name = split_key(key)
        try:
            pod = await self._client.get(POD, name, namespace, type=FullPod)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        decided = plan(pod, lambda claim: self._claims.get(f"{namespace}/{claim}"))
        for text in decided.conflicts:
            self._recorder.event(POD, pod, "Warning", FAILED, text)
        for claim in decided.create:
            await self._create(pod, claim)
        return None

    def _complete(self, pod: Pod) -> bool:
        """Whether the cache shows every claim, each the pod's own."""
        for name in claim_names(pod):
            claim = self._claims.get(f"{pod.metadata.namespace}/{name}")
            owner = controller_of(claim) if claim is not None else None
            if owner is None or owner.uid != pod.metadata.uid:
                return False
        return True

    async def _create(self, pod: FullPod, claim: PersistentVolumeClaim) -> None:
        self._tried.inc()
        try:
            await self._client.create(PERSISTENT_VOLUME_CLAIM, claim)
        except StatusError as error:
            self._failed.inc()
            if is_terminating_namespace(error):
                return
            volume = claim.metadata.name.removeprefix(f"{pod.metadata.name}-")
            text = f"ephemeral volume {volume}: create PVC {object_key(claim)}: {error.message}"
            if error.reason != "AlreadyExists":  # that one comes with the cache
                self._recorder.event(POD, pod, "Warning", FAILED, text)
            raise

    def _users_of_gone(self, change: Change[PersistentVolumeClaim]) -> list[str]:
        if change.new is not None:
            return []
        return [object_key(pod) for pod in self._pods.by_index(BY_EPHEMERAL_CLAIM, object_key(change.object))]


def _with_ephemeral(change: Change[Pod]) -> list[str]:
    return [object_key(change.new)] if change.new is not None and needs_claims(change.new) else []

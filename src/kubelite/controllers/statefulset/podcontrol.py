"""The pods and claims of a StatefulSet on the server, with the events that tell of them.

What: one method per step of the plan. Why: a pod must not exist before its claims. Texts follow
pkg/controller/statefulset/stateful_pod_control.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.types.apps_v1 import StatefulSet
from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod, PodTemplateSpec
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Informer
from kubelite.client.recorder import Recorder
from kubelite.controllers.kinds import PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET
from kubelite.controllers.statefulset import identity, retention
from kubelite.machinery.errors import StatusError


class StatefulPods:
    """The hands of the controller."""

    def __init__(self, client: Client, recorder: Recorder, claims: Informer[PersistentVolumeClaim]) -> None:
        self._client = client
        self._recorder = recorder
        self._claims = claims

    def claims_of(self, stateful_set: StatefulSet, ordinal: int) -> dict[str, PersistentVolumeClaim]:
        """The claims of one pod that there are, by name."""
        namespace = stateful_set.metadata.namespace
        names = identity.claim_names(stateful_set, ordinal)
        found = {name: self._claims.get(f"{namespace}/{name}") for name in names}
        return {name: claim for name, claim in found.items() if claim is not None}

    async def create(self, stateful_set: StatefulSet, template: PodTemplateSpec, revision: str, ordinal: int) -> None:
        """Make the claims, then the pod; one that is there already is an error of the caller's cache, not worth an event."""
        pod = identity.make_pod(stateful_set, template, revision, ordinal)
        try:
            await self.make_claims(stateful_set, ordinal)
            made: Pod = await self._client.create(POD, pod)
            await self.own_claims(stateful_set, made)  # those that were there before
        except (StatusError, ConnectionFailed) as error:
            if not (isinstance(error, StatusError) and error.reason == "AlreadyExists"):
                self._tell(stateful_set, "create", pod, error)
            raise
        self._tell(stateful_set, "create", pod)

    async def delete(self, stateful_set: StatefulSet, pod: Any) -> None:
        """Delete this very pod; one that is gone is fine."""
        meta = pod.metadata
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(POD, meta.name, meta.namespace, options=options)
        except (StatusError, ConnectionFailed) as error:
            if isinstance(error, StatusError) and error.code in (404, 409):
                return
            self._tell(stateful_set, "delete", pod, error)
            raise
        self._tell(stateful_set, "delete", pod)

    async def make_claims(self, stateful_set: StatefulSet, ordinal: int) -> None:
        """Make those claims of a pod that are missing. Raises StatusError for one that is being deleted."""
        for claim in identity.claims(stateful_set, ordinal):
            name = claim.metadata.name
            present = self._claims.get(f"{claim.metadata.namespace}/{name}")
            if present is not None:
                if present.metadata.deletionTimestamp is not None:
                    raise StatusError(409, "Conflict", f"pvc {name} is being deleted")
                continue
            claim.metadata.ownerReferences = retention.owners_of_new(stateful_set)
            try:
                await self._client.create(PERSISTENT_VOLUME_CLAIM, claim)
            except (StatusError, ConnectionFailed) as error:
                if isinstance(error, StatusError) and error.reason == "AlreadyExists":
                    continue
                self._tell_claim(stateful_set, ordinal, name, error)
                if isinstance(error, StatusError):
                    text = f"failed to create PVC {name}: {error}"
                    raise StatusError(error.code, error.reason, text) from error
                raise
            self._tell_claim(stateful_set, ordinal, name)

    async def own_claims(self, stateful_set: StatefulSet, pod: Any, *, tell: bool = False) -> None:
        """Give the claims of a pod the owners that the retention policy asks for."""
        for name, claim in self.claims_of(stateful_set, identity.ordinal_of(pod)).items():
            if retention.has_other_controller(stateful_set, pod, claim):
                message = (
                    f"PersistentVolumeClaim {name} has a conflicting OwnerReference that acts as a manging controller, "
                    "the retention policy is ignored for this claim"
                )
                self._recorder.event(STATEFUL_SET, stateful_set, "Warning", "ConflictingController", message)
            if not retention.match(stateful_set, pod, claim):
                await self._client.update(PERSISTENT_VOLUME_CLAIM, retention.with_owners(stateful_set, pod, claim))
        if tell:
            self._tell(stateful_set, "update", pod)

    async def repair(self, stateful_set: StatefulSet, pod: Any) -> None:
        """Give a pod its labels and claims back."""
        meta = pod.metadata
        try:
            await self.make_claims(stateful_set, identity.ordinal_of(pod))
            fresh: Pod = await self._client.get(POD, meta.name, meta.namespace)
            if fresh.metadata.uid != meta.uid:
                return
            identity.give_identity(stateful_set, fresh)
            await self._client.update(POD, fresh)
            await self.own_claims(stateful_set, pod)
        except (StatusError, ConnectionFailed) as error:
            self._tell(stateful_set, "update", pod, error)
            raise
        self._tell(stateful_set, "update", pod)

    def _tell(self, stateful_set: StatefulSet, verb: str, pod: Any, error: Exception | None = None) -> None:
        text = f"{verb} Pod {pod.metadata.name} in StatefulSet {stateful_set.metadata.name}"
        self._event(stateful_set, verb, text + " successful", text, error)

    def _tell_claim(self, stateful_set: StatefulSet, ordinal: int, claim: str, error: Exception | None = None) -> None:
        pod, owner = identity.pod_name(stateful_set, ordinal), stateful_set.metadata.name
        good = f"create Claim {claim} Pod {pod} in StatefulSet {owner} success"
        self._event(stateful_set, "create", good, f"create Claim {claim} for Pod {pod} in StatefulSet {owner}", error)

    def _event(self, stateful_set: StatefulSet, verb: str, good: str, bad: str, error: Exception | None) -> None:
        if error is None:
            self._recorder.event(STATEFUL_SET, stateful_set, "Normal", f"Successful{verb.title()}", good)
            return
        message = f"{bad} failed error: {error}"
        self._recorder.event(STATEFUL_SET, stateful_set, "Warning", f"Failed{verb.title()}", message)

"""Rolls each Deployment's pods from one template to the next, by way of ReplicaSets.

What: the wiring of `plan` and `status`: claims ReplicaSets, applies the plan, writes the status.
Flow: changes of deployments, sets and pods → key → claim sets → pause condition → plan → create, refresh, resize, delete →
status. Each reconcile does one step; the event of its own write brings the next, and none is done before the cache shows it: from
an older cache a set that was just scaled up is not counted, and the next one gets its pods a second time.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kubelite.api.types.apps_v1 import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, object_key
from kubelite.controllers import objects
from kubelite.controllers.claims import claim, owner_reference
from kubelite.controllers.context import Context
from kubelite.controllers.deployment import revision, sizes
from kubelite.controllers.deployment import status as states
from kubelite.controllers.deployment.plan import Observed, Plan, Resize, plan, split
from kubelite.controllers.deployment.rollback import Rollback, requested, rollback
from kubelite.controllers.kinds import DEPLOYMENT, REPLICA_SET
from kubelite.controllers.podcontrol import adopt, is_terminating_namespace, release
from kubelite.controllers.podindex import BY_OWNER, pods_informer
from kubelite.controllers.writes import Writes
from kubelite.machinery import labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import condition, controller_of

NAME = "deployment-controller"
BY_NAMESPACE = "namespace"
STALE_SECONDS = 1.0


class DeploymentController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._deployments = context.informers.get(DEPLOYMENT)
        self._sets = context.informers.get(REPLICA_SET)
        if BY_NAMESPACE not in self._sets.indexes:
            self._sets.add_indexers({BY_NAMESPACE: lambda rs: (rs.metadata.namespace,)})
        self._pods = pods_informer(context)
        self._writes = Writes(self._sets, context.clock.monotonic)
        self._recorder = context.recorder(NAME)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._deployments)
        self.loop.watch(self._sets, self._keys_of_set)
        self.loop.watch(self._pods, self._keys_of_pod)

    async def run(self) -> None:
        await self.loop.run(self._deployments, self._sets, self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """One step of one deployment."""
        deployment: Deployment | None = self._deployments.get(key)
        if deployment is None:
            self._writes.forget(key)
            return None
        if not self._writes.settled(key):
            return Result(STALE_SECONDS)
        selector = deployment.spec.selector
        if selector is None or (not selector.matchLabels and not selector.matchExpressions):
            await self._refuse_empty_selector(deployment)
            return None
        sets = await self._claim(deployment)
        now = self._clock.now()
        if deployment.metadata.deletionTimestamp is not None:
            new, old = split(deployment, sets)
            await self._write(deployment, states.counts(deployment, new, old, now))
            return None
        paused = states.pause_condition(deployment, now)
        if paused is not None:
            deployment = states.with_condition(deployment, paused)
            deployment = await self._client.update(DEPLOYMENT, deployment, subresource="status")
        number = requested(deployment)
        if number is not None and not deployment.spec.paused:
            await self._roll_back(deployment, rollback(deployment, sets, number))
            return None
        pods = {rs.metadata.uid: self._pods.by_index(BY_OWNER, rs.metadata.uid) for rs in sets}
        wanted = plan(Observed(deployment, sets, pods))
        return await self._apply(deployment, sets, wanted)

    async def _roll_back(self, deployment: Deployment, wanted: Rollback) -> None:
        """Nothing else is done before the request is gone: a set may get another revision."""
        await self._client.update(DEPLOYMENT, wanted.deployment)
        self._recorder.event(DEPLOYMENT, deployment, wanted.type, wanted.reason, wanted.message)

    async def _apply(self, deployment: Deployment, sets: list[ReplicaSet], wanted: Plan) -> Result | None:
        note: DeploymentCondition | None = None
        if wanted.create:
            made, note = await self._create(deployment, sets)
            sets = [*(rs for rs in sets if rs.metadata.uid != made.metadata.uid), made]
        elif wanted.refresh is not None:
            fresh = await self._client.update(REPLICA_SET, wanted.refresh)
            self._writes.wrote(object_key(deployment), fresh)
            sets = [fresh if rs.metadata.uid == fresh.metadata.uid else rs for rs in sets]
        for resize in wanted.resize:
            fresh = await self._resize(deployment, resize)
            sets = [fresh if rs.metadata.uid == fresh.metadata.uid else rs for rs in sets]
        for replica_set in wanted.delete:
            await self._delete(replica_set)
        new, old = split(deployment, sets)
        if note is None and new is not None:
            note = self._found(deployment, new)
        return await self._finish(deployment, new, old, note)

    async def _finish(
        self,
        deployment: Deployment,
        new: ReplicaSet | None,
        old: Sequence[ReplicaSet],
        note: DeploymentCondition | None,
    ) -> Result | None:
        """Write the status, with `note` as the news of this step, and the revision; say when to look again."""
        now = self._clock.now()
        basis = states.with_condition(deployment, note) if note is not None else deployment
        if deployment.spec.paused:
            status = states.counts(basis, new, old, now)
        else:
            status = states.rollout_status(basis, new, old, now)
        await self._write(deployment, status, new)
        wait = 0.0 if deployment.spec.paused else states.seconds_to_deadline(deployment, status, now)
        return Result(wait) if wait else None

    def _found(self, deployment: Deployment, new: ReplicaSet) -> DeploymentCondition | None:
        if not states.has_deadline(deployment):
            return None
        if condition(deployment.status.conditions, states.PROGRESSING) is not None:
            return None
        message = f'Found new replica set "{new.metadata.name}"'
        return states.progress(deployment, "True", states.FOUND, message, self._clock.now())

    async def _create(
        self, deployment: Deployment, sets: Sequence[ReplicaSet]
    ) -> tuple[ReplicaSet, DeploymentCondition | None]:
        """Make the set of the present template; a set of that name that is ours and the same is as good."""
        wanted = revision.make_new(deployment, sets, owner_reference(deployment, DEPLOYMENT))
        name = wanted.metadata.name
        try:
            made = await self._client.create(REPLICA_SET, wanted)
            self._writes.wrote(object_key(deployment), made)
        except StatusError as error:
            if error.code == 409 and error.reason == "AlreadyExists":
                return await self._existing(deployment, name), None
            await self._report_failed_create(deployment, name, error)
            raise
        except ConnectionFailed as error:
            await self._report_failed_create(deployment, name, error)
            raise
        if sizes.size(made):
            self._scaled(deployment, name, 0, sizes.size(made))
        if not states.has_deadline(deployment):
            return made, None
        message = f'Created new replica set "{name}"'
        return made, states.progress(deployment, "True", states.CREATED, message, self._clock.now())

    async def _existing(self, deployment: Deployment, name: str) -> ReplicaSet:
        """The set that has the name already; if it is another one, the next attempt uses another hash."""
        found: ReplicaSet = await self._client.get(REPLICA_SET, name, deployment.metadata.namespace)
        controller = controller_of(found)
        ours = controller is not None and controller.uid == deployment.metadata.uid
        if ours and revision.same_template(found.spec.template, deployment.spec.template):
            return found
        changed = copy.copy(deployment)
        changed.status = copy.copy(deployment.status)
        changed.status.collisionCount = (deployment.status.collisionCount or 0) + 1
        await self._client.update(DEPLOYMENT, changed, subresource="status")
        raise StatusError(409, "AlreadyExists", f'replicasets.apps "{name}" already exists')

    async def _report_failed_create(self, deployment: Deployment, name: str, error: Exception) -> None:
        if is_terminating_namespace(error):
            return
        message = f'Failed to create new replica set "{name}": {error}'
        if states.has_deadline(deployment):
            failed = states.progress(deployment, "False", states.CREATE_FAILED, message, self._clock.now())
            status = states.with_condition(deployment, failed).status
            await self._write(deployment, status)
        self._recorder.event(DEPLOYMENT, deployment, "Warning", states.CREATE_FAILED, message)

    async def _resize(self, deployment: Deployment, resize: Resize) -> ReplicaSet:
        present = resize.replica_set
        annotations = present.metadata.annotations | revision.size_annotations(deployment)
        if resize.quiet and annotations == present.metadata.annotations:
            return present
        changed = copy.copy(present)
        changed.metadata = copy.copy(present.metadata)
        changed.metadata.annotations = annotations
        changed.spec = copy.copy(present.spec)
        changed.spec.replicas = resize.size
        fresh = await self._client.update(REPLICA_SET, changed)
        self._writes.wrote(object_key(deployment), fresh)
        if not resize.quiet:
            self._scaled(deployment, present.metadata.name, sizes.size(present), resize.size)
        return fresh

    def _scaled(self, deployment: Deployment, name: str, before: int, after: int) -> None:
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {name} from {before} to {after}"
        self._recorder.event(DEPLOYMENT, deployment, "Normal", "ScalingReplicaSet", message)

    async def _delete(self, replica_set: ReplicaSet) -> None:
        meta = replica_set.metadata
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(REPLICA_SET, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    async def _write(self, deployment: Deployment, status: DeploymentStatus, new: ReplicaSet | None = None) -> None:
        """Write what differs: the status, and in an annotation the revision of the new set.

        Both by way of the status, as a change of annotations is otherwise one of what is wanted.
        """
        number = revision.shown(new) if new is not None else ""
        news = number and deployment.metadata.annotations.get(revision.REVISION) != number
        if not news and not states.differs(deployment.status, status):
            return
        changed = copy.copy(deployment)
        changed.status = status
        if news:
            changed.metadata = copy.copy(deployment.metadata)
            changed.metadata.annotations = {**deployment.metadata.annotations, revision.REVISION: number}
        try:
            await self._client.update(DEPLOYMENT, changed, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    async def _refuse_empty_selector(self, deployment: Deployment) -> None:
        message = "This deployment is selecting all pods. A non-empty selector is required."
        self._recorder.event(DEPLOYMENT, deployment, "Warning", "SelectingAll", message)
        if (deployment.status.observedGeneration or 0) < (deployment.metadata.generation or 0):
            status = copy.copy(deployment.status)
            status.observedGeneration = deployment.metadata.generation
            await self._write(deployment, status)

    async def _claim(self, deployment: Deployment) -> list[ReplicaSet]:
        """The sets that the deployment controls, after adoption and release."""
        selector = labels.from_label_selector(deployment.spec.selector)
        candidates = self._sets.by_index(BY_NAMESPACE, deployment.metadata.namespace)
        claims = claim(deployment, lambda rs: selector.matches(rs.metadata.labels), candidates)
        held = list(claims.held)
        if claims.adopt and await self._may_adopt(deployment):
            for replica_set in claims.adopt:
                if await adopt(self._client, deployment, DEPLOYMENT, replica_set, REPLICA_SET):
                    held.append(replica_set)
        for replica_set in claims.release:
            await release(self._client, deployment, replica_set, REPLICA_SET)
        return held

    async def _may_adopt(self, deployment: Deployment) -> bool:
        meta = deployment.metadata
        try:
            fresh: Deployment = await self._client.get(DEPLOYMENT, meta.name, meta.namespace)
        except StatusError as error:
            if error.code == 404:
                return False
            raise
        return fresh.metadata.uid == meta.uid and fresh.metadata.deletionTimestamp is None

    def _keys_of_set(self, change: Change[ReplicaSet]) -> list[str]:
        keys: list[str] = []
        for replica_set in change:
            key = self._owner_key(replica_set)
            if key and key not in keys:
                keys.append(key)
        new = change.new
        if new is not None and controller_of(new) is None and new.metadata.labels:
            for deployment in self._deployments.list():
                if deployment.metadata.namespace != new.metadata.namespace:
                    continue
                if labels.from_label_selector(deployment.spec.selector).matches(new.metadata.labels):
                    keys.append(object_key(deployment))
        return keys

    def _owner_key(self, child: Any) -> str:
        controller = controller_of(child) if child is not None else None
        if controller is None or controller.kind != DEPLOYMENT.kind:
            return ""
        key = f"{child.metadata.namespace}/{controller.name}"
        found = self._deployments.get(key)
        return key if found is not None and found.metadata.uid == controller.uid else ""

    def _keys_of_pod(self, change: Change[objects.Pod]) -> list[str]:
        """Only Recreate waits for pods to go: their last deletion lets it go on."""
        if change.new is not None and change.new.status.phase not in ("Failed", "Succeeded"):
            return []
        controller = controller_of(change.object)
        if controller is None or controller.kind != REPLICA_SET.kind:
            return []
        key = self._owner_key(self._sets.get(f"{change.object.metadata.namespace}/{controller.name}"))
        deployment = self._deployments.get(key) if key else None
        return [key] if deployment is not None and not sizes.is_rolling(deployment) else []

"""Keeps the pods of each StatefulSet: their number, order, names, storage and revision.

What: the wiring of `plan` and `status`. Flow: changes of sets and pods, and claims that go → key → claim pods, find revisions →
plan → steps, one after the other or in growing batches → status → old revisions cut. Names are fixed, so a stale cache can at
worst ask for a pod that is there already, which the server refuses.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kubelite.api.types.apps_v1 import ControllerRevision, StatefulSet, StatefulSetStatus
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, object_key
from kubelite.controllers.children import BY_NAMESPACE, Children, may_adopt
from kubelite.controllers.context import Context
from kubelite.controllers.history import History, surplus, template_of
from kubelite.controllers.kinds import PERSISTENT_VOLUME_CLAIM, STATEFUL_SET
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.controllers.podindex import pods_informer
from kubelite.controllers.statefulset import identity
from kubelite.controllers.statefulset.plan import Create, Delete, MakeClaims, Observed, Plan, Repair, Step, plan
from kubelite.controllers.statefulset.podcontrol import StatefulPods
from kubelite.controllers.statefulset.status import differs, status_of
from kubelite.controllers.waves import in_waves
from kubelite.machinery.errors import StatusError

NAME = "statefulset-controller"


class StatefulSetController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._sets = context.informers.get(STATEFUL_SET)
        self._pods = pods_informer(context)
        self._claims = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._history = History(context, STATEFUL_SET)
        self._children = Children(context.client, STATEFUL_SET, self._sets, self._pods)
        self._hands = StatefulPods(context.client, context.recorder(NAME), self._claims)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._sets)
        self.loop.watch(self._pods, self._children.keys)
        self.loop.watch(self._claims, self._keys_of_claim)

    async def run(self) -> None:
        await self.loop.run(self._sets, self._pods, self._claims, self._history.informer)

    async def reconcile(self, key: str) -> Result | None:
        """The next steps of one set, and its status."""
        stateful_set: StatefulSet | None = self._sets.get(key)
        if stateful_set is None:
            return None

        async def adoptable() -> bool:
            return await may_adopt(self._client, STATEFUL_SET, stateful_set)

        revisions = await self._history.of(stateful_set, adoptable)
        pods = await self._children.claim(stateful_set, lambda pod: identity.is_member(stateful_set, pod))
        collisions = stateful_set.status.collisionCount or 0
        update, collisions = await self._history.present(stateful_set, revisions, collisions)
        named = {revision.metadata.name: revision for revision in revisions}
        current = named.get(stateful_set.status.currentRevision, update)
        observed = self._observe(stateful_set, pods, current, update)
        wanted = plan(observed)
        failure = await self._apply(stateful_set, wanted, (current, update))
        gone = [] if failure is not None else [step.pod for step in wanted.outdated]
        gone = [pod for pod in gone if identity.revision_of(pod) == observed.current]
        status = status_of(observed, collisions, gone)
        await self._write(stateful_set, status)
        if failure is not None:
            if is_terminating_namespace(failure):
                return None
            raise failure
        await self._cut(stateful_set, revisions, status, pods)
        wait = stateful_set.spec.minReadySeconds or 0
        ripening = wait and (status.availableReplicas or 0) < (status.readyReplicas or 0)
        return Result(float(wait)) if ripening else None

    def _observe(
        self, stateful_set: StatefulSet, pods: Sequence[Any], current: ControllerRevision, update: ControllerRevision
    ) -> Observed:
        first, count = identity.start(stateful_set), identity.replicas(stateful_set)
        claims: dict[str, PersistentVolumeClaim] = {}
        if stateful_set.spec.volumeClaimTemplates:
            for ordinal in {*range(first, first + count), *(identity.ordinal_of(pod) for pod in pods)}:
                claims |= self._hands.claims_of(stateful_set, ordinal)
        names = (current.metadata.name, update.metadata.name)
        return Observed(stateful_set, pods, *names, self._clock.now(), claims)

    async def _apply(
        self, stateful_set: StatefulSet, wanted: Plan, revisions: tuple[ControllerRevision, ControllerRevision]
    ) -> Exception | None:
        """Run the phases of the plan; the first error ends it."""
        if not wanted:
            return None
        templates = {revision.metadata.name: template_of(revision) for revision in revisions}

        async def run(step: Step) -> None:
            await self._step(stateful_set, step, templates)

        for phase in (wanted.replicas, wanted.condemned, wanted.outdated):
            errors = await in_waves(phase, run, one_by_one=wanted.one_by_one)
            if errors:
                return errors[0]
        return None

    async def _step(self, stateful_set: StatefulSet, step: Step, templates: dict[str, Any]) -> None:
        if isinstance(step, Create):
            await self._hands.create(stateful_set, templates[step.revision], step.revision, step.ordinal)
        elif isinstance(step, Delete):
            await self._hands.delete(stateful_set, step.pod)
        elif isinstance(step, MakeClaims):
            await self._hands.make_claims(stateful_set, identity.ordinal_of(step.pod))
            await self._hands.own_claims(stateful_set, step.pod)
        elif isinstance(step, Repair):
            await self._hands.repair(stateful_set, step.pod)
        else:
            await self._hands.own_claims(stateful_set, step.pod, tell=step.tell)

    async def _write(self, stateful_set: StatefulSet, status: StatefulSetStatus) -> None:
        if not differs(stateful_set.status, status):
            return
        changed = copy.copy(stateful_set)
        changed.status = status
        try:
            await self._client.update(STATEFUL_SET, changed, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    async def _cut(
        self,
        stateful_set: StatefulSet,
        revisions: Sequence[ControllerRevision],
        status: StatefulSetStatus,
        pods: Sequence[Any],
    ) -> None:
        """Delete the oldest revisions that nothing uses, beyond the limit."""
        live = {status.currentRevision, status.updateRevision, *(identity.revision_of(pod) for pod in pods)}
        limit = stateful_set.spec.revisionHistoryLimit
        for revision in surplus(revisions, live, limit, lambda found: str(found.metadata.name)):
            await self._history.delete(revision)

    def _keys_of_claim(self, change: Change[PersistentVolumeClaim]) -> list[str]:
        """The set whose claim is gone: a pod may have waited for that, or needs another one."""
        if change.new is not None:
            return []
        meta = change.object.metadata
        sets = self._sets.by_index(BY_NAMESPACE, meta.namespace)
        return [object_key(one) for one in sets if identity.names_claim(one, meta.name)]

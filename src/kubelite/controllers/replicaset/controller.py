"""Keeps the wanted number of pods for each ReplicaSet, and for each ReplicationController.

What: the wiring of `plan` and `status`. Why two kinds: a ReplicationController is a ReplicaSet with a simpler selector, so it is
turned into one on the way in and back on the way out (as upstream's pkg/controller/replication does).
Flow: changes of sets and pods → key → claim pods → plan → create or delete → status. The cache lags behind our own
writes, so creations and deletions are remembered as expectations until they are seen, and a status that was written counts
at once. Changes of many pods are one look (`bursts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.types.apps_v1 import ReplicaSet
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, object_key
from kubelite.controllers import objects
from kubelite.controllers.bursts import Bursts, concerns_owner
from kubelite.controllers.claims import claim
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.expectations import Expectations
from kubelite.controllers.kinds import POD
from kubelite.controllers.newest import Newest
from kubelite.controllers.podcontrol import PodControl, adopt, is_terminating_namespace, release, slow_start
from kubelite.controllers.podindex import BY_OWNER, ORPHANS, pods_informer
from kubelite.controllers.replicaset.flavours import Flavour
from kubelite.controllers.replicaset.plan import Observed, Plan, plan
from kubelite.controllers.replicaset.status import differs, next_change, status_of
from kubelite.machinery import labels
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import controller_of

BY_CONTROLLER = "controller"
BY_NAMESPACE = "namespace"


class ReplicaSetController:
    """One flavour of the controller: for ReplicaSets or for ReplicationControllers."""

    def __init__(self, context: Context, flavour: Flavour) -> None:
        self._client = context.client
        self._clock = context.clock
        self._flavour = flavour
        self._kind = flavour.kind
        self._sets = context.informers.get(flavour.kind)
        indexers: dict[str, Callable[[Any], tuple[str, ...]]] = {
            BY_CONTROLLER: _controller_uid,
            BY_NAMESPACE: lambda found: (found.metadata.namespace,),
        }
        present = self._sets.indexes
        self._sets.add_indexers({name: function for name, function in indexers.items() if name not in present})
        self._newest: Newest[Any] = Newest(self._sets)
        self._pods = pods_informer(context)
        self._recorder = context.recorder(flavour.component)
        self._hands = PodControl(context.client, self._recorder)
        self._expectations = Expectations(context.clock.monotonic)
        self._bursts = Bursts(context.clock.monotonic)
        self.loop = Controller(flavour.component, self.reconcile, workers=10, observe=context.observe)
        self.loop.watch(self._sets)
        self._pods.add_handler(self._pod_changed)

    async def run(self) -> None:
        await self.loop.run(self._sets, self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """Make the pods of one set as wanted and say so in its status."""
        stored = self._newest.get(key)
        if stored is None:
            self._expectations.forget(key)
            self._bursts.forget(key)
            return None
        replica_set = self._flavour.to_replica_set(stored)
        settled = self._expectations.satisfied(key)
        active, terminating = await self._claim(stored, replica_set)
        failure: Exception | None = None
        if settled and stored.metadata.deletionTimestamp is None:
            now = self._clock.now()
            observed = Observed(replica_set.spec.replicas or 0, active, self._related(stored, active), now)
            failure = await self._apply(key, stored, replica_set, plan(observed))
        now = self._clock.now()
        text = str(failure) if failure is not None else ""
        if not self._flavour.counts_terminating:
            terminating = []
        await self._write_status(stored, replica_set, status_of(replica_set, active, terminating, text, now))
        self._bursts.looked(key, len(active))
        if failure is not None:
            raise failure
        return self._expectations.again(key, next_change(replica_set, active, now))

    async def _claim(self, stored: Any, replica_set: ReplicaSet) -> tuple[list[Any], list[Any]]:
        """The active and the terminating pods that the set holds, after adoption and release."""
        meta = stored.metadata
        selector = labels.from_label_selector(replica_set.spec.selector)
        mine = self._pods.by_index(BY_OWNER, meta.uid)
        orphans = self._pods.by_index(ORPHANS, meta.namespace)
        claims = claim(stored, lambda pod: selector.matches(pod.metadata.labels), [*mine, *orphans])
        held = list(claims.held)
        wanted = [pod for pod in claims.adopt if podstatus.is_active(pod)]
        if wanted and await self._may_adopt(stored):
            for pod in wanted:
                if await adopt(self._client, stored, self._kind, pod, POD):
                    held.append(pod)
        for pod in claims.release:
            await release(self._client, stored, pod, POD)
        active = [pod for pod in held if podstatus.is_active(pod)]
        terminating = [pod for pod in held if podstatus.is_terminating(pod) and not podstatus.is_terminal(pod)]
        return active, terminating

    async def _may_adopt(self, stored: Any) -> bool:
        """Ask the server, not the cache, whether the set still is this one and is not being deleted."""
        try:
            fresh: Any = await self._client.get(self._kind, stored.metadata.name, stored.metadata.namespace)
        except StatusError as error:
            if error.code == 404:
                return False
            raise
        return bool(fresh.metadata.uid == stored.metadata.uid and fresh.metadata.deletionTimestamp is None)

    def _related(self, stored: Any, active: Sequence[Any]) -> Sequence[Any]:
        """The pods of all sets with the same controller (the revisions of one Deployment)."""
        controller = controller_of(stored)
        if controller is None:
            return active
        siblings = self._sets.by_index(BY_CONTROLLER, controller.uid)
        return [pod for sibling in siblings for pod in self._pods.by_index(BY_OWNER, sibling.metadata.uid)]

    async def _apply(self, key: str, stored: Any, replica_set: ReplicaSet, wanted: Plan) -> Exception | None:
        if wanted.create:
            return await self._create(key, stored, replica_set, wanted.create)
        if wanted.delete:
            return await self._delete(key, stored, wanted.delete)
        return None

    async def _create(self, key: str, stored: Any, replica_set: ReplicaSet, count: int) -> Exception | None:
        self._expectations.expect_creations(key, count)
        template = replica_set.spec.template
        created, error = await slow_start(count, lambda: self._hands.create(template, stored, self._kind))
        if created < count:
            self._expectations.saw_creation(key, count - created)
        return None if error is not None and is_terminating_namespace(error) else error

    async def _delete(self, key: str, stored: Any, pods: Sequence[Any]) -> Exception | None:
        self._expectations.expect_deletions(key, [pod.metadata.uid for pod in pods])

        async def one(pod: Any) -> None:
            try:
                await self._hands.delete(pod, stored, self._kind)
            except Exception as error:
                self._expectations.saw_deletion(key, pod.metadata.uid)
                if not (isinstance(error, StatusError) and error.code == 404):
                    raise

        errors = await gather_errors([one(pod) for pod in pods])
        return errors[0] if errors else None

    async def _write_status(self, stored: Any, replica_set: ReplicaSet, status: Any) -> None:
        if not differs(replica_set.status, status):
            return
        try:
            changed = self._flavour.with_status(stored, status)
            self._newest.wrote(await self._client.update(self._kind, changed, subresource="status"))
        except StatusError as error:
            if error.code != 404:
                raise

    def _pod_changed(self, change: Change[objects.Pod]) -> None:
        for key in self._keys_of_pod(change) if concerns_owner(change) else ():
            self.loop.queue.add_after(key, self._bursts.wait(key))

    def _keys_of_pod(self, change: Change[objects.Pod]) -> list[str]:
        """The sets that a pod's change concerns; what was expected of it is struck off."""
        keys: list[str] = []
        old, new = change
        for pod in (old, new):
            key = self._owner_key(pod)
            if key and key not in keys:
                keys.append(key)
        current = self._owner_key(new)
        if current and old is None and new is not None and new.metadata.deletionTimestamp is None:
            self._expectations.saw_creation(current)
        gone = new is None or new.metadata.deletionTimestamp is not None
        for key in keys if gone else ():
            self._expectations.saw_deletion(key, change.object.metadata.uid)
        if new is not None and _is_new_orphan(old, new):
            keys += self._selecting(new)
        return keys

    def _owner_key(self, pod: objects.Pod | None) -> str:
        """The key of the set that controls `pod`, "" if none of ours does."""
        controller = controller_of(pod) if pod is not None else None
        if pod is None or controller is None or controller.kind != self._kind.kind:
            return ""
        key = f"{pod.metadata.namespace}/{controller.name}"
        found = self._sets.get(key)
        return key if found is not None and found.metadata.uid == controller.uid else ""

    def _selecting(self, pod: objects.Pod) -> list[str]:
        """The sets that could adopt an orphan."""
        namespace, wanted = pod.metadata.namespace, pod.metadata.labels
        if not wanted:
            return []
        found = []
        for candidate in self._sets.by_index(BY_NAMESPACE, namespace):
            if self._flavour.selects(candidate, wanted):
                found.append(object_key(candidate))
        return found


def _is_new_orphan(old: objects.Pod | None, new: objects.Pod) -> bool:
    """Whether the pod has no controller and its labels, by which one may claim it, are news."""
    if new.metadata.deletionTimestamp is not None or controller_of(new) is not None:
        return False
    return old is None or controller_of(old) is not None or old.metadata.labels != new.metadata.labels


def _controller_uid(obj: Any) -> tuple[str, ...]:
    controller = controller_of(obj)
    return (controller.uid,) if controller is not None else ()

"""Keeps one pod of each DaemonSet on each node that wants it.

What: the wiring of `plan` and `status`. Flow: changes of sets, pods and nodes → key → claim pods, find revision → plan →
create and delete → status → old revisions cut. The cache lags behind our own writes, so both are remembered as expectations.
Changes of many pods are one look (`bursts`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kubelite.api.types.apps_v1 import ControllerRevision, DaemonSet
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, object_key
from kubelite.controllers import objects
from kubelite.controllers.bursts import Bursts, concerns_owner
from kubelite.controllers.children import Children, may_adopt
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.daemonset.backoff import FailureBackoff
from kubelite.controllers.daemonset.nodes import for_node, target_of, template_for
from kubelite.controllers.daemonset.plan import Observed, Plan, plan
from kubelite.controllers.daemonset.status import differs, status_of
from kubelite.controllers.expectations import Expectations
from kubelite.controllers.history import POD_LABEL, History, surplus
from kubelite.controllers.kinds import DAEMON_SET, NODE
from kubelite.controllers.newest import Newest
from kubelite.controllers.podcontrol import PodControl, is_terminating_namespace
from kubelite.controllers.podindex import pods_informer
from kubelite.controllers.waves import in_waves
from kubelite.machinery.errors import StatusError

NAME = "daemonset-controller"


class DaemonSetController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._sets = context.informers.get(DAEMON_SET)
        self._newest: Newest[DaemonSet] = Newest(self._sets)
        self._pods = pods_informer(context)
        self._nodes = context.informers.get(NODE, objects.Node)
        self._history = History(context, DAEMON_SET, label=POD_LABEL)
        self._children = Children(context.client, DAEMON_SET, self._sets, self._pods)
        self._recorder = context.recorder(NAME)
        self._hands = PodControl(context.client, self._recorder)
        self._expectations = Expectations(context.clock.monotonic)
        self._bursts = Bursts(context.clock.monotonic)
        self._backoff = FailureBackoff(context.clock.monotonic)
        self._uids: dict[str, str] = {}
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._sets)
        self._pods.add_handler(self._pod_changed)
        self.loop.watch(self._nodes, self._keys_of_node)

    async def run(self) -> None:
        await self.loop.run(self._sets, self._pods, self._nodes, self._history.informer)

    async def reconcile(self, key: str) -> Result | None:
        """The pods of one set as wanted, and its status."""
        daemon_set = self._newest.get(key)
        if daemon_set is None:
            self._expectations.forget(key)
            self._bursts.forget(key)
            self._backoff.forget(self._uids.pop(key, ""))
            return None
        uid = self._uids[key] = daemon_set.metadata.uid
        selector = daemon_set.spec.selector
        if selector is None or (not selector.matchLabels and not selector.matchExpressions):
            message = "This daemon set is selecting all pods. A non-empty selector is required."
            self._recorder.event(DAEMON_SET, daemon_set, "Warning", "SelectingAll", message)
            return None
        settled = self._expectations.satisfied(key)
        deleting = daemon_set.metadata.deletionTimestamp is not None
        pods = await self._children.claim(daemon_set)
        revisions, daemon_set, present = await self._revisions(daemon_set)
        hash_ = present.metadata.labels.get(POD_LABEL, "") if present is not None else ""
        waiting = self._backoff.held_back(uid)
        observed = Observed(daemon_set, self._nodes.list(), pods, hash_, self._clock.now(), frozenset(waiting))
        failure = await self._apply(key, observed, plan(observed)) if settled and not deleting else None
        await self._write(key, observed, acted=settled)
        self._bursts.looked(key, len(pods))
        if failure is not None:
            if is_terminating_namespace(failure):
                return None
            raise failure
        await self._cut(daemon_set, revisions, present, pods)
        return self._later(key, observed, waiting)

    async def _revisions(
        self, daemon_set: DaemonSet
    ) -> tuple[list[ControllerRevision], DaemonSet, ControllerRevision | None]:
        """(all revisions, the set with its count of collisions, the present revision)."""

        async def adoptable() -> bool:
            return await may_adopt(self._client, DAEMON_SET, daemon_set)

        revisions = await self._history.of(daemon_set, adoptable)
        if daemon_set.metadata.deletionTimestamp is not None:
            return revisions, daemon_set, revisions[-1] if revisions else None
        collisions = daemon_set.status.collisionCount or 0
        present, after = await self._history.present(daemon_set, revisions, collisions)
        if after == collisions:
            return revisions, daemon_set, present
        changed = copy.copy(daemon_set)
        changed.status = copy.copy(daemon_set.status)
        changed.status.collisionCount = after
        return revisions, changed, present

    async def _apply(self, key: str, observed: Observed, wanted: Plan) -> Exception | None:
        if not wanted:
            return None
        self._tell_of_ended(observed, wanted)
        self._expectations.expect(key, len(wanted.create), [pod.metadata.uid for pod in wanted.delete])
        template = template_for(observed.daemon_set, observed.hash)
        created = 0

        async def create(node: str) -> None:
            nonlocal created
            await self._hands.create(for_node(template, node), observed.daemon_set, DAEMON_SET)
            created += 1

        async def delete(pod: Any) -> None:
            try:
                await self._hands.delete(pod, observed.daemon_set, DAEMON_SET)
            except Exception as error:
                self._expectations.saw_deletion(key, pod.metadata.uid)
                if not (isinstance(error, StatusError) and error.code == 404):
                    raise

        errors = await in_waves(wanted.create, create)
        if created < len(wanted.create):
            self._expectations.saw_creation(key, len(wanted.create) - created)
        errors += await gather_errors([delete(pod) for pod in wanted.delete])
        return errors[0] if errors else None

    def _tell_of_ended(self, observed: Observed, wanted: Plan) -> None:
        daemon_set = observed.daemon_set
        for pod in wanted.failed:
            self._backoff.failed(daemon_set.metadata.uid, target_of(pod))
            text = f"{pod.metadata.namespace}/{pod.metadata.name} on node {target_of(pod)}"
            message = f"Found failed daemon pod {text}, will try to kill it"
            self._recorder.event(DAEMON_SET, daemon_set, "Warning", "FailedDaemonPod", message)
        for pod in wanted.succeeded:
            text = f"{pod.metadata.namespace}/{pod.metadata.name} on node {target_of(pod)}"
            message = f"Found succeeded daemon pod {text}, will try to delete it"
            self._recorder.event(DAEMON_SET, daemon_set, "Normal", "SucceededDaemonPod", message)

    async def _write(self, key: str, observed: Observed, *, acted: bool) -> None:
        stored = self._newest.get(key)
        if stored is None or stored.metadata.uid != observed.daemon_set.metadata.uid:
            return
        status = status_of(observed, acted=acted)
        if not differs(stored.status, status):
            return
        changed = copy.copy(observed.daemon_set)
        changed.status = status
        try:
            self._newest.wrote(await self._client.update(DAEMON_SET, changed, subresource="status"))
        except StatusError as error:
            if error.code != 404:
                raise

    async def _cut(
        self,
        daemon_set: DaemonSet,
        revisions: Sequence[ControllerRevision],
        present: ControllerRevision | None,
        pods: Sequence[Any],
    ) -> None:
        """Delete the oldest revisions that nothing uses, beyond the limit."""
        if daemon_set.metadata.deletionTimestamp is not None or present is None:
            return
        live = {present.metadata.labels.get(POD_LABEL, ""), *(pod.metadata.labels.get(POD_LABEL, "") for pod in pods)}
        limit = daemon_set.spec.revisionHistoryLimit
        for revision in surplus(revisions, live, limit, lambda found: str(found.metadata.labels.get(POD_LABEL, ""))):
            await self._history.delete(revision)

    def _later(self, key: str, observed: Observed, waiting: dict[str, float]) -> Result | None:
        """When to look again: a pod becomes available, or a node may have its next pod."""
        waits = [max(seconds, 0.01) for seconds in waiting.values()]
        status, wait = status_of(observed, acted=True), observed.daemon_set.spec.minReadySeconds or 0
        if wait and status.numberReady != status.numberAvailable:
            waits.append(float(wait))
        return self._expectations.again(key, *waits)

    def _pod_changed(self, change: Change[objects.Pod]) -> None:
        if concerns_owner(change) or target_of(change.old) != target_of(change.new):
            for key in self._keys_of_pod(change):
                self.loop.queue.add_after(key, self._bursts.wait(key))

    def _keys_of_pod(self, change: Change[objects.Pod]) -> list[str]:
        old, new = change
        keys = self._children.keys(change)
        current = self._children.owner_key(new)
        if current and old is None and new is not None and new.metadata.deletionTimestamp is None:
            self._expectations.saw_creation(current)
        if new is None or new.metadata.deletionTimestamp is not None:
            for key in keys:
                self._expectations.saw_deletion(key, change.object.metadata.uid)
        return keys

    def _keys_of_node(self, change: Change[objects.Node]) -> list[str]:
        """All sets, if the node is new or gone or its labels or taints have changed."""
        old, new = change
        if old is not None and new is not None and _same(old, new):
            return []
        return [object_key(daemon_set) for daemon_set in self._sets.list()]


def _same(old: objects.Node, new: objects.Node) -> bool:
    """Whether nothing changed that decides about pods."""
    return old.metadata.labels == new.metadata.labels and old.spec.taints == new.spec.taints

"""Removes pods that nobody will ever finish.

What: pods of nodes that no longer exist, pods deleted before they had a node, pods of nodes declared out of service, and
finished pods beyond a threshold. Flow: changes of pods and nodes → pod key → `verdict` → status
Failed → delete with no grace. A node is given 40 s to come back before its pods count as orphans, and the server is
asked once more.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.logic import podstatus
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.disruption import mark_disrupted, mark_failed
from kubelite.controllers.kinds import NODE, POD
from kubelite.controllers.objects import Node, Pod
from kubelite.controllers.podgc.metrics import PodGcMetrics
from kubelite.controllers.podgc.plan import KEEP, ORPHANED, TERMINATED, surplus, verdict
from kubelite.controllers.podindex import BY_NODE, pods_informer
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "pod-garbage-collector-controller"
QUARANTINE_SECONDS = 40.0
MOMENT = 0.001
"""Seconds not worth waiting for: rounding may leave 1e-15, which would be waited for again and again."""
FINISHED_SECONDS = 20.0
FINISHED_KEY = ""
FINISHED = "finished"
MESSAGE = "PodGC: node no longer exists"
log = get_logger(__name__)


class PodGcController:
    """`threshold` is the number of finished pods to keep, 0 for all."""

    def __init__(self, context: Context, threshold: int) -> None:
        self._client = context.client
        self._clock = context.clock
        self._threshold = threshold
        self._metrics = PodGcMetrics(context.metrics)
        self._missing: dict[str, float] = {}
        self._pods = pods_informer(context)
        if FINISHED not in self._pods.indexes:
            self._pods.add_indexers({FINISHED: lambda pod: ("",) if podstatus.is_terminal(pod) else ()})
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self._pods.add_handler(self._pod_changed)
        self.loop.watch(self._nodes, self._keys_of_node)

    async def run(self) -> None:
        await self.loop.run(self._pods, self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """Remove one pod if it is lost; the key "" looks at the number of finished ones."""
        if key == FINISHED_KEY:
            for pod in surplus(self._pods.by_index(FINISHED, ""), self._threshold):
                await self._remove(pod, TERMINATED)
            return None
        pod = self._pods.get(key)
        if pod is None:
            return None
        node_name = pod.spec.nodeName
        why = verdict(pod, self._nodes.get(node_name) if node_name else None)
        if why == KEEP:
            self._missing.pop(node_name, None)
            return None
        if why != ORPHANED:
            await self._remove(pod, why)
            return None
        since = self._missing.setdefault(node_name, self._clock.monotonic())
        left = QUARANTINE_SECONDS - (self._clock.monotonic() - since)
        if left > MOMENT:
            return Result(left)
        if not await self._is_gone(node_name):
            return Result(QUARANTINE_SECONDS)
        log.info("Removing the pod of a node that is gone", pod=key, node=node_name)
        await self._remove(pod, ORPHANED)
        return None

    async def _remove(self, pod: Pod, why: str) -> None:
        """Say in the pod's status that it is over, then delete it."""
        namespace = pod.metadata.namespace
        try:
            if why == ORPHANED:
                await mark_disrupted(self._client, pod, "DeletionByPodGC", MESSAGE, self._clock.now(), fail=True)
            elif why != TERMINATED:
                # A pod that finalizers hold would otherwise stay as it is: its Job waits for a phase that no kubelet will report.
                await mark_failed(self._client, pod)
            if await self._delete(pod, None if why == TERMINATED else 0):
                self._metrics.deleted(namespace, why)
        except Exception:
            self._metrics.failed(namespace, why)
            raise

    async def _is_gone(self, node_name: str) -> bool:
        try:
            await self._client.get(NODE, node_name, type=Node)
        except StatusError as error:
            if error.code == 404:
                return True
            raise
        return False

    async def _delete(self, pod: Pod, grace: int | None) -> bool:
        """Whether it was there still."""
        meta = pod.metadata
        options = DeleteOptions(gracePeriodSeconds=grace, preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(POD, meta.name, meta.namespace, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            return False
        return True

    def _pod_changed(self, change: Change[Pod]) -> None:
        new = change.new
        if new is None:
            return
        if self._threshold > 0 and podstatus.is_terminal(new):
            self.loop.queue.add_after(FINISHED_KEY, FINISHED_SECONDS)
        unbound = not new.spec.nodeName
        if (unbound and new.metadata.deletionTimestamp is not None) or (not unbound and self._node_is_odd(new)):
            self.loop.queue.add(object_key(new))

    def _node_is_odd(self, pod: Pod) -> bool:
        """Whether the pod's node is absent or carries taints, among which may be the one of interest."""
        node: Any = self._nodes.get(pod.spec.nodeName)
        return node is None or bool(node.spec.taints)

    def _keys_of_node(self, change: Change[Node]) -> list[str]:
        name = change.object.metadata.name
        if change.new is not None:
            self._missing.pop(name, None)
            if not change.new.spec.taints:
                return []
        return [object_key(pod) for pod in self._pods.by_index(BY_NODE, name)]

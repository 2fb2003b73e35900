"""Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer.

What: the wiring of `plan`. Flow: changes of a node's taints, pods arriving on a tainted node → node key → plan → DisruptionTarget
condition, delete with the pod's own grace, event → again when the next pod is due. Since when a taint is there that does not
say so, and which pods wait for their time, is remembered for each node as long as it has such taints.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from kubelite.api.logic import taints
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.disruption import mark_disrupted
from kubelite.controllers.kinds import NODE, POD
from kubelite.controllers.objects import Node, Pod
from kubelite.controllers.podindex import BY_NODE, pods_informer
from kubelite.controllers.tainteviction.plan import first_seen, plan
from kubelite.machinery.errors import StatusError

NAME = "taint-eviction-controller"
REASON = "DeletionByTaintManager"
MESSAGE = "Taint manager: deleting due to NoExecute taint"
EMPTY: Mapping[str, str] = MappingProxyType({})
BUCKETS = (0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240)


class TaintEvictionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._pods = pods_informer(context)
        text = "Total number of Pods deleted by TaintEvictionController since its start."
        self._deleted = context.metrics.counter("taint_eviction_controller_pod_deletions_total", text)
        text = (
            "Latency, in seconds, between the time when a taint effect has been activated for the Pod and its deletion via "
            "TaintEvictionController."
        )
        name = "taint_eviction_controller_pod_deletion_duration_seconds"
        self._delays = context.metrics.histogram(name, text, buckets=BUCKETS)
        self._seen: dict[str, dict[tuple[str, str, str], datetime]] = {}
        self._waiting: dict[str, dict[str, str]] = {}
        self.loop = Controller(NAME, self.reconcile, workers=4, observe=context.observe)
        self.loop.watch(self._nodes, _keys_of_node)
        self.loop.watch(self._pods, self._keys_of_pod)

    async def run(self) -> None:
        await self.loop.run(self._nodes, self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """Evict what is due on one node."""
        node = self._nodes.get(key)
        if node is None or not _drives(node):
            self._seen.pop(key, None)
            self._spare(key, {})
            return None
        now = self._clock.now()
        seen = self._seen[key] = first_seen(node.spec.taints, self._seen.get(key, {}), now)
        wanted = plan(node.spec.taints, self._pods.by_index(BY_NODE, key), now, seen)
        gone = {_full_name(pod): pod.metadata.uid for pod in wanted.evict}
        self._spare(key, {_full_name(pod): pod.metadata.uid for pod in wanted.waiting}, gone)
        errors = await gather_errors([self._evict(pod, now) for pod in wanted.evict])
        if errors:
            raise errors[0]
        return Result(wanted.wait) if wanted.wait else None

    def _spare(self, node: str, waiting: dict[str, str], evicted: Mapping[str, str] = EMPTY) -> None:
        """Note which pods wait for their end, and say so of those that waited and may stay."""
        before = self._waiting.pop(node, {})
        if waiting:
            self._waiting[node] = waiting
        for name, uid in before.items():
            pod = self._pods.get(name)
            if name in waiting or name in evicted or pod is None or pod.metadata.uid != uid:
                continue
            if pod.metadata.deletionTimestamp is None:
                self._recorder.event(POD, pod, "Normal", "TaintManagerEviction", f"Cancelling deletion of Pod {name}")

    async def _evict(self, pod: Pod, due: datetime) -> None:
        meta = pod.metadata
        message = f"Marking for deletion Pod {meta.namespace}/{meta.name}"
        self._recorder.event(POD, pod, "Normal", "TaintManagerEviction", message)
        await mark_disrupted(self._client, pod, REASON, MESSAGE, self._clock.now())
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(POD, meta.name, meta.namespace, options=options)
            self._deleted.inc()
            self._delays.observe((self._clock.now() - due).total_seconds())
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    def _keys_of_pod(self, change: Change[Pod]) -> list[str]:
        """Pods matter when they arrive or when their tolerations change, and only on a tainted node."""
        old, new = change
        if new is None or not new.spec.nodeName or new.metadata.deletionTimestamp is not None:
            return []
        unmoved = old is not None and old.spec.nodeName == new.spec.nodeName
        if unmoved and old is not None and old.spec.tolerations == new.spec.tolerations:
            return []
        node = self._nodes.get(new.spec.nodeName)
        return [new.spec.nodeName] if node is not None and _drives(node) else []


def _full_name(pod: Pod) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _drives(node: Node) -> bool:
    return any(taint.effect == taints.NO_EXECUTE for taint in node.spec.taints)


def _keys_of_node(change: Change[Node]) -> list[str]:
    """Nodes matter as long as they drive pods away, and once more when they no longer do."""
    old, new = change
    drove = old is not None and _drives(old)
    if new is None:
        return [old.metadata.name] if old is not None and drove else []
    if not (drove or _drives(new)) or (old is not None and old.spec.taints == new.spec.taints):
        return []
    return [new.metadata.name]

"""Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer.

What: the wiring of `plan`. Flow: changes of a node's taints, pods arriving on a tainted node → node key → plan → DisruptionTarget
condition, delete with the pod's own grace, event → again when the next pod is due.
"""

from __future__ import annotations

from kubelite.api.logic import taints
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.disruption import mark_disrupted
from kubelite.controllers.kinds import NODE, POD
from kubelite.controllers.objects import Node, Pod
from kubelite.controllers.podindex import BY_NODE, pods_informer
from kubelite.controllers.tainteviction.plan import plan
from kubelite.machinery.errors import StatusError

NAME = "taint-eviction-controller"
REASON = "DeletionByTaintManager"
MESSAGE = "Taint manager: deleting due to NoExecute taint"


class TaintEvictionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._recorder = context.recorder(NAME)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._pods = pods_informer(context)
        self.loop = Controller(NAME, self.reconcile, workers=4, observe=context.observe)
        self.loop.watch(self._nodes, _keys_of_node)
        self.loop.watch(self._pods, self._keys_of_pod)

    async def run(self) -> None:
        await self.loop.run(self._nodes, self._pods)

    async def reconcile(self, key: str) -> Result | None:
        """Evict what is due on one node."""
        node = self._nodes.get(key)
        if node is None:
            return None
        wanted = plan(node.spec.taints, self._pods.by_index(BY_NODE, key), self._clock.now())
        errors = await gather_errors([self._evict(pod) for pod in wanted.evict])
        if errors:
            raise errors[0]
        return Result(wanted.wait) if wanted.wait else None

    async def _evict(self, pod: Pod) -> None:
        meta = pod.metadata
        message = f"Marking for deletion Pod {meta.namespace}/{meta.name}"
        self._recorder.event(POD, pod, "Normal", "TaintManagerEviction", message)
        await mark_disrupted(self._client, pod, REASON, MESSAGE, self._clock.now())
        options = DeleteOptions(preconditions=Preconditions(uid=meta.uid))
        try:
            await self._client.delete(POD, meta.name, meta.namespace, options=options)
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


def _drives(node: Node) -> bool:
    return any(taint.effect == taints.NO_EXECUTE for taint in node.spec.taints)


def _keys_of_node(change: Change[Node]) -> list[str]:
    old, new = change
    if new is None or not _drives(new) or (old is not None and old.spec.taints == new.spec.taints):
        return []
    return [new.metadata.name]

"""Tells kubelets, by an annotation on each node, how long they may believe what they have read.

Flow: a change of a node → how many nodes there are → `plan` → the annotation. A node is written when it is new or changes anyway,
not at once when the cluster's size passes a boundary: thousands of nodes are then not written in one moment.
Source: pkg/controller/ttl/ttl_controller.go.
"""

from __future__ import annotations

from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.objects import Node
from kubelite.controllers.ttl.plan import ANNOTATION, step, wanted
from kubelite.machinery.errors import StatusError

NAME = "ttl-controller"


class TtlController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._step = 0
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._nodes, self._keys)

    async def run(self) -> None:
        await self.loop.run(self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """One node."""
        node = self._nodes.get(key)
        value = self._wanted(node) if node is not None else None
        if value is None:
            return None
        try:
            await self._client.patch(NODE, key, {"metadata": {"annotations": {ANNOTATION: value}}}, type=Node)
        except StatusError as error:
            if error.code != 404:
                raise
        return None

    def _wanted(self, node: Node) -> str | None:
        self._step = step(len(self._nodes), self._step)
        return wanted(node.metadata.annotations.get(ANNOTATION), self._step)

    def _keys(self, change: Change[Node]) -> list[str]:
        new = change.new
        return [new.metadata.name] if new is not None and self._wanted(new) is not None else []

"""Deletes nodes whose machines are gone, and marks those whose machines are shut down.

What: the wiring of `plan`. Flow: every `period` seconds, each node that is not Ready → the provider's word on its machine →
deleted, or the taint node.cloudprovider.kubernetes.io/shutdown; the taint goes when the node is Ready. A provider that cannot
answer changes nothing. Source: k8s.io/cloud-provider/controllers/nodelifecycle/node_lifecycle_controller.go.
"""

from __future__ import annotations

import msgspec

from kubelite.api.types.core_v1 import Taint
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers.cloud.provider import Machines, MachineState, ProviderError
from kubelite.controllers.cloudnodelifecycle.plan import Action, asks, cleared, marked, plan
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.objects import Node
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "cloud-node-lifecycle-controller"
KEY = "all"
log = get_logger(__name__)


class CloudNodeLifecycleController:
    """`period` is the time between two looks, in seconds."""

    def __init__(self, context: Context, machines: Machines, period: float) -> None:
        self._client = context.client
        self._clock = context.clock
        self._machines = machines
        self._period = period
        self._recorder = context.recorder(NAME)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)

    async def run(self) -> None:
        self.loop.queue.add(KEY)
        await self.loop.run(self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """All nodes at once. One that cannot be dealt with is looked at again with the next look."""
        for node in self._nodes.list():
            try:
                await self._settle(node)
            except ProviderError as error:
                log.warning("Cannot tell whether a node's machine exists", node=node.metadata.name, error=error)
            except StatusError as error:
                log.warning("Cannot change a node", node=node.metadata.name, error=error)
        return Result(self._period)

    async def _settle(self, node: Node) -> None:
        state: MachineState | None = None
        if asks(node, self._clock.now()):
            state = await self._machines.state(node)
        action = plan(node, state)
        if action is Action.DELETE:
            await self._delete(node)
        elif action is Action.MARK:
            await self._write(node, marked(node.spec.taints))
        elif action is Action.CLEAR:
            await self._write(node, cleared(node.spec.taints))

    async def _delete(self, node: Node) -> None:
        name = node.metadata.name
        text = f"Deleting node {name} because it does not exist in the cloud provider"
        self._recorder.event(NODE, node, "Normal", "DeletingNode", text)
        options = DeleteOptions(preconditions=Preconditions(uid=node.metadata.uid))
        try:
            await self._client.delete(NODE, name, options=options)
        except StatusError as error:
            if error.code == 404:
                return
            text = f"Failed deleting node {name}: {error}"
            self._recorder.event(NODE, node, "Warning", "DeletingNodeFailed", text)
            return
        log.info("Deleted a node whose machine is gone", node=name)

    async def _write(self, node: Node, taints: list[Taint]) -> None:
        meta = {"resourceVersion": node.metadata.resourceVersion}
        spec = {"taints": [msgspec.to_builtins(taint) for taint in taints] or None}
        await self._client.patch(NODE, node.metadata.name, {"metadata": meta, "spec": spec}, type=Node)

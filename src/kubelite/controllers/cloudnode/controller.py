"""Tells nodes what the place where they stand knows of them, and takes the taint off that waited for it.

Flow: a node with the taint node.cloudprovider.kubernetes.io/uninitialized → provider → labels, provider ID, addresses; addresses
of all nodes are looked at again when they change. Source: k8s.io/cloud-provider/controllers/node/node_controller.go.
"""

from __future__ import annotations

from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers.cloud.provider import Instances
from kubelite.controllers.cloudnode.plan import address_patch, node_patch
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.objects import Node
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "cloud-node-controller"
RETRY_SECONDS = 1.0
log = get_logger(__name__)


class CloudNodeController:
    """See the module."""

    def __init__(self, context: Context, instances: Instances) -> None:
        self._client = context.client
        self._instances = instances
        self._recorder = context.recorder(NAME)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._nodes)

    async def run(self) -> None:
        await self.loop.run(self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """One node."""
        node = self._nodes.get(key)
        found = await self._instances.metadata(node) if node is not None else None
        if node is None or found is None:
            return None
        addresses, told = address_patch(node, found), node_patch(node, found)
        try:
            if told is not None:
                await self._client.patch(NODE, key, told, type=Node)
                self._recorder.event(NODE, node, "Normal", "Synced", "Node synced successfully")
                log.info("Node initialized", node=key, provider=found.provider_id)
            if addresses is not None:
                await self._client.patch(NODE, key, addresses, subresource="status", type=Node)
        except StatusError as error:
            if error.code not in (404, 409):
                raise
            return Result(RETRY_SECONDS) if error.code == 409 else None
        return None

"""One simulated node: its pods' workers, its heartbeat, and whether it is silent now.

What: `HollowNode` joins the kubelet's `PodWorkers` with parts that pretend, and its `NodeLease`. Why: thousands of them
must fit into one process: no task, watch or timer belongs to a node; `fleet.py` calls each when its turn has come.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from kubelite.api.types.core_v1 import Node, NodeStatus, Pod
from kubelite.client.client import Client
from kubelite.client.informer import Change
from kubelite.cmd.simulate import nodes
from kubelite.cmd.simulate.addresses import node_address
from kubelite.cmd.simulate.nodes import Shape
from kubelite.kubelet.admit import Rejection, admit
from kubelite.kubelet.kinds import NODE
from kubelite.kubelet.node.lease import NodeLease
from kubelite.kubelet.pods import PodTable
from kubelite.kubelet.podworkers.manager import PodWorkers
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError

Assemble = Callable[[tuple[str, ...], Callable[[Pod], Rejection | None]], Parts]
"""(the node's addresses, its admission) → the parts its workers work with."""


class HollowNode:
    """`node` is the object as last seen; `lost` nodes do nothing."""

    def __init__(
        self, shape: Shape, index: int, client: Client, table: PodTable, assemble: Assemble, lease_seconds: int
    ) -> None:
        self.name = shape.name(index)
        self.node: Node | None = None
        self.lost = False
        self._shape = shape
        self._index = index
        self._client = client
        self._table = table
        address = node_address(shape.prefix, index)
        self._lease = NodeLease(client, self.name, lease_seconds, lambda: self.node)
        self.workers = PodWorkers(assemble((address,), self._admit), table)

    def _admit(self, pod: Pod) -> Rejection | None:
        others = [
            worker.pod
            for worker in self.workers.all()
            if worker.uid != pod.metadata.uid and worker.admitted and worker.is_active
        ]
        return admit(pod, others, self.node, self.node.status.allocatable if self.node else {})

    async def register(self) -> None:
        """Creates the Node and its Lease; takes over a Node that an earlier run has kept. ValueError for one that is real."""
        now = times.now_text(datetime.now(UTC))
        try:
            self.node = await self._client.create(NODE, nodes.new(self._shape, self._index, now))
        except StatusError as error:
            if error.code != 409:
                raise
            found: Node = await self._client.get(NODE, self.name)
            if found.metadata.labels.get(nodes.MARK) != "true":
                raise ValueError(f"node {self.name} exists and is not simulated: choose another --name") from error
            self.node = found
            await self.report()
        self.lost = nodes.is_lost(self.node)
        if not self.lost:
            await self._lease.renew()

    async def renew(self) -> None:
        """One heartbeat of the Lease."""
        if not self.lost and self.node is not None:
            await self._lease.renew()

    async def report(self) -> None:
        """Writes the status."""
        node = self.node
        if self.lost or node is None:
            return
        now = times.now_text(datetime.now(UTC))
        fresh: NodeStatus = nodes.status(self._shape, self._index, node.status, now)
        patch = nodes.heartbeat(node, fresh)
        self.node = await self._client.patch(NODE, self.name, patch, patch_type="strategic", subresource="status")

    async def deregister(self) -> None:
        """Deletes the Node; its Lease and its pods are left to the garbage collectors."""
        try:
            await self._client.delete(NODE, self.name)
        except StatusError as error:
            if error.code != 404:
                raise
        self.node = None

    def handle(self, change: Change[Pod]) -> None:
        if not self.lost:
            self.workers.handle(change)

    def note(self, pod: Pod) -> None:
        """The API's pod is this now, and nothing is to be done about it."""
        worker = self.workers.get(pod.metadata.uid)
        if worker is not None and not self.lost:
            self._table.put(pod)
            worker.pod = pod

"""Marks nodes that have fallen silent, taints nodes by their conditions, and takes silent nodes' pods out of service.

What: the wiring of `plan` and `heartbeats`. Flow: changes of nodes and leases → node key → silent? conditions Unknown → taints →
pods not ready. A timer per node, not a poll: a node is looked at again when its silence would become too long. However many
nodes fall silent at once, a second has `MARKS` writes of pods at most, by a loop of its own that holds up no node.
Moving the pods away is the taint eviction controller's work, by the NoExecute taints that this one sets at a limited rate.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kubelite.api.types.core_v1 import NodeCondition, Taint
from kubelite.client.client import PatchType
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.client.ratelimit import TokenBucket
from kubelite.controllers import objects
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.kinds import LEASE, NODE, POD
from kubelite.controllers.nodelifecycle import plan
from kubelite.controllers.nodelifecycle.heartbeats import Heartbeats
from kubelite.controllers.nodelifecycle.lease import NODE_LEASES, NodeLease
from kubelite.controllers.nodelifecycle.metrics import NodeMetrics, zone_key
from kubelite.controllers.objects import Node, Pod
from kubelite.controllers.podindex import BY_NODE, pods_informer
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import condition

NAME = "node-lifecycle-controller"
LOST_SECONDS = 5.0
"""When a lost node that waits for its taint is looked at again."""
TAINTED_SECONDS = 10.0
"""When one that has it is: by then all others may be lost, too."""
MARK_AGAIN_SECONDS = 10.0
"""How long a kubelet that is alive, but not heard of, may call a pod ready before it is contradicted again."""
ZONES_SECONDS = 1.0
"""How old the count of lost nodes by zone may be."""
MARKS = 200.0
"""Pods of silent nodes that are marked not ready in a second."""


class NodeLifecycleController:
    """`grace` and `startup_grace` in seconds."""

    def __init__(self, context: Context, grace: float, startup_grace: float, rates: plan.Rates) -> None:
        self._client = context.client
        self._clock = context.clock
        self._rates = rates
        self._recorder = context.recorder("node-controller")
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._leases: Informer[NodeLease] = context.informers.get(LEASE, NodeLease)
        self._pods = pods_informer(context)
        self._heartbeats = Heartbeats(context.clock.monotonic, grace, startup_grace)
        self._buckets: dict[str, TokenBucket] = {}
        self._metrics = NodeMetrics(context.metrics, self._nodes.list)
        self._zones: dict[str, str] = {}
        self._counted = -ZONES_SECONDS
        self._marks = TokenBucket(MARKS, int(MARKS), context.clock.monotonic)
        self.loop = Controller(NAME, self.reconcile, workers=8, observe=context.observe)
        self.pods = Controller("node-lifecycle-pods", self.mark_pods, workers=4, observe=context.observe)
        self._leases.add_handler(self._lease_changed)
        self._nodes.add_handler(self._node_changed)
        self._pods.add_handler(self._pod_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(self._nodes, self._leases, self._pods))
            group.create_task(self.pods.run(self._nodes, self._pods))

    async def reconcile(self, key: str) -> Result | None:
        """Make conditions and taints of one node right."""
        node = self._nodes.get(key)
        if node is None or node.metadata.deletionTimestamp is not None:
            return None
        reported = condition(node.status.conditions, "Ready") is not None
        left = self._heartbeats.seconds_left(key, reported=reported)
        if left <= 0:
            changed = plan.unknown_conditions(node, self._clock.now())
            if changed:
                await self._write_conditions(node, changed)
                return None  # the event of this write brings the node here again, with its new conditions
        lost = bool(plan.no_execute_key(node))
        all_lost = lost and plan.all_lost(self._zone_states().values())
        evict = lost and not all_lost and self._may_evict(node)
        wanted = plan.wanted_taints(node, self._clock.now(), may_evict=evict, all_lost=all_lost)
        if wanted is not None:
            await self._write_taints(node, wanted)
            if _drives(wanted) and not _drives(node.spec.taints):
                self._metrics.evicts(node)
        if reported and plan.ready_status(node) != "True":
            self.pods.queue.add(key)
        if lost:  # the rate may let it have its taint later, and losing the last of the others takes it back
            again = TAINTED_SECONDS if evict else LOST_SECONDS
            return Result(min(again, left + 0.1) if left > 0 else again)
        return Result(left + 0.1) if left > 0 else None

    async def _write_conditions(self, node: Node, changed: list[NodeCondition]) -> None:
        conditions = [msgspec.to_builtins(item) for item in changed]
        patch = {"metadata": {"uid": node.metadata.uid}, "status": {"conditions": conditions}}
        await self._patch(node, patch, "status")
        ready = next((item for item in changed if item.type == "Ready"), None)
        if ready is not None and plan.ready_status(node) == "True":  # what the kubelet said itself is no news
            name = node.metadata.name
            self._recorder.event(NODE, node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")

    async def _write_taints(self, node: Node, wanted: list[Taint]) -> None:
        """The resourceVersion guards taints that somebody else adds at the same time: a list is replaced as a whole."""
        meta = node.metadata
        patch = {
            "metadata": {"uid": meta.uid, "resourceVersion": meta.resourceVersion},
            "spec": {"taints": [msgspec.to_builtins(taint) for taint in wanted] or None},
        }
        await self._patch(node, patch, "")

    async def _patch(self, node: Node, patch: Any, subresource: str) -> None:
        kind: PatchType = "strategic" if subresource else "merge"
        try:
            await self._client.patch(
                NODE, node.metadata.name, patch, patch_type=kind, subresource=subresource, type=Node
            )
        except StatusError as error:
            if error.code != 404:
                raise

    async def mark_pods(self, key: str) -> None:
        """Pods of a node that is not ready are not ready either, so that services leave them out."""
        pods = [pod for pod in self._pods.by_index(BY_NODE, key) if _is_ready(pod)]
        errors = await gather_errors([self._mark_pod(key, pod) for pod in pods])
        if errors:
            raise errors[0]

    async def _mark_pod(self, node_name: str, pod: Pod) -> None:
        await self._marks.take()
        node = self._nodes.get(node_name)
        if node is None or plan.ready_status(node) == "True":
            return  # it came back while its pods waited for their turn
        meta = pod.metadata
        ready = {"type": "Ready", "status": "False", "lastTransitionTime": times.now_text(self._clock.now())}
        patch = {"metadata": {"uid": meta.uid}, "status": {"conditions": [ready]}}
        try:
            await self._client.patch(
                POD, meta.name, patch, meta.namespace, patch_type="strategic", subresource="status", type=Pod
            )
        except StatusError as error:
            if error.code != 404:
                raise  # after a conflict the pod would count as ready for as long as its node is lost
            return
        self._recorder.event(POD, pod, "Warning", "NodeNotReady", "Node is not ready")

    def _may_evict(self, node: Node) -> bool:
        """Whether the node may get its NoExecute taint now; takes a token of its zone if so."""
        key = plan.no_execute_key(node)
        if any(taint.key == key and taint.effect == "NoExecute" for taint in node.spec.taints):
            return True
        zone = zone_key(node)
        states = self._zone_states()
        rate = plan.eviction_rate(states.get(zone, plan.NORMAL), states.values(), len(self._nodes), self._rates)
        if rate <= 0:
            return False
        bucket = self._buckets.get(zone)
        if bucket is None or bucket.rate != rate:
            bucket = self._buckets[zone] = TokenBucket(rate, 1, self._clock.monotonic)
        return bucket.allow()

    def _zone_states(self) -> dict[str, str]:
        """How each zone is. Counted once for all nodes that are looked at in the same second."""
        now = self._clock.monotonic()
        if now - self._counted >= ZONES_SECONDS:
            statuses: dict[str, list[str]] = {}
            for node in self._nodes.list():
                statuses.setdefault(zone_key(node), []).append(plan.ready_status(node))
            self._zones = {name: plan.zone_state(found, self._rates) for name, found in statuses.items()}
            self._counted = now
        return self._zones

    def _lease_changed(self, change: Change[NodeLease]) -> None:
        if change.new is None or change.new.metadata.namespace != NODE_LEASES:
            return
        name = change.new.metadata.name
        self._heartbeats.heard_lease(name, change.new.spec.renewTime or "")
        node = self._nodes.get(name)
        if change.old is None or (node is not None and plan.ready_status(node) == "Unknown"):
            self.loop.queue.add(name)

    def _node_changed(self, change: Change[Node]) -> None:
        name = change.object.metadata.name
        if change.new is None:
            self._heartbeats.forget(name)
            message = f"Node {name} event: Removing Node {name} from Controller"
            self._recorder.event(NODE, change.object, "Normal", "RemovingNode", message)
        else:
            if change.old is None:
                message = f"Node {name} event: Registered Node {name} in Controller"
                self._recorder.event(NODE, change.new, "Normal", "RegisteredNode", message)
            ready = condition(change.new.status.conditions, "Ready")
            # What this controller writes itself is no sign of life.
            if ready is None or ready.reason not in (plan.STOPPED[0], plan.NEVER[0]):
                self._heartbeats.heard_status(name, (ready.lastHeartbeatTime or "") if ready is not None else "")
        self.loop.queue.add(name)

    def _pod_changed(self, change: Change[objects.Pod]) -> None:
        """A pod that became ready, or got a node, on a node that is not ready.

        At once only if it is new here: whoever calls it ready may be the kubelet, which will not stop for being contradicted.
        """
        new = change.new
        if new is None or not new.spec.nodeName or not _is_ready(new):
            return
        node = self._nodes.get(new.spec.nodeName)
        if node is not None and plan.ready_status(node) != "True":
            fresh = change.old is None or not change.old.spec.nodeName
            self.loop.queue.add_after(object_key(node), 0.0 if fresh else MARK_AGAIN_SECONDS)


def _is_ready(pod: Pod) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions)


def _drives(taints: list[Taint]) -> bool:
    """Whether one of these is this controller's own and drives pods away."""
    return any(taint.key in plan.MANAGED_NO_EXECUTE and taint.effect == "NoExecute" for taint in taints)

"""Gives each node its range of pod addresses.

What: the wiring of `plan`. Flow: a node without `spec.podCIDR` → lowest free range → patch. Two nodes must never be given the
same range, so what was handed out counts as used before the cache shows it, and before the next worker chooses.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.nodeipam.plan import Ranges
from kubelite.controllers.objects import Node
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

NAME = "node-ipam-controller"
FULL_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 960.0
"""A node that found no range asks again after one minute, then two, up to this: thousands of them are thousands of events."""
log = get_logger(__name__)


class NodeIpamController:
    """`pools`: the address ranges of all pods, one of each family, with the length of a node's part."""

    def __init__(self, context: Context, pools: Sequence[tuple[str, int]]) -> None:
        self._client = context.client
        self._recorder = context.recorder("cidrAllocator")
        self._ranges = Ranges(pools)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self._given: dict[str, list[str]] = {}
        self._waits: dict[str, float] = {}
        self.loop = Controller(NAME, self.reconcile, workers=8, observe=context.observe)
        self.loop.watch(self._nodes, self._keys)

    async def run(self) -> None:
        await self.loop.run(self._nodes)

    async def reconcile(self, key: str) -> Result | None:
        """Give one node a range if it has none."""
        node = self._nodes.get(key)
        if node is None or node.spec.podCIDR or node.metadata.deletionTimestamp is not None:
            self._forget(key)
            return None
        chosen = self._given.get(key) or self._ranges.lowest()
        if chosen is None:
            message = f"Node {key} status is now: CIDRNotAvailable"
            self._recorder.event(NODE, node, "Normal", "CIDRNotAvailable", message)
            wait = self._waits[key] = min(LONGEST_RETRY_SECONDS, self._waits.get(key, FULL_RETRY_SECONDS / 2) * 2)
            return Result(wait)
        self._waits.pop(key, None)
        if key not in self._given:
            self._given[key] = chosen
            self._ranges.occupy(chosen)
        patch = {"metadata": {"uid": node.metadata.uid}, "spec": {"podCIDR": chosen[0], "podCIDRs": chosen}}
        try:
            await self._client.patch(NODE, key, patch, patch_type="strategic", type=Node)
        except StatusError as error:
            if error.code != 404:
                raise
            self._forget(key)
            return None
        log.info("Pod range assigned", node=key, range=",".join(chosen))
        return None

    def _forget(self, key: str) -> None:
        """What was handed out to the node is its own by now, or free again."""
        self._ranges.release(self._given.pop(key, ()))
        self._waits.pop(key, None)

    def _keys(self, change: Change[Node]) -> list[str]:
        before, after = _ranges_of(change.old), _ranges_of(change.new)
        if before != after:
            self._ranges.occupy(after)
            self._ranges.release(before)
        new = change.new
        if new is None or new.spec.podCIDR:
            self._forget(change.object.metadata.name)
            return []
        return [new.metadata.name]


def _ranges_of(node: Node | None) -> list[str]:
    if node is None:
        return []
    return [cidr for cidr in (node.spec.podCIDRs or [node.spec.podCIDR]) if cidr]

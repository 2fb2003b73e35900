"""What the cluster is told of this node's CSI drivers: CSINode, and annotation and labels of the Node.

What: `NodeInfo`. Why: the scheduler places by them, attachers find the node's id for their system there. Flow: NodeGetInfo →
`install`; a driver that is gone → `uninstall`; the Node was registered → `ensure`, so that a node without drivers has its CSINode
too and a Node that was made anew is told all again. Writes are one after the other; nothing is written that is there already.
Source: pkg/volume/csi/nodeinfomanager.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from kubelite.api.types.core_v1 import Node
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.api.types.storage_v1 import CSINode, CSINodeDriver, VolumeNodeResources
from kubelite.client.client import Client
from kubelite.kubelet.kinds import CSI_NODE, NODE
from kubelite.machinery.codec import to_generic
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

log = get_logger(__name__)
NODE_IDS: Final = "csi.volume.kubernetes.io/nodeid"
MAX_COUNT: Final = 2**31 - 1
TRIES: Final = 10


class NodeInfo:
    """See the module."""

    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._name = node
        self._writing = asyncio.Lock()
        self._known = asyncio.Event()
        """The Node is there: a driver that comes before is not refused, it waits."""
        self._installed: dict[str, tuple[str, int, dict[str, str]]] = {}

    async def install(self, driver: str, node_id: str, limit: int, topology: Mapping[str, str]) -> None:
        """Raises ValueError with upstream's text, StatusError, ConnectionFailed."""
        if not node_id:
            raise ValueError("error adding CSI driver node info: driverNodeID must not be empty")
        await self._known.wait()
        async with self._writing:
            await self._tell_node(driver, node_id, topology)
            wanted = CSINodeDriver(name=driver, nodeID=node_id, topologyKeys=sorted(topology))
            if limit > 0:
                wanted.allocatable = VolumeNodeResources(count=min(limit, MAX_COUNT))
            elif limit < 0:
                log.warning("CSI driver's limit of volumes is negative: passed over", driver=driver, limit=limit)
            await self._change(driver, wanted)
            self._installed[driver] = (node_id, limit, dict(topology))

    async def uninstall(self, driver: str) -> None:
        """Raises StatusError, ConnectionFailed. The labels stay: other drivers may have said the same."""
        async with self._writing:
            self._installed.pop(driver, None)
            await self._change(driver, None)
            node: Node = await self._client.get(NODE, self._name)
            ids = node_ids(node)
            if ids.pop(driver, None) is not None:
                await self._annotate(node, ids, {})

    async def ensure(self) -> None:
        """The Node is there, perhaps anew: all that was said is said again."""
        async with self._writing:
            await self._change("", None)
            await self._own()
        self._known.set()
        for driver, (node_id, limit, topology) in list(self._installed.items()):
            await self.install(driver, node_id, limit, topology)

    # --- the Node

    async def _tell_node(self, driver: str, node_id: str, topology: Mapping[str, str]) -> None:
        for _ in range(TRIES):
            node: Node = await self._client.get(NODE, self._name)
            labels = node.metadata.labels
            for key, value in topology.items():
                if labels.get(key, value) != value:
                    raise ValueError(
                        f'detected topology value collision: driver reported "{key}":"{value}"'
                        f' but existing label is "{key}":"{labels[key]}"'
                    )
            ids = node_ids(node)
            new = {key: value for key, value in topology.items() if key not in labels}
            if ids.get(driver) == node_id and not new:
                return
            try:
                await self._annotate(node, {**ids, driver: node_id}, new)
                return
            except StatusError as error:
                if error.code != 409:
                    raise
        raise ValueError(f"error updating node {self._name}: it changes all the time")

    async def _annotate(self, node: Node, ids: Mapping[str, str], labels: Mapping[str, str]) -> None:
        """The annotation is one text with all drivers: it must not overwrite what another has written in between."""
        text = json.dumps(dict(sorted(ids.items())), separators=(",", ":")) if ids else None
        changed: dict[str, Any] = {"resourceVersion": node.metadata.resourceVersion, "annotations": {NODE_IDS: text}}
        if labels:
            changed["labels"] = dict(labels)
        await self._client.patch(NODE, self._name, {"metadata": changed})

    # --- the CSINode

    async def _change(self, driver: str, wanted: CSINodeDriver | None) -> None:
        """Puts the driver in, or takes it out. The object is made where it is missing."""
        for _ in range(TRIES):
            try:
                if await self._try(driver, wanted):
                    return
            except StatusError as error:
                if error.code != 409:
                    raise
        raise ValueError(f"error updating CSINode {self._name}: it changes all the time")

    async def _try(self, driver: str, wanted: CSINodeDriver | None) -> bool:
        """Whether all is as it should be now."""
        try:
            found: CSINode = await self._client.get(CSI_NODE, self._name)
        except StatusError as error:
            if error.code != 404:
                raise
            await self._create([wanted] if wanted is not None else [])
            return True
        known = next((one for one in found.spec.drivers if one.name == driver), None)
        if known == wanted:
            return True
        # Of a driver that is there only the limit can change: what differs otherwise is taken out first.
        fits = known is None or wanted is None or _place(known) == _place(wanted)
        others = [one for one in found.spec.drivers if one.name != driver]
        found.spec.drivers = [*others, wanted] if wanted is not None and fits else others
        await self._client.update(CSI_NODE, found)
        return fits

    async def _own(self) -> None:
        """A CSINode of a Node that was deleted would be collected soon: it belongs to the one of now."""
        found: CSINode = await self._client.get(CSI_NODE, self._name)
        owner = await self._owner()
        if [one.uid for one in found.metadata.ownerReferences if one.kind == "Node"] != [owner.uid]:
            meta = {"ownerReferences": [to_generic(owner)]}
            await self._client.patch(CSI_NODE, self._name, {"metadata": meta})

    async def _owner(self) -> OwnerReference:
        node: Node = await self._client.get(NODE, self._name)
        return OwnerReference(apiVersion="v1", kind="Node", name=self._name, uid=node.metadata.uid)

    async def _create(self, drivers: list[CSINodeDriver]) -> None:
        made = CSINode()
        made.metadata.name = self._name
        made.metadata.ownerReferences = [await self._owner()]
        made.spec.drivers = drivers
        await self._client.create(CSI_NODE, made)


def _place(driver: CSINodeDriver) -> tuple[str, list[str]]:
    return driver.nodeID, driver.topologyKeys


def node_ids(node: Node) -> dict[str, str]:
    """Driver → id of the node; what cannot be read counts as nothing."""
    try:
        found = json.loads(node.metadata.annotations.get(NODE_IDS) or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

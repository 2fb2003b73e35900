"""The volumes that this node has in use, in its status: what stands there is not detached.

What: `InUse`. Why: the attach/detach controller sees a pod go before the node has let go of its volume; it looks here before
it takes the volume away. Flow: a name is added before the volume is waited for, removed when nothing of the volume is left on
the node. One write at a time, none when nothing changed; nobody else writes the field. Source: pkg/kubelet/nodestatus/setters.go
(VolumesInUse), pkg/kubelet/volumemanager/reconciler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kubelite.api.types.core_v1 import Node
from kubelite.client.client import Client
from kubelite.kubelet.kinds import NODE


class InUse:
    """See the module; `names` are what the disk knew when the kubelet began."""

    def __init__(self, client: Client, node_name: str, node: Callable[[], Node | None], names: Iterable[str]) -> None:
        self._client = client
        self._name = node_name
        self._node = node
        self._names = set(names)
        self._writing = asyncio.Lock()
        self._written: list[str] | None = None
        """None: the object is new, or not known yet."""

    async def add(self, name: str) -> None:
        """Returns when it stands in the status. Raises StatusError, ConnectionFailed."""
        self._names.add(name)
        await self.write()

    async def remove(self, name: str) -> None:
        """As `add`."""
        if name in self._names:
            self._names.discard(name)
            await self.write()

    async def node_registered(self) -> None:
        """The object is known now, or was made anew."""
        async with self._writing:
            node = self._node()
            self._written = sorted(node.status.volumesInUse) if node is not None else None
        await self.write()

    async def write(self) -> None:
        """Lets the status say what is so."""
        async with self._writing:
            wanted = sorted(self._names)
            if wanted == self._written:
                return
            self._written = None
            status = {"volumesInUse": wanted or None}
            await self._client.patch(NODE, self._name, {"status": status}, subresource="status")
            self._written = wanted

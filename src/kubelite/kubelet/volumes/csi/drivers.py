"""The CSI drivers of this node.

What: `Drivers`, the handler of plugins with the type CSIPlugin, and the table that mounts look into. Flow: a driver registers →
NodeGetInfo → CSINode, annotation and labels of the Node (`nodeinfo`) → it can be used. Source: pkg/volume/csi/csi_plugin.go
(RegistrationHandler), csi_drivers_store.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kubelite.kubelet.volumes.csi.nodeinfo import NodeInfo

if TYPE_CHECKING:
    from kubelite.kubelet.plugins.rpc import Info
    from kubelite.kubelet.volumes.csi.rpc import Node

PLUGIN_TYPE: Final = "CSIPlugin"
PREFIX: Final = "kubernetes.io/csi: "
"""What upstream's texts of this part begin with."""
_VERSION = re.compile(r"v?(\d+(?:\.\d+)+)")


@dataclass(frozen=True, slots=True)
class _Driver:
    info: Info
    version: tuple[int, ...]


class Drivers:
    """See the module."""

    def __init__(self, node_info: NodeInfo) -> None:
        self._node_info = node_info
        self._table: dict[str, _Driver] = {}

    def node(self, driver: str) -> Node:
        """The driver's calls. Raises LookupError with upstream's text when it has not registered."""
        found = self._table.get(driver)
        if found is None:
            raise LookupError(f"driver name {driver} not found in the list of registered CSI drivers")
        from kubelite.kubelet.volumes.csi.rpc import Node

        return Node(found.info.endpoint)

    def __contains__(self, driver: str) -> bool:
        return driver in self._table

    # --- of the registry

    def validate(self, info: Info) -> None:
        what = f'{PREFIX}ValidatePlugin for CSI driver "{info.name}" failed. '
        if not info.versions:
            raise ValueError(f"{what}Plugin returned an empty list for supported versions")
        try:
            version = highest_version(info.versions)
        except ValueError as error:
            listed = " ".join(f'"{one}"' for one in info.versions)
            text = f"{what}None of the versions specified [{listed}] are supported. err={error}"
            raise ValueError(text) from error
        known = self._table.get(info.name)
        if known is not None and known.info.endpoint != info.endpoint and known.version > version:
            shown = ".".join(map(str, known.version))
            raise ValueError(
                f'{what}Another driver with the same name is already registered with a higher supported version: "{shown}"'
            )

    async def register(self, info: Info) -> None:
        before = self._table.get(info.name)
        self._table[info.name] = _Driver(info, highest_version(info.versions))
        try:
            node_id, limit, topology = await self.node(info.name).info()
            await self._node_info.install(info.name, node_id, limit, topology)
        except BaseException:
            # A driver that was known and came back goes on being known while its node's objects cannot be written.
            if before is None:
                self._table.pop(info.name, None)
            raise

    async def deregister(self, info: Info) -> None:
        known = self._table.get(info.name)
        if known is not None and known.info is info:
            del self._table[info.name]
        if info.name not in self._table:
            await self._node_info.uninstall(info.name)


def highest_version(versions: tuple[str, ...]) -> tuple[int, ...]:
    """The highest that this kubelet speaks. Raises ValueError."""
    parsed, why = [], ""
    for text in versions:
        found = _VERSION.match(text)
        if found is None:
            why = f'could not parse "{text}" as version'
            continue
        version = tuple(int(part) for part in found[1].split("."))
        if version[0] <= 1:
            parsed.append(version)
    if not parsed:
        listed = " ".join(versions)
        raise ValueError(
            f"could not find a highest supported version from versions ([{listed}]) reported by this driver: {why or '<nil>'}"
        )
    best = max(parsed)
    if best[0] != 1:
        raise ValueError(f"highest supported version reported by driver is {'.'.join(map(str, best))}, must be v1.x")
    return best

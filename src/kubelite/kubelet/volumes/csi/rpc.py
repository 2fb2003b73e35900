"""The calls of a CSI driver's part on the node.

What: `Node`, one coroutine a call. Why: everything that knows CSI's messages is here, and is imported only when a driver has
registered. Each call has a deadline and a connection of its own: a driver that hangs or died keeps nobody but its own volumes
waiting, and one that came back is met at once. Raises RpcError. Source: pkg/volume/csi/csi_client.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kubelite.kubelet.plugins.rpc import call, channel
from kubelite.kubelet.volumes.csi.volume import Volume
from kubelite.rpc import csi_v1_pb2 as pb
from kubelite.rpc import csi_v1_pb2_grpc as stubs

SECONDS: Final = 120.0
"""Of each call, as upstream's csiTimeout."""
MODES: Final = {
    "ReadWriteOnce": "SINGLE_NODE_WRITER",
    "ReadOnlyMany": "MULTI_NODE_READER_ONLY",
    "ReadWriteMany": "MULTI_NODE_MULTI_WRITER",
    "ReadWriteOncePod": "SINGLE_NODE_WRITER",
}
FINE_MODES: Final = {
    **MODES,
    "ReadWriteOnce": "SINGLE_NODE_MULTI_WRITER",
    "ReadWriteOncePod": "SINGLE_NODE_SINGLE_WRITER",
}
"""What drivers with the capability SINGLE_NODE_MULTI_WRITER tell apart."""


class Capabilities(frozenset[str]):
    """Names of the enumeration that the driver has."""

    @property
    def stages(self) -> bool:
        return "STAGE_UNSTAGE_VOLUME" in self

    @property
    def expands(self) -> bool:
        return "EXPAND_VOLUME" in self

    @property
    def mounts_for_group(self) -> bool:
        """The driver gives the volume to the pod's group itself."""
        return "VOLUME_MOUNT_GROUP" in self


class Node:
    """The driver that listens at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    async def _call(self, method: str, request: Any) -> Any:
        async with channel(self.endpoint) as connection:
            return await call(getattr(stubs.NodeStub(connection), method), request, SECONDS)

    async def info(self) -> tuple[str, int, dict[str, str]]:
        """The node's id for the driver, how many volumes it may have (0: no limit), where it is."""
        found = await self._call("NodeGetInfo", pb.NodeGetInfoRequest())
        return found.node_id, found.max_volumes_per_node, dict(found.accessible_topology.segments)

    async def capabilities(self) -> Capabilities:
        found = await self._call("NodeGetCapabilities", pb.NodeGetCapabilitiesRequest())
        # Numbers of a later protocol have no names here: what they stand for is not used.
        known = {number: name for name, number in pb.NodeServiceCapability.RPC.Type.items()}
        return Capabilities(known.get(one.rpc.type, "") for one in found.capabilities if one.HasField("rpc"))

    async def stage(
        self,
        volume: Volume,
        capabilities: Capabilities,
        path: str,
        *,
        publish_context: Mapping[str, str],
        secrets: Mapping[str, str],
        group: int | None,
    ) -> None:
        """Make the volume ready on this node, at `path`."""
        request = pb.NodeStageVolumeRequest(
            volume_id=volume.handle,
            publish_context=publish_context,
            staging_target_path=path,
            volume_capability=capability(volume, capabilities, group),
            secrets=secrets,
            volume_context=volume.attributes,
        )
        await self._call("NodeStageVolume", request)

    async def unstage(self, handle: str, path: str) -> None:
        await self._call("NodeUnstageVolume", pb.NodeUnstageVolumeRequest(volume_id=handle, staging_target_path=path))

    async def publish(
        self,
        volume: Volume,
        capabilities: Capabilities,
        path: str,
        *,
        staged: str,
        publish_context: Mapping[str, str],
        secrets: Mapping[str, str],
        context: Mapping[str, str],
        group: int | None,
    ) -> None:
        """Show the volume at `path`; `staged` is where it was staged, "" where that is not done."""
        request = pb.NodePublishVolumeRequest(
            volume_id=volume.handle,
            publish_context=publish_context,
            staging_target_path=staged,
            target_path=path,
            volume_capability=capability(volume, capabilities, group),
            readonly=volume.read_only,
            secrets=secrets,
            volume_context=context,
        )
        await self._call("NodePublishVolume", request)

    async def unpublish(self, handle: str, path: str) -> None:
        await self._call("NodeUnpublishVolume", pb.NodeUnpublishVolumeRequest(volume_id=handle, target_path=path))

    async def expand(
        self,
        volume: Volume,
        capabilities: Capabilities,
        path: str,
        *,
        staged: str,
        size: int,
        secrets: Mapping[str, str],
    ) -> int:
        """Let the file system (or the device) at `path` be as large as the volume; the size that it has then."""
        request = pb.NodeExpandVolumeRequest(
            volume_id=volume.handle,
            volume_path=path,
            capacity_range=pb.CapacityRange(required_bytes=size),
            staging_target_path=staged,
            volume_capability=capability(volume, capabilities, None),
            secrets=secrets,
        )
        return int((await self._call("NodeExpandVolume", request)).capacity_bytes)


def capability(volume: Volume, capabilities: Capabilities, group: int | None) -> Any:
    """How the volume is to be used."""
    names = FINE_MODES if "SINGLE_NODE_MULTI_WRITER" in capabilities else MODES
    mode = pb.VolumeCapability.AccessMode.Mode.Value(names.get(volume.access_mode, "UNKNOWN"))
    wanted = pb.VolumeCapability(access_mode=pb.VolumeCapability.AccessMode(mode=mode))
    if volume.is_block:
        wanted.block.SetInParent()
        return wanted
    wanted.mount.fs_type = volume.fs_type
    wanted.mount.mount_flags.extend(volume.mount_options)
    if group is not None:
        wanted.mount.volume_mount_group = str(group)
    return wanted

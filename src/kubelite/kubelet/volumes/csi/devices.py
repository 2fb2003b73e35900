"""The volumes that are on this node for some pod: staged once, let go when the last pod has gone.

What: `Devices.take`, `stage`, `release`. Why: pods come and go, the volume of a node is one: it must not be taken down under a
pod, nor stay when nobody needs it, also when the kubelet was restarted in between. Flow: a pod takes the volume →
NodeStageVolume below `plugins/kubernetes.io/csi`, with a record beside it → the last pod releases it → NodeUnstageVolume,
repeated until it is done → the volume is no longer in use. Bound: one task at most for each volume that is being let go.
Source: pkg/volume/csi/csi_attacher.go (MountDevice, UnmountDevice).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.plugins.errors import RpcError, is_final
from kubelite.kubelet.volumes import mountpoints
from kubelite.kubelet.volumes.csi import names, records
from kubelite.kubelet.volumes.csi.drivers import PREFIX, Drivers
from kubelite.kubelet.volumes.csi.inuse import InUse
from kubelite.kubelet.volumes.csi.records import Record
from kubelite.kubelet.volumes.csi.volume import Volume
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.kubelet.volumes.csi.rpc import Capabilities, Node

log = get_logger(__name__)
Key: TypeAlias = tuple[str, str]
"""Driver and handle."""


@dataclass(slots=True)
class _Device:
    users: set[str] = field(default_factory=set)
    """Uids of pods."""
    staged: bool = False
    """Surely; after a restart of the kubelet it is asked for once more."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    leaving: asyncio.Task[None] | None = None


class Devices:
    """See the module."""

    def __init__(self, root_dir: str, drivers: Drivers, in_use: InUse, known: Mapping[Key, Iterable[str]]) -> None:
        self._root = root_dir
        self._drivers = drivers
        self._in_use = in_use
        self._devices = {key: _Device(users=set(users)) for key, users in known.items()}

    def begin(self) -> None:
        """Lets go of what no pod has, as the disk tells it after a restart."""
        for key, device in list(self._devices.items()):
            self._leave_if_unused(key, device)

    async def close(self) -> None:
        tasks = [device.leaving for device in self._devices.values() if device.leaving is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def take(self, volume: Volume, pod_uid: str) -> None:
        """The pod needs the volume from now on: nobody takes it away."""
        self._devices.setdefault((volume.driver, volume.handle), _Device()).users.add(pod_uid)

    def release(self, pod_uid: str) -> None:
        """The pod needs no volume any more."""
        for key, device in list(self._devices.items()):
            if pod_uid in device.users:
                device.users.discard(pod_uid)
                self._leave_if_unused(key, device)

    async def stage(
        self,
        volume: Volume,
        node: Node,
        capabilities: Capabilities,
        *,
        publish_context: Mapping[str, str],
        secrets: Mapping[str, str],
        group: int | None,
    ) -> str:
        """Where it is staged, "" for a driver that does not do that. Raises RpcError, OSError."""
        device = self._devices[volume.driver, volume.handle]
        home = names.device_dir(self._root, volume.driver, volume.handle)
        path = os.path.join(home, names.GLOBAL_MOUNT) if capabilities.stages else ""
        async with device.lock:
            if device.staged:
                return path
            # The record comes first: what a kubelet that dies now has begun, the next one ends.
            record = Record(driverName=volume.driver, volumeHandle=volume.handle)
            await asyncio.to_thread(records.write, home, record)
            if path:
                os.makedirs(path, 0o750, exist_ok=True)
                try:
                    await node.stage(
                        volume, capabilities, path, publish_context=publish_context, secrets=secrets, group=group
                    )
                except Exception as error:
                    if is_final(error) and not mountpoints.is_mounted(path):
                        records.erase(home, names.GLOBAL_MOUNT)
                    raise
            device.staged = True
        return path

    # --- letting go

    def _leave_if_unused(self, key: Key, device: _Device) -> None:
        if not device.users and device.leaving is None:
            device.leaving = asyncio.create_task(self._leave(key, device), name=f"unstage {'/'.join(key)}")

    async def _leave(self, key: Key, device: _Device) -> None:
        """Until it is done, or somebody needs the volume again."""
        backoff = Backoff(initial=0.5, cap=60.0)
        try:
            while not device.users:
                try:
                    async with device.lock:
                        if device.users:
                            return
                        await self._unstage(key, device)
                    # A pod that took it meanwhile has put it into the status already.
                    if device.users:
                        return
                    await self._in_use.remove(names.unique_name(*key))
                except (RpcError, LookupError, OSError, StatusError, ConnectionFailed) as error:
                    log.warning("Volume cannot be unstaged", driver=key[0], volume=key[1], error=error)
                else:
                    # One that was taken again while the status was written is in use all the same.
                    if device.users:
                        return
                    if self._devices.get(key) is device:
                        del self._devices[key]
                    return
                await asyncio.sleep(backoff.next())
        finally:
            device.leaving = None

    async def _unstage(self, key: Key, device: _Device) -> None:
        driver, handle = key
        home = names.device_dir(self._root, driver, handle)
        if not os.path.isdir(home):
            return
        path = os.path.join(home, names.GLOBAL_MOUNT)
        device.staged = False
        if os.path.isdir(path) or mountpoints.is_mounted(path):
            await self._drivers.node(driver).unstage(handle, path)
            if mountpoints.is_mounted(path):
                raise OSError(f"{PREFIX}attacher.UnmountDevice failed: {path} is still mounted")
        records.erase(home, names.GLOBAL_MOUNT)

"""CSI volumes of this node's pods: attached, staged, published, published again, unpublished.

What: `CsiVolumes`. Flow: pod's volume → CSIDriver → (in use, attached) → staged → NodePublishVolume below the pod's directory →
files given to the pod's group; back again when the pod ends, by what the disk remembers. Every step may be repeated, as drivers
must accept; a volume that is shown already is not asked for again, so containers restart without driver and API server.
Sources: pkg/volume/csi/csi_mounter.go (SetUpAt, TearDownAt), pkg/volume/util/operationexecutor.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kubelite.api.types.core_v1 import Pod
from kubelite.api.types.storage_v1 import CSIDriver
from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.interfaces import Context, SyncError
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.plugins.errors import RpcError, is_final
from kubelite.kubelet.volumes import mountpoints, ownership
from kubelite.kubelet.volumes.csi import names, records
from kubelite.kubelet.volumes.csi import volume as volumes
from kubelite.kubelet.volumes.csi.attachments import Attachments
from kubelite.kubelet.volumes.csi.devices import Devices, Key
from kubelite.kubelet.volumes.csi.drivers import PREFIX, Drivers
from kubelite.kubelet.volumes.csi.expansion import Expansion, Place
from kubelite.kubelet.volumes.csi.inuse import InUse
from kubelite.kubelet.volumes.csi.nodeinfo import NodeInfo
from kubelite.kubelet.volumes.csi.objects import Objects
from kubelite.kubelet.volumes.csi.volume import Volume
from kubelite.kubelet.volumes.failures import (
    EXPAND,
    EXPAND_IN_USE,
    MAP_DEVICE,
    MOUNT_DEVICE,
    SET_UP,
    SET_UP_DEVICE,
    TEAR_DOWN,
    VolumeFailed,
    failed,
)
from kubelite.kubelet.volumes.tokens import TokenCache
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.kubelet.volumes.csi.rpc import Capabilities, Node

log = get_logger(__name__)
AGAIN_SECONDS: Final = 50.0
"""Between two looks at a volume that is shown: less than the time between two syncs of a pod where nothing happens."""

FAILURES: Final = (RpcError, ValueError, OSError, StatusError, ConnectionFailed)
"""What a volume that cannot be mounted now may raise on its way."""


@dataclass(slots=True)
class _Shown:
    """A volume that was published since this kubelet began."""

    volume: Volume
    path: str
    looked_at: float
    expands: bool
    """Its driver may have to follow when the volume grows."""


@dataclass(frozen=True, slots=True)
class _Mount:
    """What one mount works with."""

    pod: Pod
    volume: Volume
    path: str
    driver: CSIDriver | None
    node: Node
    capabilities: Capabilities

    @property
    def group(self) -> int | None:
        """The pod's."""
        return self.pod.spec.securityContext.fsGroup if self.pod.spec.securityContext else None

    @property
    def mount_group(self) -> int | None:
        """Of a driver that cares for groups itself."""
        return self.group if self.capabilities.mounts_for_group else None

    def place(self, staged: str) -> Place:
        """For the expansion."""
        return Place(self.pod, self.volume, self.path, staged, self.node, self.capabilities)


class CsiVolumes:
    """See the module."""

    def __init__(self, context: Context, tokens: TokenCache) -> None:
        self._context = context
        self._root = context.config.root_dir
        self._objects = Objects(context.client, tokens)
        self._node_info = NodeInfo(context.client, context.node_name)
        self.drivers = Drivers(self._node_info)
        self._attachments = Attachments(context.client, context.node_name)
        known = _known(self._root)
        in_use = [names.unique_name(driver, handle) for driver, handle in known]
        self._in_use = InUse(context.client, context.node_name, context.node, in_use)
        self._devices = Devices(self._root, self.drivers, self._in_use, known)
        self._expansion = Expansion(self._objects, context.recorder, context.node_name)
        self._shown: dict[str, dict[str, _Shown]] = {}
        """Pod uid → name of the volume → what is shown."""
        self._caring: dict[str, asyncio.Task[None]] = {}
        """Pod uid → the look at its volumes that goes on."""

    async def run(self) -> None:
        """Never returns: cares for what stands in the node's objects, whenever the Node was registered."""
        begun, backoff = False, Backoff(initial=0.2, cap=10.0)
        try:
            while True:
                await self._context.registered.wait()
                self._context.registered.clear()
                try:
                    await self._in_use.node_registered()
                    await self._node_info.ensure()
                except (StatusError, ConnectionFailed, ValueError) as error:
                    log.warning("Cannot write what the node has of CSI", error=error)
                    await asyncio.sleep(backoff.next())
                    self._context.registered.set()
                    continue
                backoff.reset()
                if not begun:
                    begun = True
                    self._devices.begin()
        finally:
            for uid in list(self._caring):
                await self._leave_off(uid)
            await self._devices.close()

    # --- mount

    async def mount(self, pod: Pod, volume: Volume) -> str:
        """Where the volume is shown to the pod. Raises SyncError with upstream's text."""
        known = self._shown.get(pod.metadata.uid, {}).get(volume.name)
        if known is not None:
            return known.path
        path = names.publish_path(self._root, pod.metadata.uid, volume.name)
        published = MAP_DEVICE if volume.is_block else SET_UP
        what = published
        if volume.is_persistent:
            what = SET_UP_DEVICE if volume.is_block else MOUNT_DEVICE
        try:
            driver = await self._objects.driver(volume.driver)
            publish_context = await self._attached(pod, volume, driver) if volume.is_persistent else {}
            mount = await self._meet(pod, volume, path, driver)
            staged = await self._stage(mount, publish_context) if volume.is_persistent else ""
            what = published
            await self._publish(mount, staged, publish_context)
            what = EXPAND
            follows = await self._expansion.follow(mount.place(staged))
        except VolumeFailed:
            raise
        except FAILURES as error:
            raise failed(what, volume.name, _why(error)) from error
        self._shown.setdefault(pod.metadata.uid, {})[volume.name] = _Shown(
            volume, path, time.monotonic(), follows and mount.capabilities.expands
        )
        return path

    async def _attached(self, pod: Pod, volume: Volume, driver: CSIDriver | None) -> dict[str, str]:
        """The publish context of a volume that is attached now, or needs no attaching."""
        self._devices.take(volume, pod.metadata.uid)
        if not volumes.attaches(driver):
            await self._in_use.remove(volume.unique_name)
            return {}
        await self._in_use.add(volume.unique_name)
        return await self._attachments.wait(volume)

    async def _meet(self, pod: Pod, volume: Volume, path: str, driver: CSIDriver | None) -> _Mount:
        """Finds the driver and asks what it can."""
        try:
            node = self.drivers.node(volume.driver)
        except LookupError as error:
            where = "attacher.MountDevice failed to create newCsiDriverClient"
            if volume.is_block:
                where = "blockMapper.SetUpDevice failed to get CSI client"
            elif not volume.is_persistent:
                where = "mounter.SetUpAt failed to get CSI client"
            raise ValueError(f"{PREFIX}{where}: {error}") from error
        return _Mount(pod, volume, path, driver, node, await node.capabilities())

    async def _stage(self, mount: _Mount, publish_context: Mapping[str, str]) -> str:
        volume = mount.volume
        secrets = await self._objects.secret(volume.stage_secret, "NodeStageSecretRef")
        return await self._devices.stage(
            volume,
            mount.node,
            mount.capabilities,
            publish_context=publish_context,
            secrets=secrets,
            group=mount.mount_group,
        )

    async def _publish(self, mount: _Mount, staged: str, publish_context: Mapping[str, str]) -> None:
        pod, volume, path = mount.pod, mount.volume, mount.path
        try:
            volumes.check_mode(volume, mount.driver)
        except ValueError as error:
            where = "mounter.SetupAt failed to check volume lifecycle mode"
            raise ValueError(f"{PREFIX}{where}: {error}") from error
        secrets = await self._objects.secret(volume.publish_secret, "NodePublishSecretRef")
        context = {**volume.attributes, **volumes.pod_info(pod, volume, mount.driver)}
        tokens = await self._objects.tokens(pod, mount.driver)
        if mount.driver is not None and mount.driver.spec.serviceAccountTokenInSecrets:
            secrets = {**secrets, **tokens}
        else:
            context.update(tokens)
        directory = os.path.dirname(path)
        # The record comes first: whoever takes the pod down asks the driver, whatever became of the call.
        await asyncio.to_thread(records.write, directory, self._record(volume))
        try:
            await mount.node.publish(
                volume,
                mount.capabilities,
                path,
                staged=staged,
                publish_context=publish_context,
                secrets=secrets,
                context=context,
                group=mount.mount_group,
            )
        except Exception as error:
            if is_final(error) and not mountpoints.is_mounted(path):
                records.erase(directory, os.path.basename(path))
            raise
        if not mount.capabilities.mounts_for_group:
            await self._give(mount)

    async def _give(self, mount: _Mount) -> None:
        if mount.group is None or not volumes.changes_owner(mount.volume, mount.group, mount.driver):
            return
        identity = mount.pod.spec.securityContext
        policy = identity.fsGroupChangePolicy if identity is not None else None
        try:
            await asyncio.to_thread(ownership.give, mount.path, mount.group, policy)
        except OSError as error:
            why = f"applyFSGroup failed for vol {mount.volume.handle}: {_why(error)}"
            raise failed(SET_UP, mount.volume.name, why) from error

    def _record(self, volume: Volume) -> records.Record:
        node = self._context.node_name
        return records.Record(
            driverName=volume.driver,
            volumeHandle=volume.handle,
            specVolID=volume.name,
            nodeName=node,
            attachmentID=names.attachment_name(volume.handle, volume.driver, node),
            volumeLifecycleMode=volume.mode,
        )

    # --- while the pod runs

    def look_after(self, pod: Pod, mount_all: Callable[[], Awaitable[None]]) -> None:
        """Begins what is due and goes on beside the pod's worker: a driver may take its time.

        `mount_all` mounts the pod's volumes; it is asked for those that another kubelet process has mounted.
        """
        uid = pod.metadata.uid
        if uid not in self._caring and (self._is_due(uid) or self._is_forgotten(uid)):
            task = asyncio.create_task(self._care(pod, mount_all), name=f"volumes of {uid}")
            self._caring[uid] = task
            task.add_done_callback(lambda _: self._caring.pop(uid, None))

    def _is_due(self, uid: str) -> bool:
        shown = self._shown.get(uid)
        if not shown:
            return False
        late = time.monotonic() - AGAIN_SECONDS
        return any(one.looked_at <= late for one in shown.values()) or self._objects.tokens_due(uid)

    def _is_forgotten(self, uid: str) -> bool:
        """The disk knows volumes that this process has not mounted, though their drivers are there."""
        known, found = self._shown.get(uid, {}), (one.record for one in records.published(self._root, uid))
        return any(one.specVolID not in known and one.driverName in self.drivers for one in found)

    async def _care(self, pod: Pod, mount_all: Callable[[], Awaitable[None]]) -> None:
        """What fails is told and tried again; the volume stays as it is."""
        uid = pod.metadata.uid
        try:
            if self._is_forgotten(uid):
                await mount_all()
        except SyncError as error:
            self._context.recorder.event(POD, pod, "Warning", error.reason, error.message)
        for shown in list(self._shown.get(uid, {}).values()):
            if time.monotonic() - shown.looked_at < AGAIN_SECONDS and not self._objects.tokens_due(uid):
                continue
            shown.looked_at = time.monotonic()
            try:
                await self._again(pod, shown)
            except (StatusError, ConnectionFailed) as error:
                log.warning("Volume cannot be looked after", volume=shown.volume.name, error=error)
            except VolumeFailed as error:
                self._context.recorder.event(POD, pod, "Warning", error.reason, error.message)

    async def _again(self, pod: Pod, shown: _Shown) -> None:
        """Publishes again what the driver wants published again, follows a volume that has grown."""
        volume, staged = shown.volume, ""
        driver = await self._objects.driver(volume.driver)
        republish = driver is not None and bool(driver.spec.requiresRepublish)
        if not republish and not shown.expands:
            return
        what, reason = SET_UP, "FailedMount"
        try:
            mount = await self._meet(pod, volume, shown.path, driver)
            if volume.is_persistent and mount.capabilities.stages:
                home = names.device_dir(self._root, volume.driver, volume.handle)
                staged = os.path.join(home, names.GLOBAL_MOUNT)
            if republish:
                publish_context = await self._attached(pod, volume, driver) if volume.is_persistent else {}
                await self._publish(mount, staged, publish_context)
            if shown.expands:
                what, reason = EXPAND_IN_USE, "VolumeResizeFailed"
                shown.expands = await self._expansion.follow(mount.place(staged))
        except (VolumeFailed, StatusError, ConnectionFailed):
            raise
        except FAILURES as error:
            raise failed(what, volume.name, _why(error), reason) from error

    async def _leave_off(self, uid: str) -> None:
        task = self._caring.get(uid)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # --- unmount

    async def unmount(self, pod_uid: str) -> None:
        """Takes everything of the pod down that the disk knows of. Raises SyncError while something is left."""
        await self._leave_off(pod_uid)
        self._shown.pop(pod_uid, None)
        for one in records.published(self._root, pod_uid):
            try:
                await self._unpublish(one)
            except FAILURES as error:
                raise failed(TEAR_DOWN, one.record.specVolID, _why(error), "FailedUnmount") from error
        self._devices.release(pod_uid)

    async def _unpublish(self, one: records.Published) -> None:
        try:
            node = self.drivers.node(one.record.driverName)
        except LookupError as error:
            raise ValueError(f"{PREFIX}Unmounter.TearDownAt failed to get CSI client: {error}") from error
        try:
            await node.unpublish(one.record.volumeHandle, one.path)
        except RpcError as error:
            raise ValueError(f"{PREFIX}Unmounter.TearDownAt failed: {error}") from error
        if mountpoints.is_mounted(one.path):
            # Not ours to unmount: the driver said that it was done.
            raise ValueError(
                f"{PREFIX}Unmounter.TearDownAt failed to clean mount dir [{one.path}]: it is still mounted"
            )
        records.erase(one.directory, os.path.basename(one.path))


def _why(error: Exception) -> str:
    if isinstance(error, StatusError):
        return error.message
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _known(root_dir: str) -> dict[Key, set[str]]:
    """What the disk knows: driver and handle of each volume → uids of the pods that have it."""
    found: dict[Key, set[str]] = {}
    for record in records.all_staged(root_dir):
        found.setdefault((record.driverName, record.volumeHandle), set())
    for one in records.all_published(root_dir):
        if one.record.volumeLifecycleMode != volumes.EPHEMERAL:
            found.setdefault((one.record.driverName, one.record.volumeHandle), set()).add(one.pod_uid)
    return found

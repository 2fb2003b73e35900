"""`Volumes`: sets up, refreshes and takes down the volumes of pods.

What: the kubelet's `VolumeManager`. Why: containers start when all their volumes exist, and nothing stays behind. Flow: pod →
directories below `<root_dir>/pods/<uid>/volumes` → host paths. The disk is the memory: after a restart of the kubelet the
same calls find what is there. Types that are not built are refused by name. Source: pkg/kubelet/volumemanager, pkg/volume.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Final

from kubelite.api.types.core_v1 import EmptyDirVolumeSource, PersistentVolume, Pod, Volume
from kubelite.kubelet.interfaces import AnyContainer, Context, SyncError
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.volumes import atomic, hostpath, mountpoints, nfs, ownership, subpath
from kubelite.kubelet.volumes.claims import Claims, check_node, check_use, claim_name, place
from kubelite.kubelet.volumes.contents import GENERATED, Contents
from kubelite.kubelet.volumes.csi import volume as csi
from kubelite.kubelet.volumes.csi.drivers import Drivers
from kubelite.kubelet.volumes.csi.manager import CsiVolumes
from kubelite.kubelet.volumes.failures import SET_UP, VolumeFailed, failed
from kubelite.machinery import quantity

EMPTY_DIR: Final = "kubernetes.io~empty-dir"
IN_MEMORY: Final = frozenset({"secret", "projected", "downwardAPI"})
"""Generated volumes whose content never touches a disk."""


class Volumes:
    """See `kubelet.interfaces.VolumeManager`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._root = os.path.join(context.config.root_dir, "pods")
        self._contents = Contents(context)
        self._claims = Claims(context.client)
        self._csi = CsiVolumes(context, self._contents.tokens)
        self._shown: dict[str, tuple[object, ...]] = {}
        """Pod uid → fingerprint of what its volumes show."""

    @property
    def drivers(self) -> Drivers:
        """The CSI drivers, for the registry of plugins."""
        return self._csi.drivers

    async def run(self) -> None:
        """Hold the watches of objects until the kubelet ends, and keep the node's objects true."""
        try:
            await self._csi.run()
        finally:
            self._contents.tokens.close()
            await self._contents.objects.close()

    async def mount(self, pod: Pod) -> Mapping[str, str]:
        """Volume name → host path for every volume that a container uses. Raises SyncError("FailedMount", ...)."""
        used = _used(pod)
        paths = {}
        for volume in pod.spec.volumes:
            if volume.name in used:
                paths[volume.name] = await self._set_up(pod, volume)
        self._shown[pod.metadata.uid] = self._contents.fingerprint(pod)
        return paths

    async def _set_up(self, pod: Pod, volume: Volume) -> str:
        try:
            if volume.hostPath:
                return hostpath.prepare(volume.hostPath)
            if claim_name(pod, volume):
                return await self._claimed(pod, volume)
            if volume.nfs is not None:
                return await nfs.mount(nfs.of(volume.nfs, volume.name), self._volumes_dir(pod.metadata.uid))
            if volume.csi is not None:
                return await self._csi.mount(pod, csi.of_pod(pod, volume))
            kind = type_of(volume)
            if kind == "emptyDir":
                return self._empty_dir(pod, volume.name, volume.emptyDir or EmptyDirVolumeSource())
            if kind not in GENERATED:
                raise ValueError(f'volume type "{kind}" is not supported by this kubelet')
            return await self._generated(pod, volume, kind)
        except VolumeFailed:
            raise
        except SyncError as error:
            raise failed(SET_UP, volume.name, error, error.reason) from error
        except OSError as error:
            reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise failed(SET_UP, volume.name, reason) from error
        except ValueError as error:
            raise failed(SET_UP, volume.name, error) from error

    async def _claimed(self, pod: Pod, volume: Volume) -> str:
        """The path of what a claim is bound to. Local volumes belong to the pod's group, host paths to nobody but the host."""
        found = await self._claims.source(pod, volume)
        read_only = volume.persistentVolumeClaim is not None and bool(volume.persistentVolumeClaim.readOnly)
        check_node(found, self._context.node())
        check_use(pod, volume.name, found)
        if found.spec.csi is not None:
            return await self._csi.mount(pod, csi.of_claim(found, volume.name, read_only=read_only))
        if found.spec.nfs is not None:
            return await self._nfs(pod, found, read_only=read_only)
        path = place(found)
        group = _fs_group(pod)
        given = found.spec.local is not None and found.spec.volumeMode != "Block"
        if given and group is not None and not read_only:
            policy = pod.spec.securityContext.fsGroupChangePolicy if pod.spec.securityContext else None
            await asyncio.to_thread(ownership.give, path, group, policy)
        return path

    async def _nfs(self, pod: Pod, found: PersistentVolume, *, read_only: bool) -> str:
        name, source = found.metadata.name, found.spec.nfs
        assert source is not None
        try:
            share = nfs.of(source, name, read_only=read_only, options=csi.mount_options(found))
            return await nfs.mount(share, self._volumes_dir(pod.metadata.uid))
        except (OSError, ValueError) as error:
            raise failed(SET_UP, name, error) from error

    def _volumes_dir(self, pod_uid: str) -> str:
        return os.path.join(self._root, pod_uid, "volumes")

    def _directory(self, pod: Pod, plugin: str, name: str) -> str:
        path = os.path.join(self._volumes_dir(pod.metadata.uid), plugin, name)
        os.makedirs(path, 0o750, exist_ok=True)
        return path

    def _empty_dir(self, pod: Pod, name: str, source: EmptyDirVolumeSource) -> str:
        if source.medium not in ("", "Memory"):
            raise ValueError(f'emptyDir medium "{source.medium}" is not supported by this kubelet')
        path = self._directory(pod, EMPTY_DIR, name)
        if source.medium == "Memory" and not mountpoints.is_mounted(path):
            mountpoints.mount_tmpfs(path, self._memory_size(pod, source))
        group = _fs_group(pod)
        wanted = 0o777 if group is None else 0o2777
        info = os.stat(path)
        if info.st_mode & 0o2777 != wanted or (group is not None and info.st_gid != group):
            if group is not None:
                os.chown(path, -1, group)
            os.chmod(path, wanted)
        return path

    def _memory_size(self, pod: Pod, source: EmptyDirVolumeSource) -> int:
        """The smallest of sizeLimit, the containers' memory limits together (where all have one) and the node's memory."""
        node = self._context.node()
        sizes = [quantity.value(source.sizeLimit)] if source.sizeLimit is not None else []
        if node is not None and "memory" in node.status.allocatable:
            sizes.append(quantity.value(node.status.allocatable["memory"]))
        limits = [c.resources.limits.get("memory") if c.resources else None for c in pod.spec.containers]
        if limits and None not in limits:
            sizes.append(sum(quantity.value(limit) for limit in limits if limit is not None))
        return min((size for size in sizes if size > 0), default=0)

    async def _generated(self, pod: Pod, volume: Volume, kind: str) -> str:
        files = await self._contents.of(pod, volume)
        path = self._directory(pod, GENERATED[kind], volume.name)
        if kind in IN_MEMORY and not mountpoints.is_mounted(path):
            mountpoints.mount_tmpfs(path)
        group = _fs_group(pod)
        wanted = 0o777 if group is None else 0o2777
        if os.stat(path).st_mode & 0o2777 != wanted:
            os.chown(path, -1, -1 if group is None else group)
            os.chmod(path, wanted)
        atomic.write(path, files, group)
        return path

    async def update(self, pod: Pod) -> None:
        """Rewrite the generated volumes whose sources changed. What cannot be refreshed stays as it is, with an event."""
        uid = pod.metadata.uid
        self._csi.look_after(pod, lambda: self._set_up_again(pod))
        if uid in self._shown and self._shown[uid] == self._contents.fingerprint(pod):
            return
        used = _used(pod)
        for volume in pod.spec.volumes:
            if volume.name in used and type_of(volume) in GENERATED:
                try:
                    await self._set_up(pod, volume)
                except SyncError as error:
                    self._context.recorder.event(POD, pod, "Warning", error.reason, error.message)
        self._shown[uid] = self._contents.fingerprint(pod)

    async def _set_up_again(self, pod: Pod) -> None:
        """What drivers have mounted for the pod before this process began: mounted once more, as they must accept."""
        used = _used(pod)
        for volume in pod.spec.volumes:
            if volume.name in used and (volume.csi is not None or claim_name(pod, volume)):
                await self._set_up(pod, volume)

    def sub_path(self, pod: Pod, volume: str, container: str, index: int, source: str, path: str) -> str:
        """The host path to mount for a subPath: opened safely and bound below the pod's directory.

        `index` is the place of the mount in the container. Raises SyncError("CreateContainerConfigError", ...).
        """
        try:
            return subpath.prepare(os.path.join(self._root, pod.metadata.uid), volume, container, index, source, path)
        except (OSError, ValueError) as error:
            text = f'failed to prepare subPath for volumeMount "{volume}" of container "{container}": {error}'
            raise SyncError("CreateContainerConfigError", text) from error

    async def unmount(self, pod_uid: str) -> None:
        """Take everything down. Raises SyncError("FailedUnmount", ...) while something stays mounted; nothing is lost then."""
        self._shown.pop(pod_uid, None)
        self._contents.objects.release(pod_uid)
        self._contents.tokens.release(pod_uid)
        self._claims.release(pod_uid)
        home = os.path.join(self._root, pod_uid)
        if not pod_uid:
            return
        try:
            # Sub-paths keep the volumes that they are from busy; drivers take down their own.
            await asyncio.to_thread(_take_down, home, subpath.FOLDER)
            await self._csi.unmount(pod_uid)
            await nfs.unmount_all(self._volumes_dir(pod_uid))
            await asyncio.to_thread(_take_down, home, "volumes")
        except OSError as error:
            raise SyncError("FailedUnmount", f"UnmountVolume.TearDown failed for pod {pod_uid}: {error}") from error

    async def reconstruct(self) -> Sequence[str]:
        """Uids of the pods with volumes on disk."""
        try:
            uids = os.listdir(self._root)
        except FileNotFoundError:
            return []
        folders = ("volumes", subpath.FOLDER)
        return [uid for uid in uids if any(os.path.isdir(os.path.join(self._root, uid, name)) for name in folders)]


def type_of(volume: Volume) -> str:
    """The name of the volume's source field; emptyDir when it has none."""
    for name in volume.__struct_fields__:
        if name != "name" and getattr(volume, name) is not None:
            return name
    return "emptyDir"


def _used(pod: Pod) -> set[str]:
    """Names of the volumes that a container mounts: others are not set up, as upstream."""
    spec = pod.spec
    every: list[AnyContainer] = [*spec.initContainers, *spec.containers, *spec.ephemeralContainers]
    names = {mount.name for container in every for mount in container.volumeMounts}
    return names | {device.name for container in every for device in container.volumeDevices}


def _fs_group(pod: Pod) -> int | None:
    return pod.spec.securityContext.fsGroup if pod.spec.securityContext else None


def _take_down(home: str, name: str) -> None:
    """Unmount first, check, then delete: a directory that is still a mount must never be emptied."""
    folder = os.path.join(home, name)
    if not os.path.isdir(folder):
        return
    for path in mountpoints.below(folder):
        mountpoints.unmount(path)
    if left := mountpoints.below(folder):
        raise OSError(f"{left[0]} is still mounted")
    shutil.rmtree(folder)

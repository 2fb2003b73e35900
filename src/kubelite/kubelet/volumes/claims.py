"""Volumes that pods use by claim: from the claim to what its volume is on.

What: `Claims.source` (the PersistentVolume behind a pod's volume), `place` (its path on this node). Why: a kubelet may read the
claims of its pods and the volumes that these are bound to, one by one; a bound claim never changes its volume, so each is asked
for once in a pod's life and containers restart while the API is away. Sources: pkg/kubelet/volumemanager/populator
(getPVCExtractPV), pkg/volume/local, pkg/volume/util/util.go (CheckNodeAffinity).
"""

from __future__ import annotations

import asyncio
import os
import stat
from typing import Any, Final

from kubelite.api.logic import affinity
from kubelite.api.types.core_v1 import Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet import podspec
from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.volumes import hostpath, localpath
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.machinery.meta import is_controlled_by

CLAIM: Final = Kind(
    group="", version="v1", kind="PersistentVolumeClaim", plural="persistentvolumeclaims", type=PersistentVolumeClaim
)
VOLUME: Final = Kind(
    group="", version="v1", kind="PersistentVolume", plural="persistentvolumes", type=PersistentVolume, namespaced=False
)
BINDING_READS: Final = 20
BINDING_INTERVAL: Final = 0.1
"""Seconds between two looks at a claim that has its volume but not yet the phase Bound: the binder writes one after the other."""
_NOT_SOURCES: Final = frozenset(
    (
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    )
)


def claim_name(pod: Pod, volume: Volume) -> str:
    """The claim that a pod's volume is; "" for other volumes."""
    if volume.persistentVolumeClaim is not None:
        return volume.persistentVolumeClaim.claimName
    return f"{pod.metadata.name}-{volume.name}" if volume.ephemeral is not None else ""


class Claims:
    """The claims of one kubelet's pods."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, dict[str, PersistentVolume]] = {}
        """Pod uid → claim → the volume that it is bound to."""

    async def source(self, pod: Pod, volume: Volume) -> PersistentVolume:
        """The volume behind a claim. Raises ValueError with the user's text, SyncError when the API cannot be asked."""
        name, space = claim_name(pod, volume), pod.metadata.namespace
        known = self._known.setdefault(pod.metadata.uid, {})
        if name not in known:
            try:
                claim = await self._bound_claim(name, space)
                _check_claim(pod, volume, claim)
                found = await self._read(VOLUME, claim.spec.volumeName, "")
                _check_volume(found, claim)
            except ValueError as error:
                raise ValueError(f"error processing PVC {space}/{name}: {error}") from error
            known[name] = found
        return known[name]

    async def _bound_claim(self, name: str, namespace: str) -> PersistentVolumeClaim:
        """The claim; one that is being bound right now is waited for, as pods are placed before its status says so."""
        for _ in range(BINDING_READS):
            claim: PersistentVolumeClaim = await self._read(CLAIM, name, namespace)
            if claim.status.phase != "Pending" or not claim.spec.volumeName:
                return claim
            await asyncio.sleep(BINDING_INTERVAL)
        return claim

    async def _read(self, kind: Kind, name: str, namespace: str) -> Any:
        try:
            return await self._client.get(kind, name, namespace)
        except StatusError as error:
            what = "PVC" if kind is CLAIM else "PV"
            raise ValueError(f"failed to fetch {what} from API server: {error.message}") from error
        except (ConnectionFailed, OSError, TimeoutError) as error:
            raise SyncError("FailedMount", f"failed to ask for {kind.resource} {name}: {error}") from error

    def release(self, pod_uid: str) -> None:
        """The pod is gone."""
        self._known.pop(pod_uid, None)


def _check_claim(pod: Pod, volume: Volume, claim: PersistentVolumeClaim) -> None:
    meta = claim.metadata
    if volume.ephemeral is not None and not is_controlled_by(claim, pod):
        space = pod.metadata.namespace
        raise ValueError(
            f"PVC {space}/{meta.name} was not created for pod {space}/{pod.metadata.name} (pod is not owner)"
        )
    if meta.deletionTimestamp is not None:
        raise ValueError("PVC is being deleted")
    if claim.status.phase != "Bound" or not claim.spec.volumeName:
        phase, named = claim.status.phase, claim.spec.volumeName
        raise ValueError(
            f'PVC {meta.namespace}/{meta.name} has non-bound phase ("{phase}") or empty pvc.Spec.VolumeName ("{named}")'
        )


def _check_volume(volume: PersistentVolume, claim: PersistentVolumeClaim) -> None:
    ref, name = volume.spec.claimRef, volume.metadata.name
    if ref is None:
        raise ValueError(
            f"found PV object {name} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"
        )
    if ref.uid != claim.metadata.uid:
        uid = claim.metadata.uid
        raise ValueError(
            f"found PV object {name} but its pv.Spec.ClaimRef.UID {ref.uid} does not point to claim.UID {uid}"
        )


def check_node(volume: PersistentVolume, node: Node | None) -> None:
    """Raises ValueError when the volume is for other nodes."""
    spec = volume.spec
    required = spec.nodeAffinity.required if spec.nodeAffinity is not None else None
    here = node.metadata if node is not None else None
    if required is not None and here is not None and not affinity.selector_matches(required, here.labels, here.name):
        raise ValueError("no matching NodeSelectorTerms")


def place(volume: PersistentVolume) -> str:
    """Where a volume of the node's own disk is. Raises ValueError or OSError with the user's text."""
    spec = volume.spec
    if spec.local is not None:
        return _device(spec.local.path) if spec.volumeMode == "Block" else _local(spec.local.path)
    if spec.volumeMode == "Block":
        raise ValueError("block volumes of this type are not supported by this kubelet")
    if spec.hostPath is not None and localpath.is_local_path(volume):
        return localpath.make(spec.hostPath.path)
    if spec.hostPath is not None:
        return hostpath.prepare(spec.hostPath)
    kind = next((n for n in spec.__struct_fields__ if n not in _NOT_SOURCES and getattr(spec, n) is not None), "none")
    raise ValueError(f'persistent volume type "{kind}" is not supported by this kubelet')


def check_use(pod: Pod, name: str, volume: PersistentVolume) -> None:
    """Raises ValueError when containers use a file system as a device, or the other way round."""
    mode = volume.spec.volumeMode or "Filesystem"
    for _, container in podspec.all_containers(pod):
        if mode == "Block" and any(mount.name == name for mount in container.volumeMounts):
            raise ValueError(f"volume {name} has volumeMode {mode}, but is specified in volumeMounts")
        if mode != "Block" and any(device.name == name for device in container.volumeDevices):
            raise ValueError(f"volume {name} has volumeMode {mode}, but is specified in volumeDevices")


def _device(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise ValueError(f'path "{path}" does not exist') from None
    if not stat.S_ISBLK(mode):
        raise ValueError(f'local volume "{path}" is not a block device')
    return path


def _local(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise ValueError(f'path "{path}" does not exist') from None
    if stat.S_ISBLK(mode):
        raise ValueError(f'local volume "{path}" is a block device, which this kubelet does not mount')
    if not stat.S_ISDIR(mode):
        raise ValueError(f'local volume "{path}" is not a directory')
    return path

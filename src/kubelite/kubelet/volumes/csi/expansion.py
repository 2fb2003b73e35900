"""The node's part of a volume that has grown: the file system follows, and the claim says so.

What: `Expansion.follow`. Why: the driver's resizer has enlarged the volume and written its capacity; only who has it mounted can
enlarge what is on it. Flow: the volume is larger than the claim's status says → NodeResizeInProgress → NodeExpandVolume →
capacity of the claim, conditions gone; a driver that cannot says why in a condition. Source:
pkg/volume/util/operationexecutor/node_expander.go, pkg/volume/csi/expander.go, pkg/volume/util/resize_util.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimCondition, Pod
from kubelite.kubelet.interfaces import Recorder
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.plugins.errors import INFEASIBLE, RpcError, is_final
from kubelite.kubelet.volumes.claims import CLAIM, VOLUME
from kubelite.kubelet.volumes.csi.objects import Objects
from kubelite.kubelet.volumes.csi.volume import Volume
from kubelite.machinery import quantity

if TYPE_CHECKING:
    from kubelite.kubelet.volumes.csi.rpc import Capabilities, Node

STORAGE: Final = "storage"
PENDING, IN_PROGRESS, INFEASIBLE_STATE = "NodeResizePending", "NodeResizeInProgress", "NodeResizeInfeasible"
ERROR_CONDITION: Final = "NodeResizeError"
CONDITIONS: Final = frozenset(("Resizing", "FileSystemResizePending", "ControllerResizeError", ERROR_CONDITION))
"""Of a claim that grows; they go when it has grown."""
READ_ONLY: Final = "requested read-only file system"


@dataclass(frozen=True, slots=True)
class Place:
    """A volume where it is mounted, and the driver that did it."""

    pod: Pod
    volume: Volume
    path: str
    staged: str
    node: Node
    capabilities: Capabilities


class Expansion:
    """See the module."""

    def __init__(self, objects: Objects, recorder: Recorder, node_name: str) -> None:
        self._objects = objects
        self._client = objects.client
        self._recorder = recorder
        self._node_name = node_name

    async def follow(self, place: Place) -> bool:
        """Expands where it is wanted; False when it must not be tried again while the pod has the volume.

        Raises ValueError with upstream's text when the driver could not, StatusError, ConnectionFailed.
        """
        volume = place.volume
        if not (volume.is_persistent and place.capabilities.expands):
            return True
        found: PersistentVolume = await self._client.get(VOLUME, volume.name)
        ref = found.spec.claimRef
        if ref is None:
            return True
        claim: PersistentVolumeClaim = await self._client.get(CLAIM, ref.name, ref.namespace)
        size = found.spec.capacity.get(STORAGE, 0)
        if not _wanted(claim, size):
            return True
        if volume.read_only:
            text = f'MountVolume.NodeExpandVolume failed for volume "{volume.name}" {READ_ONLY}'
            self._tell(place.pod, claim, "Warning", "FileSystemResizeFailed", text)
            return False
        return await self._expand(place, claim, size)

    async def _expand(self, place: Place, claim: PersistentVolumeClaim, size: Any) -> bool:
        volume = place.volume
        secrets = await self._objects.secret(volume.expand_secret, "NodeExpandSecretRef")
        claim = await self._write(claim, {"allocatedResourceStatuses": {STORAGE: IN_PROGRESS}})
        try:
            await place.node.expand(
                volume,
                place.capabilities,
                place.path,
                staged=place.staged,
                size=quantity.value(size),
                secrets=secrets,
            )
        except RpcError as error:
            why = f"Expander.NodeExpand failed to expand the volume : {error}"
            if is_final(error):
                await self._write(claim, _refusal(claim, why, infeasible=error.code in INFEASIBLE))
            # In use in a way that the driver cannot expand: the pod starts all the same.
            if error.code == "FAILED_PRECONDITION":
                return False
            raise ValueError(why) from error
        await self._write(claim, _finished(claim, size))
        text = f'MountVolume.NodeExpandVolume succeeded for volume "{volume.name}" {self._node_name}'
        self._tell(place.pod, claim, "Normal", "FileSystemResizeSuccessful", text)
        return True

    async def _write(self, claim: PersistentVolumeClaim, status: dict[str, Any]) -> PersistentVolumeClaim:
        meta = claim.metadata
        body = {"metadata": {"resourceVersion": meta.resourceVersion}, "status": status}
        return await self._client.patch(CLAIM, meta.name, body, meta.namespace, subresource="status")

    def _tell(self, pod: Pod, claim: PersistentVolumeClaim, type_: str, reason: str, text: str) -> None:
        self._recorder.event(POD, pod, type_, reason, text)
        self._recorder.event(CLAIM, claim, type_, reason, text)


def _wanted(claim: PersistentVolumeClaim, size: Any) -> bool:
    """Whether the node has something to do: not while the resizer works, and not for what was found to be impossible."""
    state = claim.status.allocatedResourceStatuses.get(STORAGE, "")
    if state not in ("", PENDING, IN_PROGRESS):
        return False
    return quantity.cmp(size, claim.status.capacity.get(STORAGE, 0)) > 0


def _finished(claim: PersistentVolumeClaim, size: Any) -> dict[str, Any]:
    left = [one for one in claim.status.conditions if one.type not in CONDITIONS]
    return {
        "capacity": {STORAGE: size},
        "conditions": msgspec.to_builtins(left) or None,
        "allocatedResourceStatuses": {STORAGE: None},
    }


def _refusal(claim: PersistentVolumeClaim, why: str, *, infeasible: bool) -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = PersistentVolumeClaimCondition(
        type=ERROR_CONDITION, status="True", message=f"failed to expand pvc with {why}", lastTransitionTime=now
    )
    others = [one for one in claim.status.conditions if one.type != ERROR_CONDITION]
    status: dict[str, Any] = {"conditions": msgspec.to_builtins([*others, told])}
    if infeasible:
        status["allocatedResourceStatuses"] = {STORAGE: INFEASIBLE_STATE}
    return status

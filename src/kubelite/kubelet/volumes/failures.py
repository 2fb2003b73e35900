"""What a pod's user reads when a volume cannot be used. Sources: pkg/volume/util/operationexecutor (GenerateError)."""

from __future__ import annotations

from typing import Final

from kubelite.kubelet.interfaces import SyncError

SET_UP: Final = "MountVolume.SetUp failed"
MOUNT_DEVICE: Final = "MountVolume.MountDevice failed"
SET_UP_DEVICE: Final = "MapVolume.SetUpDevice failed"
MAP_DEVICE: Final = "MapVolume.MapPodDevice failed"
"""What block volumes have in the place of the two above."""
WAIT_FOR_ATTACH: Final = "MountVolume.WaitForAttach failed"
EXPAND: Final = "MountVolume.Setup failed while expanding volume"
EXPAND_IN_USE: Final = "NodeExpandVolume.NodeExpandVolume failed"
TEAR_DOWN: Final = "UnmountVolume.TearDown failed"


class VolumeFailed(SyncError):
    """One volume cannot be used now; the text is complete."""


def failed(what: str, volume: str, why: object, reason: str = "FailedMount") -> VolumeFailed:
    """`volume` is the name of the PersistentVolume, or of the pod's volume."""
    return VolumeFailed(reason, f'{what} for volume "{volume}" : {why}')

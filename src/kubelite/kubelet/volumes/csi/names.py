"""Where things of CSI volumes are on the node and what they are called. Pure.

Sources: pkg/volume/csi/csi_attacher.go (makeDeviceMountPath, getAttachmentName), csi_plugin.go, csi_mounter.go
(makeVolumeHandle), csi_util.go. Names and paths are those of every kubelet: drivers, attachers and administrators rely on them.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

PLUGIN: Final = "kubernetes.io~csi"
"""The directory of a pod's CSI volumes below `volumes`."""
DATA: Final = "vol_data.json"
GLOBAL_MOUNT: Final = "globalmount"


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def attachment_name(handle: str, driver: str, node: str) -> str:
    """The name of the VolumeAttachment."""
    return "csi-" + _sha(f"{handle}{driver}{node}")


def inline_handle(pod_uid: str, volume: str) -> str:
    """The handle of a volume that lives in a pod's spec."""
    return "csi-" + _sha(f"{pod_uid}{volume}")


def unique_name(driver: str, handle: str) -> str:
    """The volume in a node's status: attached, in use."""
    return f"kubernetes.io/csi/{driver}^{handle}"


def devices_dir(root_dir: str) -> str:
    """Below it, by driver and the hash of the handle, is what was staged."""
    return os.path.join(root_dir, "plugins", "kubernetes.io", "csi")


def device_dir(root_dir: str, driver: str, handle: str) -> str:
    """The directory of one staged volume: its record, and `globalmount`."""
    return os.path.join(devices_dir(root_dir), driver, _sha(handle))


def pod_dir(root_dir: str, pod_uid: str) -> str:
    """The directory of a pod's CSI volumes."""
    return os.path.join(root_dir, "pods", pod_uid, "volumes", PLUGIN)


def publish_path(root_dir: str, pod_uid: str, name: str) -> str:
    """Where a volume is shown to a pod; `name` is that of the PersistentVolume, or of the pod's volume."""
    return os.path.join(pod_dir(root_dir, pod_uid), name.replace("/", "~"), "mount")

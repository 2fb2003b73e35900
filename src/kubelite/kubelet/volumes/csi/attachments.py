"""Waits until a volume is attached to this node, and gives what the attacher said of it.

What: `Attachments.wait`. Why: a driver's controller attaches, the node's part needs what it answered. Flow: the node's status
names the volume → its VolumeAttachment says attached → publish context. A kubelet may read its own node and single attachments
only, so it asks again and again, ever more seldom, and only while a pod waits. Source: pkg/volume/csi/csi_attacher.go,
pkg/kubelet/volumemanager/volume_manager.go (WaitForAttachAndMount).
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from kubelite.api.types.core_v1 import Node
from kubelite.api.types.storage_v1 import VolumeAttachment
from kubelite.client.client import Client
from kubelite.kubelet.kinds import NODE, VOLUME_ATTACHMENT
from kubelite.kubelet.volumes.csi import names
from kubelite.kubelet.volumes.csi.volume import Volume
from kubelite.kubelet.volumes.failures import WAIT_FOR_ATTACH, VolumeFailed, failed
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff

WAIT_SECONDS: Final = 123.0
"""After which the pod's user is told what is waited for."""


class Attachments:
    """See the module."""

    def __init__(self, client: Client, node: str) -> None:
        self._client = client
        self._node = node

    async def wait(self, volume: Volume) -> dict[str, str]:
        """The publish context. Raises SyncError with upstream's text, ConnectionFailed, StatusError."""
        pause, until = Backoff(initial=0.1, factor=1.5, cap=5.0), time.monotonic() + WAIT_SECONDS
        while True:
            node: Node = await self._client.get(NODE, self._node)
            if any(one.name == volume.unique_name for one in node.status.volumesAttached):
                attachment = await self._read(volume)
                if attachment.status.attached:
                    return dict(attachment.status.attachmentMetadata)
            if time.monotonic() > until:
                text = (
                    f"Unable to attach or mount volumes: unmounted volumes=[{volume.volume}], unattached"
                    f" volumes=[{volume.volume}], failed to process volumes=[]: context deadline exceeded"
                )
                raise VolumeFailed("FailedMount", text)
            await asyncio.sleep(pause.next())

    async def _read(self, volume: Volume) -> VolumeAttachment:
        name = names.attachment_name(volume.handle, volume.driver, self._node)
        try:
            found: VolumeAttachment = await self._client.get(VOLUME_ATTACHMENT, name)
        except StatusError as error:
            why = f"volume {volume.handle} has GET error for volume attachment {name}: {error.message}"
            raise failed(WAIT_FOR_ATTACH, volume.name, why) from error
        return found

"""Asks CSI drivers to attach volumes to the nodes of their pods, and to detach them.

Flow: `volume NAME` → plan → VolumeAttachments created and deleted; the driver's attacher does the work and reports in their
status. `node NAME` → what is attached there goes into the node's status, where the kubelet waits for it; before an attachment is
deleted the volume leaves that status, so that no kubelet mounts it any more. Source: pkg/controller/volume/attachdetach,
pkg/volume/csi/csi_attacher.go.
"""

from __future__ import annotations

from kubelite.api.storage.volume_attachment import VOLUME_ATTACHMENT
from kubelite.api.types.core_v1 import PersistentVolume
from kubelite.api.types.storage_v1 import VolumeAttachment, VolumeAttachmentSource
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change
from kubelite.controllers.attachdetach.plan import (
    Attached,
    Plan,
    attachment_name,
    is_shared,
    place_of,
    plan,
    unique_name,
)
from kubelite.controllers.attachdetach.view import OF_NODE, OF_VOLUME, ON_NODE, VOLUME, View, volume_of
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE, POD
from kubelite.controllers.objects import Node, Pod
from kubelite.machinery.errors import StatusError

NAME = "persistentvolume-attach-detach-controller"
COMPONENT = "attachdetach-controller"
"""The source of its events."""
EXCLUSIVE = "Volume is already exclusively attached to one node and can't be attached to another"


class AttachDetachController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock = context.client, context.clock
        self._recorder = context.recorder(COMPONENT)
        self._view = View(context)
        self._unneeded: dict[tuple[str, str], float] = {}
        """(volume, node) → when it was first seen that nobody there needs the volume."""
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        view = self._view
        self.loop.watch(view.pods, view.woken_by_pod)
        self.loop.watch(view.claims, view.woken_by_claim)
        self.loop.watch(view.volumes, view.woken_by_volume)
        self.loop.watch(view.drivers, view.woken_by_driver)
        self.loop.watch(view.nodes, view.woken_by_node)
        self.loop.watch(view.attachments, view.woken_by_attachment)
        view.attachments.add_handler(self._tell)

    async def run(self) -> None:
        await self.loop.run(*self._view.informers)

    async def reconcile(self, key: str) -> Result | None:
        """Attach and detach one volume, or show what is attached to one node."""
        if key.startswith(ON_NODE):
            await self._show(key.removeprefix(ON_NODE))
            return None
        volume = self._view.volumes.get(key.removeprefix(VOLUME))
        if volume is None or not self._view.is_attachable(volume):
            return None
        users = sorted(self._view.users(volume), key=lambda pod: pod.metadata.creationTimestamp or "")
        decided = self._decide(volume, list(dict.fromkeys(pod.spec.nodeName for pod in users)))
        for one in decided.detach:
            await self._detach(one)
        for node in decided.attach:
            await self._attach(volume, node)
        for node in decided.blocked:
            self._report_blocked(volume, node, users)
        return Result(decided.again) if decided.again else None

    def _decide(self, volume: PersistentVolume, wanted: list[str]) -> Plan:
        name, csi = volume.metadata.name, volume.spec.csi
        assert csi is not None
        present = [
            Attached(a.metadata.name, a.spec.nodeName, a.metadata.deletionTimestamp is not None)
            for a in self._view.attachments.by_index(OF_VOLUME, name)
            if a.metadata.name == attachment_name(csi.volumeHandle, csi.driver, a.spec.nodeName)
        ]
        now, places = self._clock.monotonic(), {}
        for node in {*wanted, *(one.node for one in present)}:
            if node in wanted:
                self._unneeded.pop((name, node), None)
                since = now
            else:
                since = self._unneeded.setdefault((name, node), now)
            unique = unique_name(csi.driver, csi.volumeHandle)
            places[node] = place_of(self._view.newest_nodes.get(node), unique, now - since)
        return plan(wanted, present, places, shared=is_shared(volume.spec.accessModes))

    async def _attach(self, volume: PersistentVolume, node: str) -> None:
        csi = volume.spec.csi
        assert csi is not None
        wanted = VolumeAttachment()
        wanted.metadata.name = attachment_name(csi.volumeHandle, csi.driver, node)
        wanted.spec.attacher, wanted.spec.nodeName = csi.driver, node
        wanted.spec.source = VolumeAttachmentSource(persistentVolumeName=volume.metadata.name)
        try:
            await self._client.create(VOLUME_ATTACHMENT, wanted)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    async def _detach(self, one: Attached) -> None:
        await self._show(one.node, without=one.name)
        try:
            await self._client.delete(VOLUME_ATTACHMENT, one.name)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _show(self, name: str, without: str = "") -> None:
        """Put what is attached to a node into its status, but for what is about to be detached."""
        node = self._view.newest_nodes.get(name)
        if node is None:
            return
        attached = sorted(
            unique_name(volume.spec.csi.driver, volume.spec.csi.volumeHandle)
            for a in self._view.attachments.by_index(OF_NODE, name)
            if a.status.attached and a.metadata.deletionTimestamp is None and a.metadata.name != without
            if (volume := self._view.volumes.get(volume_of(a))) is not None and volume.spec.csi is not None
        )
        if attached == [a.name for a in node.status.volumesAttached]:
            return
        entries = [{"name": one, "devicePath": ""} for one in attached]
        patch = {"metadata": {"uid": node.metadata.uid}, "status": {"volumesAttached": entries}}
        try:
            written = await self._client.patch(NODE, name, patch, subresource="status", type=Node)
        except StatusError as error:
            if error.code != 404:
                raise
        else:
            self._view.newest_nodes.wrote(written)

    def _report_blocked(self, volume: PersistentVolume, node: str, users: list[Pod]) -> None:
        name = volume.metadata.name
        others = sorted(pod.metadata.name for pod in users if pod.spec.nodeName != node)
        why = f"Volume is already used by pod(s) {', '.join(others)}" if others else EXCLUSIVE
        text = f'Multi-Attach error for volume "{name}" {why}'
        for pod in users:
            if pod.spec.nodeName == node:
                self._recorder.event(POD, pod, "Warning", "FailedAttachVolume", text)

    def _tell(self, change: Change[VolumeAttachment]) -> None:
        """Events on the pods when a driver has attached the volume, or has failed to."""
        old, new = change.old, change.new
        if old is None or new is None:
            if new is None:
                self._unneeded.pop((volume_of(change.object), change.object.spec.nodeName), None)
            return
        name, node = volume_of(new), new.spec.nodeName
        failed = new.status.attachError.message if new.status.attachError is not None else ""
        before = old.status.attachError.message if old.status.attachError is not None else ""
        if new.status.attached and not old.status.attached:
            kind, reason, text = (
                "Normal",
                "SuccessfulAttachVolume",
                f'AttachVolume.Attach succeeded for volume "{name}" ',
            )
        elif failed and failed != before:
            text = f'AttachVolume.Attach failed for volume "{name}" : {failed}'
            kind, reason = "Warning", "FailedAttachVolume"
        else:
            return
        volume = self._view.volumes.get(name)
        for pod in self._view.users(volume) if volume is not None else ():
            if pod.spec.nodeName == node:
                self._recorder.event(POD, pod, kind, reason, text)

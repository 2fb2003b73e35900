"""Makes volumes of directories on the nodes, for clusters without other storage.

Flow: a claim that was handed over and has a node → a PersistentVolume of a path there, which the kubelet makes when the first
pod mounts it. A released volume of policy Delete → deleted → the kubelet removes the directory (through the API server's node
proxy) → the finalizer goes. A node that is gone took its directories along, and a simulated one never had any. The class
`local-path` is made at the start where it is missing.
"""

from __future__ import annotations

import os

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.core.volumes.shared import storage_class
from kubelite.api.logic.defaultclass import STORAGE_DEFAULTS, default_of
from kubelite.api.logic.localpath import CLASS, PROVISIONER, ROUTE, SIMULATED
from kubelite.api.storage.storage_class import STORAGE_CLASS
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers import finalizers
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import NODE
from kubelite.controllers.localpath import plan
from kubelite.controllers.objects import Node
from kubelite.controllers.volumebinder.step import SELECTED_NODE
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

NAME = "local-path-provisioner-controller"
CLAIM, VOLUME, START = "claim ", "volume ", "start"


class LocalPathProvisioner:
    """See the module."""

    def __init__(self, context: Context, directory: str) -> None:
        self._client, self._directory = context.client, directory
        self._recorder = context.recorder(PROVISIONER)
        self._claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._volumes: Informer[PersistentVolume] = context.informers.get(PERSISTENT_VOLUME)
        self._classes: Informer[StorageClass] = context.informers.get(STORAGE_CLASS)
        self._nodes: Informer[Node] = context.informers.get(NODE, Node)
        self.loop = Controller(NAME, self.reconcile, workers=4, observe=context.observe)
        self.loop.watch(self._claims, _handed_over)
        self.loop.watch(self._volumes, _to_delete)
        self.loop.watch(self._nodes, self._freed)

    async def run(self) -> None:
        self.loop.queue.add(START)
        await self.loop.run(self._claims, self._volumes, self._classes, self._nodes)

    async def _make_class(self) -> None:
        if self._classes.get(CLASS) is not None:
            return
        made = plan.default_class(default=not default_of(self._classes.list(), STORAGE_DEFAULTS))
        try:
            await self._client.create(STORAGE_CLASS, made)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise

    async def reconcile(self, key: str) -> Result | None:
        """Make the volume of one claim, or take one volume away; at the start, the class."""
        if key == START:
            await self._make_class()
            return None
        if key.startswith(CLAIM):
            claim = self._claims.get(key.removeprefix(CLAIM))
            if claim is not None and plan.is_ours(claim):
                await self._provision(claim)
            return None
        volume = self._volumes.get(key.removeprefix(VOLUME))
        if volume is not None and plan.is_over(volume):
            await self._delete(volume)
        elif volume is not None and plan.is_waiting(volume):
            await self._clean(volume)
        return None

    async def _provision(self, claim: PersistentVolumeClaim) -> None:
        found = self._classes.get(storage_class(claim))
        if found is None or found.provisioner != PROVISIONER:
            return
        wrong = plan.complaint(claim)
        if wrong:
            text = f'failed to provision volume with StorageClass "{found.metadata.name}": {wrong}'
            self._recorder.event(PERSISTENT_VOLUME_CLAIM, claim, "Warning", "ProvisioningFailed", text)
            return
        node = self._nodes.get(claim.metadata.annotations[SELECTED_NODE])
        if node is None:
            await self._choose_again(claim)
            return
        made = plan.volume_of(claim, found, node, self._directory)
        try:
            await self._client.create(PERSISTENT_VOLUME, made)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            return
        text = f"Successfully provisioned volume {made.metadata.name}"
        self._recorder.event(PERSISTENT_VOLUME_CLAIM, claim, "Normal", "ProvisioningSucceeded", text)

    async def _choose_again(self, claim: PersistentVolumeClaim) -> None:
        """The node is gone: the scheduler has to choose another."""
        changed = codec.clone(claim)
        node = changed.metadata.annotations.pop(SELECTED_NODE)
        text = f'failed to get target node: node "{node}" not found'
        self._recorder.event(PERSISTENT_VOLUME_CLAIM, claim, "Warning", "ProvisioningFailed", text)
        await self._client.update(PERSISTENT_VOLUME_CLAIM, changed)

    async def _delete(self, volume: PersistentVolume) -> None:
        try:
            await self._client.delete(PERSISTENT_VOLUME, volume.metadata.name)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _clean(self, volume: PersistentVolume) -> None:
        node = self._nodes.get(volume.metadata.annotations.get(SELECTED_NODE, ""))
        real = node is not None and node.metadata.labels.get(SIMULATED) != "true"
        if node is not None and real and volume.spec.persistentVolumeReclaimPolicy == "Delete":
            await self._remove(volume, node.metadata.name)
        left = [name for name in volume.metadata.finalizers if name != plan.FINALIZER]
        await finalizers.put(self._client, PERSISTENT_VOLUME, volume, left)

    def _freed(self, change: Change[Node]) -> list[str]:
        """Volumes that waited for a node that is gone."""
        if change.new is not None or change.old is None:
            return []
        name = change.old.metadata.name
        waiting = (volume for volume in self._volumes.list() if plan.is_waiting(volume))
        return [VOLUME + v.metadata.name for v in waiting if v.metadata.annotations.get(SELECTED_NODE) == name]

    async def _remove(self, volume: PersistentVolume, node: str) -> None:
        """Ask the node's kubelet; it answers as well when there is no such directory."""
        folder = os.path.basename(volume.spec.hostPath.path if volume.spec.hostPath is not None else "")
        path = f"/api/v1/nodes/{node}/proxy/{ROUTE}/{folder}"
        try:
            await self._client.request("DELETE", path)
        except StatusError as error:
            text = f"rpc error: node {node} did not remove the directory: {error.message}"
            self._recorder.event(PERSISTENT_VOLUME, volume, "Warning", "VolumeFailedDelete", text)
            raise


def _handed_over(change: Change[PersistentVolumeClaim]) -> list[str]:
    return [CLAIM + object_key(change.new)] if change.new is not None and plan.is_ours(change.new) else []


def _to_delete(change: Change[PersistentVolume]) -> list[str]:
    new = change.new
    return [VOLUME + new.metadata.name] if new is not None and (plan.is_over(new) or plan.is_waiting(new)) else []

"""Keeps volumes while they are bound.

Flow: volume → the finalizer goes when it is deleted and not bound, comes when it is missing. The decision is
`controllers.finalizers.wanted`. Source: pkg/controller/volume/pvprotection.
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.types.core_v1 import PersistentVolume
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Informer
from kubelite.controllers import finalizers
from kubelite.controllers.context import Context

NAME = "persistentvolume-protection-controller"
FINALIZER = "kubernetes.io/pv-protection"
BOUND = "Bound"


class VolumeProtectionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._volumes: Informer[PersistentVolume] = context.informers.get(PERSISTENT_VOLUME)
        self.loop = Controller(NAME, self.reconcile, workers=2, observe=context.observe)
        self.loop.watch(self._volumes)

    async def run(self) -> None:
        await self.loop.run(self._volumes)

    async def reconcile(self, key: str) -> Result | None:
        """Give one volume the finalizer, or take it away."""
        volume = self._volumes.get(key)
        if volume is None:
            return None
        wanted = finalizers.wanted(volume, FINALIZER, in_use=volume.status.phase == BOUND)
        if wanted is not None:
            await finalizers.put(self._client, PERSISTENT_VOLUME, volume, wanted)
        return None

"""Keeps classes of volume attributes while claims or volumes have them.

Flow: class → the finalizer goes when it is deleted and nobody has it, comes when it is missing. Claims and volumes that lose a
class wake it. Source: pkg/controller/volume/vacprotection.
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.storage.volume_attributes_class import VOLUME_ATTRIBUTES_CLASS
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import VolumeAttributesClass
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers import finalizers
from kubelite.controllers.context import Context
from kubelite.controllers.vacprotection import plan

NAME = "volumeattributesclass-protection-controller"
FINALIZER = "kubernetes.io/vac-protection"


class ClassProtectionController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._classes: Informer[VolumeAttributesClass] = context.informers.get(VOLUME_ATTRIBUTES_CLASS)
        self._claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._volumes: Informer[PersistentVolume] = context.informers.get(PERSISTENT_VOLUME)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._classes)
        self.loop.watch(self._claims, _lost_by_claim)
        self.loop.watch(self._volumes, _lost_by_volume)

    async def run(self) -> None:
        await self.loop.run(self._classes, self._claims, self._volumes)

    async def reconcile(self, key: str) -> Result | None:
        """Give one class the finalizer, or take it away."""
        found = self._classes.get(key)
        if found is None:
            return None
        going = finalizers.is_candidate(found, FINALIZER)
        used = going and plan.is_used(key, self._claims.list(), self._volumes.list())
        if going and not used:  # the caches may be behind
            claims = await self._client.list(PERSISTENT_VOLUME_CLAIM, type=PersistentVolumeClaim)
            volumes = await self._client.list(PERSISTENT_VOLUME, type=PersistentVolume)
            used = plan.is_used(key, claims.items, volumes.items)
        wanted = finalizers.wanted(found, FINALIZER, in_use=used)
        if wanted is not None:
            await finalizers.put(self._client, VOLUME_ATTRIBUTES_CLASS, found, wanted)
        return None


def _lost_by_claim(change: Change[PersistentVolumeClaim]) -> list[str]:
    before = plan.classes_of_claim(change.old) if change.old is not None else set()
    return sorted(before - (plan.classes_of_claim(change.new) if change.new is not None else set()))


def _lost_by_volume(change: Change[PersistentVolume]) -> list[str]:
    old, new = change.old, change.new
    name = old.spec.volumeAttributesClassName if old is not None else None
    return [name] if name and (new is None or new.spec.volumeAttributesClassName != name) else []

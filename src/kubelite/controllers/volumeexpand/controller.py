"""Tells who enlarges a volume whose claim has grown.

Flow: a bound claim that asks for more than it has → an event that an external controller, the driver's resizer, has to do it.
The resizer writes the volume's capacity and the claim's conditions; no kind of volume is enlarged by the controller manager
itself, as in Kubernetes since the last in-tree driver moved out. Source: pkg/controller/volume/expand.
"""

from __future__ import annotations

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.volumeexpand.plan import is_larger, needs_expansion

NAME = "persistentvolume-expander-controller"
COMPONENT = "volume_expand"
"""The source of its events."""


class ExpandController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._recorder = context.recorder(COMPONENT)
        self._claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self._volumes: Informer[PersistentVolume] = context.informers.get(PERSISTENT_VOLUME)
        self.loop = Controller(NAME, self.reconcile, workers=1, observe=context.observe)
        self.loop.watch(self._claims, _grown)

    async def run(self) -> None:
        await self.loop.run(self._claims, self._volumes)

    async def reconcile(self, key: str) -> Result | None:
        """Report one claim that has grown."""
        claim = self._claims.get(key)
        if claim is not None and needs_expansion(claim, self._volumes.get(claim.spec.volumeName)):
            text = "waiting for an external controller to expand this PVC"
            self._recorder.event(PERSISTENT_VOLUME_CLAIM, claim, "Normal", "ExternalExpanding", text)
        return None


def _grown(change: Change[PersistentVolumeClaim]) -> list[str]:
    """A claim whose request is new, and larger than what it has."""
    old, new = change.old, change.new
    if new is None or not is_larger(new):
        return []
    return [object_key(new)] if old is None or old.spec.resources != new.spec.resources else []

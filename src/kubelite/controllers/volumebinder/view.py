"""Claims, volumes and classes as the binder sees them: caches with indexes, and its own last writes.

What: `View` (a `step.World`) and the keys of its queue. Why: a claim must find the free volumes of its class, and a volume the
claims that wait for it, without walking through all of the cluster's. Flow: informers → indexes → decisions; writes → `wrote`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.core.volumes.shared import storage_class
from kubelite.api.logic.defaultclass import STORAGE_ANNOTATION, STORAGE_DEFAULTS, default_of
from kubelite.api.storage.storage_class import STORAGE_CLASS
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.client.informer import Change, Informer, object_key
from kubelite.controllers.context import Context
from kubelite.controllers.newest import Newest
from kubelite.controllers.podindex import BY_NODE, pods_informer
from kubelite.controllers.volumebinder.matching import is_bound_to
from kubelite.controllers.volumebinder.step import BIND_COMPLETED, BOUND_BY_CONTROLLER

FREE: Final = "free-by-class"
OF_CLAIM: Final = "by-claim"
PENDING: Final = "pending-by-class"
OF_VOLUME: Final = "by-volume"
CLAIM, VOLUME = "claim ", "volume "
"""What the keys of the queue begin with."""
NO_CLASS = "\0"
"""Where claims stand in the index that a default class may be given to."""


def _free(volume: PersistentVolume) -> tuple[str, ...]:
    return (storage_class(volume),) if volume.spec.claimRef is None else ()


def _claim_of(volume: PersistentVolume) -> tuple[str, ...]:
    ref = volume.spec.claimRef
    return (f"{ref.namespace}/{ref.name}",) if ref is not None else ()


def _pending(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    if claim.spec.volumeName or BIND_COMPLETED in claim.metadata.annotations:
        return ()
    unset = claim.spec.storageClassName is None and STORAGE_ANNOTATION not in claim.metadata.annotations
    return ("", NO_CLASS) if unset else (storage_class(claim),)


class View:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self.volumes: Informer[PersistentVolume] = context.informers.get(PERSISTENT_VOLUME)
        self.claims: Informer[PersistentVolumeClaim] = context.informers.get(PERSISTENT_VOLUME_CLAIM)
        self.classes: Informer[StorageClass] = context.informers.get(STORAGE_CLASS)
        self.pods = pods_informer(context)
        self.volumes.add_indexers({FREE: _free, OF_CLAIM: _claim_of})
        self.claims.add_indexers(
            {PENDING: _pending, OF_VOLUME: lambda c: (c.spec.volumeName,) if c.spec.volumeName else ()}
        )
        self._volumes, self._claims = Newest(self.volumes), Newest(self.claims)
        self._taken: dict[str, str] = {}
        """Claim → the volume that was given to it, until its next look at what is free."""

    def wrote(self, obj: Any) -> None:
        """Remember the server's answer to a write."""
        if isinstance(obj, PersistentVolume):
            self._volumes.wrote(obj)
            ref = obj.spec.claimRef
            if ref is not None and ref.uid and BOUND_BY_CONTROLLER in obj.metadata.annotations:
                self._taken[f"{ref.namespace}/{ref.name}"] = obj.metadata.name
        else:
            self._claims.wrote(obj)

    def volume(self, name: str) -> PersistentVolume | None:
        """See `step.World`."""
        return self._volumes.get(name)

    def claim(self, key: str) -> PersistentVolumeClaim | None:
        """See `step.World`."""
        return self._claims.get(key)

    def candidates(self, claim: PersistentVolumeClaim) -> Iterable[PersistentVolume]:
        """See `step.World`."""
        key = object_key(claim)
        taken = self._volumes.get(self._taken.get(key, ""))
        if taken is not None and is_bound_to(taken, claim):
            # One of the writes that bind the two has just been done: nothing else comes into question.
            yield taken
            return
        self._taken.pop(key, None)
        for volume in self.volumes.by_index(OF_CLAIM, key) + self.volumes.by_index(FREE, storage_class(claim)):
            newest = self._volumes.get(volume.metadata.name)
            if newest is not None:
                yield newest

    def storage_class(self, name: str) -> StorageClass | None:
        """See `step.World`."""
        return self.classes.get(name)

    def default_class(self) -> str:
        """See `step.World`."""
        return default_of(self.classes.list(), STORAGE_DEFAULTS)

    def unscheduled(self, claim: PersistentVolumeClaim) -> Sequence[str]:
        """See `step.World`."""
        meta = claim.metadata
        return [
            pod.metadata.name
            for pod in self.pods.by_index(BY_NODE, "")
            if pod.metadata.namespace == meta.namespace
            and any(
                (v.persistentVolumeClaim is not None and v.persistentVolumeClaim.claimName == meta.name)
                or (v.ephemeral is not None and f"{pod.metadata.name}-{v.name}" == meta.name)
                for v in pod.spec.volumes
            )
        ]

    def woken_by_claim(self, change: Change[PersistentVolumeClaim]) -> list[str]:
        """The claim, the volumes that name it and the one it names."""
        key = object_key(change.object)
        if change.new is None or change.new.status.phase == "Bound":
            self._taken.pop(key, None)
        woken = {CLAIM + key}
        woken.update(VOLUME + v.metadata.name for v in self.volumes.by_index(OF_CLAIM, key))
        if change.object.spec.volumeName:
            woken.add(VOLUME + change.object.spec.volumeName)
        return sorted(woken)

    def woken_by_volume(self, change: Change[PersistentVolume]) -> list[str]:
        """The volume, the claims that name it or are named by it and, where it is free, those that may want it."""
        volume = change.object
        woken = {VOLUME + volume.metadata.name}
        woken.update(CLAIM + object_key(c) for c in self.claims.by_index(OF_VOLUME, volume.metadata.name))
        ref = volume.spec.claimRef
        if ref is not None:
            woken.add(CLAIM + f"{ref.namespace}/{ref.name}")
        elif change.new is not None and volume.status.phase == "Available":
            woken.update(CLAIM + object_key(c) for c in self.claims.by_index(PENDING, storage_class(volume)))
        return sorted(woken)

    def woken_by_class(self, change: Change[StorageClass]) -> list[str]:
        """The claims that wait for the class, or for a default one."""
        waiting = self.claims.by_index(PENDING, change.object.metadata.name) + self.claims.by_index(PENDING, NO_CLASS)
        return [CLAIM + object_key(claim) for claim in waiting]

"""The next thing to do for a claim or a volume, as data.

What: `Step` (at most one write, and what to tell), `World` (what a decision may look at). Why: binding takes four writes on two
objects; a crash between any two of them must be harmless. Each decision therefore gives one write, made from what is there, and
the same question is asked again after it, until the answer is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from kubelite.api.core.volumes.persistent_volume import PERSISTENT_VOLUME
from kubelite.api.core.volumes.persistent_volume_claim import PERSISTENT_VOLUME_CLAIM
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.api.types.storage_v1 import StorageClass
from kubelite.machinery import codec
from kubelite.machinery.kind import Kind

BIND_COMPLETED: Final = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER: Final = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY: Final = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE: Final = "volume.kubernetes.io/selected-node"
PROVISIONER: Final = "volume.kubernetes.io/storage-provisioner"
OLD_PROVISIONER: Final = "volume.beta.kubernetes.io/storage-provisioner"


@dataclass(frozen=True, slots=True)
class Notice:
    """An event to record."""

    kind: Kind
    obj: Any
    type: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Write:
    """An object as it should be; `subresource` is "" or "status"."""

    kind: Kind
    obj: Any
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """What must really be gone before the write: the cache may only be behind. `uid` "": any object of the name counts."""

    kind: Kind
    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """See the module. `again`: look at the claim later once more, for the events of those who wait."""

    write: Write | None = None
    notices: tuple[Notice, ...] = ()
    absent: Absent | None = None
    again: bool = False


class World(Protocol):
    """The objects as they were last seen or written."""

    def volume(self, name: str) -> PersistentVolume | None:
        """By name."""

    def claim(self, key: str) -> PersistentVolumeClaim | None:
        """By `namespace/name`."""

    def candidates(self, claim: PersistentVolumeClaim) -> Iterable[PersistentVolume]:
        """The volumes of the claim's class that are nobody's, and those that name the claim."""

    def storage_class(self, name: str) -> StorageClass | None:
        """By name."""

    def default_class(self) -> str:
        """The name of the default class; "" if there is none."""

    def unscheduled(self, claim: PersistentVolumeClaim) -> Sequence[str]:
        """The names of pods without a node that use the claim."""


def put_claim(claim: PersistentVolumeClaim) -> Write:
    return Write(PERSISTENT_VOLUME_CLAIM, claim)


def put_volume(volume: PersistentVolume) -> Write:
    return Write(PERSISTENT_VOLUME, volume)


def claim_phase(
    claim: PersistentVolumeClaim, phase: str, volume: PersistentVolume | None = None
) -> PersistentVolumeClaim | None:
    """The claim with this phase, and with what the volume offers; None if it is so already."""
    changed: PersistentVolumeClaim = codec.clone(claim)
    status = changed.status
    if volume is None:
        status.accessModes, status.capacity = [], {}
    else:
        status.accessModes = list(volume.spec.accessModes)
        if claim.status.phase != phase:  # a bound claim may be smaller than its volume on purpose: it is growing
            status.capacity = dict(volume.spec.capacity)
            status.currentVolumeAttributesClassName = volume.spec.volumeAttributesClassName
    status.phase = phase
    return changed if changed.status != claim.status else None


def volume_phase(volume: PersistentVolume, phase: str, message: str = "") -> PersistentVolume | None:
    """The volume with this phase; None if it has it already."""
    if (volume.status.phase, volume.status.message) == (phase, message):
        return None
    changed: PersistentVolume = codec.clone(volume)
    changed.status.phase, changed.status.message, changed.status.reason = phase, message, ""
    return changed

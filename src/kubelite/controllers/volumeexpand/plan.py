"""Whether a claim asks for more than it has: pure. Source: pkg/controller/volume/expand."""

from __future__ import annotations

from kubelite.api.core.volumes.shared import STORAGE
from kubelite.api.types.core_v1 import PersistentVolume, PersistentVolumeClaim
from kubelite.machinery import quantity


class NotBound(Exception):
    """The claim's volume is another's."""


def is_larger(claim: PersistentVolumeClaim) -> bool:
    """Whether a bound claim asks for more than it has."""
    resources = claim.spec.resources
    if claim.status.phase != "Bound" or resources is None:
        return False
    asked, present = resources.requests.get(STORAGE, 0), claim.status.capacity.get(STORAGE, 0)
    return quantity.cmp(asked, present) > 0


def needs_expansion(claim: PersistentVolumeClaim, volume: PersistentVolume | None) -> bool:
    """Whether somebody has to enlarge the claim's volume. Raises NotBound."""
    if not is_larger(claim) or volume is None:
        return False
    ref, meta = volume.spec.claimRef, claim.metadata
    if ref is None or (ref.namespace, ref.uid) != (meta.namespace, meta.uid):
        raise NotBound(f"persistent Volume is not bound to PVC being updated : {meta.namespace}/{meta.name}")
    return True

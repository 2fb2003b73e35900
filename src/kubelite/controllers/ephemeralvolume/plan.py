"""Which claims a pod's ephemeral volumes need: pure. Source: pkg/controller/volume/ephemeral."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubelite.api.core.pod.kind import POD
from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.claims import owner_reference
from kubelite.machinery import codec
from kubelite.machinery.meta import is_controlled_by

ENDED = ("Succeeded", "Failed")


@dataclass(slots=True)
class Plan:
    """What to create, and the claims that are in the way."""

    create: list[PersistentVolumeClaim] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def needs_claims(pod: Any) -> bool:
    """Whether the pod has ephemeral volumes and may still start. It also takes the narrow type."""
    if pod.metadata.deletionTimestamp is not None or pod.status.phase in ENDED:
        return False
    return any(volume.ephemeral is not None for volume in pod.spec.volumes)


def claim_names(pod: Any) -> list[str]:
    """The names of the claims of the pod's ephemeral volumes."""
    return [f"{pod.metadata.name}-{volume.name}" for volume in pod.spec.volumes if volume.ephemeral is not None]


def plan(pod: Pod, find: Callable[[str], PersistentVolumeClaim | None]) -> Plan:
    """`find` gives a claim of the pod's namespace by name."""
    result = Plan()
    if not needs_claims(pod):
        return result
    for volume in pod.spec.volumes:
        if volume.ephemeral is None:
            continue
        present = find(f"{pod.metadata.name}-{volume.name}")
        if present is None:
            result.create.append(_claim(pod, volume))
        elif not is_controlled_by(present, pod):
            meta = pod.metadata
            result.conflicts.append(
                f"ephemeral volume {volume.name}: PVC {meta.namespace}/{present.metadata.name} was not created for pod "
                f"{meta.namespace}/{meta.name} (pod is not owner)"
            )
    return result


def _claim(pod: Pod, volume: Any) -> PersistentVolumeClaim:
    template = volume.ephemeral.volumeClaimTemplate
    made = PersistentVolumeClaim(spec=codec.clone(template.spec))
    made.metadata.name, made.metadata.namespace = f"{pod.metadata.name}-{volume.name}", pod.metadata.namespace
    made.metadata.labels = dict(template.metadata.labels)
    made.metadata.annotations = dict(template.metadata.annotations)
    made.metadata.ownerReferences = [OwnerReference(**owner_reference(pod, POD))]
    return made

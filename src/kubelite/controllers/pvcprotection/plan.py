"""Whether a pod uses a volume claim: pure.

Source: pkg/controller/volume/pvcprotection: a pod that has no node yet will not start with a claim that is being deleted; one
that has keeps its claims until it is gone, those of its ephemeral volumes until its node is done with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod
from kubelite.machinery.meta import is_controlled_by


def is_used(claim: PersistentVolumeClaim, pods: Iterable[Pod]) -> bool:
    """Whether one of the pods of its namespace uses the claim."""
    return any(_uses(pod, claim) for pod in pods)


def _uses(pod: Pod, claim: PersistentVolumeClaim) -> bool:
    if not pod.spec.nodeName:
        return False
    name = claim.metadata.name
    for volume in pod.spec.volumes:
        if volume.persistentVolumeClaim is not None and volume.persistentVolumeClaim.claimName == name:
            return True
        mine = volume.ephemeral is not None and f"{pod.metadata.name}-{volume.name}" == name
        if mine and not _is_shut_down(pod) and is_controlled_by(claim, pod):
            return True
    return False


def _is_shut_down(pod: Pod) -> bool:
    """The node is done with it, or it was deleted by force."""
    return pod.metadata.deletionTimestamp is not None and pod.metadata.deletionGracePeriodSeconds == 0

"""Who owns the claims of a StatefulSet's pods, so that the garbage collector deletes them when it should.

What: `wanted_owners` and `match` (pure). Why: `persistentVolumeClaimRetentionPolicy` is nothing but owner references: the set's,
if claims go with it, the pod's, if they go when the set is scaled down. Upstream: stateful_set_utils.go
(isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod).
"""

from __future__ import annotations

import copy
from typing import Any

from kubelite.api.apps.stateful_set import DELETE
from kubelite.api.types.apps_v1 import StatefulSet
from kubelite.api.types.core_v1 import PersistentVolumeClaim
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.claims import owner_reference
from kubelite.controllers.kinds import POD, STATEFUL_SET
from kubelite.controllers.statefulset.identity import in_range, ordinal_of
from kubelite.machinery.meta import controller_of


def owners_of_new(stateful_set: StatefulSet) -> list[OwnerReference]:
    """The owners of a claim that is made for a pod which the set wants."""
    policy = stateful_set.spec.persistentVolumeClaimRetentionPolicy
    if policy is None or policy.whenDeleted != DELETE:
        return []
    return [OwnerReference(**owner_reference(stateful_set, STATEFUL_SET))]


def wanted_owners(stateful_set: StatefulSet, pod: Any) -> list[OwnerReference]:
    """The owners that the claims of `pod` should have: the set, the pod or nobody."""
    policy = stateful_set.spec.persistentVolumeClaimRetentionPolicy
    scaled = policy is not None and policy.whenScaled == DELETE
    if scaled and not in_range(stateful_set, ordinal_of(pod)):
        return [OwnerReference(**owner_reference(pod, POD))]
    return owners_of_new(stateful_set)


def _is_ours(reference: OwnerReference, stateful_set: StatefulSet, pod: Any) -> bool:
    """Whether the reference is to this set or pod, or to an earlier one of the name, which is ours to tidy."""
    if reference.kind == STATEFUL_SET.kind and reference.apiVersion == STATEFUL_SET.api_version:
        return reference.name == stateful_set.metadata.name
    return reference.kind == POD.kind and reference.apiVersion == "v1" and reference.name == pod.metadata.name


def match(stateful_set: StatefulSet, pod: Any, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim's owners are those it should have; a claim with another controller is left alone."""
    controller = controller_of(claim)
    if controller is not None and not _is_ours(controller, stateful_set, pod):
        return True
    present = [r for r in claim.metadata.ownerReferences if _is_ours(r, stateful_set, pod)]
    wanted = wanted_owners(stateful_set, pod)
    return [(r.uid, bool(r.controller)) for r in present] == [(r.uid, True) for r in wanted]


def with_owners(stateful_set: StatefulSet, pod: Any, claim: PersistentVolumeClaim) -> PersistentVolumeClaim:
    """The claim with the owners it should have."""
    changed = copy.copy(claim)
    changed.metadata = copy.copy(claim.metadata)
    others = [r for r in claim.metadata.ownerReferences if not _is_ours(r, stateful_set, pod)]
    changed.metadata.ownerReferences = others + wanted_owners(stateful_set, pod)
    return changed


def is_stale(pod_uid: str, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim belongs to an earlier pod of the name and is about to be deleted with it."""
    return any(r.kind == POD.kind and r.apiVersion == "v1" and r.uid != pod_uid for r in claim.metadata.ownerReferences)

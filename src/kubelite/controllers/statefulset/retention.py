"""Who owns the claims of a StatefulSet's pods, so that the garbage collector deletes them when it should.

What: `wanted_owners` and `match` (pure). Why: `persistentVolumeClaimRetentionPolicy` is nothing but owner references: the set's,
if claims go with it, the pod's, if they go when the set is scaled down. Claims of an earlier set or pod of the name, and those
that somebody else keeps, are left alone. Upstream: stateful_set_utils.go (isClaimOwnerUpToDate, hasUnexpectedController,
updateClaimOwnerRefForSetAndPod).
"""

from __future__ import annotations

import copy
from typing import Any

from kubelite.api.apps.stateful_set import DELETE
from kubelite.api.types.apps_v1 import StatefulSet
from kubelite.api.types.core_v1 import PersistentVolumeClaim, Pod
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.claims import owner_reference
from kubelite.controllers.kinds import POD, STATEFUL_SET
from kubelite.controllers.statefulset.identity import in_range, ordinal_of
from kubelite.machinery.kind import Kind


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


def _names(reference: OwnerReference, kind: Kind, obj: Any) -> bool:
    """Whether the reference is to an object of this kind and name: to this one, or to an earlier or later one."""
    found = (reference.apiVersion, reference.kind, reference.name)
    return bool(found == (kind.api_version, kind.kind, obj.metadata.name))


def _is_ours(reference: OwnerReference, stateful_set: StatefulSet, pod: Any) -> bool:
    return _names(reference, STATEFUL_SET, stateful_set) or _names(reference, POD, pod)


def _is_earlier(claim: PersistentVolumeClaim, kind: Kind, obj: Any) -> bool:
    """Whether the claim belongs to an earlier object of the name, with which it is about to be deleted."""
    references = (r for r in claim.metadata.ownerReferences if _names(r, kind, obj))
    first = next(references, None)
    return first is not None and first.uid != obj.metadata.uid


def has_other_controller(stateful_set: StatefulSet, pod: Any, claim: PersistentVolumeClaim) -> bool:
    """Whether somebody else keeps the claim although the set has a policy for it: the policy does not apply then."""
    policy = stateful_set.spec.persistentVolumeClaimRetentionPolicy
    if policy is None or DELETE not in (policy.whenScaled, policy.whenDeleted):
        return False
    for kind, obj in ((STATEFUL_SET, stateful_set), (POD, pod)):
        if any(_names(r, kind, obj) and r.uid != obj.metadata.uid for r in claim.metadata.ownerReferences):
            return True
    return any(r.controller and not _is_ours(r, stateful_set, pod) for r in claim.metadata.ownerReferences)


def match(stateful_set: StatefulSet, pod: Any, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim's owners are those it should have, or it is to be left alone."""
    if _is_earlier(claim, STATEFUL_SET, stateful_set) or _is_earlier(claim, POD, pod):
        return True
    uids = (stateful_set.metadata.uid, pod.metadata.uid)
    present = [(r.uid, bool(r.controller)) for r in claim.metadata.ownerReferences if r.uid in uids]
    if has_other_controller(stateful_set, pod, claim):
        return not present
    return present == [(r.uid, True) for r in wanted_owners(stateful_set, pod)]


def with_owners(stateful_set: StatefulSet, pod: Any, claim: PersistentVolumeClaim) -> PersistentVolumeClaim:
    """The claim with the owners it should have."""
    changed = copy.copy(claim)
    changed.metadata = copy.copy(claim.metadata)
    others = [r for r in claim.metadata.ownerReferences if not _is_ours(r, stateful_set, pod)]
    wanted = [] if has_other_controller(stateful_set, pod, claim) else wanted_owners(stateful_set, pod)
    changed.metadata.ownerReferences = others + wanted
    return changed


def is_stale(stateful_set: StatefulSet, pod_name: str, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim goes with an earlier pod of the name: a new one must not get it."""
    policy = stateful_set.spec.persistentVolumeClaimRetentionPolicy
    if policy is None or policy.whenScaled != DELETE:
        return False
    pod = Pod()
    pod.metadata.name = pod_name
    return _is_earlier(claim, POD, pod)

"""Which claims a pod needs, and which pods still use a claim: pure. Source: pkg/controller/resourceclaim/controller.go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.core_v1 import PodResourceClaim
from kubelite.api.types.meta_v1 import ObjectMeta, OwnerReference
from kubelite.controllers.objects import Pod
from kubelite.machinery import codec

ANNOTATION = "resource.kubernetes.io/pod-claim-name"
FINALIZER = "resource.kubernetes.io/delete-protection"
LONGEST_PREFIX = 57
MOST_USERS = 256
ENDED = ("Succeeded", "Failed")


@dataclass(slots=True)
class PodPlan:
    """What a pod's claims need."""

    make: list[PodResourceClaim] = field(default_factory=list)
    """Claims to be made from their templates."""
    known: dict[str, str] = field(default_factory=dict)
    """Claims that exist, by their name in the pod."""
    news: bool = False
    """`known` says more than the pod's status."""


def is_done(pod: Pod) -> bool:
    """A pod that uses no devices any more, and never will."""
    leaving = pod.metadata.deletionTimestamp is not None and not pod.spec.nodeName
    return leaving or pod.status.phase in ENDED


def is_owner(pod: Pod, claim: v1.ResourceClaim) -> bool:
    """Whether a claim was made for the pod."""
    return any(o.controller and o.uid == pod.metadata.uid for o in claim.metadata.ownerReferences)


def of_pod(pod: Pod, claims: Iterable[v1.ResourceClaim]) -> PodPlan:
    """What is missing; `claims` are those of the pod's namespace. Raises ValueError for a claim that is another's."""
    plan = PodPlan()
    if pod.metadata.deletionTimestamp is not None or is_done(pod):
        return plan
    told = {status.name: status.resourceClaimName for status in pod.status.resourceClaimStatuses}
    by_name = {claim.metadata.name: claim for claim in claims}
    mine = {c.metadata.annotations.get(ANNOTATION, ""): name for name, c in by_name.items() if is_owner(pod, c)}
    for wanted in pod.spec.resourceClaims:
        if not wanted.resourceClaimTemplateName or (wanted.name in told and not told[wanted.name]):
            continue
        present = by_name.get(told.get(wanted.name, "") or "")
        if present is not None and not is_owner(pod, present):
            name, key = present.metadata.name, f"{pod.metadata.namespace}/{pod.metadata.name}"
            raise ValueError(
                f"ResourceClaim {pod.metadata.namespace}/{name} was not created for pod {key} (pod is not owner)"
            )
        name = present.metadata.name if present is not None else mine.get(wanted.name, "")
        if name:
            plan.known[wanted.name] = name
        else:
            plan.make.append(wanted)
    plan.news = any(told.get(name) != claim for name, claim in plan.known.items())
    return plan


def claim_of(pod: Pod, wanted: PodResourceClaim, template: v1.ResourceClaimTemplate) -> v1.ResourceClaim:
    """The claim that a template describes, for this pod."""
    meta = pod.metadata
    owner = OwnerReference(apiVersion="v1", kind="Pod", name=meta.name, uid=meta.uid, controller=True)
    given = template.spec.metadata
    return v1.ResourceClaim(
        metadata=ObjectMeta(
            generateName=f"{f'{meta.name}-{wanted.name}'[:LONGEST_PREFIX]}-",
            namespace=meta.namespace,
            labels=dict(given.labels),
            annotations={**given.annotations, ANNOTATION: wanted.name},
            ownerReferences=[owner],
        ),
        spec=codec.clone(template.spec.spec),
    )


def to_reserve(pod: Pod, claims: Callable[[str], v1.ResourceClaim | None]) -> list[v1.ResourceClaim]:
    """Claims of a pod that got its node without the scheduler, and that have their devices: it has to be entered there."""
    if not pod.spec.nodeName or pod.metadata.deletionTimestamp is not None or is_done(pod):
        return []
    told = {status.name: status.resourceClaimName for status in pod.status.resourceClaimStatuses}
    found = []
    for wanted in pod.spec.resourceClaims:
        claim = claims(wanted.resourceClaimName or told.get(wanted.name, "") or "")
        if claim is None or claim.status.allocation is None or claim.metadata.deletionTimestamp is not None:
            continue
        users = claim.status.reservedFor
        made_for_it = not wanted.resourceClaimTemplateName or is_owner(pod, claim)
        if made_for_it and len(users) < MOST_USERS and all(user.uid != pod.metadata.uid for user in users):
            found.append(claim)
    return found


@dataclass(slots=True)
class ClaimPlan:
    """What has to be done about a claim."""

    users: list[v1.ResourceClaimConsumerReference] = field(default_factory=list)
    """Who uses it from now on."""
    status: bool = False
    """The status has to be written."""
    deallocate: bool = False
    """The devices are given back."""
    unprotect: bool = False
    """Nothing keeps the claim from being deleted."""
    delete: bool = False
    """It was made for a pod that is done."""


def of_claim(claim: v1.ResourceClaim, gone: Sequence[str], owner_done: bool) -> ClaimPlan:
    """`gone`: the uids of pods that no longer use it; `owner_done`: the pod that it was made for is done."""
    status = claim.status
    plan = ClaimPlan(users=[user for user in status.reservedFor if user.resource != "pods" or user.uid not in gone])
    shrinks = len(plan.users) < len(status.reservedFor)
    protected = FINALIZER in claim.metadata.finalizers
    free = not plan.users and (shrinks or claim.metadata.deletionTimestamp is not None or owner_done)
    plan.deallocate = free and protected and status.allocation is not None
    plan.status = shrinks or plan.deallocate
    plan.unprotect = protected and not plan.users and (plan.deallocate or status.allocation is None)
    if status.allocation is None and not shrinks and claim.metadata.deletionTimestamp is None and not owner_done:
        # Somebody is about to give it devices: the finalizer is written first.
        plan.unprotect = False
    plan.delete = not plan.users and owner_done and claim.metadata.deletionTimestamp is None
    return plan

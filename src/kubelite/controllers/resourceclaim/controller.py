"""Makes claims of devices for pods, and takes devices back from pods that are done.

Flow: pod → claims from their templates, their names in the pod's status; a pod that got its node from somebody else is entered
into its claims. Claim → pods that are done are taken out; without users its devices are given back; one that was made for a pod
goes with it. Source: pkg/controller/resourceclaim/controller.go.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.resource.resource_claim import RESOURCE_CLAIM
from kubelite.api.resource.resource_claim_template import RESOURCE_CLAIM_TEMPLATE
from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.core_v1 import PodResourceClaim
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change, Informer
from kubelite.controllers.context import Context
from kubelite.controllers.kinds import POD
from kubelite.controllers.objects import Pod
from kubelite.controllers.resourceclaim import plan
from kubelite.controllers.writes import Writes
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError

NAME = "resource_claim"
BY_NAMESPACE, BY_USER, BY_CLAIM = "namespace", "user", "resourceClaim"
SOON = 0.2


def _users(claim: v1.ResourceClaim) -> list[str]:
    """The pods that a claim concerns, by uid."""
    owners = [owner.uid for owner in claim.metadata.ownerReferences if owner.kind == "Pod"]
    return [*owners, *(user.uid for user in claim.status.reservedFor)]


def _claims(pod: Pod) -> list[str]:
    """The claims that a pod names, by key."""
    namespace = pod.metadata.namespace
    told = [status.resourceClaimName for status in pod.status.resourceClaimStatuses]
    names = {name for name in (*told, *(claim.resourceClaimName for claim in pod.spec.resourceClaims)) if name}
    return [f"{namespace}/{name}" for name in sorted(names)]


class ResourceClaimController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._recorder = context.recorder(NAME)
        self._pods: Informer[Pod] = context.informers.get(POD, Pod)
        self._claims: Informer[v1.ResourceClaim] = context.informers.get(RESOURCE_CLAIM)
        self._templates: Informer[v1.ResourceClaimTemplate] = context.informers.get(RESOURCE_CLAIM_TEMPLATE)
        self._claims.add_indexers({BY_NAMESPACE: lambda claim: [claim.metadata.namespace], BY_USER: _users})
        self._pods.add_indexers({BY_CLAIM: _claims})
        self._writes = Writes(self._claims, context.clock.monotonic)
        self.loop = Controller(NAME, self.reconcile, observe=context.observe)
        self.loop.watch(self._pods, self._of_pod)
        self.loop.watch(self._claims, self._of_claim)
        self.loop.watch(self._templates, self._of_template)

    async def run(self) -> None:
        await self.loop.run(self._pods, self._claims, self._templates)

    def _of_pod(self, change: Change[Pod]) -> list[str]:
        """The pod, and the claims that it may let go."""
        pod = change.object
        concerned = self._claims.by_index(BY_USER, pod.metadata.uid)
        keys = [f"claim/{pod.metadata.namespace}/{claim.metadata.name}" for claim in concerned]
        if pod.spec.resourceClaims:
            keys.append(f"pod/{pod.metadata.namespace}/{pod.metadata.name}")
        return keys

    def _of_claim(self, change: Change[v1.ResourceClaim]) -> list[str]:
        """The claim, and the pods that name it or that it was made for."""
        meta = change.object.metadata
        key = f"{meta.namespace}/{meta.name}"
        pods = [f"pod/{p.metadata.namespace}/{p.metadata.name}" for p in self._pods.by_index(BY_CLAIM, key)]
        owners = [f"pod/{meta.namespace}/{owner.name}" for owner in meta.ownerReferences if owner.kind == "Pod"]
        return [f"claim/{key}", *dict.fromkeys((*pods, *owners))]

    def _of_template(self, change: Change[v1.ResourceClaimTemplate]) -> list[str]:
        """Pods that wait for a template which is there now."""
        if change.old is not None or change.new is None:
            return []
        meta = change.new.metadata
        return [
            f"pod/{meta.namespace}/{pod.metadata.name}"
            for pod in self._pods.list()
            if pod.metadata.namespace == meta.namespace
            and any(claim.resourceClaimTemplateName == meta.name for claim in pod.spec.resourceClaims)
        ]

    async def reconcile(self, key: str) -> Result | None:
        """One pod or one claim."""
        what, _, rest = key.partition("/")
        return await (self._pod(rest) if what == "pod" else self._claim(rest))

    async def _pod(self, key: str) -> Result | None:
        pod = self._pods.get(key)
        if pod is None:
            self._writes.forget(key)
            return None
        if not self._writes.settled(key):
            return Result(SOON)
        try:
            wanted = plan.of_pod(pod, self._claims.by_index(BY_NAMESPACE, pod.metadata.namespace))
            for claim in wanted.make:
                wanted.known[claim.name] = await self._make(pod, claim)
        except (ValueError, StatusError) as error:
            self._recorder.event(POD, pod, "Warning", "FailedResourceClaimCreation", str(error), "Provisioning")
            raise
        if wanted.make or wanted.news:
            told = [{"name": name, "resourceClaimName": claim} for name, claim in wanted.known.items()]
            patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"resourceClaimStatuses": told}}
            await self._patch(POD, pod, patch, "strategic")
        namespace = pod.metadata.namespace
        for reserved in plan.to_reserve(pod, lambda name: self._claims.get(f"{namespace}/{name}")):
            await self._reserve(reserved, pod)
        return None

    async def _make(self, pod: Pod, wanted: PodResourceClaim) -> str:
        """A claim from its template; its name."""
        meta = pod.metadata
        template = self._templates.get(f"{meta.namespace}/{wanted.resourceClaimTemplateName}")
        if template is None:
            name = wanted.resourceClaimTemplateName
            raise ValueError(
                f'PodResourceClaim {wanted.name}: resource claim template "{name}": '
                f'resourceclaimtemplate.resource.k8s.io "{name}" not found'
            )
        made = await self._client.create(RESOURCE_CLAIM, plan.claim_of(pod, wanted, template))
        self._writes.wrote(f"{meta.namespace}/{meta.name}", made)
        return made.metadata.name

    async def _reserve(self, claim: v1.ResourceClaim, pod: Pod) -> None:
        user = v1.ResourceClaimConsumerReference(resource="pods", name=pod.metadata.name, uid=pod.metadata.uid)
        users = [codec.to_generic(one) for one in (*claim.status.reservedFor, user)]
        await self._patch(
            RESOURCE_CLAIM, claim, {"metadata": _version(claim), "status": {"reservedFor": users}}, "merge"
        )

    async def _claim(self, key: str) -> Result | None:
        claim = self._claims.get(key)
        if claim is None:
            return None
        gone = [
            user.uid for user in claim.status.reservedFor if user.resource == "pods" and await self._left(claim, user)
        ]
        owner = next((o for o in claim.metadata.ownerReferences if o.controller and o.kind == "Pod"), None)
        owner_done = owner is not None and await self._left(claim, owner)
        wanted = plan.of_claim(claim, gone, owner_done)
        current = claim
        if wanted.status:
            status: dict[str, Any] = {"reservedFor": [codec.to_generic(user) for user in wanted.users] or None}
            if wanted.deallocate:
                status.update(allocation=None, devices=None)
            current = await self._patch(RESOURCE_CLAIM, claim, {"metadata": _version(claim), "status": status}, "merge")
        if wanted.unprotect:
            rest = [name for name in claim.metadata.finalizers if name != plan.FINALIZER]
            body = {"metadata": {**_version(current), "finalizers": rest or None}}
            await self._client.patch(RESOURCE_CLAIM, claim.metadata.name, body, claim.metadata.namespace)
        if wanted.delete:
            await self._delete(claim)
        return None

    async def _left(self, claim: v1.ResourceClaim, user: Any) -> bool:
        """Whether a pod is done, or gone. The cache may not know it yet: then the server is asked."""
        namespace = claim.metadata.namespace
        pod = self._pods.get(f"{namespace}/{user.name}")
        if pod is None or pod.metadata.uid != user.uid:
            try:
                pod = await self._client.get(POD, user.name, namespace, type=Pod)
            except StatusError as error:
                if error.code != 404:
                    raise
                return True
        return pod.metadata.uid != user.uid or plan.is_done(pod)

    async def _delete(self, claim: v1.ResourceClaim) -> None:
        options = DeleteOptions(preconditions=Preconditions(uid=claim.metadata.uid))
        try:
            await self._client.delete(RESOURCE_CLAIM, claim.metadata.name, claim.metadata.namespace, options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    async def _patch(self, kind: Any, obj: Any, body: dict[str, Any], type: Any) -> Any:
        """Writes a part of a status."""
        meta = obj.metadata
        return await self._client.patch(kind, meta.name, body, meta.namespace, patch_type=type, subresource="status")


def _version(claim: v1.ResourceClaim) -> dict[str, str]:
    """What somebody else wrote meanwhile is not overwritten."""
    return {"uid": claim.metadata.uid, "resourceVersion": claim.metadata.resourceVersion}

"""OwnerReferencesPermissionEnforcement: who names owners must be allowed what the garbage collector then does. Off by default.

Whoever changes the owners of an object must be allowed to delete it; whoever blocks the deletion of an owner must be allowed to
set its finalizers. Source: plugin/pkg/admission/gc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest, Attributes, Authorizer, UserInfo
from kubelite.machinery.kind import Kind

FindKind = Callable[[str, str], Kind | None]
"""(apiVersion, kind) → the kind."""


class OwnerReferencesPermissionEnforcement(Plugin):
    """`find` knows the kinds of owners."""

    name = "OwnerReferencesPermissionEnforcement"
    default = False

    def __init__(self, authorizer: Authorizer, find: FindKind) -> None:
        self._authorizer = authorizer
        self._find = find

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation in (CREATE, UPDATE) and (kind.kind, subresource) != ("Pod", "status")

    async def validate(self, request: AdmissionRequest) -> None:
        metadata = getattr(request.object, "metadata", None)
        if metadata is None or request.user is None:
            return
        owners = metadata.ownerReferences
        before = request.old.metadata.ownerReferences if request.old is not None else []
        if owners == before:
            return
        if request.operation != CREATE:
            reason = await self._missing(request.user, _deletion(request))
            if reason is not None:
                raise denied(request, f"cannot set an ownerRef on a resource you can't delete: {reason}, <nil>")
        for owner in _newly_blocking(owners, before):
            await self._check_block(request, request.user, owner)

    async def _check_block(self, request: AdmissionRequest, user: UserInfo, owner: Any) -> None:
        kind = self._find(owner.apiVersion, owner.kind)
        if kind is None:
            why = f'no matches for kind "{owner.kind}" in version "{owner.apiVersion}"'
            raise denied(
                request,
                "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion "
                f"{owner.apiVersion} Kind {owner.kind}: {why}",
            )
        asked = Attributes(
            verb="update",
            namespace=request.namespace if kind.namespaced else "",
            group=kind.group,
            version=kind.version,
            resource=kind.plural,
            subresource="finalizers",
            name=owner.name,
        )
        reason = await self._missing(user, asked)
        if reason is not None:
            raise denied(
                request,
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: "
                f"{reason}, <nil>",
            )

    async def _missing(self, user: UserInfo, attributes: Attributes) -> str | None:
        """Why it is not allowed; None if it is."""
        decision = self._authorizer.authorize(user, attributes)
        allowed, reason = decision if isinstance(decision, tuple) else await decision
        return None if allowed else reason


def _deletion(request: AdmissionRequest) -> Attributes:
    kind = request.kind
    return Attributes(
        verb="delete",
        namespace=request.namespace,
        group=kind.group,
        version=kind.version,
        resource=kind.plural,
        subresource=request.subresource,
        name=request.name,
    )


def _newly_blocking(owners: list[Any], before: list[Any]) -> list[Any]:
    """The owners whose deletion waits for the object from now on."""
    known = {one.uid for one in before if one.blockOwnerDeletion}
    return [one for one in owners if one.blockOwnerDeletion and one.uid not in known]

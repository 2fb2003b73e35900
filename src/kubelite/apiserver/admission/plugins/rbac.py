"""The escalation checks of roles and bindings, as the last step before a write. Not optional and without upstream name:
there, they are part of the storage of roles (pkg/registry/rbac/*/policybased).
"""

from __future__ import annotations

from collections.abc import Awaitable

from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.authz.chain import Chain
from kubelite.apiserver.authz.escalation import GROUP, check_binding, check_role
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery.kind import Kind


class RoleEscalation(Plugin):
    """Refuses roles and bindings that give what the writer does not have."""

    name = ""

    def __init__(self, authorizer: Chain) -> None:
        self._authorizer = authorizer

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.group == GROUP and operation in (CREATE, UPDATE)

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if request.user is None:
            return None  # the server's own write
        check = check_role if request.kind.kind.endswith("Role") else check_binding
        return check(
            self._authorizer.index, self._authorizer, request.user, request.object, request.namespace, request.old
        )

"""Who writes a policy must be allowed to read its parameters. Not optional and without upstream name: there, it is part of the
storage of policies and bindings (pkg/registry/admissionregistration/validatingadmissionpolicy{,binding}/authz.go).

Why: expressions tell what they read; a policy over Secrets would otherwise show them to whoever may write policies.
"""

from __future__ import annotations

from typing import Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.matching import GROUP, POLICIES
from kubelite.apiserver.admission.plugin import CREATE, UPDATE, Plugin
from kubelite.apiserver.lookup import Lookup
from kubelite.apiserver.request import AdmissionRequest, Attributes, Authorizer, UserInfo
from kubelite.machinery import errors, fielderrors
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Kind
from kubelite.machinery.scheme import Scheme

MASTERS = "system:masters"
ANY = "*"


class ParamAccess(Plugin):
    """`get` on everything of a policy's paramKind; `get` or `list` on what a binding refers to."""

    name = ""

    def __init__(self, authorizer: Authorizer, scheme: Scheme, lookup: Lookup) -> None:
        self._authorizer = authorizer
        self._scheme = scheme
        self._lookup = lookup

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return kind.group == GROUP and kind.plural in POLICIES and operation in (CREATE, UPDATE) and not subresource

    async def validate(self, request: AdmissionRequest) -> None:
        user = request.user
        if user is None or MASTERS in user.groups:
            return
        if request.kind.plural.endswith("bindings"):
            await self._check_binding(request, user)
        else:
            await self._check_policy(request, user)

    async def _check_policy(self, request: AdmissionRequest, user: UserInfo) -> None:
        wanted = request.object.spec.paramKind
        if wanted is None or (request.old is not None and request.old.spec.paramKind == wanted):
            return
        if not await self._allows(user, wanted, "get", ANY, ANY):
            why = f'user {_shown(user)} must have "get" permission on all objects of the referenced paramKind '
            why += f"(kind={wanted.kind}, apiVersion={wanted.apiVersion})"
            _refuse(request, "paramKind", why)

    async def _check_binding(self, request: AdmissionRequest, user: UserInfo) -> None:
        spec, old = request.object.spec, request.old.spec if request.old is not None else None
        ref = spec.paramRef
        if ref is None or (old is not None and (old.paramRef, old.policyName) == (ref, spec.policyName)):
            return
        wanted = self._param_kind(request.kind.plural.removesuffix("bindings"), spec.policyName)
        verb = "get" if ref.name else "list"
        if not await self._allows(user, wanted, verb, ref.namespace, ref.name):
            why = f'user {_shown(user)} does not have "{verb}" permission on the object referenced by paramRef'
            _refuse(request, "paramRef", why)

    def _param_kind(self, policies: str, name: str) -> v1.ParamKind | None:
        """The paramKind of a policy; None if nobody knows it, so that everything has to be allowed."""
        type_: Any = v1.ValidatingAdmissionPolicy if policies.startswith("validating") else v1.MutatingAdmissionPolicy
        found = self._lookup.get(policies.replace("policy", "policies"), "", name, type_, GROUP)
        return None if found is None else found.spec.paramKind

    async def _allows(self, user: UserInfo, wanted: v1.ParamKind | None, verb: str, namespace: str, name: str) -> bool:
        group = version = resource = ANY
        if wanted is not None:
            group, _, version = wanted.apiVersion.rpartition("/")
            kind = self._scheme.by_kind(wanted.apiVersion, wanted.kind)
            resource = kind.plural if kind is not None else ANY
        asked = Attributes(verb=verb, namespace=namespace, group=group, version=version, resource=resource, name=name)
        decision = self._authorizer.authorize(user, asked)
        return (decision if isinstance(decision, tuple) else await decision)[0]


def _refuse(request: AdmissionRequest, field: str, why: str) -> None:
    found = [fielderrors.forbidden(Path("spec") / field, why)]
    raise errors.invalid(request.kind.group, request.kind.kind, request.object.metadata.name, found)


def _shown(user: UserInfo) -> str:
    """A user as Go prints one."""
    extra = " ".join(f"{key}:[{' '.join(values)}]" for key, values in sorted(user.extra.items()))
    return f"&{{{user.name} {user.uid} [{' '.join(user.groups)}] map[{extra}]}}"

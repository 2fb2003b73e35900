"""NamespaceLifecycle: nothing new in a namespace that is absent or going, and the system namespaces stay.

Source: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from kubelite.apiserver.admission.plugin import CREATE, DELETE, Plugin, denied
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors
from kubelite.machinery.kind import Kind

IMMORTAL = ("default", "kube-system", "kube-public")


class _Phase(msgspec.Struct, gc=False):
    phase: str = ""


class _Meta(msgspec.Struct, gc=False):
    deletionTimestamp: str | None = None


class NamespaceState(msgspec.Struct, gc=False):
    """What decides whether a namespace takes new objects."""

    metadata: _Meta
    status: _Phase = msgspec.field(default_factory=_Phase)

    @property
    def terminating(self) -> bool:
        return self.status.phase == "Terminating" or self.metadata.deletionTimestamp is not None


_decode = msgspec.json.Decoder(NamespaceState).decode

Cached = Callable[[str], bytes | None]
Live = Callable[[str], Awaitable[bytes | None]]


class NamespaceLifecycle(Plugin):
    """`cached` and `live` give a namespace's bytes by name."""

    name = "NamespaceLifecycle"

    def __init__(self, cached: Cached, live: Live) -> None:
        self._cached = cached
        self._live = live
        self._known: dict[bytes, NamespaceState] = {}

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        if kind.kind == "Namespace":
            return operation == DELETE and not subresource
        return operation == CREATE and kind.namespaced and kind.kind != "LocalSubjectAccessReview"

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if request.operation == DELETE:
            if request.name in IMMORTAL:
                raise denied(request, "this namespace may not be deleted")
            return None
        body = self._cached(request.namespace)
        if body is None:
            return self._check_live(request)
        self._check(request, body)
        return None

    async def _check_live(self, request: AdmissionRequest) -> None:
        """The cache may be some milliseconds behind the client that has just made the namespace."""
        body = await self._live(request.namespace)
        if body is None:
            raise errors.not_found("", "namespaces", request.namespace)
        self._check(request, body)

    def _check(self, request: AdmissionRequest, body: bytes) -> None:
        state = self._known.get(body)
        if state is None:
            if len(self._known) > 1024:
                self._known.clear()
            state = self._known[body] = _decode(body)
        if not state.terminating:
            return
        name = request.namespace
        error = denied(request, f"unable to create new content in namespace {name} because it is being terminated")
        message = f"namespace {name} is being terminated"
        error.details["causes"] = [
            {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
        ]
        raise error

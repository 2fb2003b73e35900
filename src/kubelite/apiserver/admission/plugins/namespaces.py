"""NamespaceAutoProvision makes the namespace that an object wants; NamespaceExists refuses objects without one. Off by default.

NamespaceLifecycle, which always runs, does what the second was made for. Source: plugin/pkg/admission/namespace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from kubelite.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Plugin
from kubelite.apiserver.request import AdmissionRequest
from kubelite.machinery import errors
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind

Cached = Callable[[str], bytes | None]
Live = Callable[[str], Awaitable[bytes | None]]
Provide = Callable[[str], Awaitable[None]]


class NamespaceAutoProvision(Plugin):
    """`provide` creates a namespace."""

    name = "NamespaceAutoProvision"
    default = False

    def __init__(self, cached: Cached, provide: Provide) -> None:
        self._cached = cached
        self._provide = provide

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation == CREATE and kind.namespaced

    def mutate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if request.dry_run or not request.namespace or self._cached(request.namespace) is not None:
            return None
        return self._make(request.namespace)

    async def _make(self, name: str) -> None:
        try:
            await self._provide(name)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise


class NamespaceExists(Plugin):
    """`cached` and `live` find a Namespace by its name."""

    name = "NamespaceExists"
    default = False

    def __init__(self, cached: Cached, live: Live) -> None:
        self._cached = cached
        self._live = live

    def handles(self, operation: str, kind: Kind, subresource: str) -> bool:
        return operation in (CREATE, UPDATE, DELETE) and kind.namespaced

    def validate(self, request: AdmissionRequest) -> Awaitable[None] | None:
        if not request.namespace or self._cached(request.namespace) is not None:
            return None
        return self._check(request.namespace)

    async def _check(self, name: str) -> None:
        if await self._live(name) is None:
            raise errors.not_found("", "namespaces", name)

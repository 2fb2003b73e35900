"""The status of validating policies: what their author should know of the types.

What: `StatusWriter.run`. Why: upstream's controller manager does this; here the API server does, because it has the schemas of
all kinds and needs nobody to ask. Flow: the watch cache tells of policies whose generation was not looked at → `typecheck` →
status. Servers that share a store find the same and write it once. Source: pkg/controller/validatingadmissionpolicystatus.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubelite.api.types import admissionregistration_v1 as v1
from kubelite.apiserver.admission.dynamic.matching import GROUP
from kubelite.apiserver.lookup import Lookup
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)
RESOURCE = "validatingadmissionpolicies"
RETRY_SECONDS = 1.0


class StatusWriter:
    """Writes `status.typeChecking` and `status.observedGeneration`."""

    def __init__(self, registry: Any, lookup: Lookup) -> None:
        self._registry = registry
        self._kind = lookup.kind(RESOURCE, GROUP)
        self._due: dict[str, None] = {}
        """Names in order; no more than there are policies."""
        self._wake = asyncio.Event()
        lookup.follow(RESOURCE, GROUP, v1.ValidatingAdmissionPolicy, self._changed)

    def _changed(self, namespace: str, name: str, found: v1.ValidatingAdmissionPolicy | None) -> None:
        self._due.pop(name, None)
        if found is not None and found.status.observedGeneration != found.metadata.generation:
            self._due[name] = None
            self._wake.set()

    async def run(self) -> None:
        """Never returns."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                name = next(iter(self._due))
                del self._due[name]
                try:
                    await self._check(name)
                except (StatusError, StoreError) as error:
                    log.warning("the status of a policy could not be written", policy=name, error=str(error))
                    self._due[name] = None
                    await asyncio.sleep(RETRY_SECONDS)

    async def _check(self, name: str) -> None:
        from kubelite.apiserver.admission.policies.typecheck import warnings_of

        policy = self._registry.cached(self._kind, "", name)
        if policy is None:
            return
        generation = policy.metadata.generation
        found = warnings_of(policy, self._registry.scheme)

        def edit(present: v1.ValidatingAdmissionPolicy) -> None:
            if present.metadata.generation == generation:
                present.status.observedGeneration = generation
                present.status.typeChecking = v1.TypeChecking(expressionWarnings=found)

        try:
            await self._registry.change(self._kind, name, "", edit, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

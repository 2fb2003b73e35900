"""One extension API server's group version: followed, judged, and asked what it serves.

What: `Remote.run` for as long as the APIService is there. Why: whether requests are passed on, what discovery and OpenAPI say,
and what the condition says, all come from one look at the same moment. Flow: something changed, or time passed → `check` →
condition written → documents learned → `changed()`. Failing servers are asked after `FIRST` seconds, then twice as long each
time up to `CAP`; available ones every `CAP` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kubelite.api.types.apiregistration_v1 import APIServiceSpec
from kubelite.apiserver.aggregator import availability
from kubelite.apiserver.aggregator.backend import Backend, Unreachable
from kubelite.apiserver.aggregator.declared import Availability, availability_of, set_available
from kubelite.apiserver.aggregator.learned import Learned, learn
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import StoreError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

log = get_logger(__name__)

FIRST, CAP = 0.25, 30.0
GATHER = 0.02
"""Changes of services and endpoints come in groups: one look for all of them."""


class Remote:
    """`available`: requests are passed on. `fresh`: what was learned is the server's present state."""

    def __init__(
        self,
        registry: Registry,
        kind: Kind,
        name: str,
        spec: APIServiceSpec,
        backend: Backend,
        changed: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._kind = kind
        self.name = name
        self.spec = spec
        self.backend = backend
        self.available = False
        self.fresh = False
        self.learned = Learned()
        self.failures: dict[str, int] = {}
        """How often it became unavailable, by reason."""
        self._changed = changed
        self._wake = asyncio.Event()

    @property
    def interested_in(self) -> tuple[str, str]:
        """Namespace and name of the service."""
        return self.backend.service.namespace, self.backend.service.name

    def look(self) -> None:
        """Something may have changed."""
        self._wake.set()

    async def run(self) -> None:
        """Never returns."""
        backoff = Backoff(FIRST, 2.0, CAP, 0.1)
        while True:
            self._wake.clear()
            passed = False
            try:
                passed = await self._once()
            except (StatusError, StoreError, TimeoutError) as error:
                log.warning("the condition of an APIService could not be written", name=self.name, error=str(error))
            except Exception as error:
                log.exception("an APIService cannot be followed", error, name=self.name)
            if passed:
                backoff.reset()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CAP if passed else backoff.next()):
                    await self._wake.wait()
            await asyncio.sleep(GATHER)

    async def _once(self) -> bool:
        """One look. Whether everything is as it should be."""
        found = self._present()
        verdict = (
            availability.Verdict(found) if found is not None else await availability.check(self.spec, self.backend)
        )
        passed = verdict.availability.status == "True"
        was = (self.available, self.fresh, self.learned)
        self.available = passed
        if passed:
            await self._learn(verdict.document)
        else:
            self.fresh = False
        if was != (self.available, self.fresh, self.learned):
            self._changed()
        await self._write(verdict.availability)
        return self.fresh

    def _present(self) -> Availability | None:
        scheme, registry = self._registry.scheme, self._registry
        namespace, name = self.interested_in
        services = scheme.by_resource("", "v1", "services")
        slices = scheme.by_resource("discovery.k8s.io", "v1", "endpointslices")
        service = registry.cached(services, namespace, name) if services is not None else None
        found = registry.cached_list(slices, namespace) if slices is not None else []
        return availability.judge(self.spec, service, found)

    async def _learn(self, document: bytes) -> None:
        try:
            self.learned = await learn(self.spec, self.backend, document, self.learned)
            self.fresh = True
        except (Unreachable, TimeoutError) as error:
            self.fresh = False
            log.warning("an extension API server does not say what it serves", name=self.name, error=str(error))

    async def _write(self, wanted: Availability) -> None:
        service: Any = self._registry.cached(self._kind, "", self.name)
        before = availability_of(service) if service is not None else None
        if service is None or before == wanted or service.spec != self.spec:
            return
        log.info(
            "the availability of an APIService changed", name=self.name, status=wanted.status, reason=wanted.reason
        )
        if wanted.status != "True" and (before is None or before.status == "True"):
            self.failures[wanted.reason] = self.failures.get(wanted.reason, 0) + 1
        edit = set_available(wanted, self._registry.now_text())
        try:
            await self._registry.change(self._kind, self.name, "", edit, subresource="status")
        except StatusError as error:
            if error.code not in (404, 409):
                raise

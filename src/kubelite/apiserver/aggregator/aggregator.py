"""All extension API servers of a cluster, as this server sees them.

What: `Aggregator.handler(request)` gives what passes a request on to the extension server whose group version it names,
`extensions` what discovery and OpenAPI publish of them. Why: one table, kept by APIService objects, decides about both.
Flow: watch cache → `Remote` for each APIService with a service → table; `run` also keeps the APIServices of what this
server serves itself.
Source: kube-aggregator/pkg/apiserver/apiserver.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from kubelite.api.types.apiregistration_v1 import APIService
from kubelite.apiserver.aggregator.backend import backend
from kubelite.apiserver.aggregator.forward import forward
from kubelite.apiserver.aggregator.registration import Registration
from kubelite.apiserver.aggregator.remote import Remote
from kubelite.apiserver.config import Config
from kubelite.apiserver.request import Request, RequestInfo, Response
from kubelite.apiserver.watchcache.entry import decode
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

log = get_logger(__name__)

GROUP = "apiregistration.k8s.io"
GATHER = 0.05
RETRY = 1.0


class Extension(NamedTuple):
    """A group version that another server serves, and where it stands among the others."""

    group: str
    version: str
    group_priority: int
    version_priority: int
    remote: Remote


class Aggregator:
    """`remotes` by group and version. `generation` grows with every change of what is to be published."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self._config = config
        self._registry = registry
        self._kind = registry.scheme.by_resource(GROUP, "v1", "apiservices")
        self._registration = Registration(registry, self._kind) if self._kind is not None else None
        self.remotes: dict[tuple[str, str], Remote] = {}
        self._extensions: dict[str, Extension] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._namespaces: set[str] = set()
        self._wake = asyncio.Event()
        self.generation = 0

    # -- for requests

    def handler(self, request: Request) -> Callable[[Request], Response | Awaitable[Response]] | None:
        """What answers a request for a group version of another server; None for all others."""
        info = request.info
        if info.is_resource:
            found = self.remotes.get((info.group, info.version))
        else:
            parts = request.path.strip("/").split("/")
            if parts[0] == "apis" and len(parts) > 2:
                found = self.remotes.get((parts[1], parts[2]))
            elif parts[0] == "api" and len(parts) > 1:
                found = self.remotes.get(("", parts[1]))
            else:
                return None
        return None if found is None else partial(forward, found)

    def serves(self, info: RequestInfo) -> bool:
        """Whether an extension server says that it has such a resource."""
        found = self.remotes.get((info.group, info.version))
        if found is None or not info.is_resource:
            return False
        row = next((one for one in found.learned.resources if one.get("resource") == info.resource), None)
        subresources = row.get("subresources", ()) if row is not None else ()
        known = not info.subresource or any(one.get("subresource") == info.subresource for one in subresources)
        return row is not None and known

    def extensions(self) -> list[Extension]:
        """What others serve."""
        return list(self._extensions.values())

    # -- following

    async def start(self) -> None:
        """Registers what this server serves, and follows the others from now on; call when the caches are full."""
        if self._kind is None or self._registration is None:
            return
        await self._registration.start()
        registry = self._registry
        registry.subscribe(self._kind, self._service_changed)
        for group, plural in (("", "services"), ("discovery.k8s.io", "endpointslices")):
            kind = registry.scheme.by_resource(group, "v1", plural)
            if kind is not None:
                registry.subscribe(kind, self._target_changed)
        registry.scheme.listeners.append(self._wake.set)

    async def run(self) -> None:
        """Keeps the APIServices of this server's own kinds; never returns."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER)
            self._wake.clear()
            try:
                if self._registration is not None:
                    await self._registration.settle()
            except* (StatusError, StoreError, TimeoutError) as failed:
                log.warning("APIServices are registered later", error=str(failed.exceptions[0]))
                asyncio.get_running_loop().call_later(RETRY, self._wake.set)

    async def stop(self) -> None:
        """Ends everything, and closes the connections to other servers."""
        for name in list(self._extensions):
            self._drop(name)
        await asyncio.gather(*self._closing, return_exceptions=True)

    @property
    def _closing(self) -> list[asyncio.Task[None]]:
        return [task for task in self._tasks.values() if not task.done()]

    def renew(self) -> None:
        """The certificate that this server shows has changed."""
        for remote in self.remotes.values():
            remote.backend.renew()

    def _service_changed(self, key: str, old: bytes | None, new: bytes | None) -> None:
        self._wake.set()
        service: APIService | None = decode(new, APIService) if new is not None else None
        known = self._extensions.get(key)
        if service is None or service.spec.service is None:
            if known is not None:
                self._drop(key)
            return
        if known is not None and known.remote.spec == service.spec:
            return
        if known is not None:
            self._drop(key)
        self._add(key, service)

    def _add(self, name: str, service: APIService) -> None:
        spec, kind = service.spec, self._kind
        assert kind is not None
        made = backend(self._config, self._registry, spec)
        remote = Remote(self._registry, kind, name, spec, made, self._published)
        self.remotes[(spec.group, spec.version)] = remote
        self._extensions[name] = Extension(
            spec.group, spec.version, spec.groupPriorityMinimum or 0, spec.versionPriority or 0, remote
        )
        self._tasks[name] = asyncio.get_running_loop().create_task(remote.run(), name=f"apiservice {name}")
        self._changed()

    def _drop(self, name: str) -> None:
        gone = self._extensions.pop(name)
        self.remotes.pop((gone.group, gone.version), None)
        task = self._tasks.pop(name)
        task.cancel()
        closing = asyncio.get_running_loop().create_task(gone.remote.backend.close(), name=f"close {name}")
        closing.add_done_callback(lambda done: self._tasks.pop(f"close {id(closing)}", None))
        self._tasks[f"close {id(closing)}"] = closing
        self._changed()

    def _changed(self) -> None:
        self._namespaces = {one.remote.interested_in[0] for one in self._extensions.values()}
        self._published()

    def _published(self) -> None:
        self.generation += 1

    def _target_changed(self, key: str, old: bytes | None, new: bytes | None) -> None:
        """A service or endpoints: whoever has something in that namespace looks again."""
        if not self._namespaces:
            return
        namespace = key.partition("/")[0]
        if namespace in self._namespaces:
            for one in self._extensions.values():
                if one.remote.interested_in[0] == namespace:
                    one.remote.look()

"""Follows the definitions: what they declare is served, what they say of themselves is kept right.

What: `Follower.start` serves what is established already, `run` follows changes and never returns. Why: one place turns a
definition into kinds, so that every server of a cluster comes to the same. Flow: watch cache → names that changed → family
and kinds → scheme, caches, discovery; conditions and deletions are written back. Sources:
apiextensions-apiserver/pkg/apiserver/ customresource_handler.go, pkg/controller/{establish,status,finalizer}.

A change of a definition's spec or accepted names replaces its kinds at once; watches on the old ones end, and their clients
come back to the new ones. A change of its status alone changes nothing.

A kind is served from the moment its names are accepted: whoever reads that it is Established finds it in discovery and in the
OpenAPI documents, on this server and, after the delay, on the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kubelite.api.apiextensions.custom_resource_definition import CUSTOM_RESOURCE_DEFINITION as CRD
from kubelite.api.apiextensions.custom_resource_definition import FINALIZER
from kubelite.apiserver.crd import conditions, removal
from kubelite.apiserver.crd.family import Family
from kubelite.apiserver.crd.kinds import kinds_of
from kubelite.apiserver.crd.names import Claim, claim
from kubelite.apiserver.crd.services import resolver
from kubelite.apiserver.crd.webhook import Converter
from kubelite.apiserver.handlers.presentation import forget_form
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

log = get_logger(__name__)

HA_DELAY = 5.0
"""Seconds between accepted names and Established where other servers must learn of the kind too."""
RETRY = 1.0


@dataclass(slots=True)
class _Serving:
    """One definition that is served: what it was made from, and what it was made to."""

    signature: bytes
    family: Family
    kinds: list[Kind]
    stored: Kind
    removing: asyncio.Task[None] | None = field(default=None)


class Follower:
    """`alone`: no other server can be there, so nobody has to be waited for."""

    def __init__(self, registry: Registry, *, alone: bool) -> None:
        self._registry = registry
        self._alone = alone
        self._serving: dict[str, _Serving] = {}
        self._dirty: dict[str, None] = {}
        self._claims: dict[str, Claim] = {}
        self._wake = asyncio.Event()
        self._accepted: set[str] = set()
        """Definitions whose delay before Established is over."""
        self._timers: set[str] = set()
        self._resolve = resolver(registry)

    async def start(self) -> None:
        """Serves every established definition; call when the caches are full."""
        self._registry.subscribe(CRD, self._changed)
        for name in list(self._dirty):
            await self._serve(name)

    def _changed(self, key: str, old: bytes | None, new: bytes | None) -> None:
        if new is None:
            self._claims.pop(key, None)
        else:
            self._claims[key] = claim(new)
        self._again(key)

    def _again(self, name: str) -> None:
        self._dirty[name] = None
        self._wake.set()

    async def run(self) -> None:
        """Follows the definitions; never returns."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._dirty:
                name = next(iter(self._dirty))
                del self._dirty[name]
                try:
                    await self._serve(name)
                    await self._settle(name)
                except (StatusError, StoreError, TimeoutError) as error:
                    log.warning("a custom resource definition is tried again", name=name, error=str(error))
                    self._later(RETRY, name)
                except Exception as error:
                    log.exception("a custom resource definition cannot be followed", error, name=name)

    def _later(self, seconds: float, name: str) -> None:
        asyncio.get_running_loop().call_later(seconds, self._again, name)

    # -- serving

    async def _serve(self, name: str) -> None:
        """Makes what is served of a definition match its present state."""
        entry = self._registry.entry(CRD, "", name)
        definition = self._registry.cached(CRD, "", name)
        if entry is not None and definition is not None and conditions.is_served(definition):
            await self._serve_as(name, definition, entry.body)
        elif (present := self._serving.get(name)) is not None:
            await self._drop(name, present)

    async def _serve_as(self, name: str, definition: Any, body: bytes) -> None:
        """Serves what a definition says; `body` is its JSON, whose status may be older."""
        present = self._serving.get(name)
        terminating = definition.metadata.deletionTimestamp is not None
        signature = codec.encode([definition.metadata.uid, definition.spec, definition.status.acceptedNames])
        if present is not None and present.signature == signature:
            present.family.terminating = terminating
            return
        if self._is_built_in(definition):
            log.warning("a custom resource definition has the names of a built-in kind and is not served", name=name)
            return
        family = Family(definition, body, self._converter(definition))
        family.terminating = terminating
        kinds, stored = kinds_of(definition, family)
        if present is not None and present.stored.namespaced != stored.namespaced:
            await self._drop(name, present)
            present = None
        await self._registry.cache.follow_kind(stored)
        old = present.kinds if present is not None else []
        self._registry.scheme.change(add=kinds, remove=old)
        removing = present.removing if present is not None else None
        self._serving[name] = _Serving(signature, family, kinds, stored, removing)
        self._end_watches(old)
        if present is not None and present.family.converter is not None:
            await present.family.converter.close()

    def _is_built_in(self, definition: Any) -> bool:
        """Whether a kind of the server's own has the names: it stays what it is (upstream: OverlappingBuiltInResources)."""
        names = definition.status.acceptedNames
        return any(
            kind.custom is None
            and kind.group == definition.spec.group
            and (kind.plural == names.plural or kind.kind == names.kind)
            for kind in self._registry.scheme
        )

    def _converter(self, definition: Any) -> Converter | None:
        conversion = definition.spec.conversion
        if conversion is None or conversion.strategy != "Webhook" or conversion.webhook is None:
            return None
        return Converter(conversion, self._resolve)

    def _end_watches(self, kinds: list[Kind]) -> None:
        gone = {id(kind) for kind in kinds}
        for kind in kinds:
            forget_form(kind)
            for watcher in list(self._registry.cache.of(kind).watchers):
                if id(watcher.selection.kind) in gone:
                    watcher.finish()

    async def _drop(self, name: str, present: _Serving) -> None:
        """Stops serving: the objects are gone, or the definition is not established any more."""
        del self._serving[name]
        self._registry.scheme.change(remove=present.kinds)
        self._end_watches(present.kinds)
        self._registry.cache.forget_kind(present.stored)
        if present.removing is not None:
            present.removing.cancel()
        if present.family.converter is not None:
            await present.family.converter.close()

    # -- the definition's own status

    async def _settle(self, name: str) -> None:
        """Writes the conditions that are due, and starts the removal of a definition that goes."""
        definition = self._registry.cached(CRD, "", name)
        if definition is None:
            self._accepted.discard(name)
            self._reconsider(name.partition(".")[2], name)
            return
        if definition.metadata.deletionTimestamp is not None:
            self._remove(name, definition)
            return
        group = definition.spec.group
        others = [one for one in self._claims.values() if one.spec.group == group]
        accepted = conditions.is_true(definition, conditions.NAMES_ACCEPTED)
        establish = self._alone or name in self._accepted or self._servers() < 2
        edit = conditions.plan(definition, others, self._registry.now_text(), establish=establish)
        if edit is not None:
            entry, wanted = self._registry.entry(CRD, "", name), codec.clone(definition)
            edit(wanted)
            if entry is not None and conditions.is_served(wanted):
                await self._serve_as(name, wanted, entry.body)  # before anybody reads that it is
            await self._write(name, edit)
            # What was written must be seen before anything is decided again.
            await self._registry.cache.fresh()
            if definition.status.acceptedNames is not None:
                self._reconsider(group, name)
        waits = accepted and not establish and not conditions.is_true(definition, conditions.ESTABLISHED)
        if waits and name not in self._timers:
            self._timers.add(name)
            asyncio.get_running_loop().call_later(HA_DELAY, self._delay_over, name)

    def _delay_over(self, name: str) -> None:
        self._timers.discard(name)
        self._accepted.add(name)
        self._again(name)

    def _servers(self) -> int:
        """How many API servers there are, by the endpoints of the `kubernetes` service."""
        kind = self._registry.scheme.by_resource("", "v1", "endpoints")
        found = self._registry.cached(kind, "default", "kubernetes") if kind is not None else None
        return sum(len(subset.addresses) for subset in found.subsets) if found is not None else 1

    def _reconsider(self, group: str, but: str) -> None:
        """Names may have become free: all other definitions of the group that wait for one are looked at again."""
        for name, one in self._claims.items():
            if one.spec.group == group and one.waits and name != but:
                self._again(name)

    async def _write(self, name: str, edit: Callable[[Any], None], subresource: str = "status") -> None:
        try:
            await self._registry.change(CRD, name, "", edit, subresource=subresource)
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    # -- deletion

    def _remove(self, name: str, definition: Any) -> None:
        if FINALIZER not in definition.metadata.finalizers:
            return
        present = self._serving.get(name)
        if present is None:
            task = asyncio.get_running_loop().create_task(self._finish(name), name=f"crd {name}")
            task.add_done_callback(lambda done: self._removed(name, done))
            return
        if present.removing is None or present.removing.done():
            present.removing = asyncio.get_running_loop().create_task(
                self._empty(name, present.stored), name=f"crd {name}"
            )
            present.removing.add_done_callback(lambda done: self._removed(name, done))

    def _removed(self, name: str, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("a custom resource definition cannot be removed yet", name=name, error=str(error))
            self._later(RETRY, name)

    async def _empty(self, name: str, stored: Kind) -> None:
        now = self._registry.now_text()
        await self._write(name, lambda obj: conditions.set_condition(obj, removal.IN_PROGRESS, now))
        await removal.empty(self._registry, stored)
        await self._write(name, lambda obj: conditions.set_condition(obj, removal.COMPLETED, now))
        await self._finish(name)

    async def _finish(self, name: str) -> None:
        def release(obj: Any) -> None:
            obj.metadata.finalizers = removal.without_finalizer(obj.metadata.finalizers, FINALIZER)

        await self._write(name, release, subresource="")

    async def stop(self) -> None:
        """Ends removals under way and closes connections to webhooks."""
        for present in self._serving.values():
            if present.removing is not None:
                present.removing.cancel()
            if present.family.converter is not None:
                await present.family.converter.close()

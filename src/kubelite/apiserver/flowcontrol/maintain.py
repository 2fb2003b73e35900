"""Keeps the default FlowSchemas and PriorityLevelConfigurations, and tells which schemas dangle.

What: `Maintainer.run`. Why: the mandatory objects must be there and unchanged whatever anybody does, the suggested ones
unless an administrator took them over, and a schema that names a missing level must say so. Flow: at start, whenever the
configuration changed, and every minute. Several servers that do this at once come to the same end. Source:
pkg/registry/flowcontrol/rest/storage_flowcontrol.go, apiserver/pkg/util/flowcontrol/{apf_controller,bootstrap}.
"""

from __future__ import annotations

import asyncio
from typing import Any

from kubelite.api.types.flowcontrol_v1 import FlowSchema, FlowSchemaCondition
from kubelite.apiserver.flowcontrol import defaults
from kubelite.apiserver.flowcontrol.controller import FlowControl
from kubelite.machinery import codec
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)

GROUP = "flowcontrol.apiserver.k8s.io/v1"
AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
SECONDS = 60.0
SETTLE_SECONDS = 0.2


def is_ours(annotation: str | None, generation: int | None, *, mandatory: bool) -> bool:
    """Whether the server may write the spec: if mandatory, if the annotation says so, or while nobody changed it."""
    if mandatory or annotation == "true":
        return True
    return annotation is None and (generation or 1) == 1


def dangling(schema: FlowSchema, levels: set[str]) -> FlowSchemaCondition:
    """The schema's condition Dangling, without its time."""
    reference = schema.spec.priorityLevelConfiguration
    name = reference.name if reference is not None else ""
    text = f'This FlowSchema references the PriorityLevelConfiguration object named "{name}"'
    if name in levels:
        return FlowSchemaCondition(type="Dangling", status="False", reason="Found", message=f"{text} and it exists")
    return FlowSchemaCondition(
        type="Dangling", status="True", reason="NotFound", message=f"{text} but there is no such object"
    )


class Maintainer:
    """Writes through the registry."""

    def __init__(self, registry: Any, control: FlowControl) -> None:
        self._registry = registry
        self._control = control
        self._schema = registry.scheme.by_kind(GROUP, "FlowSchema")
        self._level = registry.scheme.by_kind(GROUP, "PriorityLevelConfiguration")

    async def run(self) -> None:
        """Never returns; trouble is tried again with the next round."""
        changed = self._control.changed
        while True:
            changed.clear()
            await self.try_all()
            try:
                async with asyncio.timeout(SECONDS):
                    await changed.wait()
                await asyncio.sleep(SETTLE_SECONDS)
            except TimeoutError:
                continue

    async def try_all(self) -> None:
        """One round; what fails is logged."""
        try:
            await self.ensure()
            await self.tell_dangling()
        except (StatusError, StoreError, TimeoutError) as error:
            log.warning("Flow control objects could not be written", error=str(error))

    async def ensure(self) -> None:
        """Brings the default objects into being or back to what they should be, and removes defaults of other releases."""
        for kind, mandatory, suggested in (
            (self._level, defaults.MANDATORY_LEVELS, defaults.SUGGESTED_LEVELS),
            (self._schema, defaults.MANDATORY_SCHEMAS, defaults.SUGGESTED_SCHEMAS),
        ):
            if kind is None:
                continue
            wanted: dict[str, tuple[Any, bool]] = {one.metadata.name: (one, False) for one in suggested}
            wanted.update({one.metadata.name: (one, True) for one in mandatory})
            found = {one.metadata.name: one for one in await self._registry.list(kind)}
            for name, (one, must) in wanted.items():
                await self._ensure_one(kind, one, found.get(name), mandatory=must)
            for name, one in found.items():
                if name not in wanted and one.metadata.annotations.get(AUTOUPDATE) == "true":
                    await _tolerant(self._registry.delete(kind, name))

    async def _ensure_one(self, kind: Any, wanted: Any, found: Any, *, mandatory: bool) -> None:
        wanted = codec.clone(wanted)
        kind.set_defaults(wanted)
        if found is None:
            wanted.metadata.annotations[AUTOUPDATE] = "true"
            await _tolerant(self._registry.create(kind, wanted))
            return
        annotations = found.metadata.annotations
        ours = is_ours(annotations.get(AUTOUPDATE), found.metadata.generation, mandatory=mandatory)
        mark = "true" if ours else "false"
        if annotations.get(AUTOUPDATE) == mark and (not ours or found.spec == wanted.spec):
            return

        def edit(present: Any) -> None:
            present.metadata.annotations[AUTOUPDATE] = mark
            if ours:
                present.spec = codec.clone(wanted).spec

        await _tolerant(self._registry.change(kind, found.metadata.name, "", edit))

    async def tell_dangling(self) -> None:
        """Writes the condition Dangling where it is not what it should be."""
        if self._schema is None:
            return
        levels = {one.metadata.name for one in self._registry.cached_list(self._level)}
        for schema in self._registry.cached_list(self._schema):
            wanted = dangling(schema, levels)
            present = next((one for one in schema.status.conditions if one.type == wanted.type), None)
            same = present is not None and (present.status, present.reason, present.message) == (
                wanted.status,
                wanted.reason,
                wanted.message,
            )
            if same:
                continue
            if present is not None and present.status == wanted.status:
                wanted.lastTransitionTime = present.lastTransitionTime
            else:
                wanted.lastTransitionTime = self._registry.now_text()

            def edit(obj: Any, wanted: FlowSchemaCondition = wanted) -> None:
                obj.status.conditions = [*(c for c in obj.status.conditions if c.type != wanted.type), wanted]

            await _tolerant(self._registry.change(self._schema, schema.metadata.name, "", edit, subresource="status"))


async def _tolerant(work: Any) -> None:
    """Another server may have been faster; the next round sees what became of it."""
    try:
        await work
    except StatusError as error:
        if error.code not in (404, 409):
            raise

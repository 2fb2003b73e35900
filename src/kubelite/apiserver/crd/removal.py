"""The end of a definition: all its objects are deleted first.

What: `empty(registry, kind, definition)` deletes every object and returns when none is left; `MARK` is what a deletion puts
into the definition. Why: objects without a definition could be neither read nor deleted, but would still be stored. Flow:
deletion → finalizer → objects gone, with their finalizers honoured → finalizer removed → definition gone → watches end.
Source: apiextensions-apiserver/pkg/controller/finalizer/crd_finalizer.go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from kubelite.api.types.apiextensions_v1 import CustomResourceDefinitionCondition as Condition
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.apiserver.crd.conditions import TERMINATING
from kubelite.apiserver.registry import delete
from kubelite.apiserver.registry.ask import Ask
from kubelite.apiserver.watchcache.selection import Selection
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.util.log import get_logger

if TYPE_CHECKING:
    from kubelite.apiserver.registry.registry import Registry

log = get_logger(__name__)

CHECK_SECONDS = 0.25
"""How often it is looked whether objects that had finalizers are gone."""

IN_PROGRESS = Condition(
    type=TERMINATING,
    status="True",
    reason="InstanceDeletionInProgress",
    message="CustomResource deletion is in progress",
)
COMPLETED = Condition(
    type=TERMINATING, status="False", reason="InstanceDeletionCompleted", message="removed all instances"
)


async def empty(registry: Registry, kind: Kind) -> None:
    """Deletes all objects of the kind; returns when the last is gone. A failure is logged and tried again."""
    while True:
        await registry.cache.fresh()
        entries = list(registry.cache.of(kind).select(Selection(kind)))
        if not entries:
            return
        asked = [entry for entry in entries if b'"deletionTimestamp":"' not in entry.body]
        try:
            await delete.delete_collection(registry, kind, asked, DeleteOptions(), Ask())
        except StatusError as error:
            log.warning("an object of a custom resource cannot be deleted", resource=kind.plural, error=str(error))
            await asyncio.sleep(CHECK_SECONDS)
        if not asked:
            await asyncio.sleep(CHECK_SECONDS)


def without_finalizer(finalizers: list[str], name: str) -> list[Any]:
    """The finalizers but one."""
    return [one for one in finalizers if one != name]

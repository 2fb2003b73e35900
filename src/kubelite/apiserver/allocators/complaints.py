"""Events about Services and IPAddresses that do not agree.

What: `Complaints.tell` writes an Event through the registry. Why: a Service that lost its address needs a person, who looks at
the Service. Flow: `repair` → `tell`; the same words about the same object are not repeated within `AGAIN_SECONDS`. Trouble with
writing it is logged: repairing goes on.
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from kubelite.api import constants
from kubelite.api.types.core_v1 import Event, ObjectReference
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.storage.interface import StoreError
from kubelite.util.log import get_logger

log = get_logger(__name__)

AGAIN_SECONDS = 3600.0
MOST = 4096
"""Events that are remembered so as not to be repeated; then all are forgotten."""


class Complaints:
    """`controller` is who reports."""

    def __init__(self, registry: Any, controller: str, instance: str) -> None:
        self._registry = registry
        self._controller, self._instance = controller, instance
        self._told: dict[tuple[str, str], float] = {}

    async def tell(self, kind: str, about: ObjectMeta, reason: str, action: str, note: str) -> None:
        """One warning; `kind` is `Service` or `IPAddress`."""
        log.warning(note, reason=reason, object=f"{about.namespace}/{about.name}")
        now = time.monotonic()
        if now - self._told.get((about.uid, note), -AGAIN_SECONDS) < AGAIN_SECONDS:
            return
        if len(self._told) >= MOST:
            self._told.clear()
        self._told[about.uid, note] = now
        event = self._event(kind, about, reason, action, note)
        served = self._registry.scheme.by_kind("v1", "Event")
        if served is None:
            return
        try:
            await self._registry.create(served, event)
        except (StatusError, StoreError) as error:
            log.warning("An event could not be written", reason=reason, error=str(error))

    def _event(self, kind: str, about: ObjectMeta, reason: str, action: str, note: str) -> Event:
        api_version = "v1" if kind == "Service" else "networking.k8s.io/v1"
        regarding = ObjectReference(
            apiVersion=api_version,
            kind=kind,
            namespace=about.namespace,
            name=about.name,
            uid=about.uid,
            resourceVersion=about.resourceVersion,
        )
        namespace = about.namespace or constants.NAMESPACE_DEFAULT
        return Event(
            metadata=ObjectMeta(name=f"{about.name}.{uuid.uuid4().hex[:16]}", namespace=namespace),
            involvedObject=regarding,
            reason=reason,
            action=action,
            message=note,
            type="Warning",
            eventTime=times.micro_text(self._registry.now()),
            reportingComponent=self._controller,
            reportingInstance=self._instance,
        )

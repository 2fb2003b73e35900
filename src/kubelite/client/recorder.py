"""Events about objects, written in the background.

What: `Recorder.event(kind, obj, type, reason, message)` notes that something happened; a task writes it.
Why: telling must never delay or fail doing. Flow: `event` → `Correlator` → bounded queue → POST of a new event or PATCH of
`count`, `lastTimestamp` and `message` on an old one. Queue full: the event is dropped and counted in `dropped`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from typing import Any

from kubelite.api.core.event import EVENT
from kubelite.api.types.core_v1 import Event, EventSource, ObjectReference
from kubelite.client.client import Client
from kubelite.client.correlator import Correlator, Occurrence, Seen
from kubelite.client.errors import ConnectionFailed
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.util.clock import Clock, SystemClock
from kubelite.util.log import get_logger
from kubelite.util.tasks import cancel

log = get_logger(__name__)
QUEUE = 1000
ATTEMPTS = 12
RETRY_SECONDS = 10.0


def reference(kind: Kind, obj: Any, field_path: str = "") -> ObjectReference:
    """The reference to `obj` that an event carries; narrow types may lack any of its parts."""
    meta = obj.metadata
    return ObjectReference(
        apiVersion=kind.api_version,
        kind=kind.kind,
        name=meta.name,
        namespace=getattr(meta, "namespace", "") or "",
        uid=getattr(meta, "uid", "") or "",
        resourceVersion=getattr(meta, "resourceVersion", "") or "",
        fieldPath=field_path,
    )


class Recorder:
    """The voice of one component. `close()` writes what is queued for a moment, then gives up."""

    def __init__(
        self, client: Client, component: str, host: str = "", *, clock: Clock | None = None, queue: int = QUEUE
    ) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock or SystemClock()
        self._correlator = Correlator()
        self._queue: deque[tuple[Event, Seen]] = deque()
        self._most = queue
        self._pending = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def event(
        self,
        kind: Kind,
        obj: Any,
        type: str,
        reason: str,
        message: str,
        action: str = "",
        *,
        field_path: str = "",
        related: ObjectReference | None = None,
    ) -> None:
        """Note that `reason` happened to `obj`; `type` is "Normal" or "Warning". Returns at once."""
        target = reference(kind, obj, field_path)
        key = (target.kind, target.namespace, target.name, target.uid, target.apiVersion, target.fieldPath)
        now = self._clock.now()
        text = times.now_text(now)
        name = f"{target.name[:220]}.{time.time_ns():x}"
        occurrence = Occurrence(self._component, key, type, reason, message)
        verdict = self._correlator.see(occurrence, now=self._clock.monotonic(), name=name, time=text)
        if verdict is None:
            return
        if len(self._queue) >= self._most:
            self.dropped += 1
            return
        seen, message = verdict
        event = Event(
            involvedObject=target,
            type=type,
            reason=reason,
            message=message[:1024],
            action=action,
            count=seen.count,
            firstTimestamp=seen.first,
            lastTimestamp=text,
            source=EventSource(component=self._component, host=self._host),
            reportingComponent=self._component,
            reportingInstance=self._host,
            related=related,
        )
        event.metadata.name = seen.name
        event.metadata.namespace = target.namespace or "default"
        self._queue.append((event, seen))
        self._pending.set()
        self._idle.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all(), name="events")

    async def flush(self, seconds: float = 2.0) -> None:
        """Wait until everything is written, `seconds` at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._idle.wait()

    async def close(self) -> None:
        await self.flush()
        if self._task is not None:
            await cancel(self._task)

    async def _write_all(self) -> None:
        while True:
            if not self._queue:
                self._pending.clear()
                self._idle.set()
                await self._pending.wait()
            event, seen = self._queue[0]
            await self._write(event, seen)
            self._queue.popleft()

    async def _write(self, event: Event, seen: Seen) -> None:
        for attempt in range(ATTEMPTS):
            try:
                await self._put(event, seen)
                return
            except StatusError as error:
                if error.code < 500 and error.code != 429:
                    log.debug("Event refused", reason=event.reason, error=error)
                    return
            except ConnectionFailed as error:
                log.debug("Event not written", reason=event.reason, attempt=attempt, error=error)
            await self._clock.sleep(RETRY_SECONDS)
        self.dropped += 1

    async def _put(self, event: Event, seen: Seen) -> None:
        namespace = event.metadata.namespace
        if seen.written:
            patch = {"count": event.count, "lastTimestamp": event.lastTimestamp, "message": event.message}
            try:
                await self._client.patch(EVENT, seen.name, patch, namespace)
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        try:
            await self._client.create(EVENT, event, namespace)
        except StatusError as error:
            if error.code != 409:
                raise
        seen.written = True

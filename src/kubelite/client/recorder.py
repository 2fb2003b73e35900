"""Events about objects, written in the background.

What: `Recorder.event(kind, obj, type, reason, message)` notes that something happened; a task writes it.
Why: telling must never delay or fail doing. Flow: `event` → `Correlator` → bounded queue → the `Event` is made and
POSTed, or `count`, `lastTimestamp` and `message` of an old one are PATCHed. Queue full: the event is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from kubelite.api.core.event import EVENT
from kubelite.api.types.core_v1 import Event, EventSource, ObjectReference
from kubelite.client.client import PATCH_CONTENT, Client, encode, object_path
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
JSON = {"Content-Type": "application/json"}
PATCH = {"Content-Type": PATCH_CONTENT["merge"]}


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


class Noted(NamedTuple):
    """What happened, until it is written: who reports much at once makes the events when there is time."""

    target: ObjectReference
    type: str
    reason: str
    message: str
    action: str
    time: datetime
    number: int
    related: ObjectReference | None
    seen: Seen


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
        self._queue: deque[Noted] = deque()
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
        name = f"{target.name[:220]}.{time.time_ns():x}"
        occurrence = Occurrence(self._component, key, type, reason, message)
        verdict = self._correlator.see(occurrence, now=self._clock.monotonic(), name=name, time=now)
        if verdict is None:
            return
        if len(self._queue) >= self._most:
            self.dropped += 1
            return
        seen, message = verdict
        self._queue.append(Noted(target, type, reason, message, action, now, seen.count, related, seen))
        self._pending.set()
        self._idle.clear()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all(), name="events")

    def _made(self, noted: Noted) -> Event:
        """The event as it is written."""
        event = Event(
            involvedObject=noted.target,
            type=noted.type,
            reason=noted.reason,
            message=noted.message[:1024],
            action=noted.action,
            count=noted.number,
            firstTimestamp=times.now_text(noted.seen.first),
            lastTimestamp=times.now_text(noted.time),
            source=EventSource(component=self._component, host=self._host),
            reportingComponent=self._component,
            reportingInstance=self._host,
            related=noted.related,
        )
        event.metadata.name = noted.seen.name
        event.metadata.namespace = noted.target.namespace or "default"
        return event

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
            noted = self._queue[0]
            await self._write(self._made(noted), noted.seen)
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
        """The answers are not read: they only repeat what was written."""
        namespace, client = event.metadata.namespace, self._client
        if seen.written:
            patch = {"count": event.count, "lastTimestamp": event.lastTimestamp, "message": event.message}
            path, body = object_path(EVENT, namespace, seen.name), msgspec.json.encode(patch)
            try:
                await client.request("PATCH", path, body=body, headers=PATCH)
                return
            except StatusError as error:
                if error.code != 404:
                    raise
        try:
            await client.request("POST", EVENT.path(namespace), body=encode(event, EVENT), headers=JSON)
        except StatusError as error:
            if error.code != 409:
                raise
        seen.written = True

"""Writes pod statuses to the API, and deletes pods that have ended.

What: `set` takes the newest status of a pod; one task patches what changed, a few pods at a time. Why: workers must not wait
for the API, and the API must not be asked for what it knows. Flow: `set` → dirty set (bounded by the pods of the node) → PATCH
status → when the pod was being deleted and is over: DELETE with grace 0. Failures are retried with back-off; the newest status
wins, older ones are never sent. `settle` says how many seconds a status waits for a better one. Upstream:
pkg/kubelet/status/status_manager.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from kubelite.api.types.core_v1 import Pod, PodStatus
from kubelite.api.types.meta_v1 import DeleteOptions, Preconditions
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.kubelet.kinds import POD
from kubelite.kubelet.status.patch import status_patch
from kubelite.machinery.errors import StatusError
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

WRITERS = 4


def at_once(status: PodStatus) -> float:
    """What a kubelet's pods wait for a better status: nothing."""
    return 0.0


class _Version(msgspec.Struct):
    resourceVersion: str = ""


class _Written(msgspec.Struct):
    """Of the answer to a patch only the version is read."""

    metadata: _Version


@dataclass(slots=True)
class _Entry:
    pod: Pod
    status: PodStatus
    sent: PodStatus | None = None
    version: int = 0
    """Of the pod with the status that was sent."""
    over: bool = False
    deleted: bool = False
    busy: bool = False
    """A writer has it: what comes meanwhile is written after."""
    again: bool = False


class StatusManager:
    """One per kubelet. `run()` is its task."""

    def __init__(
        self,
        client: Client,
        current: Callable[[str], Pod | None],
        writers: int = WRITERS,
        settle: Callable[[PodStatus], float] = at_once,
    ) -> None:
        self._writers = writers
        self._settle = settle
        self._settling: dict[str, asyncio.TimerHandle] = {}
        self.written = 0
        """Patches that the API has taken."""
        self._client = client
        self._current = current
        self._entries: dict[str, _Entry] = {}
        self._dirty: dict[str, None] = {}
        self._work = asyncio.Event()

    def get(self, uid: str) -> PodStatus | None:
        """The newest status known here."""
        entry = self._entries.get(uid)
        return entry.status if entry else None

    def set(self, pod: Pod, status: PodStatus, *, over: bool = False) -> None:
        """The pod's status is this now; `over`: nothing of it is left, it may be deleted when its deletion was asked for."""
        uid = pod.metadata.uid
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(pod, status)
        entry.pod, entry.status, entry.over = pod, status, entry.over or over
        if not over and self._base(entry) == status:
            return
        wait = 0.0 if over else self._settle(status)
        if wait <= 0:
            self._stop_settling(uid)
            self._mark(uid)
        elif uid not in self._settling and uid not in self._dirty:
            self._settling[uid] = asyncio.get_running_loop().call_later(wait, self._settled, uid)

    def forget(self, uid: str) -> None:
        """The pod is gone from the API."""
        self._stop_settling(uid)
        self._entries.pop(uid, None)
        self._dirty.pop(uid, None)

    def _settled(self, uid: str) -> None:
        self._settling.pop(uid, None)
        self._mark(uid)

    def _stop_settling(self, uid: str) -> None:
        timer = self._settling.pop(uid, None)
        if timer is not None:
            timer.cancel()

    def _base(self, entry: _Entry) -> PodStatus:
        """What the API holds, as well as we know: what others have written after us is to be set right."""
        newer = _number(entry.pod.metadata.resourceVersion) >= entry.version
        return entry.pod.status if entry.sent is None or newer else entry.sent

    def _mark(self, uid: str) -> None:
        self._dirty[uid] = None
        self._work.set()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._writers):
                group.create_task(self._writer(), name=f"status-{number}")

    async def _writer(self) -> None:
        backoff = Backoff(initial=0.2, cap=10.0)
        while True:
            uid = next(iter(self._dirty), None)
            if uid is None:
                self._work.clear()
                await self._work.wait()
                continue
            del self._dirty[uid]
            entry = self._entries.get(uid)
            if entry is None:
                continue
            if entry.busy:
                entry.again = True
                continue
            try:
                await self._write_until_quiet(entry)
                backoff.reset()
            except (StatusError, ConnectionFailed, OSError) as error:
                log.warning("Cannot write pod status", pod=entry.pod.metadata.name, error=error)
                await asyncio.sleep(backoff.next())
                if uid in self._entries:
                    self._mark(uid)

    async def _write_until_quiet(self, entry: _Entry) -> None:
        entry.busy = entry.again = True
        try:
            while entry.again:
                entry.again = False
                await self._write(entry)
        finally:
            entry.busy = False

    async def _write(self, entry: _Entry) -> None:
        pod = self._current(entry.pod.metadata.uid) or entry.pod
        meta, status = pod.metadata, entry.status
        patch = status_patch(self._base(entry), status)
        if patch:
            body = {"metadata": {"uid": meta.uid}, "status": patch}
            try:
                answer = await self._client.patch(
                    POD, meta.name, body, meta.namespace, patch_type="strategic", subresource="status", type=_Written
                )
            except StatusError as error:
                if _is_gone(error):
                    return
                raise
            self.written += 1
            entry.sent, entry.version = status, _number(answer.metadata.resourceVersion)
        if entry.over and meta.deletionTimestamp is not None and not entry.deleted:
            await self._delete(pod)
            entry.deleted = True

    async def _delete(self, pod: Pod) -> None:
        options = DeleteOptions(gracePeriodSeconds=0, preconditions=Preconditions(uid=pod.metadata.uid))
        try:
            await self._client.delete(POD, pod.metadata.name, pod.metadata.namespace, options=options)
        except StatusError as error:
            if not _is_gone(error):
                raise
        log.info("Pod deleted", pod=pod.metadata.name, namespace=pod.metadata.namespace, uid=pod.metadata.uid)


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0


def _is_gone(error: StatusError) -> bool:
    """No such pod, or another one of the same name."""
    return error.code == 404 or (error.code == 409 and "uid" in error.message.lower())

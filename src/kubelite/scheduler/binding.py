"""Telling the API server: bindings, and why a pod could not be placed.

What: `Binder.bind` posts a Binding, `Binder.condition` writes the PodScheduled condition and the nominated node,
`Binder.announce` the FailedScheduling event. Why: the decision loop never waits for the network; up to 64 writes are under way.
An answer that leaves open whether the pod was bound (504, a connection that broke) is followed by a question; upstream frees the
room at once, and gives it to another pod before it hears that the first one has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from kubelite.api.core.pod.kind import POD
from kubelite.client.client import PATCH_CONTENT, Client, object_path
from kubelite.client.errors import ConnectionFailed
from kubelite.client.recorder import Recorder
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.framework import Diagnosis
from kubelite.scheduler.pods import Pod, PodInfo
from kubelite.util.backoff import Backoff
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

log = get_logger(__name__)
QUESTIONS = 10
"""How often the API server is asked whether a pod was bound, in about half a minute."""
ERROR = "SchedulerError"
"""The reason of a PodScheduled condition when something broke."""
DEFAULT_BINDER = 'running Bind plugin "DefaultBinder"'
NOTE, MORE = 1024, " ..."
"""How long the text of an event may be, and what stands for the rest."""
PATCH = {"Content-Type": PATCH_CONTENT["strategic"]}


class BindingFailed(Exception):
    """The pod could not be bound and has to be placed again; the text says why."""

    def __init__(self, text: str, *, lost: bool = False) -> None:
        """`lost`: the pod is gone, or somebody else has bound it."""
        super().__init__(text)
        self.lost = lost


class Delegate(Protocol):
    """Someone else who binds pods."""

    ignorable: bool
    """Whether the pod is bound here if the delegate fails."""

    async def bind(self, info: PodInfo, node: str) -> None:
        """Binds, or raises."""


class Binder:
    """The scheduler's writes."""

    def __init__(self, client: Client, recorder: Recorder, clock: Clock, failed: Callable[[PodInfo], bool]) -> None:
        """`failed(pod)` frees the room of a pod that was not bound; it says whether the pod still waits for a node."""
        self.client, self.recorder, self.clock, self.failed = client, recorder, clock, failed

    async def bind(self, info: PodInfo, node: str, by: Delegate | None = None) -> None:
        """Binds the pod (through a delegate, if there is one). Raises BindingFailed."""
        if by is None or not await self._delegated(info, node, by):
            await self._post(info, node)
        message = f"Successfully assigned {info.key} to {node}"
        self.recorder.event(POD, info.pod, "Normal", "Scheduled", message, "Binding")

    async def give_up(self, info: PodInfo, failure: BindingFailed) -> None:
        """Frees the room of a pod that was not bound, tells why, and lets it be placed again. A promise that it had is void."""
        waits = self.failed(info)
        self.announce(info, str(failure))
        if waits and not failure.lost:
            await self.condition(info, ERROR, str(failure), "" if info.pod.status.nominatedNodeName else None)

    @staticmethod
    async def _delegated(info: PodInfo, node: str, by: Delegate) -> bool:
        """Whether a delegate has bound the pod; False: it failed, and that is to be passed over. Raises BindingFailed."""
        try:
            await by.bind(info, node)
        except Exception as error:  # noqa: BLE001 - whatever it was, the pod has to be placed again
            log.warning("An extender did not bind a pod", pod=info.key, node=node, error=error)
            if by.ignorable:
                return False
            raise BindingFailed(str(error)) from None
        return True

    async def _post(self, info: PodInfo, node: str) -> None:
        meta = info.pod.metadata
        body = msgspec.json.encode(
            {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node},
            }
        )
        headers = {"Content-Type": "application/json"}
        path = POD.path(meta.namespace, meta.name, "binding")
        try:
            await self.client.request("POST", path, body=body, headers=headers)
        except StatusError as error:
            # 404: the pod was deleted meanwhile; 409: it was bound or replaced. The watch tells the rest.
            if error.code not in (404, 409):
                log.warning("Binding was refused", pod=info.key, node=node, error=error)
            if error.code >= 500 and await self._is_bound(info, node):
                return
            raise BindingFailed(f"{DEFAULT_BINDER}: {error}", lost=error.code in (404, 409)) from None
        except (ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Binding could not be sent", pod=info.key, node=node, error=error)
            if getattr(error, "sent", True) and await self._is_bound(info, node):
                return
            raise BindingFailed(f"{DEFAULT_BINDER}: {error}") from None

    async def _is_bound(self, info: PodInfo, node: str) -> bool:
        """Whether the pod has got the node; asked until there is an answer. Meanwhile the pod counts there."""
        meta = info.pod.metadata
        backoff = Backoff(initial=0.2, cap=5.0)
        while backoff.failures < QUESTIONS:
            try:
                found = await self.client.get(POD, meta.name, meta.namespace, type=Pod)
            except StatusError as error:
                if error.code == 404:
                    return False
            except (ConnectionFailed, OSError):
                pass  # asked again below
            else:
                return found.metadata.uid == info.uid and found.spec.nodeName == node
            await asyncio.sleep(backoff.next())
        return False

    def announce(self, info: PodInfo, message: str) -> None:
        """An event for people; the condition and the promised node are for programs (`reports`)."""
        if len(message) > NOTE:
            message = message[: NOTE - len(MORE)] + MORE
        self.recorder.event(POD, info.pod, "Warning", "FailedScheduling", message, "Scheduling")

    def tell(self, info: PodInfo, reason: str, message: str) -> None:
        """An event about what goes on between choice and binding."""
        self.recorder.event(POD, info.pod, "Normal", reason, message, "Scheduling")

    async def failed_with(self, info: PodInfo, message: str) -> None:
        """Something broke while a node was looked for."""
        self.announce(info, message)
        await self.condition(info, ERROR, message, "" if info.pod.status.nominatedNodeName else None)

    async def condition(self, info: PodInfo, reason: str, message: str, node: str | None) -> None:
        """The PodScheduled condition and, if `node` is not None, the promised node; only what is new is written."""
        status: dict[str, Any] = {}
        present = next((c for c in info.pod.status.conditions if c.type == "PodScheduled"), None)
        if present is None or (present.status, present.reason, present.message) != ("False", reason, message):
            status["conditions"] = [self._condition(info, "PodScheduled", "False", reason, message)]
        if node is not None:
            status["nominatedNodeName"] = node or None
        if status:
            await patch_status(self.client, info, status)

    def _condition(self, info: PodInfo, type: str, status: str, reason: str, message: str) -> dict[str, Any]:
        return condition(info, self.clock, type, status, reason, message)


def nominated(info: PodInfo, diagnosis: Diagnosis) -> str | None:
    """What to write as the promised node: a name, "" for none any more, None to leave it as it is."""
    present = info.pod.status.nominatedNodeName
    if diagnosis.preemption is not None:
        return diagnosis.preemption.node if diagnosis.preemption.node != present else None
    return "" if diagnosis.withdrawn and present else None


def condition(info: PodInfo, clock: Clock, type: str, status: str, reason: str, message: str) -> dict[str, Any]:
    """A condition of a pod, as of now."""
    made: dict[str, Any] = {
        "type": type,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": times.now_text(clock.now()),
    }
    generation = info.pod.metadata.generation
    if generation is not None:
        made["observedGeneration"] = generation
    return made


async def patch_status(client: Client, info: PodInfo, status: dict[str, Any]) -> bool:
    """Writes parts of a pod's status; whether the pod is (still) there and took them."""
    meta = info.pod.metadata
    body = msgspec.json.encode({"metadata": {"uid": meta.uid}, "status": status})
    try:
        await client.request("PATCH", object_path(POD, meta.namespace, meta.name, "status"), body=body, headers=PATCH)
    except (StatusError, ConnectionFailed, OSError, TimeoutError) as error:
        log.debug("Could not write the pod's status", pod=info.key, error=error)
        return False
    return True

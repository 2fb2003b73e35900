"""Makes room: deletes the victims of a preemption.

What: `Evictor.evict` marks each victim (condition DisruptionTarget), deletes it and tells of it; one that is not bound yet is
only recalled. Pods of lower priority that were promised the same node lose that promise. Why: the decision is pure, this is its
writing side; it runs in the background while the preemptor is held back from being tried again.
Upstream: framework/preemption/executor.go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from kubelite.api.core.pod.kind import POD
from kubelite.client.client import Client
from kubelite.client.errors import ConnectionFailed
from kubelite.client.recorder import Recorder, reference
from kubelite.machinery.errors import StatusError
from kubelite.scheduler.binding import condition, patch_status
from kubelite.scheduler.framework import Preemption
from kubelite.scheduler.pods import PodInfo
from kubelite.util.clock import Clock
from kubelite.util.log import get_logger

log = get_logger(__name__)
JSON = {"Content-Type": "application/json"}


class Evictor:
    """The writes of preemptions."""

    def __init__(self, client: Client, recorder: Recorder, clock: Clock) -> None:
        self.client, self.recorder, self.clock = client, recorder, clock
        self.recall: Callable[[PodInfo], bool] = lambda info: False
        """Ends what is done before a pod is bound; whether there was something to end."""

    async def evict(self, preemptor: PodInfo, preemption: Preemption, displaced: list[PodInfo]) -> bool:
        """Whether all victims are gone or going; `displaced` were promised the node before."""
        for info in displaced:
            await patch_status(self.client, info, {"nominatedNodeName": None})
        leaving = [v for v in preemption.victims if v.pod.metadata.deletionTimestamp is None]
        results = await asyncio.gather(*(self._one(preemptor, victim, preemption.node) for victim in leaving))
        return all(results)

    async def _one(self, preemptor: PodInfo, victim: PodInfo, node: str) -> bool:
        if self.recall(victim):
            # It is not bound yet: it waits again, and lives on.
            self._tell(
                preemptor, victim, f"Preempted by pod {preemptor.uid} on node {node} (in kube-scheduler memory)."
            )
            return True
        text = f"{preemptor.pod.spec.schedulerName}: preempting to accommodate a higher priority pod"
        mark = condition(victim, self.clock, "DisruptionTarget", "True", "PreemptionByScheduler", text)
        meta = victim.pod.metadata
        body = msgspec.json.encode({"preconditions": {"uid": meta.uid}})
        try:
            await patch_status(self.client, victim, {"conditions": [mark]})
            await self.client.request("DELETE", POD.path(meta.namespace, meta.name), body=body, headers=JSON)
        except StatusError as error:
            # 404 and 409: it is gone, or another pod has its name.
            if error.code in (404, 409):
                return True
            log.warning("Could not preempt a pod", preemptor=preemptor.key, victim=victim.key, error=error)
            return False
        except (ConnectionFailed, OSError, TimeoutError) as error:
            log.warning("Could not preempt a pod", preemptor=preemptor.key, victim=victim.key, error=error)
            return False
        self._tell(preemptor, victim, f"Preempted by pod {preemptor.uid} on node {node}")
        return True

    def _tell(self, preemptor: PodInfo, victim: PodInfo, message: str) -> None:
        related = reference(POD, preemptor.pod)
        self.recorder.event(POD, victim.pod, "Normal", "Preempted", message, "Preempting", related=related)

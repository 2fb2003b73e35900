"""`Probes`: one timer for each probe of each running container.

What: the kubelet's `ProbeManager`. Why: whether a container lives, serves or has started is asked of itself.
Flow: `sync` says what runs → workers (timers, no task while waiting) look →
a result that changes asks for a sync of the pod. After a restart of
the kubelet the pod's status says what was ready and started, so nothing flaps.
Bound: 100 looks at once.
Source: pkg/kubelet/prober (prober_manager.go, worker.go, prober.go).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from kubelite.api.types.core_v1 import Container, ContainerStatus, Pod
from kubelite.kubelet.interfaces import FAILURE, SUCCESS, UNKNOWN, Context, ProbeTarget
from kubelite.kubelet.probes.worker import Worker

KINDS: Final = ("startup", "liveness", "readiness")
MAX_AT_ONCE: Final = 100


class Probes:
    """See `kubelet.interfaces.ProbeManager`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workers: dict[tuple[str, str, str], Worker] = {}
        """(pod uid, container name, kind)"""
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._terminating: set[str] = set()
        self._seen: set[str] = set()
        """Container ids met since the kubelet started: the API's status is asked only at the first meeting."""

    async def run(self) -> None:
        """Timers do the work; this only ends them with the kubelet."""
        try:
            await asyncio.Event().wait()
        finally:
            for worker in self._workers.values():
                worker.stop()

    def sync(self, pod: Pod, pod_ip: str, targets: Sequence[ProbeTarget]) -> None:
        """Start, restart and stop workers so that they fit the pod's containers."""
        uid = pod.metadata.uid
        running = {target.container.name: target for target in targets if target.running}
        for key in [key for key in self._workers if key[0] == uid and key[1] not in running]:
            self._workers[key].stop()
        for name, target in running.items():
            before = _told(pod, target) if target.container_id not in self._seen else None
            for kind in KINDS:
                self._sync_one(pod, pod_ip, target, (uid, name, kind), before)
            self._seen.add(target.container_id)

    def _sync_one(
        self, pod: Pod, pod_ip: str, target: ProbeTarget, key: tuple[str, str, str], before: ContainerStatus | None
    ) -> None:
        kind = key[2]
        probe = getattr(target.container, f"{kind}Probe")
        worker = self._workers.get(key)
        if probe is None or (key[0] in self._terminating and kind != "readiness"):
            if worker is not None:
                worker.stop()
            return
        if worker is not None and worker.container_id == target.container_id:
            worker.follow(pod, pod_ip, target)
            return
        if worker is not None:
            worker.stop()
        worker = Worker(self._context, pod, pod_ip, target, kind, self._slots, self._changed)
        worker.tally.result = _initial(kind, before)
        self._workers[key] = worker
        if kind == "startup":
            if worker.tally.result is None:
                worker.start()
        elif not self._waits_for_startup(key[0], target.container):
            worker.start()

    def _waits_for_startup(self, uid: str, container: Container) -> bool:
        if container.startupProbe is None:
            return False
        startup = self._workers.get((uid, container.name, "startup"))
        return startup is None or startup.tally.result is not True

    def _changed(self, worker: Worker) -> None:
        """A result reached a threshold: what waited for startup begins, startup itself is done."""
        uid = worker.pod.metadata.uid
        if worker.kind == "startup" and worker.tally.result:
            worker.stop()
            for kind in ("liveness", "readiness"):
                other = self._workers.get((uid, worker.target.container.name, kind))
                if other is not None and other.container_id == worker.container_id:
                    other.start()
        elif worker.kind != "readiness" and worker.tally.result is False:
            # The container will be killed: more failures would only fill the events.
            worker.stop()
        self._context.resync(uid)

    def terminating(self, pod_uid: str) -> None:
        """Liveness and startup must not kill what is being stopped."""
        self._terminating.add(pod_uid)
        for (uid, _, kind), worker in self._workers.items():
            if uid == pod_uid and kind != "readiness":
                worker.stop()

    def remove(self, pod_uid: str) -> None:
        """Forget the pod."""
        self._terminating.discard(pod_uid)
        for key in [key for key in self._workers if key[0] == pod_uid]:
            worker = self._workers.pop(key)
            worker.stop()
            self._seen.discard(worker.container_id)

    def result(self, pod_uid: str, container_name: str, container_id: str, kind: str) -> str | None:
        """SUCCESS or FAILURE once known for this very container; UNKNOWN while a startup probe has not decided."""
        worker = self._workers.get((pod_uid, container_name, kind))
        if worker is None or worker.container_id != container_id:
            return None
        if worker.tally.result is None:
            return UNKNOWN if kind == "startup" else None
        return SUCCESS if worker.tally.result else FAILURE


def _told(pod: Pod, target: ProbeTarget) -> ContainerStatus | None:
    """What the API's status says about this very container."""
    every = [*pod.status.containerStatuses, *pod.status.initContainerStatuses]
    return next((status for status in every if status.containerID.rpartition("/")[2] == target.container_id), None)


def _initial(kind: str, before: ContainerStatus | None) -> bool | None:
    """Result before the first look: alive until proven otherwise; ready and started as the status says."""
    if kind == "liveness":
        return True
    if kind == "readiness":
        return bool(before and before.ready)
    return True if before and before.started else None

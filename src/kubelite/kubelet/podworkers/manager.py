"""All workers of the node: made when a pod appears, ended when nothing of it is left.

Flow: informer changes → `handle`; PLEG → `wake` or, for a pod that the API does not know, `adopt_orphan`, which stops it
and removes all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kubelite.api.types.core_v1 import Pod
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.client.informer import Change
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.pods import PodTable
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.kubelet.podworkers.worker import PodWorker
from kubelite.util.log import get_logger

log = get_logger(__name__)


class PodWorkers:
    """One task a pod; bounded by the pods bound to this node. `run()` keeps them until cancelled."""

    def __init__(self, parts: Parts, table: PodTable) -> None:
        self._parts = parts
        self._table = table
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.on_finished: Callable[[str], None] = lambda uid: None

    def __len__(self) -> int:
        return len(self._workers)

    def get(self, uid: str) -> PodWorker | None:
        return self._workers.get(uid)

    def all(self) -> list[PodWorker]:
        return list(self._workers.values())

    def handle(self, change: Change[Pod]) -> None:
        """The informer's handler."""
        pod = change.new
        if change.old is not None and (pod is None or pod.metadata.uid != change.old.metadata.uid):
            self._removed(change.old.metadata.uid)
        if pod is None:
            return
        self._table.put(pod)
        worker = self._workers.get(pod.metadata.uid)
        if worker is None:
            self._start(PodWorker(self._parts, pod))
        else:
            worker.update(pod)

    def _removed(self, uid: str) -> None:
        self._table.remove(uid)
        self._parts.statuses.forget(uid)
        worker = self._workers.get(uid)
        if worker is not None:
            worker.removed()

    def wake(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.wake()

    def adopt_orphan(self, observed: ObservedPod) -> None:
        """Takes down a pod that only the runtime (or the disk) knows."""
        if observed.uid in self._workers:
            return
        pod = Pod(metadata=ObjectMeta(name=observed.name, namespace=observed.namespace, uid=observed.uid))
        graces = [c.grace for c in observed.containers if c.grace is not None]
        pod.spec.terminationGracePeriodSeconds = max(graces, default=None)
        log.info("Removing a pod that the API does not know", name=observed.name, uid=observed.uid)
        self._start(PodWorker(self._parts, pod, gone=True))

    def _start(self, worker: PodWorker) -> None:
        uid = worker.uid
        self._workers[uid] = worker
        task = asyncio.get_running_loop().create_task(worker.run(), name=f"worker-{uid}")
        self._tasks[uid] = task
        task.add_done_callback(lambda done: self._done(uid, done))

    def _done(self, uid: str, task: asyncio.Task[None]) -> None:
        self._workers.pop(uid, None)
        self._tasks.pop(uid, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Pod worker ended with an error", uid=uid, error=error)
        self.on_finished(uid)

    async def close(self) -> None:
        """Ends all workers and leaves their containers running."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

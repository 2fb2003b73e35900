"""The loop that takes pending pods and gives them nodes.

What: `Loop.schedule` tries one pod after the other; `Loop.one` is one attempt. Why: deciding never waits for the network:
bindings, evictions and reports are tasks of their own, at most `WRITES_AT_ONCE` at a time; more pods wait in the queue.
Flow: pop → `Scheduler.place` → assume and bind, or: promise the node and evict, report, wait for a change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from kubelite.scheduler.binding import Binder, BindingFailed
from kubelite.scheduler.cache import Cache
from kubelite.scheduler.claims import ClaimBinder
from kubelite.scheduler.eviction import Evictor
from kubelite.scheduler.extenders import Extended
from kubelite.scheduler.framework import AttemptFailed, Diagnosis, Preemption
from kubelite.scheduler.metrics import Metrics
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.prebind import Prebinder
from kubelite.scheduler.queue import Entry
from kubelite.scheduler.reports import Reports
from kubelite.scheduler.storage import Binding
from kubelite.scheduler.volumes import VolumeBinder
from kubelite.util.log import get_logger

log = get_logger(__name__)
WRITES_AT_ONCE = 64
WRITES_TO_GO_ON = 48
PODS_A_TURN = 32
MANY = 15
"""More attempts than that are counted together."""


class Loop:
    """One scheduler at work."""

    def __init__(
        self,
        cache: Cache,
        binder: Binder,
        evictor: Evictor,
        volumes: VolumeBinder,
        claims: ClaimBinder,
        extended: Extended,
        metrics: Metrics,
        now: Callable[[], float],
    ) -> None:
        self.cache, self.binder, self.evictor, self.metrics, self.now = cache, binder, evictor, metrics, now
        self.claims, self.slow, self.extended = claims, 0, extended
        self.prebinder = Prebinder(volumes, claims)
        evictor.recall = lambda info: self.prebinder.recall(info.uid)
        claims.tell, claims.made = binder.tell, metrics.claims_made.inc
        claims.waited = lambda info, *how: metrics.waited(info.pod.spec.schedulerName, *how)
        self.pending = cache.pending
        self.reports = Reports(binder.condition, self.spawn)
        self.work = asyncio.Event()
        self.written = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether no more writes should be started."""
        return len(self.tasks) - self.slow >= WRITES_AT_ONCE

    async def schedule(self) -> None:
        """Never returns."""
        while True:
            self.work.clear()
            wait = self.pending.tick(self.now())
            for _ in range(PODS_A_TURN):
                if self.busy or not (await self.one_extended() if self.extended.extenders else self.one()):
                    break
            if self.pending.has_ready:
                if self.busy:
                    await self.relieved()
                else:
                    await asyncio.sleep(0)
                continue
            try:
                await asyncio.wait_for(self.work.wait(), wait)
            except TimeoutError:
                continue

    async def relieved(self) -> None:
        """Returns when several more writes may be started: one by one costs a turn of the event loop for each."""
        while len(self.tasks) - self.slow > WRITES_TO_GO_ON:
            self.written.clear()
            await self.written.wait()

    def _relieve(self) -> None:
        if len(self.tasks) - self.slow <= WRITES_TO_GO_ON:
            self.written.set()

    def one(self) -> bool:
        """Tries the next pod; whether there was one."""
        entry = self.pending.pop()
        if entry is None:
            return False
        began = self.now()
        scheduler = self.cache.schedulers[entry.info.pod.spec.schedulerName]
        try:
            result = scheduler.place(entry.info)
        except Exception as error:  # noqa: BLE001 - one pod that cannot be judged must not stop the others
            self.broken(entry, error)
            return True
        self.metrics.algorithm.observe(self.now() - began)
        if isinstance(result, str):
            self.placed(entry, result, began, scheduler.binding)
        else:
            self.unplaced(entry, result)
        return True

    async def one_extended(self) -> bool:
        """As `one`, with extenders; other decisions wait for their answers."""
        entry = self.pending.pop()
        if entry is None:
            return False
        began = self.now()
        scheduler = self.cache.schedulers[entry.info.pod.spec.schedulerName]
        try:
            result = await self.extended.attempt(scheduler, entry.info)
        except Exception as error:  # noqa: BLE001 - as above
            self.broken(entry, error)
            return True
        self.metrics.algorithm.observe(self.now() - began)
        if self.pending.entries.get(entry.info.key) is not entry:
            return True
        if isinstance(result, str):
            self.placed(entry, result, began, scheduler.binding)
        else:
            self.unplaced(entry, result)
        return True

    def placed(self, entry: Entry, node: str, began: float, binding: Binding) -> None:
        """The pod has a node: it counts there at once; the API server is told in the background."""
        self.pending.assigned(entry)
        self.reports.drop(entry.info.key)
        self.cache.assume(entry.info, node)
        self.cache.world.storage.assume(binding, node)
        self.claims.assume(binding.devices)
        self.spawn(self._bind(entry, node, began, binding))

    async def _bind(self, entry: Entry, node: str, began: float, binding: Binding) -> None:
        failure, info, profile = None, entry.info, entry.info.pod.spec.schedulerName
        try:
            if binding.static or binding.dynamic or binding.devices:
                await self._point("PreBind", profile, self._bind_claims(info, node, binding))
            await self._point("Bind", profile, self.binder.bind(info, node, self.extended.binder(info)))
        except BindingFailed as found:
            failure = found
        except Exception as error:
            log.exception("Cannot bind a pod", error, pod=info.key)
            failure = BindingFailed(f"{type(error).__name__}: {error}")
        if failure is not None:
            if binding.devices:
                await self.claims.release(info, binding.devices)
            await self.binder.give_up(info, failure)
        result, now = "scheduled" if failure is None else "error", self.now()
        self.metrics.attempts.inc(result, profile)
        self.metrics.attempt_duration.observe(now - began, profile, result)
        if failure is None:
            tries = entry.attempts + 1
            self.metrics.sli.observe(now - entry.arrived, str(tries) if tries < MANY else f"{MANY}+")
            self.metrics.pod_attempts.observe(tries)
            if entry.flushed:
                self.metrics.flushed.inc()

    async def _point(self, name: str, profile: str, work: Coroutine[Any, Any, None]) -> None:
        """Runs an extension point outside the decision, with its time."""
        done, started = False, self.now()
        try:
            await work
            done = True
        finally:
            self.metrics.point(name, done, profile, self.now() - started)

    async def _bind_claims(self, info: PodInfo, node: str, binding: Binding) -> None:
        """Volumes and devices. They take their time: others must not wait for a place among the writes."""
        self.slow += 1
        self._relieve()
        try:
            await self.prebinder.run(info, node, binding)
        finally:
            self.slow -= 1
            self.cache.world.storage.forget(binding)

    def unplaced(self, entry: Entry, result: Diagnosis) -> None:
        """No node: room is made if that helps, and the pod waits for a change."""
        info, nominations = entry.info, self.cache.world.nominations
        self.metrics.attempts.inc("unschedulable", info.pod.spec.schedulerName)
        self.pending.failed(entry, self.now(), result.plugins)
        if result.total:
            self.metrics.preemptions.inc()
        if result.preemption is not None:
            self.pending.hold(info.key)
            displaced = nominations.lower_on(result.preemption.node, info.priority)
            for other in displaced:
                nominations.drop(other.key)
                self.reports.withdraw(other.key)
            nominations.promise(info, result.preemption.node)
            self.metrics.victims.observe(len(result.preemption.victims))
            self.spawn(self._make_room(info, result.preemption, displaced))
        elif result.withdrawn:
            nominations.drop(info.key)
        if result.unused is not None:
            self.spawn(self.claims.give_back(info, result.unused))
        message = result.message()
        self.binder.announce(info, message)
        self.reports.put(info, result, message)

    async def _make_room(self, info: PodInfo, preemption: Preemption, displaced: list[PodInfo]) -> None:
        done, began = False, self.now()
        try:
            done = await self.evictor.evict(info, preemption, displaced)
        finally:
            result = "success" if done else "error"
            self.metrics.evictions.inc(result)
            self.metrics.eviction_duration.observe(self.now() - began, result)
            self.pending.let_go(info.key, self.now(), again=not done)
            self.work.set()

    def broken(self, entry: Entry, error: Exception) -> None:
        """The attempt ended with an error: it is told, and tried again after a while."""
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, AttemptFailed):
            text = str(error)
            log.warning("Cannot judge a pod", pod=entry.info.key, error=text)
        else:
            log.exception("Cannot judge a pod", error, pod=entry.info.key)
        self.metrics.attempts.inc("error", entry.info.pod.spec.schedulerName)
        self.cache.world.nominations.drop(entry.info.key)
        self.pending.failed_badly(entry, self.now())
        self.spawn(self.binder.failed_with(entry.info, text))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs a write in the background."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self._relieve()
        if not task.cancelled() and task.exception() is not None:
            log.error("A write failed unexpectedly", error=task.exception())
        if self.pending.has_ready:
            self.work.set()

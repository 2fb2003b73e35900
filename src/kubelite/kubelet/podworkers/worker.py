"""The worker of one pod.

What: a state machine driven by `update` (the API's pod changed), `wake` (something happened) and time. Why: all that is done to a
pod is done by one task, in order. Flow: API pod + runtime → `compute_plan` → `Runtime.sync` → status. A pod that must stop
interrupts a sync that is still bringing it up.
Upstream: pkg/kubelet/pod_workers.go, pkg/kubelet/kubelet.go:SyncPod, SyncTerminatingPod, SyncTerminatedPod.
"""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Coroutine

from kubelite.api.types.core_v1 import Pod
from kubelite.kubelet import podspec
from kubelite.kubelet.cri import CriError
from kubelite.kubelet.interfaces import SyncError
from kubelite.kubelet.observed import ObservedPod
from kubelite.kubelet.plan import compute_plan
from kubelite.kubelet.podworkers.parts import Parts
from kubelite.kubelet.podworkers.view import PodView
from kubelite.kubelet.status.pod import Verdict
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

log = get_logger(__name__)

FOREVER = 3600.0
RECHECK = 0.5
"""Seconds after which a plan that was carried out is made again, should no event come before."""
TERMINAL = ("Succeeded", "Failed")


class State(enum.Enum):
    SYNC = "sync"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FINISHED = "finished"


class PodWorker:
    """Looks after one pod until nothing of it is left. `run()` is its task."""

    def __init__(self, parts: Parts, pod: Pod, *, gone: bool = False) -> None:
        self._parts = parts
        self.pod = pod
        self.gone = gone
        """The API knows this pod no more."""
        self.state = State.SYNC
        self.view = PodView(parts, self)
        self.verdict: Verdict | None = None
        self.admitted = False
        self._wake = asyncio.Event()
        self._step: asyncio.Task[float] | None = None
        self._interrupted = False
        self._backoff = Backoff(initial=0.5, cap=60.0, jitter=0.3)
        self._grace: int | None = None
        self._probes_stopped = False

    @property
    def uid(self) -> str:
        return self.pod.metadata.uid

    @property
    def is_active(self) -> bool:
        """It holds resources of the node."""
        return self.state in (State.SYNC, State.TERMINATING)

    # --- inputs; none of them blocks

    def update(self, pod: Pod) -> None:
        """The API's pod is this now."""
        self.pod = pod
        if pod.metadata.deletionTimestamp is not None:
            self._stop()
        self._wake.set()

    def removed(self) -> None:
        """The API's pod is gone."""
        self.gone = True
        self._stop()
        self._wake.set()

    def wake(self) -> None:
        """Something happened: look again."""
        self._wake.set()

    def fail(self, verdict: Verdict) -> None:
        """The pod must end, and failed for this reason."""
        self.verdict = verdict
        self._stop()
        self._wake.set()

    def _stop(self) -> None:
        """Leave off bringing it up; a stop that is under way begins again when less grace is given."""
        grace = 0 if self.gone and self.state is State.TERMINATING else podspec.grace_period(self.pod)
        shorter = self._grace is not None and grace < self._grace
        if self.state is State.SYNC or (self.state is State.TERMINATING and shorter):
            self.state = State.TERMINATING
            self._interrupted = self._step is not None and self._step.cancel()
        self._grace = grace

    # --- the loop

    async def run(self) -> None:
        """Works until the pod is finished. Never raises but for cancellation."""
        if self.gone or self.pod.metadata.deletionTimestamp is not None:
            self.state, self._grace = State.TERMINATING, podspec.grace_period(self.pod)
        while self.state is not State.FINISHED:
            self._wake.clear()
            wait = await self._guarded()
            if wait > 0:
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _next(self) -> Coroutine[None, None, float]:
        steps = {
            State.SYNC: self._sync,
            State.TERMINATING: self._terminating,
            State.TERMINATED: self._terminated,
        }
        return steps[self.state]()

    async def _guarded(self) -> float:
        """One step; seconds to wait before the next unless woken."""
        self._step = asyncio.create_task(self._next(), name=f"pod-{self.uid}")
        self._interrupted = False
        try:
            wait = await asyncio.shield(self._step)
            self._backoff.reset()
            return wait
        except asyncio.CancelledError:
            if self._interrupted and self._step.done():
                return 0.0
            self._step.cancel()
            raise
        except (CriError, SyncError, OSError) as error:
            log.warning("Pod worker step failed", pod=podspec.full_name(self.pod), state=self.state.value, error=error)
            return self._backoff.next()
        except Exception as error:
            log.exception("Pod worker step broke", error, pod=podspec.full_name(self.pod), state=self.state.value)
            return self._backoff.next()
        finally:
            self._step = None

    # --- SYNC

    async def _sync(self) -> float:
        parts, pod = self._parts, self.pod
        observed = await parts.observer.observe(self.uid)
        if not self._admit(observed):
            return 0.0
        self._check_deadline()
        plan = compute_plan(pod, observed, self.view.probe, self._remaining)
        status = self.view.publish(observed, self.verdict)
        if self.verdict is not None or status.phase in TERMINAL:
            self._stop()
            return 0.0
        self.view.sync_probes(observed)
        if plan.idle:
            self.view.reasons = parts.runtime.note_waits(pod, plan)
            self.view.publish(observed, None)
            await parts.volumes.update(pod)
            return min(self._until_deadline(), parts.config.sync_frequency, *(w.seconds + 0.05 for w in plan.waits))
        problem = parts.network_problem()
        if problem and not podspec.is_host_network(pod):
            text = f"network is not ready: {problem}"
            parts.reporter.pod(pod, "Warning", "NetworkNotReady", text)
            return 2.0
        outcome = await parts.runtime.sync(pod, observed, plan, parts.host_ips())
        self.view.reasons = outcome.reasons
        after = await parts.observer.observe(self.uid)
        self.view.publish(after, None)
        self.view.sync_probes(after)
        if outcome.error is not None:
            raise outcome.error
        if plan.reset and {one.container_id for one in plan.reset}.isdisjoint(c.id for c in after.containers):
            return 0.0  # the pod starts anew at once
        return min(outcome.wait or RECHECK, self._until_deadline())

    def _remaining(self, name: str, finished_at: float) -> tuple[float, float]:
        return self._parts.runtime.crashes.remaining(self.uid, name, finished_at, time.time())

    def _admit(self, observed: ObservedPod) -> bool:
        """Asked once; what ran here before this process started is not asked again."""
        if self.admitted or observed.containers or self.pod.status.phase in TERMINAL:
            self.admitted = True
            return True
        rejection = self._parts.admit(self.pod)
        if rejection is None:
            self.admitted = True
            return True
        self._parts.reporter.pod(self.pod, "Warning", rejection.reason, rejection.message)
        text = f"Pod was rejected: {rejection.message}"
        self.fail(Verdict("Failed", rejection.reason, text, rejected=True))
        return False

    def _until_deadline(self) -> float:
        """Seconds until activeDeadlineSeconds is over."""
        limit = self.pod.spec.activeDeadlineSeconds
        started = self.view.start_time()
        if limit is None or started is None:
            return FOREVER
        return max(0.1, started + limit - time.time())

    def _check_deadline(self) -> None:
        limit = self.pod.spec.activeDeadlineSeconds
        started = self.view.start_time()
        if limit is not None and started is not None and time.time() >= started + limit:
            text = "Pod was active on the node longer than the specified deadline"
            self._parts.reporter.pod(self.pod, "Normal", "DeadlineExceeded", text)
            self.verdict = Verdict("Failed", "DeadlineExceeded", text)

    # --- TERMINATING

    async def _terminating(self) -> float:
        parts = self._parts
        if not self._probes_stopped:
            parts.probes.terminating(self.uid)
            self._probes_stopped = True
        observed = await parts.observer.observe(self.uid)
        self.view.publish(observed, self.verdict)
        grace = self._grace if self._grace is not None else podspec.grace_period(self.pod)
        if observed.alive:
            await parts.stopper.pod(self.pod, observed, grace)
            observed = await parts.observer.observe(self.uid)
            self.view.publish(observed, self.verdict)
            if observed.alive:
                return self._backoff.next()
        self.state = State.TERMINATED
        return 0.0

    # --- TERMINATED

    async def _terminated(self) -> float:
        parts = self._parts
        observed = await parts.observer.observe(self.uid)
        parts.probes.remove(self.uid)
        self.view.publish(observed, self.verdict, ended=True)
        await parts.volumes.unmount(self.uid)
        if parts.config.cgroups_per_qos and not await asyncio.to_thread(parts.cgroups.remove_pod, self.uid):
            return 1.0
        self.view.publish(observed, self.verdict, ended=True, over=True)
        if not self.gone:
            return FOREVER
        await parts.cleaner.remove_pod(self.pod, observed)
        parts.runtime.crashes.forget(self.uid)
        self.state = State.FINISHED
        return 0.0

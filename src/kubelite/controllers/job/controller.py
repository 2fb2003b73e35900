"""Runs the pods of each Job until it has ended.

What: the wiring of `plan` and `tracking`. Flow: changes of Jobs and pods → key → claim pods → decide → create and delete → status
that lists the pods which have ended → their finalizers removed → status that counts them and may end the Job. A second loop
removes the finalizer from pods whose Job is gone or over.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kubelite.api.batch.job_status import is_finished
from kubelite.api.logic import podstatus
from kubelite.api.types.batch_v1 import Job, JobStatus
from kubelite.client.controller import Controller, Result
from kubelite.client.informer import Change
from kubelite.controllers import objects
from kubelite.controllers.context import Context, gather_errors
from kubelite.controllers.expectations import Expectations
from kubelite.controllers.job import pods as looks
from kubelite.controllers.job.backoff import Failures
from kubelite.controllers.job.children import JobChildren, remove_finalizer
from kubelite.controllers.job.metrics import JobMetrics
from kubelite.controllers.job.plan import Decision, Observed, decide
from kubelite.controllers.job.tracking import Done, Tracking, announced, differs, settle, track
from kubelite.controllers.kinds import JOB
from kubelite.controllers.newest import Newest
from kubelite.controllers.podcontrol import PodControl, is_terminating_namespace
from kubelite.controllers.podindex import BY_OWNER, pods_informer
from kubelite.controllers.waves import in_waves
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import controller_of

NAME = "job-controller"
MANAGED_BY = "kubernetes.io/job-controller"
MODES = ("", "Indexed", "NonIndexed")
BATCH_SECONDS = 0.1
"""Pods that end within so many seconds are counted in one status."""
READY_SECONDS = 1.0
"""The same for pods that become ready, which nobody waits for."""


def _managed_elsewhere(job: Job) -> bool:
    return bool(job.spec.managedBy) and job.spec.managedBy != MANAGED_BY


class JobController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._jobs = context.informers.get(JOB)
        self._newest = Newest(self._jobs)
        self._pods = pods_informer(context)
        self._children = JobChildren(context.client, self._jobs, self._pods)
        self._recorder = context.recorder(NAME)
        self._hands = PodControl(context.client, self._recorder)
        self._expectations = Expectations(context.clock.monotonic)
        self._metrics = JobMetrics(context.metrics)
        self._released: dict[str, set[str]] = {}
        self._failures: dict[str, tuple[str, Failures]] = {}
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.orphans = Controller("job-orphans", self.free_orphan, workers=2, observe=context.observe)
        self.loop.watch(self._jobs)
        self._jobs.add_handler(self._job_changed)
        self._pods.add_handler(self._pod_changed)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.loop.run(self._jobs, self._pods))
            group.create_task(self.orphans.run(self._jobs, self._pods))

    async def reconcile(self, key: str) -> Result | None:
        """One step of one Job."""
        # One's own writes count at once: by an older status, an index that has just ended would get another pod.
        job: Job | None = self._newest.get(key)
        if job is None or is_finished(job.status) or _managed_elsewhere(job):
            self._forget(key)
            return None
        if job.spec.completionMode not in MODES:
            message = "Skipped Job sync because completion mode is unknown"
            self._recorder.event(JOB, job, "Warning", "UnknownCompletionMode", message)
            return None
        action, result, started = ["reconciling"], "error", self._clock.monotonic()
        try:
            again = await self._sync(key, job, action)
            result = "success"
        finally:
            self._metrics.synced(job, result, action[-1], self._clock.monotonic() - started)
        return again

    async def _sync(self, key: str, job: Job, action: list[str]) -> Result | None:
        """Look, decide, do, write; `action` is told what is done."""
        settled = self._expectations.satisfied(key)
        pods = await self._children.claim(job)
        uid, failures = self._failures.get(key, ("", Failures()))
        released = frozenset(self._released.get(key, ()))
        if uid != job.metadata.uid:
            failures = Failures()
        observed = Observed(_started(job, self._clock.now()), pods, self._clock.now(), settled, released, failures)
        decision = decide(observed)
        if decision.end is not None and decision.stop:
            status = announced(observed.job, decision.end)
            if status is not None:
                await self._write(job, status)
                return None  # the write brings the key back
        action.append("pods_deleted" if decision.delete else "pods_created" if decision.create else "tracking")
        done, failure = await self._act(key, observed, decision)
        await self._record(key, job, observed, decision, track(observed, decision, done))
        if failure is not None and not is_terminating_namespace(failure):
            raise failure
        return self._expectations.again(key, decision.again)

    async def _act(self, key: str, observed: Observed, decision: Decision) -> tuple[Done, Exception | None]:
        if decision.stop:
            return await self._stop(observed.job, decision.stop)
        if decision.delete:
            return await self._delete(key, observed.job, decision.delete)
        if decision.create:
            return await self._create(key, observed.job, decision)
        return Done(), None

    async def _stop(self, job: Job, pods: Sequence[Any]) -> tuple[Done, Exception | None]:
        """Delete the active pods of a Job that ends; their finalizers stay until they are counted."""

        async def one(pod: Any) -> None:
            try:
                await self._hands.delete(pod, job, JOB)
            except StatusError as error:
                if error.code != 404:
                    raise

        failed = await gather_errors([one(pod) for pod in pods])
        gone = len(pods) - len(failed)
        ready = 0 if failed else sum(podstatus.is_ready(pod) for pod in pods)
        return Done(deleted=gone, deleted_ready=ready, complete=not failed), failed[0] if failed else None

    async def _delete(self, key: str, job: Job, pods: Sequence[Any]) -> tuple[Done, Exception | None]:
        """Delete pods that are too many; without finalizer, they do not count."""
        self._expectations.expect_deletions(key, [pod.metadata.uid for pod in pods])
        deleted: list[Any] = []

        async def one(pod: Any) -> None:
            try:
                await remove_finalizer(self._client, pod)
                await self._hands.delete(pod, job, JOB)
            except Exception as error:
                self._expectations.saw_deletion(key, pod.metadata.uid)
                if not (isinstance(error, StatusError) and error.code == 404):
                    raise
            deleted.append(pod)

        errors = await gather_errors([one(pod) for pod in pods])
        ready = sum(podstatus.is_ready(pod) for pod in deleted)
        return Done(deleted=len(deleted), deleted_ready=ready), errors[0] if errors else None

    async def _create(self, key: str, job: Job, decision: Decision) -> tuple[Done, Exception | None]:
        count, created = len(decision.create), 0
        self._expectations.expect_creations(key, count)
        template = looks.template_for(job)

        async def one(index: int | None) -> None:
            nonlocal created
            wanted = template
            if index is not None:
                wanted = looks.for_index(job, template, index, decision.counts.waiting.get(index))
            await self._hands.create(wanted, job, JOB, looks.name_prefix(job, index))
            created += 1

        errors = await in_waves(decision.create, one)
        if created < count:
            self._expectations.saw_creation(key, count - created)
        self._metrics.created(job, decision, created, len(errors))
        return Done(created=created), errors[0] if errors else None

    async def _record(self, key: str, stored: Job, observed: Observed, decision: Decision, tracking: Tracking) -> None:
        """Write what is seen, release what is written, count what is released."""
        job = stored
        if differs(stored.status, tracking.status):
            job = await self._write(job, tracking.status)
        if not looks.per_index(job):
            self._failures[key] = (job.metadata.uid, decision.counts.failures)
        errors = await self._release(key, tracking)
        self._metrics.released(job, [pod for pod in tracking.release if pod.metadata.uid not in tracking.tracked])
        status, changed = settle(job, tracking)
        if changed:
            await self._write(job, status)
        for type_, reason, message in tracking.events:
            self._recorder.event(JOB, job, type_, reason, message)
        if errors:
            raise errors[0]

    async def _write(self, job: Job, status: JobStatus) -> Job:
        changed = copy.copy(job)
        changed.status = status
        written = await self._client.update(JOB, changed, subresource="status")
        self._newest.wrote(written)
        self._metrics.counted(job, status)
        return written

    async def _release(self, key: str, tracking: Tracking) -> list[Exception]:
        """Remove the finalizers; `tracking.tracked` keeps the uids of those that still have it."""
        if not tracking.release:
            return []
        expected = self._released.setdefault(key, set())
        expected.update(pod.metadata.uid for pod in tracking.release)

        async def one(pod: Any) -> None:
            uid = pod.metadata.uid
            try:
                await remove_finalizer(self._client, pod)
            except Exception:
                expected.discard(uid)
                raise
            # Also a pod that is gone stays in `expected` until the cache knows: it must not be counted again.
            tracking.tracked.discard(uid)

        return await gather_errors([one(pod) for pod in tracking.release])

    def _forget(self, key: str) -> None:
        self._expectations.forget(key)
        self._released.pop(key, None)
        self._failures.pop(key, None)

    # --- events -------------------------------------------------------------------------------------------------------

    def _pod_changed(self, change: Change[objects.Pod]) -> None:
        old, new = change
        current = self._children.owner_key(new if new is not None else old)
        if current:
            self._note(current, change)
            self._metrics.pod_changed(change)
        for key in self._children.keys(change):
            self.loop.queue.add_after(key, _patience(change))
        if new is not None and looks.has_finalizer(new) and self._is_orphan(new):
            self.orphans.queue.add(f"{new.metadata.namespace}/{new.metadata.name}")

    def _note(self, key: str, change: Change[objects.Pod]) -> None:
        """Strike off what was expected of the pod."""
        old, new = change
        if old is None and new is not None and new.metadata.deletionTimestamp is None:
            self._expectations.saw_creation(key)
        if new is None or new.metadata.deletionTimestamp is not None:
            self._expectations.saw_deletion(key, change.object.metadata.uid)
        if new is None or not looks.has_finalizer(new):
            expected = self._released.get(key)
            if expected is not None:
                expected.discard(change.object.metadata.uid)

    def _job_changed(self, change: Change[Job]) -> None:
        """The pods of a Job that is gone or over must not be held by it."""
        if change.old is None and change.new is not None and _managed_elsewhere(change.new):
            self._metrics.managed_elsewhere(change.new)
        if change.new is not None and not is_finished(change.new.status):
            return
        for pod in self._pods.by_index(BY_OWNER, change.object.metadata.uid):
            if looks.has_finalizer(pod):
                self.orphans.queue.add(f"{pod.metadata.namespace}/{pod.metadata.name}")

    def _is_orphan(self, pod: objects.Pod) -> bool:
        """Whether no Job will ever count the pod."""
        controller = controller_of(pod)
        if controller is None:
            return True
        if controller.kind != JOB.kind or not controller.apiVersion.startswith("batch/"):
            return False
        job: Job | None = self._jobs.get(f"{pod.metadata.namespace}/{controller.name}")
        if job is None or job.metadata.uid != controller.uid:
            return True
        return is_finished(job.status) and not _managed_elsewhere(job)

    async def free_orphan(self, key: str) -> None:
        """Remove the finalizer from a pod that no Job counts."""
        pod = self._pods.get(key)
        if pod is not None and looks.has_finalizer(pod) and self._is_orphan(pod):
            await remove_finalizer(self._client, pod)


def _patience(change: Change[objects.Pod]) -> float:
    """Seconds that the Job waits for more news; a pod that is only further on its way can wait longest."""
    old, new = change
    if old is None:
        return 0.0
    if new is None or podstatus.is_terminal(new) or new.metadata.deletionTimestamp is not None:
        return BATCH_SECONDS
    return READY_SECONDS if old.metadata.ownerReferences == new.metadata.ownerReferences else BATCH_SECONDS


def _started(job: Job, now: datetime) -> Job:
    """The Job with the time of its start, which a Job that is not suspended has from now on."""
    if job.status.startTime is not None or looks.is_suspended(job):
        return job
    made = copy.copy(job)
    made.status = copy.copy(job.status)
    made.status.startTime = times.now_text(now)
    return made

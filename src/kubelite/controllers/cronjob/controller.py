"""Starts a Job at each time of a CronJob's schedule.

What: the wiring of `plan`. Flow: changes of CronJobs and Jobs, or the clock → key → ended Jobs struck off and cut → due? →
Job made under a name that holds its time, so that no time starts two → status.
"""

from __future__ import annotations

import copy

from kubelite.api.types.batch_v1 import CronJob, CronJobStatus, Job
from kubelite.api.types.core_v1 import ObjectReference
from kubelite.api.types.meta_v1 import DeleteOptions
from kubelite.client.controller import Controller, Result
from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change
from kubelite.controllers.context import Context
from kubelite.controllers.cronjob.plan import Due, Event, due, make_job, reference, review, surplus, without
from kubelite.controllers.kinds import CRON_JOB, JOB
from kubelite.controllers.podcontrol import is_terminating_namespace
from kubelite.machinery import times
from kubelite.machinery.errors import StatusError
from kubelite.machinery.meta import controller_of, is_controlled_by

NAME = "cronjob-controller"
BY_OWNER = "cronjob"
SKEW = "cronjob_controller_job_creation_skew_duration_seconds"
SKEW_BUCKETS = tuple(2.0**power for power in range(10))


def _owner(job: Job) -> tuple[str, ...]:
    controller = controller_of(job)
    return (controller.uid,) if controller is not None and controller.kind == CRON_JOB.kind else ()


class CronJobController:
    """See the module."""

    def __init__(self, context: Context) -> None:
        self._client = context.client
        self._clock = context.clock
        self._cron_jobs = context.informers.get(CRON_JOB)
        self._jobs = context.informers.get(JOB)
        if BY_OWNER not in self._jobs.indexes:
            self._jobs.add_indexers({BY_OWNER: _owner})
        self._recorder = context.recorder(NAME)
        text = "Time between when a cronjob is scheduled to be run, and when the corresponding job is created"
        self._skew = context.metrics.histogram(SKEW, text, buckets=SKEW_BUCKETS)
        self.loop = Controller(NAME, self.reconcile, workers=5, observe=context.observe)
        self.loop.watch(self._cron_jobs)
        self.loop.watch(self._jobs, self._keys_of_job)

    async def run(self) -> None:
        await self.loop.run(self._cron_jobs, self._jobs)

    async def reconcile(self, key: str) -> Result | None:
        """Look after the Jobs of one CronJob and start the one that is due."""
        cached: CronJob | None = self._cron_jobs.get(key)
        if cached is None:
            return None
        cron_job: CronJob = cached
        jobs: list[Job] = self._jobs.by_index(BY_OWNER, cron_job.metadata.uid)
        seen = review(cron_job, jobs)
        if any(reason == "UnexpectedJob" for _, reason, _ in seen.events):
            # Perhaps only the cache does not know yet what was listed last.
            cron_job = await self._client.get(CRON_JOB, cron_job.metadata.name, cron_job.metadata.namespace)
            seen = review(cron_job, jobs)
        status = seen.status
        for entry in seen.vanished:
            status = await self._miss(cron_job, status, entry, seen.events)
        for job in surplus(cron_job, jobs):
            if await self._delete(cron_job, job.metadata.name):
                status = without(status, job.metadata.uid)
        now = self._clock.now()
        wanted = due(cron_job, status, now)
        self._tell(cron_job, [*seen.events, *wanted.events])
        try:
            status = await self._start(cron_job, status, wanted)
        finally:
            await self._write(cron_job, status)
        return Result(wanted.wait) if wanted.wait else None

    async def _miss(
        self, cron_job: CronJob, status: CronJobStatus, entry: ObjectReference, events: list[Event]
    ) -> CronJobStatus:
        """Ask the server for a listed Job that the cache does not show; strike it off if it is gone."""
        try:
            await self._client.get(JOB, entry.name, entry.namespace or cron_job.metadata.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            events.append(("Normal", "MissingJob", f"Active job went missing: {entry.name}"))
            return without(status, entry.uid)
        return status

    async def _start(self, cron_job: CronJob, status: CronJobStatus, wanted: Due) -> CronJobStatus:
        """Make the Job that is due and put it on the list."""
        if wanted.scheduled is None:
            return status
        for entry in wanted.replace:
            if await self._delete(cron_job, entry.name):
                status = without(status, entry.uid)
        job = make_job(cron_job, wanted.scheduled)
        try:
            made: Job = await self._client.create(JOB, job)
        except (StatusError, ConnectionFailed) as error:
            if is_terminating_namespace(error):
                return status
            if not (isinstance(error, StatusError) and error.reason == "AlreadyExists"):
                self._tell(cron_job, [("Warning", "FailedCreate", f"Error creating job: {error}")])
                raise
            made = await self._client.get(JOB, job.metadata.name, job.metadata.namespace)
            if not is_controlled_by(made, cron_job):
                return status
        else:
            self._tell(cron_job, [("Normal", "SuccessfulCreate", f"Created job {made.metadata.name}")])
            created = times.parse(made.metadata.creationTimestamp or times.now_text(wanted.scheduled))
            self._skew.observe((created - wanted.scheduled).total_seconds())
        status = copy.copy(status)
        if all(entry.uid != made.metadata.uid for entry in status.active):
            status.active = [*status.active, reference(made)]
        status.lastScheduleTime = times.now_text(wanted.scheduled)
        return status

    async def _delete(self, cron_job: CronJob, name: str) -> bool:
        """Delete a Job and its pods; True when it is gone."""
        options = DeleteOptions(propagationPolicy="Background")
        try:
            await self._client.delete(JOB, name, cron_job.metadata.namespace, options=options)
        except StatusError as error:
            if error.code == 404:
                return True
            self._tell(cron_job, [("Warning", "FailedDelete", f"Deleted job: {error}")])
            raise
        self._tell(cron_job, [("Normal", "SuccessfulDelete", f"Deleted job {name}")])
        return True

    async def _write(self, cron_job: CronJob, status: CronJobStatus) -> None:
        if status == cron_job.status:
            return
        changed = copy.copy(cron_job)
        changed.status = status
        try:
            await self._client.update(CRON_JOB, changed, subresource="status")
        except StatusError as error:
            if error.code != 404:
                raise

    def _tell(self, cron_job: CronJob, events: list[Event]) -> None:
        for type_, reason, message in events:
            self._recorder.event(CRON_JOB, cron_job, type_, reason, message)

    def _keys_of_job(self, change: Change[Job]) -> list[str]:
        keys: list[str] = []
        for job in change:
            controller = controller_of(job) if job is not None else None
            if job is None or controller is None or controller.kind != CRON_JOB.kind:
                continue
            key = f"{job.metadata.namespace}/{controller.name}"
            found: CronJob | None = self._cron_jobs.get(key)
            if found is not None and found.metadata.uid == controller.uid and key not in keys:
                keys.append(key)
        return keys

"""What a CronJob does next: the decision of the controller (pure).

What: `review` compares the list of active Jobs with those there are; `due` tells which Job to start now and when to look again;
`surplus` which ended Jobs to delete. Upstream: pkg/controller/cronjob (syncCronJob, nextScheduleTime, cleanupFinishedJobs).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from kubelite.api.batch import schedule as texts
from kubelite.api.batch.cron_job import job_spec
from kubelite.api.batch.job_status import COMPLETE, FAILED, has_condition, is_finished
from kubelite.api.types.batch_v1 import CronJob, CronJobStatus, Job
from kubelite.api.types.core_v1 import ObjectReference
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.claims import owner_reference
from kubelite.controllers.cronjob.schedule import missed, next_after
from kubelite.controllers.kinds import CRON_JOB, JOB
from kubelite.machinery import codec, times

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
DELAY = 0.1
"""Seconds after a scheduled time at which to look, so as not to be early."""
Event = tuple[str, str, str]


@dataclass(slots=True)
class Review:
    """The status as the Jobs say it should be; `vanished` are listed Jobs that the cache does not show."""

    status: CronJobStatus
    events: list[Event] = field(default_factory=list)
    vanished: list[ObjectReference] = field(default_factory=list)


def reference(job: Job) -> ObjectReference:
    """How the list of active Jobs names one."""
    meta = job.metadata
    return ObjectReference(
        apiVersion=JOB.api_version,
        kind=JOB.kind,
        name=meta.name,
        namespace=meta.namespace,
        resourceVersion=meta.resourceVersion,
        uid=meta.uid,
    )


def without(status: CronJobStatus, uid: str) -> CronJobStatus:
    """The status with that Job off the list."""
    made = copy.copy(status)
    made.active = [entry for entry in status.active if entry.uid != uid]
    return made


def review(cron_job: CronJob, jobs: Sequence[Job]) -> Review:
    """Strike ended Jobs off the list; note the last success."""
    result = Review(copy.copy(cron_job.status))
    listed = {entry.uid for entry in cron_job.status.active}
    for job in sorted(jobs, key=_by_start):
        uid, ended = job.metadata.uid, is_finished(job.status)
        if uid not in listed and not ended:
            message = f"Saw a job that the controller did not create or forgot: {job.metadata.name}"
            result.events.append(("Warning", "UnexpectedJob", message))
        elif uid in listed and ended:
            result.status = without(result.status, uid)
            word = COMPLETE if has_condition(job.status, COMPLETE) else FAILED
            message = f"Saw completed job: {job.metadata.name}, condition: {word}"
            result.events.append(("Normal", "SawCompletedJob", message))
        if has_condition(job.status, COMPLETE) and job.status.completionTime:
            last = result.status.lastSuccessfulTime
            if last is None or times.parse(job.status.completionTime) > times.parse(last):
                result.status.lastSuccessfulTime = job.status.completionTime
    present = {job.metadata.uid for job in jobs}
    result.vanished = [entry for entry in result.status.active if entry.uid not in present]
    return result


def _by_start(job: Job) -> tuple[bool, str, str]:
    """Jobs that have not started come last."""
    started = job.status.startTime
    return started is None, started or "", job.metadata.name


def surplus(cron_job: CronJob, jobs: Sequence[Job]) -> list[Job]:
    """The oldest ended Jobs beyond the two limits."""
    found: list[Job] = []
    spec = cron_job.spec
    for condition, limit in ((COMPLETE, spec.successfulJobsHistoryLimit), (FAILED, spec.failedJobsHistoryLimit)):
        ended = sorted((job for job in jobs if has_condition(job.status, condition)), key=_by_start)
        if limit is not None:
            found += ended[: max(len(ended) - limit, 0)]
    return found


@dataclass(frozen=True, slots=True)
class Due:
    """`scheduled` is the time of the Job to start now, None for none; `wait` the seconds until the next one, 0 for never."""

    scheduled: datetime | None = None
    wait: float = 0.0
    events: tuple[Event, ...] = ()
    replace: tuple[ObjectReference, ...] = ()


def zone_of(cron_job: CronJob) -> tzinfo:
    """The time zone. Raises ValueError."""
    name = cron_job.spec.timeZone
    return UTC if name is None else texts.zone(name)


def due(cron_job: CronJob, status: CronJobStatus, now: datetime) -> Due:
    """Whether a Job is to be started, given the list of active ones in `status`."""
    spec = cron_job.spec
    if cron_job.metadata.deletionTimestamp is not None:
        return Due()
    try:
        zone = zone_of(cron_job)
    except ValueError as error:
        return Due(events=(("Warning", "UnknownTimeZone", f'invalid timeZone: "{spec.timeZone}": {error}'),))
    if spec.suspend:
        return Due()
    try:
        schedule = texts.parse(spec.schedule)
    except ValueError as error:
        message = f'unparseable schedule: "{spec.schedule}" : {error}'
        return Due(events=(("Warning", "UnparseableSchedule", message),))
    try:
        late = missed(schedule, _since(cron_job, now, with_deadline=True), now, zone)
    except ValueError as error:
        message = f"invalid schedule schedule: {spec.schedule} : {error}"
        return Due(events=(("Warning", "InvalidSchedule", message),))
    wait = _wait(cron_job, schedule, now, zone)
    if late.last is None:
        return Due(wait=wait)
    events = list[Event]()
    if late.many:
        advice = "Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        events.append(("Warning", "TooManyMissedTimes", f"too many missed start times. {advice}"))
    return _start(cron_job, status, late.last, now, wait, events)


def _start(
    cron_job: CronJob, status: CronJobStatus, scheduled: datetime, now: datetime, wait: float, events: list[Event]
) -> Due:
    """Deadline, what is started already, and concurrency."""
    spec = cron_job.spec
    deadline = spec.startingDeadlineSeconds
    if deadline is not None and scheduled + timedelta(seconds=deadline) < now:
        text = scheduled.strftime("%a, %d %b %Y %H:%M:%S +0000")
        events.append(("Warning", "MissSchedule", f"Missed scheduled time to start a job: {text}"))
        return Due(wait=wait, events=tuple(events))
    name = job_name(cron_job, scheduled)
    done = status.lastScheduleTime is not None and times.parse(status.lastScheduleTime) == scheduled
    if done or any(entry.name == name for entry in status.active):
        return Due(wait=wait, events=tuple(events))
    if spec.concurrencyPolicy == "Forbid" and status.active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        events.append(("Normal", "JobAlreadyActive", message))
        return Due(wait=wait, events=tuple(events))
    replace = tuple(status.active) if spec.concurrencyPolicy == "Replace" else ()
    return Due(scheduled, wait, tuple(events), replace)


def _since(cron_job: CronJob, now: datetime, *, with_deadline: bool) -> datetime:
    """From when on times count as missed."""
    since = times.parse(cron_job.status.lastScheduleTime or cron_job.metadata.creationTimestamp or times.now_text(now))
    deadline = cron_job.spec.startingDeadlineSeconds
    if with_deadline and deadline is not None:
        since = max(since, now - timedelta(seconds=min(deadline, 10**9)))
    return since


def _wait(cron_job: CronJob, schedule: texts.Schedule, now: datetime, zone: tzinfo) -> float:
    """Seconds until the next time; counted from the last one, as a period has no clock of its own."""
    since = _since(cron_job, now, with_deadline=False)
    seen = missed(schedule, since, now, zone)
    base = seen.last if seen.last is not None else since
    following = next_after(schedule, base, zone)
    while following is not None and following <= now:
        following = next_after(schedule, now, zone)
    return (following - now).total_seconds() + DELAY if following is not None else 0.0


def job_name(cron_job: CronJob, scheduled: datetime) -> str:
    """`NAME-<minutes since 1970>`: the same time never starts two Jobs."""
    return f"{cron_job.metadata.name}-{int(scheduled.timestamp()) // 60}"


def make_job(cron_job: CronJob, scheduled: datetime) -> Job:
    """The Job of that time."""
    spec = codec.clone(job_spec(cron_job))
    made = Job(spec=spec)
    template = cron_job.spec.jobTemplate
    meta = made.metadata
    if template is not None:
        meta.labels = dict(template.metadata.labels)
        meta.annotations = dict(template.metadata.annotations)
    local = scheduled.astimezone(zone_of(cron_job)).isoformat(timespec="seconds")
    meta.annotations[SCHEDULED_AT] = local.removesuffix("+00:00") + "Z" if local.endswith("+00:00") else local
    meta.name, meta.namespace = job_name(cron_job, scheduled), cron_job.metadata.namespace
    meta.ownerReferences = [OwnerReference(**owner_reference(cron_job, CRON_JOB))]
    return made

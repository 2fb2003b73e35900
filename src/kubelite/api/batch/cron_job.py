"""The kind CronJob.

What: defaults, mistakes, warnings and columns. Upstream: pkg/registry/batch/cronjob, pkg/apis/batch/v1/defaults.go,
pkg/apis/batch/validation (validateCronJobSpec), pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import columns, pod_template, workload_validation
from kubelite.api import validation as check
from kubelite.api.batch import job_validation, schedule
from kubelite.api.batch.job import default_shared, spec_warnings
from kubelite.api.types import batch_v1 as batch
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import times
from kubelite.machinery.fielderrors import FieldErrors, Path
from kubelite.machinery.kind import Column, Kind

LONGEST_NAME = 52
"""A Job's name is the CronJob's with eleven characters more, and has at most 63."""
POLICIES = ("Allow", "Forbid", "Replace")
SPEC = Path("spec")
_JOB_SPEC = SPEC / "jobTemplate" / "spec"


def set_defaults(cron_job: batch.CronJob) -> None:
    """Jobs may overlap; three that succeeded and one that failed are kept."""
    spec = cron_job.spec
    spec.concurrencyPolicy = spec.concurrencyPolicy or "Allow"
    spec.suspend = bool(spec.suspend)
    if spec.successfulJobsHistoryLimit is None:
        spec.successfulJobsHistoryLimit = 3
    if spec.failedJobsHistoryLimit is None:
        spec.failedJobsHistoryLimit = 1
    default_shared(job_spec(cron_job))


def job_spec(cron_job: batch.CronJob) -> batch.JobSpec:
    """The spec of the Jobs it makes, an empty one where there is none."""
    spec = cron_job.spec
    if spec.jobTemplate is None:
        spec.jobTemplate = batch.JobTemplateSpec()
    if spec.jobTemplate.spec is None:
        spec.jobTemplate.spec = batch.JobSpec()
    return spec.jobTemplate.spec


def prepare_create(cron_job: batch.CronJob) -> None:
    """A new CronJob has made nothing yet."""
    cron_job.status = batch.CronJobStatus()


def validate(cron_job: batch.CronJob) -> FieldErrors:
    """Schedule, time zone, policy, limits and the Job's spec."""
    spec = cron_job.spec
    errors: FieldErrors = []
    if not spec.schedule:
        errors.append(fe.required(SPEC / "schedule"))
    else:
        errors += _schedule(spec.schedule, SPEC / "schedule")
    errors += check.non_negative(spec.startingDeadlineSeconds, SPEC / "startingDeadlineSeconds")
    if spec.timeZone is not None:
        errors += check.complaints(SPEC / "timeZone", spec.timeZone, schedule.zone_mistakes(spec.timeZone))
    errors += check.one_of(SPEC / "concurrencyPolicy", spec.concurrencyPolicy, POLICIES)
    errors += job_validation.validate_template_spec(job_spec(cron_job), _JOB_SPEC)
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += check.non_negative(getattr(spec, field), SPEC / field)
    if len(cron_job.metadata.name) > LONGEST_NAME:
        detail = f"must be no more than {LONGEST_NAME} characters"
        errors.append(fe.invalid(Path("metadata") / "name", cron_job.metadata.name, detail))
    return errors


def _schedule(text: str, path: Path) -> FieldErrors:
    errors: FieldErrors = []
    try:
        schedule.parse(text)
    except ValueError as error:
        errors.append(fe.invalid(path, text, str(error)))
    if "TZ" in text:
        detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        errors.append(fe.invalid(path, text, detail))
    return errors


def warnings(new: batch.CronJob, old: batch.CronJob | None) -> list[str]:
    """Warnings about a CronJob that is new, or whose spec changed."""
    if old is not None and new.spec == old.spec:
        return []
    before = job_spec(old) if old is not None else None
    return workload_validation.name_warnings(new, old) + spec_warnings(job_spec(new), before, _JOB_SPEC)


def row(cron_job: batch.CronJob, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    spec, status, job = cron_job.spec, cron_job.status, job_spec(cron_job)
    last = status.lastScheduleTime
    return [
        cron_job.metadata.name,
        spec.schedule,
        columns.NONE if spec.timeZone is None else spec.timeZone,
        str(bool(spec.suspend)),
        len(status.active),
        columns.NONE if last is None else times.age_of(last, now),
        times.age_of(cron_job.metadata.creationTimestamp, now),
        *pod_template.template_cells(job.template, pod_template.selector_cell(job.selector)),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the job, unique within its namespace."),
    Column(name="Schedule", description="When it starts jobs, in the form of cron."),
    Column(name="Timezone", description="The time zone of the schedule."),
    Column(name="Suspend", type="boolean", description="Whether no further jobs are started."),
    Column(name="Active", type="integer", description="How many of its jobs run."),
    Column(name="Last Schedule", description="How long ago it last started a job."),
    Column(name="Age", description="How long it exists."),
    *pod_template.TEMPLATE_COLUMNS,
)

CRON_JOB = Kind(
    group="batch",
    version="v1",
    kind="CronJob",
    plural="cronjobs",
    type=batch.CronJob,
    short_names=("cj",),
    categories=("all",),
    subresources=(pod_template.STATUS,),
    set_defaults=set_defaults,
    validate=validate,
    warnings=warnings,
    prepare_create=prepare_create,
    has_generation=True,
    columns=COLUMNS,
    row=row,
)

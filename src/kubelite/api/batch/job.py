"""The kind Job.

What: defaults, the selector and labels that the server makes, columns. Rules are in `job_validation` and `job_status`. Upstream:
pkg/registry/batch/job/strategy.go, pkg/apis/batch/v1/defaults.go, pkg/printers.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kubelite.api import pod_template, workload_validation
from kubelite.api.batch import job_status
from kubelite.api.batch import job_validation as rules
from kubelite.api.batch.job_status import has_condition
from kubelite.api.core.pod.warnings import template_warnings
from kubelite.api.types import batch_v1 as batch
from kubelite.api.types.meta_v1 import LabelSelector
from kubelite.machinery import times
from kubelite.machinery.fielderrors import Path
from kubelite.machinery.kind import Column, Kind

BACKOFF_LIMIT = 6
ORPHANS = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
SPEC = Path("spec")
_SHOWN = (
    (job_status.COMPLETE, "Complete"),
    (job_status.FAILED, "Failed"),
    ("", "Terminating"),
    (job_status.SUSPENDED, "Suspended"),
    (job_status.FAILURE_TARGET, "FailureTarget"),
    (job_status.SUCCESS_CRITERIA_MET, "SuccessCriteriaMet"),
)


def set_defaults(job: batch.Job) -> None:
    """One pod, tried again six times; labels after the template's."""
    spec = job.spec
    if spec.completions is None and spec.parallelism is None:
        spec.completions = 1
    if spec.parallelism is None:
        spec.parallelism = 1
    if spec.backoffLimit is None:
        spec.backoffLimit = BACKOFF_LIMIT if spec.backoffLimitPerIndex is None else 2**31 - 1
    if spec.template.metadata.labels and not job.metadata.labels:
        # The same map, as upstream: what `prepare_create` adds to the template's labels shows here, too.
        job.metadata.labels = spec.template.metadata.labels
    spec.completionMode = spec.completionMode or rules.NON_INDEXED
    spec.suspend = bool(spec.suspend)
    spec.manualSelector = bool(spec.manualSelector)
    if not spec.podReplacementPolicy:
        spec.podReplacementPolicy = "TerminatingOrFailed" if spec.podFailurePolicy is None else "Failed"
    default_shared(spec)


def default_shared(spec: batch.JobSpec) -> None:
    """The defaults that the specs of Jobs and of CronJobs' templates share."""
    if spec.podFailurePolicy is not None:
        for rule in spec.podFailurePolicy.rules:
            for pattern in rule.onPodConditions:
                pattern.status = pattern.status or "True"
    pod_template.default_template(spec.template)


def prepare_create(job: batch.Job) -> None:
    """A new Job has seen nothing yet; unless it chooses its pods itself, a label that no other Job has does."""
    job.status = batch.JobStatus()
    if job.spec.manualSelector:
        return
    uid, name = job.metadata.uid, job.metadata.name
    found = job.spec.template.metadata.labels
    made = {rules.OLD_JOB_NAME: name, rules.JOB_NAME: name, rules.OLD_CONTROLLER_UID: uid, rules.CONTROLLER_UID: uid}
    for key, value in made.items():
        found.setdefault(key, value)
    if job.spec.selector is None:
        job.spec.selector = LabelSelector()
    job.spec.selector.matchLabels.setdefault(rules.CONTROLLER_UID, uid)
    if not job.metadata.labels:
        job.metadata.labels = dict(found)


def warnings(new: batch.Job, old: batch.Job | None) -> list[str]:
    """Warnings about a Job that is new, or whose spec changed."""
    if old is not None and new.spec == old.spec:
        return []
    before = old.spec if old is not None else None
    return workload_validation.name_warnings(new, old) + spec_warnings(new.spec, before, SPEC)


def spec_warnings(new: batch.JobSpec, old: batch.JobSpec | None, path: Path) -> list[str]:
    """Warnings about the spec of a Job or in a CronJob."""
    found = []
    many = (new.completions or 0) > rules.MANY_COMPLETIONS and (new.parallelism or 0) > rules.MAX_PARALLELISM_OF_MANY
    if new.completionMode == rules.INDEXED and many:
        found.append(
            f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
            "Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        )
    return found + template_warnings(new.template, old.template if old is not None else None, path / "template")


def status_cell(job: batch.Job) -> str:
    """The state of a Job in one word."""
    for type_, word in _SHOWN:
        if has_condition(job.status, type_) if type_ else job.metadata.deletionTimestamp is not None:
            return word
    return "Running"


def completions_cell(job: batch.Job) -> str:
    """`1/3`: how many succeeded, out of how many."""
    done, spec = job.status.succeeded or 0, job.spec
    if spec.completions is not None:
        return f"{done}/{spec.completions}"
    parallelism = spec.parallelism or 0
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def duration_cell(job: batch.Job, now: datetime) -> str:
    """How long the Job runs, or ran until it was complete."""
    started, completed = job.status.startTime, job.status.completionTime
    if started is None:
        return ""
    return times.age_of(started, now if completed is None else times.parse(completed))


def row(job: batch.Job, now: datetime) -> list[Any]:
    """The cells in the order of `COLUMNS`."""
    return [
        job.metadata.name,
        status_cell(job),
        completions_cell(job),
        duration_cell(job, now),
        times.age_of(job.metadata.creationTimestamp, now),
        *pod_template.template_cells(job.spec.template, pod_template.selector_cell(job.spec.selector)),
    ]


COLUMNS = (
    Column(name="Name", format="name", description="Name of the job, unique within its namespace."),
    Column(name="Status", description="Whether the job runs, waits, or has ended."),
    Column(name="Completions", description="How many pods succeeded, out of those wanted."),
    Column(name="Duration", description="How long the job took."),
    Column(name="Age", description="How long the job exists."),
    *pod_template.TEMPLATE_COLUMNS,
)

JOB = Kind(
    group="batch",
    version="v1",
    kind="Job",
    plural="jobs",
    type=batch.Job,
    categories=("all",),
    subresources=(pod_template.STATUS,),
    set_defaults=set_defaults,
    validate=rules.validate,
    validate_update=rules.validate_update,
    validate_status_update=job_status.validate_status_update,
    warnings=warnings,
    prepare_create=prepare_create,
    has_generation=True,
    orphans_by_default=True,
    orphan_warning=ORPHANS,
    columns=COLUMNS,
    row=row,
    selectable={"status.successful": lambda job: str(job.status.succeeded or 0)},
)

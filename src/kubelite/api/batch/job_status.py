"""Validation of a Job's status: what a controller may tell of a Job.

Why: `spec.managedBy` lets anyone's controller write it, and clients rely on what it says: a finished Job stays finished. Most
rules only look at what the write changes, so that a status that broke a rule before does not stand in the way of other changes.
Upstream: pkg/apis/batch/validation (validateJobStatus), pkg/registry/batch/job/strategy.go (getStatusValidationOptions).
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api import validation as check
from kubelite.api.batch import indexes
from kubelite.api.types import batch_v1 as batch
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import times
from kubelite.machinery.fielderrors import FieldError, FieldErrors, Path

COMPLETE = "Complete"
FAILED = "Failed"
FAILURE_TARGET = "FailureTarget"
SUCCESS_CRITERIA_MET = "SuccessCriteriaMet"
SUSPENDED = "Suspended"
INDEXED = "Indexed"

STATUS = Path("status")
_CONDITIONS = STATUS / "conditions"
_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")


def has_condition(status: batch.JobStatus, type_: str, state: str = "True") -> bool:
    """Whether there is such a condition with that status."""
    return any(c.type == type_ and c.status == state for c in status.conditions)


def is_finished(status: batch.JobStatus) -> bool:
    """Whether the Job has ended, well or not."""
    return has_condition(status, COMPLETE) or has_condition(status, FAILED)


def validate_status_update(new: batch.Job, old: batch.Job) -> FieldErrors:
    """The mistakes in a status that is to replace another, in upstream's order."""
    errors: FieldErrors = []
    for field in _COUNTS:
        errors += check.non_negative(getattr(new.status, field), STATUS / field)
    errors += _uncounted(new.status.uncountedTerminatedPods)
    errors += _one_end(new.status, old.status)
    errors += _times(new.status, old.status)
    errors += _told_before(new.status, old.status)
    errors += _finished(new, old.status)
    errors += _index_texts(new, old.status)
    errors += _pods(new.status, old.status)
    errors += _met(new)
    return errors + _never_back(new, old)


def _conditions(detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", _CONDITIONS.text, f"Invalid value: {detail}")


def _changed(
    new: batch.JobStatus, old: batch.JobStatus, fields: Iterable[str] = (), conditions: Iterable[str] = ()
) -> bool:
    """Whether any of the fields or conditions differs."""
    return any(getattr(new, field) != getattr(old, field) for field in fields) or any(
        has_condition(new, type_) != has_condition(old, type_) for type_ in conditions
    )


def _uncounted(pods: batch.UncountedTerminatedPods | None) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(getattr(pods, field) if pods is not None else ()):
            here = (STATUS / "uncountedTerminatedPods" / field).index(index)
            if not uid:
                errors.append(fe.invalid(here, uid, "must not be empty"))
            elif uid in seen:
                errors.append(fe.duplicate(here, uid))
            seen.add(uid)
    return errors


def _one_end(status: batch.JobStatus, before: batch.JobStatus) -> FieldErrors:
    complete = has_condition(status, COMPLETE)
    errors: FieldErrors = []
    if complete and has_condition(status, FAILED) and _changed(status, before, conditions=(COMPLETE, FAILED)):
        errors.append(_conditions("cannot set Complete=True and Failed=true conditions"))
    target = has_condition(status, FAILURE_TARGET)
    if complete and target and _changed(status, before, conditions=(COMPLETE, FAILURE_TARGET)):
        errors.append(_conditions("cannot set Complete=True and FailureTarget=true conditions"))
    return errors


def _told_before(status: batch.JobStatus, before: batch.JobStatus) -> FieldErrors:
    """A Job says how it will end before it does."""
    errors: FieldErrors = []
    for end, first in ((FAILED, FAILURE_TARGET), (COMPLETE, SUCCESS_CRITERIA_MET)):
        missing = has_condition(status, end) and not has_condition(status, first)
        if missing and _changed(status, before, conditions=(end, first)):
            errors.append(_conditions(f"cannot set {end}=True condition without the {first}=true condition"))
    return errors


def _met(job: batch.Job) -> FieldErrors:
    """A Job that has met its criteria does not fail, and one with a policy is not complete without that."""
    status = job.status
    errors: FieldErrors = []
    if has_condition(status, SUCCESS_CRITERIA_MET):
        for type_ in (FAILED, FAILURE_TARGET):
            if has_condition(status, type_):
                errors.append(_conditions(f"cannot set SuccessCriteriaMet=True and {type_}=true conditions"))
    elif job.spec.successPolicy is not None and has_condition(status, COMPLETE):
        detail = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"
        errors.append(_conditions(detail))
    return errors


def _times(status: batch.JobStatus, before: batch.JobStatus) -> FieldErrors:
    complete = has_condition(status, COMPLETE)
    path, completed = STATUS / "completionTime", status.completionTime
    errors: FieldErrors = []
    if _changed(status, before, ("completionTime",), (COMPLETE,)):
        if completed is not None and not complete:
            detail = "cannot set completionTime when there is no Complete=True condition"
            errors.append(fe.invalid(path, completed, detail))
        if completed is None and complete:
            errors.append(fe.required(path, "completionTime is required for Complete jobs"))
    changed = _changed(status, before, ("startTime", "completionTime"))
    if changed and _is_before(completed, status.startTime):
        errors.append(fe.invalid(path, completed, "completionTime cannot be set before startTime"))
    return errors


def _is_before(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and times.parse(one) < times.parse(other)


def _finished(new: batch.Job, before: batch.JobStatus) -> FieldErrors:
    """Nothing of a finished Job runs or waits to be counted, and it did start."""
    status, errors = new.status, list[FieldError]()
    if not is_finished(status):
        return errors
    turned = not is_finished(before)
    active = status.active or 0
    if active > 0 and (turned or _changed(status, before, ("active",))):
        errors.append(fe.invalid(STATUS / "active", active, "active>0 is invalid for finished job"))
    # A suspended Job that wants nothing is complete without having started.
    wants_nothing = new.spec.suspend and new.spec.completions == 0
    if status.startTime is None and not wants_nothing and _changed(status, before, ("startTime",), (COMPLETE, FAILED)):
        errors.append(fe.required(STATUS / "startTime", "startTime is required for finished job"))
    pods = status.uncountedTerminatedPods
    changed = turned or _changed(status, before, ("uncountedTerminatedPods",))
    if pods is not None and (pods.failed or pods.succeeded) and changed:
        detail = "uncountedTerminatedPods needs to be empty for finished job"
        errors.append(fe.invalid(STATUS / "uncountedTerminatedPods", pods, detail))
    return errors


def _pods(status: batch.JobStatus, before: batch.JobStatus) -> FieldErrors:
    errors: FieldErrors = []
    terminating, finished = status.terminating or 0, is_finished(status)
    turned = finished != is_finished(before)
    if terminating > 0 and finished and (turned or _changed(status, before, ("terminating",))):
        errors.append(fe.invalid(STATUS / "terminating", terminating, "terminating>0 is invalid for finished job"))
    ready, active = status.ready or 0, status.active or 0
    if ready > active and _changed(status, before, ("ready", "active")):
        errors.append(fe.invalid(STATUS / "ready", ready, "cannot set more ready pods than active"))
    return errors


def _index_texts(new: batch.Job, before: batch.JobStatus) -> FieldErrors:
    spec, completed, failed = new.spec, new.status.completedIndexes, new.status.failedIndexes
    new_completed, new_failed = completed != before.completedIndexes, failed != before.failedIndexes
    errors: FieldErrors = []
    if new_completed:
        errors += _readable("completedIndexes", completed, spec.completions)
    if new_failed and spec.backoffLimitPerIndex is not None:
        errors += _readable("failedIndexes", failed, spec.completions)
    if new_completed and completed and spec.completionMode != INDEXED:
        detail = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.append(fe.invalid(STATUS / "completedIndexes", completed, detail))
    if new_failed and spec.backoffLimitPerIndex is None:
        detail = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.append(fe.invalid(STATUS / "failedIndexes", failed, detail))
    if (new_completed or new_failed) and spec.completions is not None:
        shared = indexes.first_shared(completed, failed, spec.completions)
        if shared is not None:
            detail = f"failedIndexes and completedIndexes overlap at index: {shared}"
            errors.append(fe.invalid(STATUS / "failedIndexes", failed, detail))
    return errors


def _readable(field: str, text: str, completions: int | None) -> FieldErrors:
    try:
        if completions is not None:
            indexes.parse(text, completions)
    except ValueError as error:
        return [fe.invalid(STATUS / field, text, f"error parsing {field}: {error}")]
    return []


def _never_back(new: batch.Job, old: batch.Job) -> FieldErrors:
    """What has been counted stays counted, and what has ended has ended."""
    status, before = new.status, old.status
    errors: FieldErrors = []
    for type_ in (FAILED, COMPLETE, FAILURE_TARGET):
        if has_condition(before, type_) and not has_condition(status, type_):
            errors.append(_conditions(f"cannot disable the terminal {type_}=True condition"))
    elastic = new.spec.completionMode == INDEXED and new.spec.completions == new.spec.parallelism
    for field in ("failed",) if elastic else ("failed", "succeeded"):
        if (getattr(status, field) or 0) < (getattr(before, field) or 0):
            number = getattr(status, field) or 0
            errors.append(fe.invalid(STATUS / field, number, f"cannot decrease the {field} counter"))
    errors += _fixed_times(new, before)
    met, met_before = has_condition(status, SUCCESS_CRITERIA_MET), has_condition(before, SUCCESS_CRITERIA_MET)
    if met_before and not met:
        errors.append(_conditions("cannot disable the SuccessCriteriaMet=True condition"))
    if has_condition(before, COMPLETE) and not met_before and met:
        detail = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        errors.append(_conditions(detail))
    return errors


def _fixed_times(new: batch.Job, before: batch.JobStatus) -> FieldErrors:
    completed, started = new.status.completionTime, new.status.startTime
    errors: FieldErrors = []
    if completed is not None and before.completionTime not in (None, completed):
        errors.append(fe.invalid(STATUS / "completionTime", completed, "completionTime cannot be mutated"))
    # A Job that is resumed starts anew, in the same write that takes back its condition.
    resumed = has_condition(before, SUSPENDED) and has_condition(new.status, SUSPENDED, "False")
    if before.startTime is not None and started != before.startTime and not (new.spec.suspend or resumed):
        errors.append(fe.invalid(STATUS / "startTime", started, "field is immutable for unsuspended job once set"))
    return errors

"""Counts each pod of a Job once: from finalizer over `uncountedTerminatedPods` to the counters (pure).

What: `track` gives the status to write before finalizers are removed, and whose; `settle` moves what no longer has a finalizer
into the counters and ends the Job. Why: between two writes the process may die at any point; a uid in the status, or an index,
says that its pod was seen, and a finalizer that it is not yet gone. Upstream: job_controller.go
(trackJobStatusAndRemoveFinalizers).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from kubelite.api.batch import job_status as states
from kubelite.api.logic import podstatus
from kubelite.api.types.batch_v1 import Job, JobCondition, JobStatus, UncountedTerminatedPods
from kubelite.controllers.job import pods
from kubelite.controllers.job.plan import Decision, Observed, made_condition
from kubelite.controllers.job.policies import judge
from kubelite.machinery import times
from kubelite.machinery.meta import condition, set_condition

MOST_UNCOUNTED = 500


@dataclass(frozen=True, slots=True)
class Done:
    """What of a decision came true: how many pods were made, and deleted, and how many of these were ready."""

    created: int = 0
    deleted: int = 0
    deleted_ready: int = 0
    complete: bool = True
    """Whether all went well, so that the Job may end."""


@dataclass(slots=True)
class Tracking:
    """`release` are the pods whose finalizer goes once `status` is written; `tracked` the uids that still have it."""

    status: JobStatus
    release: list[Any] = field(default_factory=list)
    tracked: set[str] = field(default_factory=set)
    end: JobCondition | None = None
    more: bool = False
    """There were too many pods for one status: the Job is not over."""
    events: list[tuple[str, str, str]] = field(default_factory=list)


def track(observed: Observed, decision: Decision, done: Done) -> Tracking:
    """The status that is written before any finalizer is removed."""
    job, counts = observed.job, decision.counts
    status = copy.copy(job.status)
    status.conditions = [copy.copy(found) for found in status.conditions]
    old = status.uncountedTerminatedPods
    status.uncountedTerminatedPods = (
        UncountedTerminatedPods(succeeded=list(old.succeeded), failed=list(old.failed))
        if old is not None
        else UncountedTerminatedPods()
    )
    active = len(counts.active) - done.deleted + done.created
    status.active = active
    status.ready = max(counts.ready - done.deleted_ready, 0)
    status.terminating = counts.terminating + done.deleted
    tracking = Tracking(status)
    if status.startTime is None and not pods.is_suspended(job):
        status.startTime = times.now_text(observed.now)
    tracking.end = _end(observed, decision, done, active)
    if decision.managed and tracking.end is None:
        _tell_suspended(observed, tracking)
    tracking.tracked = {
        pod.metadata.uid
        for pod in observed.pods
        if pods.has_finalizer(pod) and pod.metadata.uid not in observed.released
    }
    _clean(status, tracking.tracked)
    _list_pods(observed, decision, tracking)
    _interim(observed, tracking)
    return tracking


def _end(observed: Observed, decision: Decision, done: Done, active: int) -> JobCondition | None:
    if decision.end is not None:
        # Not before every pod is seen to go: some may not be in the cache yet.
        return decision.end if done.complete and observed.settled else None
    job, counts = observed.job, decision.counts
    if active:
        return None
    if job.spec.completions is None:
        complete = counts.succeeded > 0
    else:
        complete = counts.succeeded >= job.spec.completions
    if not complete:
        return None
    message = "Reached expected number of succeeded pods"
    return made_condition(states.SUCCESS_CRITERIA_MET, "CompletionsReached", message, observed.now)


def _tell_suspended(observed: Observed, tracking: Tracking) -> None:
    status, now = tracking.status, observed.now
    found = condition(status.conditions, states.SUSPENDED)
    if pods.is_suspended(observed.job):
        status.startTime = None
        if found is None or found.status != "True":
            _put(status, made_condition(states.SUSPENDED, "JobSuspended", "Job suspended", now))
            tracking.events.append(("Normal", "Suspended", "Job suspended"))
    elif found is not None and found.status != "False":
        _put(status, made_condition(states.SUSPENDED, "JobResumed", "Job resumed", now, "False"))
        tracking.events.append(("Normal", "Resumed", "Job resumed"))
        status.startTime = times.now_text(now)


def _put(status: JobStatus, wanted: JobCondition) -> None:
    set_condition(status.conditions, wanted, wanted.lastTransitionTime or "")


def _list_pods(observed: Observed, decision: Decision, tracking: Tracking) -> None:
    """List the pods that have ended as uncounted; their finalizers may go."""
    job, counts, status = observed.job, decision.counts, tracking.status
    uncounted = status.uncountedTerminatedPods
    assert uncounted is not None
    indexes: list[int] = []
    ordered = sorted(observed.pods, key=pods.index_of) if pods.is_indexed(job) else observed.pods
    for pod in ordered:
        if pod.metadata.uid not in tracking.tracked or not _may_release(observed, decision, tracking, pod):
            continue
        tracking.release.append(pod)
        uid = pod.metadata.uid
        if pod.status.phase == podstatus.SUCCEEDED and uid not in uncounted.failed:
            if pods.is_indexed(job):
                if pods.valid_index(job, pod) and pods.index_of(pod) not in counts.before:
                    indexes.append(pods.index_of(pod))
            elif uid not in uncounted.succeeded:
                uncounted.succeeded.append(uid)
        elif _counts_as_failed(observed, tracking, pod) and uid not in uncounted.failed:
            uncounted.failed.append(uid)
        if len(indexes) + len(uncounted.succeeded) + len(uncounted.failed) >= MOST_UNCOUNTED:
            tracking.more = True
            break
    if pods.is_indexed(job):
        completed = counts.before.plus(indexes)
        status.completedIndexes = str(completed)
        status.succeeded = len(completed)
        status.failedIndexes = str(counts.failed_indexes) if counts.failed_indexes is not None else ""


def _may_release(observed: Observed, decision: Decision, tracking: Tracking, pod: Any) -> bool:
    job = observed.job
    if job.metadata.deletionTimestamp is not None or tracking.end is not None:
        return True
    if pod.status.phase == podstatus.SUCCEEDED:
        return True
    if not pods.is_failed(job, pod):
        return False
    kept = decision.counts.waiting.get(pods.index_of(pod))
    return kept is None or kept.metadata.uid != pod.metadata.uid


def _counts_as_failed(observed: Observed, tracking: Tracking, pod: Any) -> bool:
    job, end = observed.job, tracking.end
    by_end = end is not None and end.type != states.SUCCESS_CRITERIA_MET
    if not pods.is_failed(job, pod) and not by_end:
        return False
    if pods.is_indexed(job) and not pods.valid_index(job, pod):
        return False
    return judge(job.spec.podFailurePolicy, pod).counts


def _interim(observed: Observed, tracking: Tracking) -> None:
    """Say how the Job will end before its pods may vanish; `end` becomes the final condition."""
    end, status = tracking.end, tracking.status
    if end is None:
        return
    if end.type in (states.FAILURE_TARGET, states.SUCCESS_CRITERIA_MET):
        if not states.has_condition(status, end.type):
            _put(status, end)
        final = states.FAILED if end.type == states.FAILURE_TARGET else states.COMPLETE
        tracking.end = made_condition(final, end.reason, end.message, observed.now)


def _clean(status: JobStatus, tracked: set[str]) -> bool:
    """Move the uids that no longer have a finalizer into the counters; whether there were any."""
    uncounted = status.uncountedTerminatedPods
    assert uncounted is not None
    good = [uid for uid in uncounted.succeeded if uid in tracked]
    bad = [uid for uid in uncounted.failed if uid in tracked]
    moved = len(uncounted.succeeded) - len(good), len(uncounted.failed) - len(bad)
    if not any(moved):
        return False
    status.succeeded = (status.succeeded or 0) + moved[0]
    status.failed = (status.failed or 0) + moved[1]
    status.uncountedTerminatedPods = UncountedTerminatedPods(succeeded=good, failed=bad)
    return True


def announced(job: Job, end: JobCondition) -> JobStatus | None:
    """The status that says how the Job will end, None if it says so already: written before any pod is stopped."""
    if end.type == states.FAILED or states.has_condition(job.status, end.type):
        return None
    status = copy.copy(job.status)
    status.conditions = [copy.copy(found) for found in status.conditions]
    _put(status, end)
    return status


def settle(job: Job, tracking: Tracking) -> tuple[JobStatus, bool]:
    """(the status after finalizers were removed, whether it differs from that of `job`).

    `tracking.tracked` holds the uids that still have one; the events of the end are added to `tracking.events`.
    """
    status = copy.copy(job.status)
    status.conditions = [copy.copy(found) for found in status.conditions]
    if status.uncountedTerminatedPods is None:
        status.uncountedTerminatedPods = UncountedTerminatedPods()
    changed = _clean(status, tracking.tracked)
    left = status.uncountedTerminatedPods
    end = tracking.end
    if end is None or tracking.more or left.succeeded or left.failed or status.terminating:
        return status, changed
    _put(status, end)
    if status.startTime is None and not (pods.is_suspended(job) and job.spec.completions == 0):
        status.startTime = end.lastTransitionTime  # it failed by pods that ended after it was suspended
    if end.type == states.COMPLETE:
        status.completionTime = end.lastTransitionTime
        if job.spec.completions is not None and (status.succeeded or 0) > job.spec.completions:
            message = "Too many succeeded pods running after completion count reached"
            tracking.events.append(("Warning", "TooManySucceededPods", message))
        tracking.events.append(("Normal", "Completed", "Job completed"))
    else:
        tracking.events.append(("Warning", end.reason, end.message))
    return status, True


def differs(old: JobStatus, new: JobStatus) -> bool:
    """Whether `new` must be written; absent counts are zeros and an absent list is empty."""
    counts = ("active", "ready", "terminating", "succeeded", "failed")
    if any((getattr(old, name) or 0) != (getattr(new, name) or 0) for name in counts):
        return True
    if old.ready is None or old.terminating is None:
        return True
    lists = (old.uncountedTerminatedPods or UncountedTerminatedPods(), new.uncountedTerminatedPods)
    if lists[0] != lists[1]:
        return True
    names = ("startTime", "completionTime", "completedIndexes", "failedIndexes", "conditions")
    return any(getattr(old, name) != getattr(new, name) for name in names)

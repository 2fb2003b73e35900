"""What a Job does next: the decision of the controller.

What: `decide(Observed) -> Decision`, pure: pods to make and to delete, and how the Job ends. Why: a pod that is counted twice or
not at all is a wrong result for whoever waits for it, so counting is testable alone. Flow: pods → counts → end? → pods to
make or delete; `tracking` then writes what was counted. Upstream: pkg/controller/job/job_controller.go (syncJob, manageJob).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from kubelite.api.batch import job_status as states
from kubelite.api.logic import podstatus
from kubelite.api.types.batch_v1 import Job, JobCondition
from kubelite.controllers.job import pods, policies
from kubelite.controllers.job.backoff import Failures, remaining
from kubelite.controllers.job.indexset import IndexSet
from kubelite.controllers.replicaset.plan import deletion_order
from kubelite.machinery import times
from kubelite.machinery.meta import condition

MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are those held; `settled`: the cache shows what was asked for; `released`: uids whose finalizer was taken away."""

    job: Job
    pods: Sequence[Any]
    now: datetime
    settled: bool = True
    released: frozenset[str] = frozenset()
    failures: Failures = field(default_factory=Failures)


@dataclass(slots=True)
class Counts:
    """What the pods say, on top of what the status says."""

    active: list[Any]
    ready: int
    terminating: int
    succeeded: int
    failed: int
    failures: Failures
    before: IndexSet = field(default_factory=IndexSet)
    """Indexes that the status calls completed."""
    completed: IndexSet = field(default_factory=IndexSet)
    """Those and the ones that pods add."""
    failed_indexes: IndexSet | None = None
    waiting: dict[int, Any] = field(default_factory=dict)
    """By index, the failed pod that stays until its successor has taken over its count of failures."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`end` is the condition the Job ends with; `stop` are active pods deleted because of it, which stay counted; `delete` are
    pods too many, which do not count; `create` the indexes of pods to make, None for a pod without one.
    """

    counts: Counts
    end: JobCondition | None = None
    stop: tuple[Any, ...] = ()
    delete: tuple[Any, ...] = ()
    create: tuple[int | None, ...] = ()
    again: float = 0.0
    managed: bool = False
    """Whether pods were looked after, so that the condition Suspended may be told."""


def made_condition(type_: str, reason: str, message: str, now: datetime, status: str = "True") -> JobCondition:
    text = times.now_text(now)
    return JobCondition(
        type=type_, status=status, reason=reason, message=message, lastProbeTime=text, lastTransitionTime=text
    )


def decide(observed: Observed) -> Decision:
    """The next step of a Job that has not ended."""
    job = observed.job
    counts = count(observed)
    end, again = _end(observed, counts)
    if end is not None:
        return Decision(counts, end, stop=tuple(counts.active), again=again)
    if not observed.settled or job.metadata.deletionTimestamp is not None:
        return Decision(counts, again=again)
    delete, create, wait = _manage(observed, counts)
    again = min((seconds for seconds in (again, wait) if seconds), default=0.0)
    return Decision(counts, delete=delete, create=create, again=again, managed=True)


def count(observed: Observed) -> Counts:
    """What the pods add to the status."""
    job, status = observed.job, observed.job.status
    uncounted = status.uncountedTerminatedPods
    listed_good = set(uncounted.succeeded) if uncounted is not None else set()
    listed_bad = set(uncounted.failed) if uncounted is not None else set()
    fresh = [pod for pod in observed.pods if _is_uncounted(observed, pod)]
    good = [p for p in fresh if p.status.phase == podstatus.SUCCEEDED and p.metadata.uid not in listed_good]
    bad = [p for p in fresh if pods.is_failed(job, p) and p.metadata.uid not in listed_bad]
    counted_bad = [pod for pod in bad if policies.judge(job.spec.podFailurePolicy, pod).counts]
    active = [pod for pod in observed.pods if podstatus.is_active(pod)]
    ends = (pods.finish_time(pod) for pod in good), (pods.finish_time(pod) for pod in bad)
    counts = Counts(
        active=active,
        ready=sum(podstatus.is_ready(pod) for pod in active),
        terminating=sum(podstatus.is_terminating(p) and not podstatus.is_terminal(p) for p in observed.pods),
        succeeded=(status.succeeded or 0) + len(good) + len(listed_good),
        failed=(status.failed or 0) + len(counted_bad) + len(listed_bad),
        failures=observed.failures.after(*ends),
    )
    if pods.is_indexed(job):
        _count_indexes(observed, counts)
    return counts


def _is_uncounted(observed: Observed, pod: Any) -> bool:
    """Whether the pod may still be news: it has its finalizer and, where that is needed, an index."""
    if not pods.has_finalizer(pod) or pod.metadata.uid in observed.released:
        return False
    return not pods.is_indexed(observed.job) or pods.valid_index(observed.job, pod)


def _count_indexes(observed: Observed, counts: Counts) -> None:
    job = observed.job
    completions = job.spec.completions or 0
    tracked = [pod for pod in observed.pods if _is_uncounted(observed, pod)]
    counts.before = IndexSet.parse(job.status.completedIndexes, completions)
    done = (pods.index_of(pod) for pod in tracked if pod.status.phase == podstatus.SUCCEEDED)
    counts.completed = counts.before.plus(done)
    counts.succeeded = len(counts.completed)
    if not pods.per_index(job):
        return
    failed = IndexSet.parse(job.status.failedIndexes, completions)
    counts.failed_indexes = failed.plus(pods.index_of(pod) for pod in tracked if pods.index_failed(job, pod))
    running = {pods.index_of(pod) for pod in counts.active}
    for pod in observed.pods:
        index = pods.index_of(pod)
        if not _is_uncounted(observed, pod) or not pods.is_failed(job, pod) or index in running:
            continue
        if index in counts.completed or index in counts.failed_indexes:
            continue
        rival = counts.waiting.get(index)
        if rival is None or _rank(rival) <= _rank(pod):
            counts.waiting[index] = pod


def _rank(pod: Any) -> tuple[int, datetime, str]:
    return pods.all_failures(pod), pods.finish_time(pod), pod.metadata.uid


def _end(observed: Observed, counts: Counts) -> tuple[JobCondition | None, float]:
    """(the condition that the Job ends with, seconds until its deadline)."""
    job, now = observed.job, observed.now
    met = condition(job.status.conditions, states.SUCCESS_CRITERIA_MET)
    if met is not None and met.status == "True":
        return met, 0.0
    target = condition(job.status.conditions, states.FAILURE_TARGET)
    if target is not None and target.status == "True":
        return made_condition(states.FAILED, target.reason, target.message, now), 0.0
    why, again = _failure(observed, counts)
    if why is None and pods.is_indexed(job):
        why = _index_failure(job, counts)
        message = policies.success(job.spec.successPolicy, job.spec.completions or 0, counts.completed)
        if why is None and message:
            return made_condition(states.SUCCESS_CRITERIA_MET, "SuccessPolicy", message, now), 0.0
    return (made_condition(states.FAILURE_TARGET, *why, now) if why is not None else None), again


def _failure(observed: Observed, counts: Counts) -> tuple[tuple[str, str] | None, float]:
    """((reason, message) if the Job has failed, seconds until its deadline)."""
    job = observed.job
    for pod in observed.pods if job.spec.podFailurePolicy is not None else ():
        if pods.is_failed(job, pod):
            message = policies.judge(job.spec.podFailurePolicy, pod).message
            if message:
                return ("PodFailurePolicy", message), 0.0
    limit = job.spec.backoffLimit if job.spec.backoffLimit is not None else 6
    if counts.failed > limit or _restarted_too_often(job, limit, observed.pods):
        return ("BackoffLimitExceeded", "Job has reached the specified backoff limit"), 0.0
    deadline, started = job.spec.activeDeadlineSeconds, job.status.startTime
    if deadline is None or pods.is_suspended(job):
        return None, 0.0
    passed = (observed.now - times.parse(started)).total_seconds() if started else 0.0
    if started and passed >= deadline:
        return ("DeadlineExceeded", "Job was active longer than specified deadline"), 0.0
    return None, max(deadline - passed, 0.01)


def _restarted_too_often(job: Job, limit: int, found: Sequence[Any]) -> bool:
    if job.spec.template.spec.restartPolicy != "OnFailure":
        return False
    total = 0
    for pod in found:
        if pod.status.phase in (podstatus.RUNNING, podstatus.PENDING):
            statuses = (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
            total += sum(status.restartCount or 0 for status in statuses)
    return total >= max(limit, 1)


def _index_failure(job: Job, counts: Counts) -> tuple[str, str] | None:
    failed = counts.failed_indexes
    if failed is None:
        return None
    most = job.spec.maxFailedIndexes
    if most is not None and len(failed) > most:
        message = "Job has exceeded the specified maximal number of failed indexes"
        return "MaxFailedIndexesExceeded", message
    if len(failed) and len(failed) + len(counts.completed) >= (job.spec.completions or 0):
        return "FailedIndexes", "Job has failed indexes"
    return None


def _manage(observed: Observed, counts: Counts) -> tuple[tuple[Any, ...], tuple[int | None, ...], float]:
    """(pods too many, indexes to make pods for, seconds until one may be made)."""
    job = observed.job
    present = len(counts.active)
    if pods.is_suspended(job):
        return tuple(counts.active), (), 0.0
    wanted = _wanted(job, counts)
    surplus = _surplus(observed, counts.active, max(present - wanted, 0))
    if surplus:
        return tuple(surplus[:MOST_AT_ONCE]), (), 0.0
    missing = wanted - present
    if pods.only_replaces_failed(job):
        missing -= counts.terminating
    if missing <= 0:
        return (), (), 0.0
    if not pods.per_index(job):
        wait = remaining(counts.failures.count, counts.failures.last, observed.now)
        if wait:
            return (), (), wait
    missing = min(missing, MOST_AT_ONCE)
    if not pods.is_indexed(job):
        return (), (None,) * missing, 0.0
    chosen, wait = _indexes(observed, counts, missing)
    return (), tuple(chosen), wait


def _wanted(job: Job, counts: Counts) -> int:
    """How many pods should be active."""
    parallelism = job.spec.parallelism if job.spec.parallelism is not None else 1
    if job.spec.completions is None:
        return len(counts.active) if counts.succeeded > 0 else parallelism
    return max(min(job.spec.completions - counts.succeeded, parallelism), 0)


def _surplus(observed: Observed, active: Sequence[Any], least: int) -> list[Any]:
    """Pods without a right index or with one that another has, and as many more as must go."""
    remove: list[Any] = []
    left = sorted(active, key=lambda pod: str(pod.metadata.name))
    if pods.is_indexed(observed.job):
        by_index: dict[int, list[Any]] = {}
        for pod in left:
            index = pods.index_of(pod) if pods.valid_index(observed.job, pod) else -1
            by_index.setdefault(index, []).append(pod)
        left = []
        remove += by_index.pop(-1, [])
        for _, same in sorted(by_index.items()):
            ordered = deletion_order(same, (), observed.now) if len(same) > 1 else same
            remove += ordered[:-1]
            left.append(ordered[-1])
    if len(remove) < least:
        remove += deletion_order(left, (), observed.now)[: least - len(remove)]
    return remove


def _indexes(observed: Observed, counts: Counts, most: int) -> tuple[list[int], float]:
    """(the first indexes that need a pod and may have one, seconds until one may if none does)."""
    job = observed.job
    busy = counts.completed.plus(i for i in map(pods.index_of, counts.active) if i >= 0)
    if pods.only_replaces_failed(job):
        going = (p for p in observed.pods if podstatus.is_terminating(p) and not podstatus.is_terminal(p))
        busy = busy.plus(index for index in map(pods.index_of, going) if index >= 0)
    if counts.failed_indexes is not None:
        busy = busy.union(counts.failed_indexes)
    pending = list(islice(busy.missing(job.spec.completions or 0), most))
    if not pods.per_index(job):
        return pending, 0.0
    waits = {index: _wait(counts.waiting.get(index), observed.now) for index in pending}
    now = [index for index in pending if not waits[index]]
    return now, 0.0 if now else min(waits.values(), default=0.0)


def _wait(replaced: Any | None, now: datetime) -> float:
    if replaced is None:
        return 0.0
    return remaining(pods.all_failures(replaced) + 1, pods.finish_time(replaced), now)

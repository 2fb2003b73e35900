"""What the job controller tells at /metrics, under upstream's names. Source: pkg/controller/job/metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.api.batch import job_status as states
from kubelite.api.logic import podstatus
from kubelite.api.types.batch_v1 import Job, JobCondition, JobStatus
from kubelite.client.informer import Change
from kubelite.controllers.job import pods as looks
from kubelite.controllers.job.indexset import IndexSet
from kubelite.controllers.job.plan import Decision
from kubelite.controllers.job.policies import judge
from kubelite.util.metrics import Registry

BUCKETS = tuple(0.004 * 2**power for power in range(15))
SYNC = ("completion_mode", "result", "action")


class JobMetrics:
    """The counters; callers say what happened."""

    def __init__(self, registry: Registry) -> None:
        def counter(name: str, text: str, *labels: str) -> Any:
            return registry.counter(f"job_controller_{name}", text, labels)

        self._durations = registry.histogram(
            "job_controller_job_sync_duration_seconds", "The time it took to sync a job", SYNC, BUCKETS
        )
        self._syncs = counter("job_syncs_total", "The number of job syncs", *SYNC)
        self._finished = counter(
            "jobs_finished_total", "The number of finished jobs", "completion_mode", "result", "reason"
        )
        text = "The number of finished Pods that are fully tracked"
        self._pods = counter("job_pods_finished_total", text, "completion_mode", "result")
        text = "The number of finished indexes, by status and by whether they have a backoff limit of their own"
        self._indexes = counter("job_finished_indexes_total", text, "status", "backoffLimit")
        text = "The number of Pods created by the Job controller, by reason and status"
        self._created = counter("job_pods_creation_total", text, "reason", "status")
        text = "The number of failed Pods handled by failure policy with respect to the action of the matched rule"
        self._handled = counter("pod_failures_handled_by_failure_policy_total", text, "action")
        text = "The number of terminated pods that have, or had, the finalizer batch.kubernetes.io/job-tracking"
        self._tracked = counter("terminated_pods_tracking_finalizer_total", text, "event")
        text = "The number of Jobs managed by an external controller"
        self._external = counter("jobs_by_external_controller_total", text, "controller_name")

    def synced(self, job: Job, result: str, action: str, seconds: float) -> None:
        """One look at a Job is over."""
        labels = (_mode(job), result, action)
        self._syncs.inc(*labels)
        self._durations.observe(seconds, *labels)

    def counted(self, job: Job, after: JobStatus) -> None:
        """A Job's status was written in place of the one that it has."""
        before = job.status
        mode, kind = _mode(job), "perIndex" if looks.per_index(job) else "global"
        for name in ("succeeded", "failed"):
            more = (getattr(after, name) or 0) - (getattr(before, name) or 0)
            if more > 0:
                self._pods.inc(mode, name, by=more)
        if looks.is_indexed(job):
            for name, field in (("succeeded", "completedIndexes"), ("failed", "failedIndexes")):
                most = job.spec.completions or 0
                old, new = (len(IndexSet.parse(getattr(one, field) or "", most)) for one in (before, after))
                if new > old:
                    self._indexes.inc(name, kind, by=new - old)
        end = _end(after) if _end(before) is None else None
        if end is not None:
            self._finished.inc(mode, "succeeded" if end.type == states.COMPLETE else "failed", end.reason)

    def created(self, job: Job, decision: Decision, good: int, bad: int) -> None:
        """So many pods were made, and so many could not be."""
        counts = decision.counts
        reason = "new"
        if looks.only_replaces_failed(job):
            reason = "recreate_failed" if job.status.failed else "new"
        elif job.status.failed or counts.terminating:
            reason = "recreate_terminating_or_failed"
        for status, count in (("succeeded", good), ("failed", bad)):
            if count:
                self._created.inc(reason, status, by=count)

    def released(self, job: Job, pods: Sequence[Any]) -> None:
        """These pods were counted: which rule of the failure policy each failed one met."""
        policy = job.spec.podFailurePolicy
        for pod in pods if policy is not None else ():
            action = judge(policy, pod).action if looks.is_failed(job, pod) else ""
            if action:
                self._handled.inc(action)

    def pod_changed(self, change: Change[Any]) -> None:
        """Whether the set of ended pods that still have the finalizer has changed."""
        before, after = (one is not None and podstatus.is_terminal(one) and looks.has_finalizer(one) for one in change)
        if before != after:
            self._tracked.inc("add" if after else "delete")

    def managed_elsewhere(self, job: Job) -> None:
        """A new Job that is somebody else's."""
        self._external.inc(job.spec.managedBy)


def _end(status: JobStatus) -> JobCondition | None:
    """The condition that a Job has ended with."""
    ends = (states.COMPLETE, states.FAILED)
    return next((one for one in status.conditions if one.type in ends and one.status == "True"), None)


def _mode(job: Job) -> str:
    return job.spec.completionMode or "NonIndexed"

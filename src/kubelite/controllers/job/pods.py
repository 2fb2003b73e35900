"""What a Job asks of a pod: its index, whether it failed and when, and what a new one looks like.

All pure. Upstream: pkg/controller/job (indexed_job_utils.go, backoff_utils.go, job_controller.go isPodFailed).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from kubelite.api.batch.job_status import SUCCESS_CRITERIA_MET, has_condition
from kubelite.api.batch.job_validation import INDEXED
from kubelite.api.logic import podstatus
from kubelite.api.logic.podresources import is_sidecar
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.batch_v1 import Job
from kubelite.controllers.job.policies import judge
from kubelite.machinery import times

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
_ENV = "JOB_COMPLETION_INDEX"
LONGEST_PREFIX = 58


def is_indexed(job: Job) -> bool:
    return job.spec.completionMode == INDEXED


def per_index(job: Job) -> bool:
    """Whether failures count for each index alone."""
    return is_indexed(job) and job.spec.backoffLimitPerIndex is not None


def is_suspended(job: Job) -> bool:
    return bool(job.spec.suspend)


def only_replaces_failed(job: Job) -> bool:
    """Whether a pod that goes is replaced only when it has gone."""
    return job.spec.podReplacementPolicy == "Failed" or job.spec.podFailurePolicy is not None


def has_finalizer(pod: Any) -> bool:
    return FINALIZER in pod.metadata.finalizers


def index_of(pod: Any) -> int:
    """The completion index, -1 for none."""
    text = pod.metadata.annotations.get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1


def valid_index(job: Job, pod: Any) -> bool:
    """Whether the pod counts for an index that the Job has."""
    return 0 <= index_of(pod) < (job.spec.completions or 0)


def is_failed(job: Job, pod: Any) -> bool:
    """A pod that is deleted counts as failed at once, unless only those that have ended are replaced."""
    if pod.status.phase == podstatus.FAILED:
        return True
    if only_replaces_failed(job) or has_condition(job.status, SUCCESS_CRITERIA_MET):
        return False  # what a Job stops because it has succeeded has not failed
    return podstatus.is_terminating(pod) and bool(pod.status.phase != podstatus.SUCCEEDED)


def _count(pod: Any, annotation: str) -> int:
    text = pod.metadata.annotations.get(annotation, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0


def failures(pod: Any) -> int:
    """How often the pod's index had failed before it."""
    return _count(pod, FAILURES)


def all_failures(pod: Any) -> int:
    return _count(pod, FAILURES) + _count(pod, IGNORED_FAILURES)


def index_failed(job: Job, pod: Any) -> bool:
    """Whether the pod's index fails with it."""
    if not is_failed(job, pod):
        return False
    verdict = judge(job.spec.podFailurePolicy, pod)
    if verdict.action == "FailIndex":
        return True
    return verdict.counts and failures(pod) >= (job.spec.backoffLimitPerIndex or 0)


def finish_time(pod: Any) -> datetime:
    """When the pod ended, as well as it can be told: its sidecars run longer than its containers."""
    sidecars = {container.name for container in pod.spec.initContainers if is_sidecar(container)}
    statuses = [*pod.status.containerStatuses, *(s for s in pod.status.initContainerStatuses if s.name in sidecars)]
    ends = [
        s.state.terminated.finishedAt if s.state is not None and s.state.terminated is not None else None
        for s in statuses
    ]
    if ends and all(ends):
        return max(times.parse(end) for end in ends if end)
    ready = podstatus.ready_condition(pod)
    if ready is not None and ready.status == "False" and ready.lastTransitionTime:
        return times.parse(ready.lastTransitionTime)
    meta = pod.metadata
    if meta.deletionTimestamp is not None:
        return times.parse(meta.deletionTimestamp) - timedelta(seconds=meta.deletionGracePeriodSeconds or 0)
    return times.parse(meta.creationTimestamp)


def template_for(job: Job) -> v1.PodTemplateSpec:
    """The template of all the Job's pods: with the finalizer, and for indexed Jobs with the index in the environment."""
    template = copy.copy(job.spec.template)
    template.metadata = copy.copy(template.metadata)
    if FINALIZER not in template.metadata.finalizers:
        template.metadata.finalizers = [*template.metadata.finalizers, FINALIZER]
    if is_indexed(job):
        template.spec = copy.copy(template.spec)
        template.spec.containers = [_with_index(container) for container in template.spec.containers]
        template.spec.initContainers = [_with_index(container) for container in template.spec.initContainers]
    return template


def _with_index(container: v1.Container) -> v1.Container:
    if any(variable.name == _ENV for variable in container.env):
        return container
    made = copy.copy(container)
    source = v1.EnvVarSource(fieldRef=v1.ObjectFieldSelector(fieldPath=f"metadata.labels['{INDEX}']"))
    made.env = [*container.env, v1.EnvVar(name=_ENV, valueFrom=source)]
    return made


def for_index(job: Job, template: v1.PodTemplateSpec, index: int, replaced: Any | None) -> v1.PodTemplateSpec:
    """The template of one index; `replaced` is the failed pod in whose place the new one comes."""
    made = copy.copy(template)
    made.metadata = copy.copy(template.metadata)
    made.metadata.annotations = {**template.metadata.annotations, INDEX: str(index)}
    made.metadata.labels = {**template.metadata.labels, INDEX: str(index)}
    if per_index(job):
        made.metadata.annotations |= _failure_counts(job, replaced)
    made.spec = copy.copy(template.spec)
    made.spec.hostname = f"{job.metadata.name}-{index}"
    return made


def _failure_counts(job: Job, replaced: Any | None) -> Mapping[str, str]:
    if replaced is None:
        return {FAILURES: "0"}
    counted, ignored = failures(replaced), _count(replaced, IGNORED_FAILURES)
    if judge(job.spec.podFailurePolicy, replaced).counts:
        counted += 1
    else:
        ignored += 1
    return {FAILURES: str(counted)} | ({IGNORED_FAILURES: str(ignored)} if ignored else {})


def name_prefix(job: Job, index: int | None) -> str:
    """What the names of the pods begin with."""
    if index is None:
        return f"{job.metadata.name}-"
    tail = f"-{index}-"
    return job.metadata.name[: LONGEST_PREFIX - len(tail)] + tail

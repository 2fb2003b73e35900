"""When a finished Job may go: pure. Source: pkg/controller/ttlafterfinished."""

from __future__ import annotations

from datetime import datetime, timedelta

from kubelite.api.batch.job_status import COMPLETE, FAILED
from kubelite.api.types.batch_v1 import Job
from kubelite.machinery import times


def seconds_left(job: Job, now: datetime) -> float | None:
    """Seconds until the Job may go, not above 0 if it may go now; None for one that stays."""
    ttl = job.spec.ttlSecondsAfterFinished
    if ttl is None or job.metadata.deletionTimestamp is not None:
        return None
    for condition in job.status.conditions:
        if condition.type in (COMPLETE, FAILED) and condition.status == "True":
            if condition.lastTransitionTime is None:
                return None
            return (times.parse(condition.lastTransitionTime) + timedelta(seconds=ttl) - now).total_seconds()
    return None

"""Which Job a CronJob starts and what it says of the others, by table."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.batch.cron_job import set_defaults
from kubelite.api.types.batch_v1 import CronJob, Job, JobCondition
from kubelite.controllers.cronjob.plan import (
    _start,
    due,
    job_name,
    make_job,
    reference,
    review,
    surplus,
    without,
)

NOW = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def cron_job(last: str | None = "2030-01-01T11:59:00Z", active: list[Job] | None = None, **spec: Any) -> CronJob:
    made = CronJob()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = "tick", "default", "uid-tick"
    made.metadata.creationTimestamp = "2030-01-01T11:00:00Z"
    made.spec.schedule = "* * * * *"
    for name, value in spec.items():
        setattr(made.spec, name, value)
    set_defaults(made)
    assert made.spec.jobTemplate is not None
    made.spec.jobTemplate.metadata.labels = {"app": "tick"}
    made.status.lastScheduleTime = last
    made.status.active = [reference(job) for job in active or ()]
    return made


def job(name: str, ended: str = "", started: str = "2030-01-01T11:00:00Z") -> Job:
    made = Job()
    made.metadata.name, made.metadata.namespace, made.metadata.uid = name, "default", f"uid-{name}"
    made.status.startTime = started
    if ended:
        made.status.conditions = [JobCondition(type=ended, status="True")]
        made.status.completionTime = started if ended == "Complete" else None
    return made


def test_a_job_is_due_and_the_next_time_is_told():
    found = due(cron_job(), cron_job().status, NOW)
    assert found.scheduled == NOON and found.wait == pytest.approx(30.1) and found.events == ()


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (cron_job(last="2030-01-01T12:00:00Z"), ""),
        (cron_job(suspend=True), ""),
        (cron_job(active=[job("tick-31558320")], concurrencyPolicy="Allow"), "start"),
        (cron_job(active=[job("old")], concurrencyPolicy="Allow"), "start"),
        (cron_job(active=[job("old")], concurrencyPolicy="Forbid"), "JobAlreadyActive"),
        (cron_job(active=[job("old")], concurrencyPolicy="Replace"), "start"),
        (cron_job(startingDeadlineSeconds=10), ""),
        (cron_job(startingDeadlineSeconds=40), "start"),
        (cron_job(last=None), "start"),
        (cron_job(last="2029-12-01T00:00:00Z"), "TooManyMissedTimes"),
        (cron_job(timeZone="Nowhere/City"), "UnknownTimeZone"),
        (cron_job(schedule="nonsense"), "UnparseableSchedule"),
        (cron_job(schedule="0 0 30 2 *"), "InvalidSchedule"),
    ],
)
def test_due(of: CronJob, reason: str):
    found = due(of, of.status, NOW)
    said = [word for _, word, _ in found.events]
    assert said == ([reason] if reason not in ("", "start") else [])
    started = reason in ("start", "TooManyMissedTimes") and job_name(of, NOON) not in {e.name for e in of.status.active}
    assert (found.scheduled is not None) == started


def test_replace_names_the_jobs_to_go():
    of = cron_job(active=[job("old")], concurrencyPolicy="Replace")
    assert [entry.name for entry in due(of, of.status, NOW).replace] == ["old"]


def test_a_cron_job_that_is_deleted_starts_nothing():
    of = cron_job()
    of.metadata.deletionTimestamp = "2030-01-01T12:00:00Z"
    assert due(of, of.status, NOW).scheduled is None


def test_a_job_is_named_after_its_time_and_says_it_in_the_zone():
    of = cron_job(timeZone="Europe/Berlin")
    made = make_job(of, NOON)
    assert made.metadata.name == f"tick-{int(NOON.timestamp()) // 60}"
    assert made.metadata.annotations == {"batch.kubernetes.io/cronjob-scheduled-timestamp": "2030-01-01T13:00:00+01:00"}
    assert made.metadata.labels == {"app": "tick"} and made.metadata.ownerReferences[0].kind == "CronJob"
    of.spec.timeZone = None
    assert (
        make_job(of, NOON).metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]
        == "2030-01-01T12:00:00Z"
    )


def test_review_strikes_off_what_has_ended_and_asks_for_what_is_missing():
    running, done, lost = job("running"), job("done", "Complete"), job("lost")
    seen = review(cron_job(active=[running, done, lost]), [running, done, job("strange")])
    assert [entry.name for entry in seen.status.active] == ["running", "lost"]
    assert [entry.name for entry in seen.vanished] == ["lost"]
    assert seen.status.lastSuccessfulTime == "2030-01-01T11:00:00Z"
    assert [message for _, _, message in seen.events] == [
        "Saw completed job: done, condition: Complete",
        "Saw a job that the controller did not create or forgot: strange",
    ]
    again = review(cron_job(active=[running]), [running])
    assert (again.events, again.vanished) == ([], [])
    assert without(seen.status, "uid-lost").active == again.status.active


def test_the_oldest_ended_jobs_go():
    jobs = [job(f"good-{n}", "Complete", f"2030-01-01T10:0{n}:00Z") for n in (2, 0, 1)]
    jobs += [job(f"bad-{n}", "Failed", f"2030-01-01T10:0{n}:00Z") for n in (1, 0)] + [job("running")]
    assert [found.metadata.name for found in surplus(cron_job(), jobs)] == ["bad-0"]
    limited = cron_job(successfulJobsHistoryLimit=1, failedJobsHistoryLimit=0)
    assert [found.metadata.name for found in surplus(limited, jobs)] == ["good-0", "good-1", "bad-0", "bad-1"]


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            cron_job(active=[job("old")], concurrencyPolicy="Forbid"),
            (
                "Normal",
                "JobAlreadyActive",
                "Not starting job because prior execution is running and concurrency policy is Forbid",
            ),
        ),
        (
            cron_job(last="2029-12-01T00:00:00Z"),
            (
                "Warning",
                "TooManyMissedTimes",
                "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
            ),
        ),
        (
            cron_job(timeZone="Nowhere/City"),
            ("Warning", "UnknownTimeZone", 'invalid timeZone: "Nowhere/City": unknown time zone Nowhere/City'),
        ),
        (
            cron_job(schedule="0 0 30 2 *"),
            ("Warning", "InvalidSchedule", "invalid schedule schedule: 0 0 30 2 * : "),
        ),
        (
            cron_job(schedule="nonsense"),
            ("Warning", "UnparseableSchedule", 'unparseable schedule: "nonsense" : '),
        ),
    ],
)
def test_what_is_said_of_a_job_that_is_not_started(of: CronJob, told: tuple[str, str, str]):
    ((type_, reason, message),) = due(of, of.status, NOW).events
    assert (type_, reason) == told[:2]
    assert message.startswith(told[2])


def test_a_time_whose_deadline_has_passed_is_told_in_universal_time():
    of = cron_job(schedule="0 13 * * *", timeZone="Europe/Berlin", startingDeadlineSeconds=40)
    scheduled = due(of, of.status, NOW).scheduled
    assert scheduled == NOON
    found = _start(of, of.status, scheduled, NOON + timedelta(seconds=41), 0.0, [])
    message = "Missed scheduled time to start a job: Tue, 01 Jan 2030 12:00:00 +0000"
    assert found.events == (("Warning", "MissSchedule", message),) and found.scheduled is None


@given(
    st.lists(st.sampled_from(["Complete", "Failed", ""]), max_size=6),
    st.integers(0, 3),
    st.integers(0, 3),
    st.sampled_from(["Allow", "Forbid", "Replace"]),
    st.randoms(use_true_random=False),
)
def test_carried_out_it_comes_to_rest_and_the_order_of_jobs_does_not_matter(
    ended: list[str], good: int, bad: int, policy: str, chance: random.Random
):
    jobs = [job(f"tick-{n}", end, f"2030-01-01T11:{n:02}:00Z") for n, end in enumerate(ended)]
    of = cron_job(active=jobs, concurrencyPolicy=policy, successfulJobsHistoryLimit=good, failedJobsHistoryLimit=bad)
    mixed = list(jobs)
    chance.shuffle(mixed)
    seen, gone = review(of, jobs), surplus(of, jobs)
    assert (review(of, mixed), surplus(of, mixed)) == (seen, gone)
    left = [one for one in jobs if one not in gone]
    of.status = seen.status
    first = due(of, of.status, NOW)
    if first.scheduled is not None:
        made = make_job(of, first.scheduled)
        made.metadata.uid = "uid-new"
        stopped = {entry.uid for entry in first.replace}
        left = [one for one in left if one.metadata.uid not in stopped]
        of.status.active = [entry for entry in of.status.active if entry.uid not in stopped] + [reference(made)]
        of.status.lastScheduleTime = "2030-01-01T12:00:00Z"
        left.append(made)
    again = review(of, left)
    assert (again.events, again.vanished, again.status) == ([], [], of.status)
    assert surplus(of, left) == []
    assert due(of, of.status, NOW).scheduled is None

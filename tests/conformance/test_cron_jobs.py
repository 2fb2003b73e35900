"""Cron jobs with a clock that the test moves: how many jobs run at once, and the API of the kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from kubelite.util.clock import SystemClock
from tests.apienv import ApiEnv
from tests.conformance.harness import every_operation, find_resources, good
from tests.conformance.lab import BATCH, Lab, lab, name, names, running

CRON_JOBS, JOBS = f"{BATCH}/cronjobs", f"{BATCH}/jobs"
MANAGERS = ("cronjob-controller", "job-controller", "garbage-collector-controller")


class Ahead(SystemClock):
    """A clock that the test puts forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def cron_job(called: str, policy: str, **spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "OnFailure", "containers": [{"name": "c", "image": "busybox", "command": ["sleep", "300"]}]}
    job = {"spec": {"template": {"spec": pod}}}
    wanted = {"schedule": "*/1 * * * ?", "concurrencyPolicy": policy, "jobTemplate": job, **spec}
    return {"metadata": {"name": called}, "spec": wanted}


class Minutes:
    """A cron job and the time it lives in."""

    def __init__(self, it: Lab, clock: Ahead, path: str) -> None:
        self.it, self.clock, self.path = it, clock, path

    async def pass_(self, minutes: int = 1) -> None:
        """Time goes on, and the controller looks."""
        self.clock.ahead += timedelta(minutes=minutes)
        seconds = str(self.clock.ahead.seconds)
        await self.it.patch(self.path, {"metadata": {"annotations": {"look": seconds}}}, "merge")

    async def active(self, check: Any) -> list[str]:
        """The names of the jobs that run, as soon as they are right."""
        found = await self.it.until(self.path, lambda one: check(names_of(one)))
        return names_of(found)


def names_of(cron_job: Any) -> list[str]:
    return [one["name"] for one in cron_job["status"].get("active", ())]


@asynccontextmanager
async def minutes(called: str, policy: str, **spec: Any) -> AsyncIterator[Minutes]:
    """A cron job that is due every minute, with jobs that run for ever."""
    clock = Ahead()
    async with lab(*MANAGERS, report=running, clock=clock) as it:
        await it.post(CRON_JOBS, cron_job(called, policy, **spec))
        yield Minutes(it, clock, f"{CRON_JOBS}/{called}")


async def test_cronjob_should_not_schedule_jobs_when_suspended() -> None:
    """A suspended cron job starts nothing, however many times pass.

    [sig-apps] CronJob should not schedule jobs when suspended [Slow] [Conformance]
    """
    async with minutes("suspended", "Allow", suspend=True) as time:
        for _ in range(3):
            await time.pass_()
        assert await time.it.items(JOBS) == []
        await time.it.patch(time.path, {"spec": {"suspend": False}}, "merge")
        (started,) = await time.active(lambda jobs: len(jobs) == 1)  # so it did look, and only the suspension kept it
        assert started.startswith("suspended-")


async def test_cronjob_should_not_schedule_new_jobs_when_forbidconcurrent() -> None:
    """While a job runs there is no other one; the controller says why.

    [sig-apps] CronJob should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]
    """
    async with minutes("forbid", "Forbid") as time:
        await time.pass_()
        (first,) = await time.active(lambda jobs: len(jobs) == 1)
        await time.pass_()
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        await time.it.told("JobAlreadyActive", message)
        assert names(await time.it.items(JOBS)) == [first]
        assert await time.active(bool) == [first]


async def test_cronjob_should_replace_jobs_when_replaceconcurrent() -> None:
    """A job that is due takes the place of the one that runs, which goes with its pods.

    [sig-apps] CronJob should replace jobs when ReplaceConcurrent [Conformance]
    """
    async with minutes("replace", "Replace") as time:
        await time.pass_()
        (first,) = await time.active(lambda jobs: len(jobs) == 1)
        (pod,) = await time.it.until_pods(lambda pods: len(pods) == 1)
        await time.pass_()
        (second,) = await time.active(lambda jobs: jobs != [first])
        assert names(await time.it.items(JOBS)) == [second]
        await time.it.absent(f"/api/v1/namespaces/default/pods/{name(pod)}")
        await time.it.told("SuccessfulDelete", f"Deleted job {first}")


async def test_cronjob_should_schedule_multiple_jobs_concurrently() -> None:
    """Where it is allowed, the next job runs beside the one before.

    [sig-apps] CronJob should schedule multiple jobs concurrently [Conformance]
    """
    async with minutes("concurrent", "Allow") as time:
        for count in (1, 2):
            await time.pass_()
            await time.active(lambda jobs, count=count: len(jobs) == count)
        jobs = await time.it.until(
            JOBS, lambda found: sum(one["status"].get("active", 0) for one in found["items"]) == 2
        )
        assert names(jobs["items"]) == sorted(await time.active(bool))
        assert all("completionTime" not in one["status"] for one in jobs["items"])


async def test_cronjob_should_support_cronjob_api_operations(api: ApiEnv) -> None:
    """The kind is found by discovery and has every operation, its status get, patch and update.

    [sig-apps] CronJob should support CronJob API operations [Conformance]
    """
    await find_resources(api, "batch", "v1", ("cronjobs", "cronjobs/status"))
    body = cron_job("", "Allow", suspend=True)
    await every_operation(api, CRON_JOBS, body)
    made = good(await api.post(CRON_JOBS, cron_job("status", "Allow", suspend=True)), 201)
    path = f"{CRON_JOBS}/status/status"
    then = "2026-01-01T10:00:00Z"
    patch = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"lastScheduleTime": then}}
    patched = good(await api.patch(path, patch))
    assert patched["status"] == {"lastScheduleTime": then}
    assert patched["metadata"]["annotations"] == {"patchedstatus": "true"}
    patched["status"] = {"lastScheduleTime": "2026-01-01T11:00:00Z"}
    assert good(await api.put(path, patched))["status"] == {"lastScheduleTime": "2026-01-01T11:00:00Z"}
    found = good(await api.get(path))
    assert (found["metadata"]["uid"], found["spec"]) == (made["metadata"]["uid"], made["spec"])
    assert found["status"] == {"lastScheduleTime": "2026-01-01T11:00:00Z"}

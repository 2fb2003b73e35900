"""CronJobs start Jobs by the clock, on a real API server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import BATCH, CORE, finish

CRON_JOBS = f"{BATCH}/cronjobs"
JOBS = f"{BATCH}/jobs"
NAME = "cronjob-controller"


def cron_job(**spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    job = {"metadata": {"labels": {"app": "tick"}}, "spec": {"template": {"spec": pod}}}
    wanted = {"schedule": "* * * * *", "jobTemplate": job} | spec
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": wanted}


async def jobs(world: World) -> list[Any]:
    return list(await world.items(JOBS))


async def status(world: World) -> dict[str, Any]:
    return dict((await world.get(f"{CRON_JOBS}/tick"))["status"])


async def make_due(world: World) -> None:
    """As if it had last started a Job two minutes ago, and that under another name."""
    past = (datetime.now(UTC) - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:00Z")
    await world.merge(f"{CRON_JOBS}/tick/status", {"status": {"lastScheduleTime": past}})


async def has(world: World, count: int) -> list[Any]:
    async def seen() -> list[Any]:
        found = await jobs(world)
        assert len(found) == count == len((await status(world)).get("active", []))
        return found

    return list(await eventually(seen))


async def fake_old_job(world: World) -> str:
    """A Job that the CronJob started earlier and that still runs."""
    owner = await world.get(f"{CRON_JOBS}/tick")
    reference = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": "tick",
        "uid": owner["metadata"]["uid"],
        "controller": True,
    }
    body = cron_job()["spec"]["jobTemplate"] | {"metadata": {"name": "tick-1", "ownerReferences": [reference]}}
    made = await world.create(JOBS, body)
    active = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": "tick-1",
            "namespace": "default",
            "uid": made["metadata"]["uid"],
        }
    ]
    await world.merge(f"{CRON_JOBS}/tick/status", {"status": {"active": active}})
    return str(made["metadata"]["uid"])


async def test_cron_job_starts_a_job_named_after_its_time():
    async with running(NAME) as world:
        await world.create(CRON_JOBS, cron_job(timeZone="Etc/UTC"))
        await make_due(world)
        (job,) = await has(world, 1)
        found = await status(world)
        scheduled = datetime.fromisoformat(found["lastScheduleTime"])
        assert job["metadata"]["name"] == f"tick-{int(scheduled.timestamp()) // 60}"
        assert job["metadata"]["labels"]["app"] == "tick"
        assert (
            job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
            == found["lastScheduleTime"]
        )
        owner = job["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "tick", True)
        assert found["active"][0]["uid"] == job["metadata"]["uid"]

        async def told() -> bool:
            return await world.events("SuccessfulCreate") == [f"Created job {job['metadata']['name']}"]

        await eventually(told)
        assert "\ncronjob_controller_job_creation_skew_duration_seconds_count 1\n" in world.context.metrics.render()


@pytest.mark.parametrize(("policy", "wanted"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
async def test_cron_job_schedules_concurrently_or_forbids_or_replaces(policy: str, wanted: int):
    async with running(NAME, "garbage-collector-controller") as world:
        await world.create(CRON_JOBS, cron_job(concurrencyPolicy=policy, suspend=True))
        await fake_old_job(world)
        await make_due(world)
        await world.merge(f"{CRON_JOBS}/tick", {"spec": {"suspend": False}})
        if policy == "Forbid":
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"

            async def told() -> bool:
                return message in await world.events("JobAlreadyActive")

            await eventually(told)

        async def as_wanted() -> bool:
            names = {job["metadata"]["name"] for job in await jobs(world)}
            listed = {entry["name"] for entry in (await status(world)).get("active", [])}
            return names == listed and len(names) == wanted and ("tick-1" in names) == (policy != "Replace")

        await eventually(as_wanted)


async def test_cron_job_that_is_suspended_starts_nothing():
    async with running(NAME) as world:
        await world.create(CRON_JOBS, cron_job(suspend=True))
        await make_due(world)
        for number in range(5):
            await world.merge(f"{CRON_JOBS}/tick", {"metadata": {"annotations": {"look": str(number)}}})
            await asyncio.sleep(0.05)
        assert await jobs(world) == []


async def test_cron_job_strikes_off_ended_jobs_and_keeps_a_limited_history():
    async with running(NAME, "job-controller", "garbage-collector-controller") as world:
        await world.create(CRON_JOBS, cron_job(successfulJobsHistoryLimit=1))
        await make_due(world)
        await has(world, 1)

        async def pod() -> Any:
            return (await world.items(f"{CORE}/pods"))[0]

        found = await eventually(pod)
        await finish(world, found["metadata"]["name"], "Succeeded")

        async def struck_off() -> bool:
            now = await status(world)
            return not now.get("active") and "lastSuccessfulTime" in now

        await eventually(struck_off)
        assert len(await jobs(world)) == 1
        await world.merge(f"{CRON_JOBS}/tick", {"spec": {"successfulJobsHistoryLimit": 0, "suspend": True}})

        async def cut() -> bool:
            return await jobs(world) == [] and any(
                "Saw completed job" in t for t in await world.events("SawCompletedJob")
            )

        await eventually(cut)


async def test_cron_job_notices_that_a_job_went_missing():
    async with running(NAME) as world:
        await world.create(CRON_JOBS, cron_job(suspend=True))
        ghost = [{"apiVersion": "batch/v1", "kind": "Job", "name": "ghost", "namespace": "default", "uid": "u"}]
        await world.merge(f"{CRON_JOBS}/tick/status", {"status": {"active": ghost}})

        async def noticed() -> bool:
            return not (await status(world)).get("active") and await world.events("MissingJob") == [
                "Active job went missing: ghost"
            ]

        await eventually(noticed)

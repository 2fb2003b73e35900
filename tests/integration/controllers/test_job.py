"""Jobs run pods until enough have succeeded and count each once, on a real API server."""

from __future__ import annotations

import asyncio

from tests.integration.controllers.jobs import (
    FINALIZER,
    JOBS,
    NAME,
    active,
    all_pods,
    ended,
    fails,
    job,
    no_finalizers,
    node,
    run,
    status,
    succeeds,
    true_condition,
)
from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import CORE, finish, names


async def test_job_runs_pods_in_parallel_until_enough_have_succeeded_and_counts_each_once():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=3, parallelism=2))
        pods = await active(world, 2)
        assert all(FINALIZER in pod["metadata"]["finalizers"] for pod in pods)
        assert all(pod["metadata"]["name"].startswith("sums-") for pod in pods)
        assert pods[0]["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "sums"
        for pod in pods:
            await world.make_ready(pod)

        async def ready() -> bool:
            return (await status(world)).get("ready") == 2

        await eventually(ready)
        for pod in pods:
            await finish(world, pod["metadata"]["name"], "Succeeded")
        (last,) = await active(world, 1)
        await finish(world, last["metadata"]["name"], "Succeeded")
        found = await ended(world, "Complete")
        assert (
            found["succeeded"],
            found.get("failed", 0),
            found.get("active", 0),
            found["ready"],
            found["terminating"],
        ) == (3, 0, 0, 0, 0)
        assert found["uncountedTerminatedPods"] == {} and found["startTime"] <= found["completionTime"]
        wanted = ("CompletionsReached", "Reached expected number of succeeded pods")
        assert true_condition(found, "SuccessCriteriaMet") == true_condition(found, "Complete") == wanted
        await eventually(lambda: no_finalizers(world))

        async def told() -> bool:
            return (
                await world.events("Completed") == ["Job completed"]
                and len(await world.events("SuccessfulCreate")) == 3
            )

        await eventually(told)


async def test_job_completes_after_task_failure():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=2, parallelism=2))
        first, second = await active(world, 2)
        await finish(world, first["metadata"]["name"], "Succeeded")
        await finish(world, second["metadata"]["name"], "Failed", 1)

        async def counted() -> bool:
            found = await status(world)
            return (found.get("succeeded"), found.get("failed"), found["uncountedTerminatedPods"]) == (1, 1, {})

        await eventually(counted)
        (third,) = await active(world, 1)
        await finish(world, third["metadata"]["name"], "Succeeded")
        found = await ended(world, "Complete")
        assert (found["succeeded"], found["failed"]) == (2, 1)


async def test_job_fails_when_the_backoff_limit_is_exceeded():
    async with running(NAME) as world:
        found = await run(world, job(backoffLimit=0), "Failed", fails)
        assert found["failed"] == 1 and "completionTime" not in found
        wanted = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        assert true_condition(found, "FailureTarget") == true_condition(found, "Failed") == wanted

        async def told() -> bool:
            return await world.events("BackoffLimitExceeded") == [wanted[1]]

        await eventually(told)


async def test_job_past_its_deadline_stops_its_pods_and_fails():
    async with running(NAME) as world:
        found = await run(
            world, job(activeDeadlineSeconds=1, completions=2, parallelism=2), "Failed", lambda pod: ("", 0)
        )
        assert true_condition(found, "Failed") == ("DeadlineExceeded", "Job was active longer than specified deadline")
        assert found["failed"] == 2


async def test_job_suspends_and_resumes():
    async with running(NAME) as world:
        await world.create(JOBS, job(suspend=True, parallelism=2, completions=2))
        found = await ended(world, "Suspended")
        assert "startTime" not in found and await world.pods() == []
        await world.merge(f"{JOBS}/sums", {"spec": {"suspend": False}})
        await active(world, 2)
        found = await status(world)
        (condition,) = found["conditions"]
        assert (condition["status"], condition["reason"], condition["message"]) == (
            "False",
            "JobResumed",
            "Job resumed",
        )
        assert "startTime" in found
        await world.merge(f"{JOBS}/sums", {"spec": {"suspend": True}})
        await active(world, 0)
        found = await ended(world, "Suspended")
        assert true_condition(found, "Suspended") == ("JobSuspended", "Job suspended") and found.get("failed", 0) == 0
        assert "startTime" not in found
        larger = [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "3"}}}]
        await world.merge(f"{JOBS}/sums", {"spec": {"suspend": False, "template": {"spec": {"containers": larger}}}})
        pods = await active(world, 2)
        assert [pod["spec"]["containers"][0]["resources"]["requests"] for pod in pods] == [{"cpu": "3"}] * 2
        assert "startTime" in await status(world)

        async def told() -> bool:
            return bool(await world.events("Suspended")) and await world.events("Resumed") == ["Job resumed"]

        await eventually(told)


async def test_a_suspended_job_that_wants_nothing_is_complete():
    async with running(NAME) as world:
        await world.create(JOBS, job(suspend=True, completions=0))
        found = await ended(world, "Complete")
        assert "startTime" not in found and "completionTime" in found


async def test_job_adopts_matching_orphans_and_releases_pods_that_no_longer_match():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=2, parallelism=2))
        pods = await active(world, 2)
        name, labels = pods[0]["metadata"]["name"], pods[0]["metadata"]["labels"]
        await world.merge(f"{CORE}/pods/{name}", {"metadata": {"ownerReferences": None}})

        async def owned() -> bool:
            found = await world.get(f"{CORE}/pods/{name}")
            owners = found["metadata"].get("ownerReferences", [])
            return [owner["name"] for owner in owners] == ["sums"] and FINALIZER in found["metadata"]["finalizers"]

        await eventually(owned)
        await world.merge(f"{CORE}/pods/{name}", {"metadata": {"labels": dict.fromkeys(labels)}})

        async def released() -> bool:
            found = (await world.get(f"{CORE}/pods/{name}"))["metadata"]
            return not found.get("ownerReferences") and FINALIZER not in found.get("finalizers", ())

        await eventually(released)
        assert len(await active_names(world)) == 2


async def active_names(world: World) -> list[str]:
    async def two() -> list[str]:
        found = [pod for pod in await world.pods() if pod["metadata"].get("ownerReferences")]
        assert len(found) == 2
        return names(found)

    return list(await eventually(two))


async def test_job_that_somebody_else_manages_is_left_alone():
    async with running(NAME) as world:
        await world.create(JOBS, job(managedBy="example.com/other") | {"metadata": {"name": "theirs"}})
        await world.create(JOBS, job())
        await active(world, 1)
        assert (await world.get(f"{JOBS}/theirs"))["status"] == {}


async def test_deleting_a_job_frees_its_pods_of_the_finalizer():
    async with running(NAME, "garbage-collector-controller") as world:
        await world.create(JOBS, job(parallelism=2, completions=2))
        await active(world, 2)
        await world.delete(f"{JOBS}/sums", {"propagationPolicy": "Background"})

        async def gone() -> bool:
            return await all_pods(world) == []

        await eventually(gone)


async def test_pods_that_are_deleted_count_as_failed_and_none_is_lost():
    async with running(NAME) as world:
        await world.create(JOBS, job(parallelism=3, completions=3))
        pods = await active(world, 3)
        for pod in pods[:2]:
            await world.delete(f"{CORE}/pods/{pod['metadata']['name']}")

        async def counted() -> bool:
            found = await status(world)
            return found.get("failed") == 2 and found["uncountedTerminatedPods"] == {}

        await eventually(counted)
        assert len(await all_pods(world)) == 1


async def test_job_with_replacement_policy_failed_waits_until_a_pod_is_gone():
    async with running(NAME) as world:
        await world.create("/api/v1/nodes", {"metadata": {"name": "n"}})
        await world.create(JOBS, job(podReplacementPolicy="Failed"))
        (pod,) = await active(world, 1)
        name = pod["metadata"]["name"]
        await world.create(
            f"{CORE}/pods/{name}/binding", {"metadata": {"name": name}, "target": {"kind": "Node", "name": "n"}}
        )
        await world.delete(f"{CORE}/pods/{name}")

        async def terminating() -> bool:
            found = await status(world)
            return found.get("terminating") == 1 and not found.get("active")

        await eventually(terminating)
        assert len(await all_pods(world)) == 1


async def test_a_manager_that_starts_anew_counts_nothing_twice():
    async with running(more_roles=[NAME]) as world:
        from kubelite.controllers.context import Context, Informers
        from kubelite.controllers.server import run_controllers

        await world.create(JOBS, job(completions=6, parallelism=3))
        node_task = asyncio.create_task(node(world, succeeds))
        for _ in range(40):
            context = Context(world.client, Informers(world.client), settings=world.context.settings)
            stop = asyncio.Event()
            manager = asyncio.create_task(run_controllers(context, [NAME], stop))
            await asyncio.sleep(0.15)
            manager.cancel()  # without a word, at whatever it was about
            await asyncio.gather(manager, return_exceptions=True)
            for recorder in context.recorders.values():
                await recorder.close()
            if (await status(world)).get("completionTime"):
                break
        node_task.cancel()
        found = await status(world)
        assert found["succeeded"] == 6 and found.get("failed", 0) == 0 and found["uncountedTerminatedPods"] == {}
        assert len(await all_pods(world)) == 6


async def test_what_became_of_jobs_is_told_at_metrics():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=2, parallelism=2))
        for pod in await active(world, 2):
            await finish(world, pod["metadata"]["name"], "Succeeded")
        await ended(world, "Complete")
        await eventually(lambda: no_finalizers(world))
        await world.delete(f"{JOBS}/sums", {"propagationPolicy": "Background"})
        await world.create(JOBS, job(backoffLimit=0))
        (pod,) = await active(world, 1)
        await finish(world, pod["metadata"]["name"], "Failed", 1)
        await ended(world, "Failed")
        await eventually(lambda: no_finalizers(world))
        end, finished = "job_controller_jobs_finished_total", "job_controller_job_pods_finished_total"
        wanted = (
            f'{end}{{completion_mode="NonIndexed",result="succeeded",reason="CompletionsReached"}} 1\n',
            f'{end}{{completion_mode="NonIndexed",result="failed",reason="BackoffLimitExceeded"}} 1\n',
            f'{finished}{{completion_mode="NonIndexed",result="succeeded"}} 2\n',
            f'{finished}{{completion_mode="NonIndexed",result="failed"}} 1\n',
            'job_controller_job_pods_creation_total{reason="new",status="succeeded"} 3\n',
            'job_controller_terminated_pods_tracking_finalizer_total{event="delete"} 3\n',
            'job_controller_job_syncs_total{completion_mode="NonIndexed",result="success",action="pods_created"} 2\n',
            'running_managed_controllers{manager="kube-controller-manager",name="job-controller"} 1\n',
            'workqueue_depth{name="job"} ',
        )

        async def told() -> bool:
            text = world.context.metrics.render()
            assert [line for line in wanted if line not in text] == []
            return True

        await eventually(told)

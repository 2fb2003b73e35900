"""Indexed Jobs, and Jobs with policies for failure and success, on a real API server."""

from __future__ import annotations

import pytest

from tests.integration.controllers.jobs import (
    FINALIZER,
    INDEX,
    JOBS,
    NAME,
    active,
    ended,
    fails,
    index_of,
    job,
    run,
    status,
    succeeds,
    true_condition,
)
from tests.integration.controllers.manager import eventually, running
from tests.integration.controllers.workloads import CORE, finish


async def test_indexed_job_gives_each_pod_a_unique_index():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=4, parallelism=4, completionMode="Indexed"))
        pods = await active(world, 4)
        assert sorted(index_of(pod) for pod in pods) == [0, 1, 2, 3]
        for pod in pods:
            index, spec = index_of(pod), pod["spec"]
            assert spec["hostname"] == f"sums-{index}" and pod["metadata"]["name"].startswith(f"sums-{index}-")
            assert pod["metadata"]["labels"][INDEX] == str(index)
            (env,) = spec["containers"][0]["env"]
            assert env["name"] == "JOB_COMPLETION_INDEX"
            assert env["valueFrom"]["fieldRef"]["fieldPath"] == f"metadata.labels['{INDEX}']"
        for pod in pods:
            if index_of(pod) != 1:
                await finish(world, pod["metadata"]["name"], "Succeeded")

        async def some() -> bool:
            return (await status(world)).get("completedIndexes") == "0,2-3"

        await eventually(some)
        await finish(world, next(pod["metadata"]["name"] for pod in pods if index_of(pod) == 1), "Succeeded")
        found = await ended(world, "Complete")
        assert found["completedIndexes"] == "0-3" and found["succeeded"] == 4


async def test_indexed_job_executes_all_indexes_despite_failures_with_backoff_limit_per_index():
    async with running(NAME) as world:
        body = job(completions=4, parallelism=2, completionMode="Indexed", backoffLimitPerIndex=0)
        found = await run(world, body, "Failed", lambda pod: fails(pod) if index_of(pod) % 2 == 0 else succeeds(pod))
        assert (found["failedIndexes"], found["completedIndexes"], found["failed"], found["succeeded"]) == (
            "0,2",
            "1,3",
            2,
            2,
        )
        assert true_condition(found, "Failed") == ("FailedIndexes", "Job has failed indexes")


async def test_indexed_job_terminates_when_max_failed_indexes_is_exceeded():
    async with running(NAME) as world:
        body = job(completions=4, parallelism=4, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=0)
        found = await run(world, body, "Failed", lambda pod: fails(pod) if index_of(pod) == 0 else ("", 0))
        assert found["failedIndexes"] == "0"
        assert true_condition(found, "Failed")[0] == "MaxFailedIndexesExceeded"
        assert await active(world, 0) == []


async def test_indexed_job_marks_an_index_as_failed_by_policy():
    async with running(NAME) as world:
        rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [3]}}]
        body = job(
            completions=2,
            parallelism=2,
            completionMode="Indexed",
            backoffLimitPerIndex=5,
            podFailurePolicy={"rules": rules},
        )
        found = await run(world, body, "Failed", lambda pod: fails(pod) if index_of(pod) == 0 else succeeds(pod))
        assert (found["failedIndexes"], found["completedIndexes"]) == ("0", "1")


async def test_pod_failure_policy_fails_a_job_early_on_an_exit_code():
    async with running(NAME) as world:
        rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}]
        body = job(backoffLimit=6, podFailurePolicy={"rules": rules}, completions=2, parallelism=2)
        found = await run(world, body, "Failed", fails)
        reason, message = true_condition(found, "Failed")
        assert reason == "PodFailurePolicy"
        assert message.startswith("Container c for pod default/sums-") and "matching FailJob rule at index 0" in message
        assert true_condition(found, "FailureTarget") == (reason, message)


async def test_pod_failure_policy_ignores_a_failure_that_matches_the_disruption_target():
    async with running(NAME) as world:
        rules = [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
        await world.create(JOBS, job(backoffLimit=0, podFailurePolicy={"rules": rules}, parallelism=1))
        (pod,) = await active(world, 1)
        target = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
        await finish(world, pod["metadata"]["name"], "Failed", 137, conditions=[target])

        async def released() -> bool:
            return FINALIZER not in (await world.get(f"{CORE}/pods/{pod['metadata']['name']}"))["metadata"].get(
                "finalizers", ()
            )

        await eventually(released)
        found = await status(world)
        assert found.get("failed", 0) == 0 and "conditions" not in found


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"succeededIndexes": "0"}, "0"),
        ({"succeededCount": 1}, "0"),
        ({"succeededIndexes": "0-1", "succeededCount": 1}, "0"),
    ],
    ids=["succeededIndexes", "succeededCount", "both"],
)
async def test_success_policy_ends_a_job_even_when_some_indexes_remain_pending(rule, wanted):
    async with running(NAME) as world:
        body = job(completions=3, parallelism=3, completionMode="Indexed", successPolicy={"rules": [rule]})
        found = await run(world, body, "Complete", lambda pod: succeeds(pod) if index_of(pod) == 0 else ("", 0))
        assert found["completedIndexes"] == wanted and found.get("failed", 0) == 0
        assert true_condition(found, "Complete") == true_condition(found, "SuccessCriteriaMet")
        assert true_condition(found, "Complete") == ("SuccessPolicy", "Matched rules at index 0")


async def test_elastic_indexed_job_scales_up_and_down():
    async with running(NAME) as world:
        await world.create(JOBS, job(completions=3, parallelism=3, completionMode="Indexed"))
        await active(world, 3)
        await world.merge(f"{JOBS}/sums", {"spec": {"completions": 1, "parallelism": 1}})
        (pod,) = await active(world, 1)
        assert index_of(pod) == 0
        await world.merge(f"{JOBS}/sums", {"spec": {"completions": 2, "parallelism": 2}})
        pods = await active(world, 2)
        assert sorted(map(index_of, pods)) == [0, 1]
        for pod in pods:
            await finish(world, pod["metadata"]["name"], "Succeeded")
        assert (await ended(world, "Complete"))["completedIndexes"] == "0-1"

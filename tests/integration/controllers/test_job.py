"""Jobs run pods until enough have succeeded and count each once, on a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.controllers.manager import World, eventually, running
from tests.integration.controllers.workloads import BATCH, CORE, finish, names

JOBS = f"{BATCH}/jobs"
NAME = "job-controller"
FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


def job(**spec: Any) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "sums"},
        "spec": {"template": {"spec": pod}} | spec,
    }


async def status(world: World) -> dict[str, Any]:
    return dict((await world.get(f"{JOBS}/sums"))["status"])


async def all_pods(world: World) -> list[Any]:
    return list(await world.items(f"{CORE}/pods"))


def index_of(pod: Any) -> int:
    return int(pod["metadata"]["annotations"].get(INDEX, -1))


async def active(world: World, count: int) -> list[Any]:
    """The pods that run, as soon as there are so many and the status says so."""

    async def seen() -> list[Any]:
        found = [p for p in await world.pods() if p["status"].get("phase", "Pending") in ("Pending", "Running")]
        assert len(found) == count == (await status(world)).get("active", 0)
        return found or [None]

    return [pod for pod in await eventually(seen) if pod is not None]


async def ended(world: World, condition: str) -> dict[str, Any]:
    """The status of the Job when it has ended so."""

    async def seen() -> dict[str, Any]:
        found = await status(world)
        assert {c["type"] for c in found.get("conditions", ()) if c["status"] == "True"} >= {condition}
        return found

    return dict(await eventually(seen))


def true_condition(found: dict[str, Any], type_: str) -> tuple[str, str]:
    (one,) = (c for c in found["conditions"] if c["type"] == type_ and c["status"] == "True")
    return one.get("reason", ""), one.get("message", "")


async def no_finalizers(world: World) -> bool:
    return not any(FINALIZER in pod["metadata"].get("finalizers", ()) for pod in await all_pods(world))


async def node(world: World, verdict: Callable[[Any], tuple[str, int]]) -> None:
    """A node that ends each pod as `verdict` says, and each deletion, for ever."""
    while True:
        for pod in await all_pods(world):
            name, phase = pod["metadata"]["name"], pod["status"].get("phase", "Pending")
            if phase in ("Pending", "Running"):
                wanted, code = verdict(pod)
                if wanted:
                    await finish(world, name, wanted, code)
            if "deletionTimestamp" in pod["metadata"]:
                await world.api.delete(f"{CORE}/pods/{name}", {"gracePeriodSeconds": 0})
        await asyncio.sleep(0.02)


async def run(
    world: World, body: dict[str, Any], condition: str, verdict: Callable[[Any], tuple[str, int]]
) -> dict[str, Any]:
    """The status of a Job that such a node has brought to its end."""
    task = asyncio.create_task(node(world, verdict))
    try:
        await world.create(JOBS, body)
        found = await ended(world, condition)
        await eventually(lambda: no_finalizers(world))
    finally:
        task.cancel()
    return found


def succeeds(pod: Any) -> tuple[str, int]:
    return "Succeeded", 0


def fails(pod: Any) -> tuple[str, int]:
    return "Failed", 3


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

        async def told() -> bool:
            return bool(await world.events("Suspended")) and await world.events("Resumed") == ["Job resumed"]

        await eventually(told)


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
    async with running() as world:
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

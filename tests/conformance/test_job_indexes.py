"""Indexed jobs: back-off and failure by index, and policies of success."""

from __future__ import annotations

from typing import Any

from tests.conformance.jobs import NAME, index_of, job, run
from tests.conformance.lab import PODS, condition, ended, lab, running, succeeded


def odd_fail(pod: Any) -> Any:
    return ended(pod, 42) if index_of(pod) % 2 else succeeded(pod)


async def test_job_should_execute_all_indexes_despite_some_failing_when_using_backofflimitperindex() -> None:
    """Every index runs; each that fails gets its one more try, and the job fails with all the others done.

    [sig-apps] Job should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]
    """
    async with lab(NAME, report=odd_fail) as it:
        body = job("with-backoff-limit-per-index", parallelism=2, completions=4, backoffLimitPerIndex=1, indexed=True)
        done = await run(it, body, "Failed")
        status = done["status"]
        assert (status["failedIndexes"], status["completedIndexes"]) == ("1,3", "0,2")
        assert (status["failed"], status["succeeded"]) == (4, 2)
        found = condition(done, "Failed")
        assert (found["reason"], found["message"]) == ("FailedIndexes", "Job has failed indexes")
        assert condition(done, "FailureTarget")["reason"] == "FailedIndexes"
        assert sorted(map(index_of, await it.items(PODS))) == [0, 1, 1, 2, 3, 3]


async def test_job_should_mark_indexes_as_failed_when_the_failindex_action_is_matched_in_podfailurepolicy() -> None:
    """An index whose pod matches the rule has failed at once, whatever its back-off limit.

    [sig-apps] Job should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]
    """
    rules = [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]
    async with lab(NAME, report=odd_fail) as it:
        policy = {"backoffLimitPerIndex": 3, "podFailurePolicy": {"rules": rules}}
        done = await run(it, job("failindex", parallelism=2, completions=2, indexed=True, **policy), "Failed")
        status = done["status"]
        assert (status["failedIndexes"], status["completedIndexes"]) == ("1", "0")
        assert (status["failed"], status["succeeded"], len(await it.items(PODS))) == (1, 1, 2)
        assert condition(done, "Failed")["reason"] == "FailedIndexes"


async def test_job_should_terminate_job_execution_when_the_number_of_failed_indexes_exceeds_maxfailedindexes() -> None:
    """With one failed index too many the job ends; those that run are stopped and the rest never starts.

    [sig-apps] Job should terminate job execution when the number of failed indexes exceeds maxFailedIndexes
    [Conformance]
    """
    async with lab(NAME, report=lambda pod: ended(pod, 1) if index_of(pod) == 0 else running(pod)) as it:
        policy = {"backoffLimitPerIndex": 0, "maxFailedIndexes": 0}
        done = await run(it, job("max-failed", parallelism=2, completions=4, indexed=True, **policy), "Failed")
        status = done["status"]
        assert (status["failedIndexes"], status.get("completedIndexes", "")) == ("0", "")
        found = condition(done, "Failed")
        told = "Job has exceeded the specified maximal number of failed indexes"
        assert (found["reason"], found["message"]) == ("MaxFailedIndexesExceeded", told)
        assert status.get("active", 0) == 0
        assert [index_of(pod) for pod in await it.pods() if pod["status"]["phase"] == "Running"] == []


async def succeeds(rule: dict[str, Any], report: Any, completions: int, indexes: str) -> None:
    """A job with the rule ends well, by the policy, with these indexes done."""
    async with lab(NAME, report=report) as it:
        policy = {"successPolicy": {"rules": [rule]}}
        body = job("success", parallelism=completions, completions=completions, indexed=True, **policy)
        done = await run(it, body, "Complete")
        for type_ in ("SuccessCriteriaMet", "Complete"):
            found = condition(done, type_)
            assert (found["reason"], found["message"]) == ("SuccessPolicy", "Matched rules at index 0")
        status = done["status"]
        assert (status["completedIndexes"], status.get("active", 0), status.get("failed", 0)) == (indexes, 0, 0)
        assert status["completionTime"]


def only_first(pod: Any) -> Any:
    return succeeded(pod) if index_of(pod) == 0 else running(pod)


async def test_job_with_successpolicy_should_succeeded_when_all_indexes_succeeded() -> None:
    """The policy's indexes are all of them: the job completes by the policy, all the same.

    [sig-apps] Job with successPolicy should succeeded when all indexes succeeded [Conformance]
    """
    await succeeds({"succeededIndexes": "0-1"}, succeeded, 2, "0-1")


async def test_successpolicy_succeededcount_rule_should_succeeded_even_when_some_indexes_remain_pending() -> None:
    """One index is enough for the rule; the others are stopped and do not count as failed.

    [sig-apps] Job with successPolicy succeededCount rule should succeeded even when some indexes remain pending
    [Conformance]
    """
    await succeeds({"succeededCount": 1}, only_first, 3, "0")


async def test_successpolicy_succeededindexes_rule_should_succeeded_even_when_some_indexes_remain_pending() -> None:
    """The index that the rule names is enough; the others are stopped and do not count as failed.

    [sig-apps] Job with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending
    [Conformance]
    """
    await succeeds({"succeededIndexes": "0"}, only_first, 3, "0")

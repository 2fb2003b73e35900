"""What the conditions and events of a Job say when it ends, stands still or goes on."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.types.batch_v1 import (
    Job,
    PodFailurePolicy,
    PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern,
    PodFailurePolicyRule,
    SuccessPolicy,
    SuccessPolicyRule,
)
from kubelite.controllers.job.plan import Observed, decide
from kubelite.controllers.job.tracking import Done, announced, settle, track
from kubelite.controllers.objects import PodCondition
from tests.unit.controllers.job.test_plan import NOW, indexed, job, pod, status


def end(of: Job, found: list[Any]) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str]]]:
    """(the conditions that are true in the end, the events), when every write succeeds."""
    events = []
    for _ in range(4):
        decision = decide(Observed(of, found, NOW, True))
        if decision.end is not None and decision.stop:
            told = announced(of, decision.end)
            if told is not None:
                of.status = told
                continue
        gone = {one.metadata.uid for one in decision.stop}
        tracking = track(Observed(of, found, NOW, True), decision, Done(deleted=len(decision.stop)))
        of.status, tracking.tracked = tracking.status, set()
        found = [one for one in found if one.metadata.uid not in gone]
        of.status.terminating = 0
        of.status, _ = settle(of, tracking)
        events += tracking.events
        if any(one.type in ("Complete", "Failed", "Suspended") for one in of.status.conditions):
            break
    conditions = [(one.type, one.status, one.reason, one.message) for one in of.status.conditions]
    return conditions, events


def disrupted(name: str) -> Any:
    made = pod(name, "Failed", code=1)
    made.status.conditions = [PodCondition(type="DisruptionTarget", status="True")]
    return made


CODES = PodFailurePolicyOnExitCodesRequirement(containerName="c", operator="In", values=[42])
TARGET = PodFailurePolicyOnPodConditionsPattern(type="DisruptionTarget", status="True")
BY_CODE = PodFailurePolicy(rules=[PodFailurePolicyRule(action="FailJob", onExitCodes=CODES)])
BY_CONDITION = PodFailurePolicy(rules=[PodFailurePolicyRule(action="FailJob", onPodConditions=[TARGET])])
FIRST = SuccessPolicy(rules=[SuccessPolicyRule(succeededIndexes="0")])
OVERDUE = "2030-01-01T23:00:00Z"


@pytest.mark.parametrize(
    ("of", "found", "first", "last", "reason", "message"),
    [
        pytest.param(
            job(),
            [pod("a", "Succeeded")],
            "SuccessCriteriaMet",
            "Complete",
            "CompletionsReached",
            "Reached expected number of succeeded pods",
            id="all done",
        ),
        pytest.param(
            indexed(2, successPolicy=FIRST),
            [pod("a", "Succeeded", index=0)],
            "SuccessCriteriaMet",
            "Complete",
            "SuccessPolicy",
            "Matched rules at index 0",
            id="success policy",
        ),
        pytest.param(
            job(backoffLimit=0),
            [pod("a", "Failed", code=1)],
            "FailureTarget",
            "Failed",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
            id="too many failures",
        ),
        pytest.param(
            status(job(activeDeadlineSeconds=60), startTime=OVERDUE),
            [],
            "FailureTarget",
            "Failed",
            "DeadlineExceeded",
            "Job was active longer than specified deadline",
            id="too late",
        ),
        pytest.param(
            job(podFailurePolicy=BY_CODE),
            [pod("a", "Failed", code=42)],
            "FailureTarget",
            "Failed",
            "PodFailurePolicy",
            "Container c for pod default/a failed with exit code 42 matching FailJob rule at index 0",
            id="exit code",
        ),
        pytest.param(
            job(podFailurePolicy=BY_CONDITION),
            [disrupted("a")],
            "FailureTarget",
            "Failed",
            "PodFailurePolicy",
            "Pod default/a has condition DisruptionTarget matching FailJob rule at index 0",
            id="pod condition",
        ),
        pytest.param(
            indexed(3, backoffLimitPerIndex=0, maxFailedIndexes=0),
            [pod("a", "Failed", index=0, code=1)],
            "FailureTarget",
            "Failed",
            "MaxFailedIndexesExceeded",
            "Job has exceeded the specified maximal number of failed indexes",
            id="too many indexes",
        ),
        pytest.param(
            indexed(1, backoffLimitPerIndex=0),
            [pod("a", "Failed", index=0, code=1)],
            "FailureTarget",
            "Failed",
            "FailedIndexes",
            "Job has failed indexes",
            id="an index failed",
        ),
    ],
)
def test_a_job_that_ends_says_why_twice_and_tells_it(
    of: Job, found: list[Any], first: str, last: str, reason: str, message: str
) -> None:
    conditions, events = end(of, found)
    assert conditions == [(first, "True", reason, message), (last, "True", reason, message)]
    if last == "Complete":
        assert events == [("Normal", "Completed", "Job completed")]
    else:
        assert events == [("Warning", reason, message)]


def test_too_many_successes_are_told() -> None:
    _, events = end(status(job(completions=1), succeeded=1), [pod("a", "Succeeded")])
    message = "Too many succeeded pods running after completion count reached"
    assert events == [("Warning", "TooManySucceededPods", message), ("Normal", "Completed", "Job completed")]


def test_standing_still_and_going_on_are_told() -> None:
    of = job(suspend=True)
    conditions, events = end(of, [])
    assert conditions == [("Suspended", "True", "JobSuspended", "Job suspended")]
    assert events == [("Normal", "Suspended", "Job suspended")]
    of.spec.suspend = False
    conditions, events = end(of, [pod("a")])
    assert conditions == [("Suspended", "False", "JobResumed", "Job resumed")]
    assert events == [("Normal", "Resumed", "Job resumed")]


def test_a_suspended_job_has_no_time_of_start() -> None:
    of = status(job(suspend=True), startTime=OVERDUE)
    end(of, [])
    assert of.status.startTime is None
    of.spec.suspend = False
    end(of, [pod("a")])
    assert of.status.startTime == "2030-01-02T00:00:00Z"


def test_a_job_that_fails_while_it_is_suspended_has_a_time_of_start_all_the_same() -> None:
    of = job(suspend=True, backoffLimit=0)
    conditions, _ = end(of, [pod("a", "Failed", code=1)])
    assert conditions[-1][0] == "Failed" and of.status.startTime is not None

"""What a controller may tell of a Job."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.batch.job import JOB
from tests.unit.api.objects import decoded, pod_spec, texts

START = {"startTime": "2026-01-01T00:00:00Z"}
END = "2026-01-01T01:00:00Z"


def job(status: dict[str, Any], **spec: Any) -> Any:
    template = {"spec": pod_spec(restartPolicy="Never")}
    return decoded(JOB, {"metadata": {"name": "j"}, "spec": {"template": template, **spec}, "status": status})


def conditions(*types: str) -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": "True"} for type_ in types]}


INDEXED = {"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1}
DONE = {**START, "completionTime": END, **conditions("SuccessCriteriaMet", "Complete")}
CASES: list[Any] = [
    pytest.param({}, {**START, "active": 2, "ready": 1}, {}, [], id="started"),
    pytest.param(START, DONE, {}, [], id="complete"),
    pytest.param(
        {**START, **conditions("Suspended")},
        {"startTime": END, "conditions": [{"type": "Suspended", "status": "False"}]},
        {},
        [],
        id="resumed-job-starts-anew",
    ),
    pytest.param(
        {**START, **conditions("Suspended")},
        {"startTime": END, **conditions("Suspended")},
        {},
        [f'startTime: Invalid value: "{END}": field is immutable for unsuspended job once set'],
        id="start-of-one-that-is-not-said-to-be-resumed",
    ),
    pytest.param(START, conditions("Suspended"), {"suspend": True}, [], id="suspended-job-has-no-start"),
    pytest.param(
        {},
        {"completionTime": END, **conditions("SuccessCriteriaMet", "Complete")},
        {"suspend": True, "completions": 0},
        [],
        id="suspended-job-that-wants-nothing",
    ),
    pytest.param(
        {},
        {"completionTime": END, **conditions("SuccessCriteriaMet", "Complete")},
        {},
        ["startTime: Required value: startTime is required for finished job"],
        id="complete-without-start",
    ),
    pytest.param(
        {**START, **conditions("Suspended")},
        {},
        {},
        ["startTime: Invalid value: null: field is immutable for unsuspended job once set"],
        id="resumed-without-start",
    ),
    pytest.param(START, {**START, **conditions("FailureTarget", "Failed")}, {}, [], id="failed"),
    pytest.param(
        START,
        {**START, "completionTime": END, **conditions("Complete")},
        {},
        ["conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition"],
        id="complete-at-once",
    ),
    pytest.param(
        START,
        {**START, **conditions("Failed")},
        {},
        ["conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"],
        id="failed-at-once",
    ),
    pytest.param(
        START,
        {**DONE, **conditions("SuccessCriteriaMet", "Complete", "FailureTarget", "Failed")},
        {},
        [
            "conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
            "conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
            "conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
            "conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
        ],
        id="both-ends",
    ),
    pytest.param(
        {**START, "failed": 2},
        {
            "completionTime": END,
            "active": 1,
            "ready": 2,
            "terminating": 1,
            "failed": 1,
            **conditions("Complete", "Failed"),
        },
        {},
        [
            "conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
            "conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
            "conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
            "active: Invalid value: 1: active>0 is invalid for finished job",
            "startTime: Required value: startTime is required for finished job",
            "terminating: Invalid value: 1: terminating>0 is invalid for finished job",
            "ready: Invalid value: 2: cannot set more ready pods than active",
            "failed: Invalid value: 1: cannot decrease the failed counter",
            "startTime: Invalid value: null: field is immutable for unsuspended job once set",
        ],
        id="all-at-once",
    ),
    pytest.param(
        START,
        {**START, **conditions("SuccessCriteriaMet", "Complete")},
        {},
        ["completionTime: Required value: completionTime is required for Complete jobs"],
        id="no-time",
    ),
    pytest.param(
        START,
        {**START, "completionTime": END},
        {},
        [f'completionTime: Invalid value: "{END}": cannot set completionTime when there is no Complete=True condition'],
        id="time-without-end",
    ),
    pytest.param(
        START,
        {**DONE, "startTime": "2026-01-01T02:00:00Z"},
        {},
        [
            f'completionTime: Invalid value: "{END}": completionTime cannot be set before startTime',
            'startTime: Invalid value: "2026-01-01T02:00:00Z": field is immutable for unsuspended job once set',
        ],
        id="times-in-disorder",
    ),
    pytest.param(
        START,
        {**DONE, "active": 1, "terminating": 1, "uncountedTerminatedPods": {"failed": ["u"]}},
        {},
        [
            "active: Invalid value: 1: active>0 is invalid for finished job",
            'uncountedTerminatedPods: Invalid value: {"failed":["u"]}: '
            "uncountedTerminatedPods needs to be empty for finished job",
            "terminating: Invalid value: 1: terminating>0 is invalid for finished job",
        ],
        id="finished-with-pods",
    ),
    pytest.param(
        {},
        {"ready": 2, "active": 1},
        {},
        ["ready: Invalid value: 2: cannot set more ready pods than active"],
        id="ready",
    ),
    pytest.param(
        {},
        {"uncountedTerminatedPods": {"succeeded": ["a", "a"], "failed": [""]}},
        {},
        [
            'uncountedTerminatedPods.succeeded[1]: Duplicate value: "a"',
            'uncountedTerminatedPods.failed[0]: Invalid value: "": must not be empty',
        ],
        id="uncounted",
    ),
    pytest.param(
        {},
        {"completedIndexes": "1-3", "failedIndexes": "3"},
        INDEXED,
        ['failedIndexes: Invalid value: "3": failedIndexes and completedIndexes overlap at index: 3'],
        id="overlap",
    ),
    pytest.param(
        {},
        {"completedIndexes": "9"},
        INDEXED,
        ['completedIndexes: Invalid value: "9": error parsing completedIndexes: too large index: "9"'],
        id="index",
    ),
    pytest.param(
        {},
        {"completedIndexes": "0", "failedIndexes": "0"},
        {},
        [
            'completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
            'failedIndexes: Invalid value: "0": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
            'failedIndexes: Invalid value: "0": failedIndexes and completedIndexes overlap at index: 0',
        ],
        id="indexes-of-no-indexed-job",
    ),
    pytest.param(
        {"failed": 2, "succeeded": 2},
        {"failed": 1, "succeeded": 1},
        {},
        [
            "failed: Invalid value: 1: cannot decrease the failed counter",
            "succeeded: Invalid value: 1: cannot decrease the succeeded counter",
        ],
        id="counters",
    ),
    pytest.param({"succeeded": 2}, {"succeeded": 1}, {**INDEXED, "parallelism": 5}, [], id="a-job-that-became-smaller"),
    pytest.param(
        DONE,
        START,
        {},
        [
            "conditions: Invalid value: cannot disable the terminal Complete=True condition",
            "conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
        ],
        id="risen-from-the-dead",
    ),
    pytest.param(
        DONE,
        {**DONE, "completionTime": "2026-01-01T03:00:00Z"},
        {},
        ['completionTime: Invalid value: "2026-01-01T03:00:00Z": completionTime cannot be mutated'],
        id="another-end",
    ),
    pytest.param({**START, "active": -1}, {**START, "active": -1}, {}, None, id="negative"),
]


@pytest.mark.parametrize(("before", "after", "spec", "expected"), CASES)
def test_transitions(
    before: dict[str, Any], after: dict[str, Any], spec: dict[str, Any], expected: list[str] | None
) -> None:
    found = texts(JOB.validate_status_update(job(after, **spec), job(before, **spec)))
    if expected is None:
        expected = ["active: Invalid value: -1: must be greater than or equal to 0"]
    assert found == [f"status.{text}" for text in expected]

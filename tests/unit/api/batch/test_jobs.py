"""Jobs and CronJobs: defaults, the selector the server makes, mistakes, what may change, tables."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.batch.cron_job import CRON_JOB
from kubelite.api.batch.job import JOB
from tests.unit.api.objects import NOW, decoded, encoded, pod_spec, texts

UID = "7f3c"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
NEGATIVE = "Invalid value: -1: must be greater than or equal to 0"
INDEXED = {"completionMode": "Indexed", "completions": 5}
RULES = "spec.podFailurePolicy.rules[0]"
SUCCESS = "spec.successPolicy.rules[0]"


def template(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels or {}}, "spec": pod_spec(**{"restartPolicy": "Never", **spec})}


def job_wire(name: str = "j", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n", "uid": UID}, "spec": {"template": template(), **spec}}


def job(name: str = "j", **spec: Any) -> Any:
    """A Job as it is stored."""
    obj = decoded(JOB, job_wire(name, **spec))
    JOB.prepare_create(obj)
    return obj


def test_defaults() -> None:
    spec = encoded(decoded(JOB, job_wire()))["spec"]
    del spec["template"]
    assert spec == {
        "parallelism": 1,
        "completions": 1,
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "suspend": False,
        "manualSelector": False,
        "podReplacementPolicy": "TerminatingOrFailed",
    }


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"parallelism": 3}, {"parallelism": 3, "completions": None}),
        ({"completions": 3}, {"parallelism": 1, "completions": 3}),
        ({"backoffLimitPerIndex": 1}, {"backoffLimit": 2**31 - 1}),
        ({"podFailurePolicy": {"rules": []}}, {"podReplacementPolicy": "Failed"}),
    ],
)
def test_defaults_depend_on_what_is_given(spec: dict[str, Any], found: dict[str, Any]) -> None:
    obj = decoded(JOB, job_wire(**spec))
    assert {field: getattr(obj.spec, field) for field in found} == found


def test_labels_follow_the_template_unless_there_are_some() -> None:
    obj = job(template=template({"app": "a"}))
    assert obj.metadata.labels == obj.spec.template.metadata.labels
    assert obj.metadata.labels["app"] == "a" and obj.metadata.labels["job-name"] == "j"
    wire = job_wire(template=template({"app": "a"}))
    wire["metadata"]["labels"] = {"mine": "1"}
    own = decoded(JOB, wire)
    JOB.prepare_create(own)
    assert own.metadata.labels == {"mine": "1"}


def test_a_manual_selector_is_left_alone() -> None:
    obj = job(manualSelector=True, selector={"matchLabels": {"app": "a"}}, template=template({"app": "a"}))
    assert obj.spec.template.metadata.labels == {"app": "a"}
    assert JOB.validate(obj) == []


def policy(**rule: Any) -> dict[str, Any]:
    return {"podFailurePolicy": {"rules": [{"action": "Ignore", **rule}]}}


def codes(**fields: Any) -> dict[str, Any]:
    return policy(onExitCodes={"operator": "In", "values": [1], **fields})


def success(**rule: Any) -> dict[str, Any]:
    return {**INDEXED, "successPolicy": {"rules": [rule]}}


MISTAKES: list[Any] = [
    pytest.param({}, [], id="fine"),
    pytest.param({"backoffLimit": -1}, [f"spec.backoffLimit: {NEGATIVE}"], id="backoff"),
    pytest.param({"ttlSecondsAfterFinished": -1}, [f"spec.ttlSecondsAfterFinished: {NEGATIVE}"], id="ttl"),
    pytest.param(
        {"template": template(restartPolicy="Always")},
        ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        id="always-restarted",
    ),
    pytest.param(
        {"completionMode": "Indexed", "parallelism": 2},
        ["spec.completions: Required value: when completion mode is Indexed"],
        id="indexed-without-completions",
    ),
    pytest.param(
        {**INDEXED, "parallelism": 100_001},
        [
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"
        ],
        id="parallelism",
    ),
    pytest.param(
        {"completionMode": "Perhaps"},
        ['spec.completionMode: Unsupported value: "Perhaps": supported values: "NonIndexed", "Indexed"'],
        id="completion-mode",
    ),
    pytest.param(
        {"backoffLimitPerIndex": 1},
        ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
        id="per-index",
    ),
    pytest.param(
        {**INDEXED, "maxFailedIndexes": 6},
        [
            "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
            "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions",
        ],
        id="max-failed",
    ),
    pytest.param(
        {**INDEXED, "completions": 100_001, "backoffLimitPerIndex": 1},
        ["spec.maxFailedIndexes: Required value: must be specified when completions is above 100000"],
        id="many",
    ),
    pytest.param(
        {"managedBy": "nobody"},
        ['spec.managedBy: Invalid value: "nobody": must be a domain-prefixed path (such as "acme.io/foo")'],
        id="managed-by",
    ),
    pytest.param(
        {"podReplacementPolicy": "Soon"},
        [
            'spec.podReplacementPolicy: Unsupported value: "Soon": supported values: "Failed", "TerminatingOrFailed"',
        ],
        id="replacement",
    ),
    pytest.param(
        {**codes(), "podReplacementPolicy": "TerminatingOrFailed"},
        ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
        id="replacement-with-policy",
    ),
    pytest.param(
        {**codes(), "template": template(restartPolicy="OnFailure")},
        [
            'spec.template.spec.restartPolicy: Invalid value: "OnFailure": '
            'only "Never" is supported when podFailurePolicy is specified'
        ],
        id="policy-needs-never",
    ),
    pytest.param(
        policy(),
        [f"{RULES}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"],
        id="empty-rule",
    ),
    pytest.param(
        codes(values=[]),
        [f"{RULES}.onExitCodes.values: Invalid value: null: at least one value is required"],
        id="none",
    ),
    pytest.param(
        codes(values=[3, 0, 3]),
        [
            f"{RULES}.onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
            f"{RULES}.onExitCodes.values[2]: Duplicate value: 3",
            f"{RULES}.onExitCodes.values: Invalid value: [3,0,3]: must be ordered",
        ],
        id="codes",
    ),
    pytest.param(
        codes(containerName="x"),
        [
            f'{RULES}.onExitCodes.containerName: Invalid value: "x": '
            "must be one of the container or initContainer names in the pod template"
        ],
        id="container",
    ),
    pytest.param(
        {**codes(), "podFailurePolicy": {"rules": [{"onExitCodes": {"values": [1]}}]}},
        [
            f'{RULES}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]',
            f'{RULES}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]',
        ],
        id="no-action",
    ),
    pytest.param(
        codes() | {"podFailurePolicy": {"rules": [{"action": "FailIndex", "onPodConditions": [{"type": "X"}]}]}},
        [f'{RULES}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set'],
        id="fail-index",
    ),
    pytest.param(
        {"successPolicy": {"rules": [{"succeededCount": 1}]}},
        ['spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode'],
        id="success-not-indexed",
    ),
    pytest.param(
        {**INDEXED, "successPolicy": {}},
        [
            "spec.successPolicy.rules: Required value: "
            "at least one rules must be specified when the successPolicy is specified"
        ],
        id="no-success-rule",
    ),
    pytest.param(
        success(),
        [f"{SUCCESS}: Required value: at least one of succeededCount or succeededIndexes must be specified"],
        id="empty-success-rule",
    ),
    pytest.param(
        success(succeededIndexes="3,1"),
        [
            f'{SUCCESS}.succeededIndexes: Invalid value: "3,1": error parsing succeededIndexes: '
            "non-increasing order, previous: 3, current: 1"
        ],
        id="success-indexes",
    ),
    pytest.param(
        success(succeededCount=3, succeededIndexes="0-1"),
        [
            f"{SUCCESS}.succeededCount: Invalid value: 3: must be less than or equal to 2 "
            "(the number of indexes in the specified succeededIndexes field)"
        ],
        id="success-count",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), MISTAKES)
def test_mistakes(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(JOB.validate(job(**spec))) == expected


def test_an_indexed_job_leaves_room_for_the_number_in_its_name() -> None:
    name = "a" * 62
    found = texts(JOB.validate(job(name, **INDEXED)))
    detail = f"will not able to create pod with invalid DNS label: {name}-4"
    assert found == [f'metadata.name: Invalid value: "{name}": {detail}']


def test_labels_that_are_not_the_servers_are_refused() -> None:
    found = texts(JOB.validate(job(template=template({"job-name": "other"}))))
    path = "spec.template.metadata.labels[job-name]"
    assert len(found) == 1 and found[0].startswith(f"{path}: Invalid value: ") and found[0].endswith("must be 'j'")


def cron_wire(**spec: Any) -> dict[str, Any]:
    job_template = {"spec": {"template": template()}}
    return {"metadata": {"name": "c"}, "spec": {"schedule": "*/5 * * * *", "jobTemplate": job_template, **spec}}


def test_cron_job_defaults() -> None:
    spec = encoded(decoded(CRON_JOB, cron_wire()))["spec"]
    assert (spec["concurrencyPolicy"], spec["suspend"]) == ("Allow", False)
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)
    inner = spec["jobTemplate"]["spec"]
    assert "completions" not in inner and inner["template"]["spec"]["schedulerName"] == "default-scheduler"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"timeZone": "Europe/Berlin"}, []),
        ({"schedule": ""}, ["spec.schedule: Required value"]),
        ({"schedule": "x"}, ['spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]']),
        (
            {"schedule": "CRON_TZ=UTC 0 * * * *"},
            [
                'spec.schedule: Invalid value: "CRON_TZ=UTC 0 * * * *": '
                "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            ],
        ),
        ({"timeZone": ""}, ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']),
        (
            {"concurrencyPolicy": "Maybe"},
            [
                'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
            ],
        ),
        ({"failedJobsHistoryLimit": -1}, [f"spec.failedJobsHistoryLimit: {NEGATIVE}"]),
        (
            {"jobTemplate": {"spec": {"template": template(), "selector": {}, "manualSelector": True}}},
            [
                "spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated",
                'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
            ],
        ),
    ],
)
def test_mistakes_of_a_cron_job(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(CRON_JOB.validate(decoded(CRON_JOB, cron_wire(**spec)))) == expected


def test_a_cron_job_without_a_template_is_told_what_it_lacks() -> None:
    found = texts(CRON_JOB.validate(decoded(CRON_JOB, {"metadata": {"name": "c"}, "spec": {"schedule": "@daily"}})))
    assert "spec.jobTemplate.spec.template.spec.containers: Required value" in found


def test_a_cron_job_leaves_room_for_the_time_in_its_jobs_names() -> None:
    wire = cron_wire()
    wire["metadata"]["name"] = "a" * 53
    found = texts(CRON_JOB.validate(decoded(CRON_JOB, wire)))
    assert found == [f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters']


def test_names_and_huge_jobs_are_warned_of() -> None:
    assert JOB.warnings is not None and CRON_JOB.warnings is not None
    assert "a DNS label is recommended" in JOB.warnings(job("a.b"), None)[0]
    huge = job(completionMode="Indexed", completions=100_001, parallelism=10_001)
    assert JOB.warnings(huge, None)[0].startswith("spec: In Indexed Jobs with a number of completions higher than 10^5")
    assert JOB.warnings(huge, huge) == []
    assert CRON_JOB.warnings(decoded(CRON_JOB, cron_wire()), None) == []


def test_table_of_cron_jobs() -> None:
    wire = {**cron_wire(timeZone="UTC"), "status": {"active": [{}], "lastScheduleTime": "2026-01-01T11:55:00Z"}}
    wire["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    assert CRON_JOB.row is not None
    found = CRON_JOB.row(decoded(CRON_JOB, wire), NOW)
    assert found == ["c", "*/5 * * * *", "UTC", "False", 1, "5m", "60m", "c", "web:1", "<none>"]

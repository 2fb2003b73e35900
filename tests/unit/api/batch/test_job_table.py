"""What a table shows of a Job."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.batch.job import JOB
from tests.unit.api.objects import NOW, decoded, pod_spec


def job_wire(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {}, "spec": pod_spec(restartPolicy="Never")}
    return {"metadata": {"name": "j", "namespace": "n"}, "spec": {"template": template, **spec}}


STATUSES: list[Any] = [
    pytest.param({}, {}, ["Running", "0/1", ""], id="new"),
    pytest.param({"parallelism": 3}, {"succeeded": 1}, ["Running", "1/1 of 3", ""], id="work-queue"),
    pytest.param(
        {"completions": 2},
        {
            "succeeded": 2,
            "startTime": "2026-01-01T11:00:00Z",
            "completionTime": "2026-01-01T11:00:07Z",
            "conditions": [{"type": "Complete", "status": "True"}],
        },
        ["Complete", "2/2", "7s"],
        id="complete",
    ),
    pytest.param(
        {},
        {"startTime": "2026-01-01T11:59:00Z", "conditions": [{"type": "FailureTarget", "status": "True"}]},
        ["FailureTarget", "0/1", "60s"],
        id="failing",
    ),
    pytest.param(
        {}, {"conditions": [{"type": "Suspended", "status": "True"}]}, ["Suspended", "0/1", ""], id="suspended"
    ),
    pytest.param(
        {},
        {"startTime": "2026-01-01T11:59:00Z", "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]},
        ["SuccessCriteriaMet", "0/1", "60s"],
        id="met",
    ),
]


@pytest.mark.parametrize(("spec", "status", "cells"), STATUSES)
def test_table_of_jobs(spec: dict[str, Any], status: dict[str, Any], cells: list[str]) -> None:
    wire = {**job_wire(**spec), "status": status}
    wire["metadata"]["creationTimestamp"] = "2026-01-01T11:00:00Z"
    assert JOB.row is not None
    assert JOB.row(decoded(JOB, wire), NOW) == ["j", *cells, "60m", "c", "web:1", "<none>"]

"""What may change of a Job that exists."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.batch.job import JOB
from kubelite.api.types.batch_v1 import JobCondition
from tests.unit.api.batch.test_jobs import INDEXED, job, template
from tests.unit.api.objects import texts

TEMPLATE = "spec.template"
UPDATES: list[Any] = [
    pytest.param({"completions": 2}, {"suspend": True, "parallelism": 4, "backoffLimit": 2}, {}, [], id="free"),
    pytest.param(
        {}, {"completions": 4}, {}, ["spec.completions: Invalid value: 4: field is immutable"], id="completions"
    ),
    pytest.param(INDEXED, {"completions": 7, "parallelism": 7}, {}, [], id="elastic"),
    pytest.param(
        INDEXED,
        {"completions": 7, "parallelism": 6},
        {},
        ["spec.completions: Invalid value: 7: can only be modified in tandem with spec.parallelism"],
        id="not-in-tandem",
    ),
    pytest.param(
        {},
        {"managedBy": "example.com/c"},
        {},
        ['spec.managedBy: Invalid value: "example.com/c": field is immutable'],
        id="managed-by",
    ),
    pytest.param(
        {"suspend": True}, {"template": template(nodeSelector={"a": "b"})}, {}, [], id="placing-before-the-start"
    ),
    pytest.param(
        {"suspend": True},
        {"template": template(containers=[{"name": "c", "image": "web:1", "resources": {"limits": {"cpu": "2"}}}])},
        {},
        [],
        id="resources-before-the-start",
    ),
    pytest.param(
        {"suspend": True},
        {"template": template(nodeSelector={"a": "b"})},
        {"startTime": "2026-01-01T00:00:00Z", "active": 1},
        TEMPLATE,
        id="placing-while-pods-run",
    ),
    pytest.param(
        {"suspend": True}, {"template": template(nodeSelector={"a": "b"})}, {"active": 1}, TEMPLATE, id="pods-run-still"
    ),
    pytest.param(
        {"suspend": True},
        {"template": template(nodeSelector={"a": "b"})},
        {"startTime": "2026-01-01T00:00:00Z"},
        TEMPLATE,
        id="not-seen-to-be-suspended",
    ),
    pytest.param(
        {"suspend": True},
        {"template": template({"a": "b"}, tolerations=[{"operator": "Exists"}])},
        {"startTime": "2026-01-01T00:00:00Z", "conditions": [JobCondition(type="Suspended", status="True")]},
        [],
        id="placing-between-two-starts",
    ),
    pytest.param({}, {"template": template(nodeSelector={"a": "b"})}, {}, TEMPLATE, id="placing-of-a-running-job"),
    pytest.param(
        {"suspend": True}, {"template": template(hostNetwork=True)}, {}, TEMPLATE + ".spec", id="another-template"
    ),
]


@pytest.mark.parametrize(("before", "change", "status", "expected"), UPDATES)
def test_what_may_change(
    before: dict[str, Any], change: dict[str, Any], status: dict[str, Any], expected: list[str] | str
) -> None:
    """A text: this field is refused as immutable."""
    old, new = job(**before), job(**{**before, **change})
    for name, value in status.items():
        setattr(old.status, name, value)
    found = texts(JOB.validate_update(new, old))
    if isinstance(expected, str):
        assert len(found) == 1
        assert found[0].startswith(f"{expected}: Invalid value: ") and found[0].endswith(": field is immutable")
    else:
        assert found == expected

"""Which marks of disruptions are taken back, by table."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubelite.controllers.objects import PodCondition
from kubelite.controllers.poddisruption.marks import left
from tests.unit.controllers import build

NOW = datetime(2030, 1, 1, 0, 2, tzinfo=UTC)
MARKED = "2030-01-01T00:00:30Z"


@pytest.mark.parametrize(
    ("phase", "deleting", "status", "reason", "since", "wanted"),
    [
        ("Running", False, "True", "EvictionByEvictionAPI", MARKED, 30.0),
        ("Pending", False, "True", "PreemptionByScheduler", MARKED, 30.0),
        ("Running", False, "True", "DeletionByTaintManager", "2030-01-01T00:00:00Z", 0.0),
        ("Running", False, "True", "", "2029-01-01T00:00:00Z", 0.0),
        ("Running", False, "True", "TerminationByKubelet", MARKED, None),
        ("Running", True, "True", "EvictionByEvictionAPI", MARKED, None),
        ("Running", False, "False", "", MARKED, None),
        ("Failed", False, "True", "EvictionByEvictionAPI", MARKED, None),
        ("Succeeded", False, "True", "EvictionByEvictionAPI", MARKED, None),
    ],
)
def test_a_mark_is_stale_after_two_minutes_if_the_pod_still_lives(
    phase: str, deleting: bool, status: str, reason: str, since: str, wanted: float | None
) -> None:
    pod = build.pod(phase=phase, deleting=deleting)
    pod.status.conditions = [
        PodCondition(type="DisruptionTarget", status=status, reason=reason, lastTransitionTime=since)
    ]
    assert left(pod, NOW) == wanted


def test_a_pod_without_a_mark_is_left_alone() -> None:
    assert left(build.pod(ready_since=MARKED), NOW) is None

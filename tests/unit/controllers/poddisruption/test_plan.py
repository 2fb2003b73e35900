"""What a budget allows, by table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.controllers.poddisruption.plan import Observed, Outcome, outcome
from tests.unit.controllers import build

NOW = datetime(2030, 1, 1, 0, 2, tzinfo=UTC)
SINCE = "2030-01-01T00:00:00Z"


def look(pods: list[Any], size: int | None = 3, disrupted: dict[str, str] | None = None, **spec: Any) -> Outcome:
    budget = PodDisruptionBudget()
    budget.metadata.name, budget.metadata.generation = "web", 2
    for name, value in spec.items():
        setattr(budget.spec, name, value)
    budget.status.disruptedPods = disrupted or {}
    return outcome(Observed(budget, pods, {"rs": size}, NOW))


def pods(ready: int, unready: int = 0) -> list[Any]:
    made = [build.pod(f"r{n}", ready_since=SINCE, controller="rs") for n in range(ready)]
    return made + [build.pod(f"u{n}", controller="rs") for n in range(unready)]


@pytest.mark.parametrize(
    ("found", "spec", "wanted"),
    [
        (pods(3), {"minAvailable": 2}, (3, 3, 2, 1)),
        (pods(2, 1), {"minAvailable": 2}, (3, 2, 2, 0)),
        (pods(3), {"minAvailable": "50%"}, (3, 3, 2, 1)),
        (pods(2), {"minAvailable": "100%"}, (3, 2, 3, 0)),
        (pods(3), {"maxUnavailable": 1}, (3, 3, 2, 1)),
        (pods(2), {"maxUnavailable": 1}, (3, 2, 2, 0)),
        (pods(3), {"maxUnavailable": "34%"}, (3, 3, 1, 2)),
        (pods(3), {"maxUnavailable": 9}, (3, 3, 0, 3)),
        ([], {"minAvailable": 0}, (0, 0, 0, 0)),
        (pods(1), {}, (0, 1, 0, 0)),
    ],
)
def test_counts(found: list[Any], spec: dict[str, Any], wanted: tuple[int, ...]):
    status = look(found, **spec).status
    assert (status.expectedPods, status.currentHealthy, status.desiredHealthy, status.disruptionsAllowed) == wanted
    (condition,) = status.conditions
    assert (condition.status, condition.reason) == (
        ("True", "SufficientPods") if wanted[3] else ("False", "InsufficientPods")
    )
    assert status.observedGeneration == condition.observedGeneration == 2


def test_evicted_pods_do_not_count_until_they_are_overdue():
    found = look(pods(3), minAvailable=1, disrupted={"r0": "2030-01-01T00:01:00Z", "r1": SINCE, "gone": SINCE})
    assert found.status.disruptedPods == {"r0": "2030-01-01T00:01:00Z"}
    assert (found.status.currentHealthy, found.overdue, found.recheck) == (2, ("r1",), 60)


def test_pods_that_go_are_not_healthy():
    going = build.pod("g", ready_since=SINCE, controller="rs", deleting=True)
    assert look([*pods(2), going], minAvailable=1).status.currentHealthy == 2


def test_an_unknown_controller_allows_nothing_and_pods_without_one_are_told_of():
    failed = look(pods(3), size=None, maxUnavailable=1)
    assert failed.failure == 'found no controllers for pod "r0"' and failed.status.disruptionsAllowed == 0
    assert failed.status.conditions[0].reason == "SyncFailed"
    assert look([build.pod("alone", ready_since=SINCE)], maxUnavailable=1).unmanaged

"""What a budget allows, by table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types.policy_v1 import PodDisruptionBudget
from kubelite.controllers.poddisruption.plan import Observed, Outcome, Size, outcome
from tests.unit.controllers import build

NOW = datetime(2030, 1, 1, 0, 2, tzinfo=UTC)
LATER = datetime(2030, 1, 1, 0, 3, tzinfo=UTC)
SINCE = "2030-01-01T00:00:00Z"


def look(
    pods: list[Any],
    size: int | None = 3,
    disrupted: dict[str, str] | None = None,
    others: dict[str, Size | str] | None = None,
    **spec: Any,
) -> Outcome:
    budget = PodDisruptionBudget()
    budget.metadata.name, budget.metadata.generation = "web", 2
    for name, value in spec.items():
        setattr(budget.spec, name, value)
    budget.status.disruptedPods = disrupted or {}
    sizes: dict[str, Size | str] = {"rs": Size("rs", size) if size is not None else ""}
    return outcome(Observed(budget, pods, {**sizes, **(others or {})}, NOW))


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


def test_a_deployment_with_two_replica_sets_counts_once():
    old = [build.pod(f"o{n}", ready_since=SINCE, controller="rs-old") for n in range(2)]
    new = [build.pod(f"n{n}", ready_since=SINCE, controller="rs-new") for n in range(2)]
    sizes: dict[str, Size | str] = {"rs-old": Size("deployment", 3), "rs-new": Size("deployment", 3)}
    status = look([*old, *new], others=sizes, maxUnavailable=1).status
    assert (status.expectedPods, status.desiredHealthy, status.disruptionsAllowed) == (3, 2, 2)


def test_why_a_controller_has_no_size_is_said():
    why = "jobs.batch does not implement the scale subresource"
    failed = look([build.pod("j", ready_since=SINCE, controller="job")], others={"job": why}, minAvailable="50%")
    assert (failed.failure, failed.status.conditions[0].message) == (why, why)


CONTROLLERS = st.sampled_from(["", "rs", "rs-old", "rs-new"])
PODS = st.lists(st.tuples(CONTROLLERS, st.booleans(), st.booleans()), max_size=8)
SPECS = st.sampled_from(
    [{"minAvailable": 2}, {"minAvailable": "50%"}, {"maxUnavailable": 1}, {"maxUnavailable": "34%"}, {}]
)


@given(PODS, SPECS, st.randoms(use_true_random=False))
def test_the_status_is_at_rest_and_the_order_of_pods_does_not_matter(found, spec, chance):
    made = [
        build.pod(f"p{n}", ready_since=SINCE if ready else "", controller=controller, deleting=deleting)
        for n, (controller, ready, deleting) in enumerate(found)
    ]
    sizes: dict[str, Size | str] = {"rs-old": Size("deployment", 3), "rs-new": Size("deployment", 3)}
    first = look(made, others=sizes, **spec)
    budget = PodDisruptionBudget()
    budget.metadata.name, budget.metadata.generation = "web", 2
    for name, value in spec.items():
        setattr(budget.spec, name, value)
    budget.status = first.status
    chance.shuffle(made)
    again = outcome(Observed(budget, made, {"rs": Size("rs", 3), **sizes}, LATER))
    assert again.status == first.status
    assert 0 <= first.status.disruptionsAllowed <= (first.status.currentHealthy or 0)

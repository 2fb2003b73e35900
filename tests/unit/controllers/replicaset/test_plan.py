"""Which pods a ReplicaSet creates and deletes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.controllers.replicaset.plan import BURST, Observed, Plan, deletion_cost, plan
from tests.unit.controllers.build import pod

NOW = datetime(2030, 1, 2, tzinfo=UTC)
READY = "2030-01-01T12:00:00Z"

FIRST_TO_GO = [
    pytest.param(pod("x", node=""), pod("y"), id="unassigned before assigned"),
    pytest.param(pod("x", phase="Pending"), pod("y"), id="pending before running"),
    pytest.param(pod("x"), pod("y", ready_since=READY), id="not ready before ready"),
    pytest.param(pod("x", ready_since=READY, cost="-5"), pod("y", ready_since=READY), id="cheap before dear"),
    pytest.param(
        pod("x", ready_since="2030-01-01T23:59:00Z"), pod("y", ready_since=READY), id="shortly ready before long ready"
    ),
    pytest.param(pod("x", restarts=3), pod("y"), id="often restarted before calm"),
    pytest.param(pod("x", created="2030-01-01T23:59:00Z"), pod("y"), id="young before old"),
]


@pytest.mark.parametrize(("victim", "survivor"), FIRST_TO_GO)
def test_deletes_first(victim, survivor):
    for pods in ([victim, survivor], [survivor, victim]):
        assert plan(Observed(1, pods, pods, NOW)) == Plan(delete=(victim,))


def test_prefers_pods_of_the_node_that_holds_more_of_the_siblings():
    crowded, alone = pod("x", node="a", ready_since=READY), pod("y", node="b", ready_since=READY)
    related = [crowded, alone, pod("z", node="a", ready_since=READY)]
    assert plan(Observed(1, [alone, crowded], related, NOW)).delete == (crowded,)


@pytest.mark.parametrize(
    ("text", "cost"), [("", 0), ("10", 10), ("-7", -7), ("+1", 0), ("01", 0), ("1.5", 0), ("99999999999", 0), ("x", 0)]
)
def test_a_malformed_deletion_cost_counts_as_zero(text: str, cost: int):
    assert deletion_cost(pod(cost=text)) == cost


@given(st.integers(0, 1200), st.integers(0, 30))
def test_carrying_the_plan_out_again_and_again_ends_with_the_wanted_number(replicas: int, present: int):
    pods = [pod(f"p{i}") for i in range(present)]
    for _ in range(4):
        step = plan(Observed(replicas, pods, pods, NOW))
        assert not (step.create and step.delete)
        assert step.create <= BURST
        pods = [p for p in pods if p not in step.delete] + [pod(f"n{len(pods)}-{i}") for i in range(step.create)]
    assert len(pods) == replicas
    assert plan(Observed(replicas, pods, pods, NOW)) == Plan()

"""When NoExecute taints drive a pod away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kubelite.api.types.core_v1 import PodCondition, Taint, Toleration
from kubelite.controllers.tainteviction.plan import Plan, first_seen, plan
from kubelite.machinery import times
from tests.unit.controllers.build import pod

NOW = datetime(2030, 1, 2, tzinfo=UTC)
KEY = "node.kubernetes.io/unreachable"
TAINT = Taint(key=KEY, effect="NoExecute", timeAdded="2030-01-01T23:59:00Z")


def tolerating(seconds: int | None) -> list[Toleration]:
    return [Toleration(key=KEY, operator="Exists", effect="NoExecute", tolerationSeconds=seconds)]


@pytest.mark.parametrize(
    ("tolerations", "evicted", "wait"),
    [
        pytest.param([], True, 0.0, id="not tolerated"),
        pytest.param(tolerating(None), False, 0.0, id="tolerated for ever"),
        pytest.param(tolerating(300), False, 240.0, id="tolerated for some time more"),
        pytest.param(tolerating(30), True, 0.0, id="time is over"),
    ],
)
def test_a_pod_goes_when_its_tolerated_time_since_the_taint_is_over(tolerations, evicted, wait):
    subject = pod(tolerations=tolerations)
    seen = first_seen([TAINT], {}, NOW)
    expected = Plan((subject,) if evicted else (), (subject,) if wait else (), wait)
    assert plan([TAINT], [subject], NOW, seen) == expected


def test_pods_that_end_anyway_and_other_effects_are_left_alone():
    assert plan([TAINT], [pod(deleting=True), pod(phase="Failed")], NOW, {}) == Plan()
    assert plan([Taint(key=KEY, effect="NoSchedule")], [pod()], NOW, {}) == Plan()


def test_a_taint_that_does_not_say_when_it_was_added_counts_from_when_it_was_first_seen():
    taint, subject = Taint(key=KEY, effect="NoExecute"), pod(tolerations=tolerating(30))
    seen = first_seen([taint], {}, NOW)
    assert plan([taint], [subject], NOW, seen) == Plan((), (subject,), 30.0)
    later = NOW + timedelta(seconds=30)
    assert plan([taint], [subject], later, first_seen([taint], seen, later)) == Plan((subject,))
    assert first_seen([], seen, later) == {}


def test_a_pod_that_came_after_the_taint_has_its_whole_time():
    subject = pod(tolerations=tolerating(30))
    arrived = times.now_text(NOW - timedelta(seconds=10))
    subject.status.conditions.append(PodCondition(type="PodScheduled", status="True", lastTransitionTime=arrived))
    assert plan([TAINT], [subject], NOW, first_seen([TAINT], {}, NOW)).wait == 20.0

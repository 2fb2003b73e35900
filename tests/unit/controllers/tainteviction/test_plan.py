"""When NoExecute taints drive a pod away."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kubelite.api.types.core_v1 import Taint, Toleration
from kubelite.controllers.tainteviction.plan import Plan, plan
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
    assert plan([TAINT], [subject], NOW) == Plan((subject,) if evicted else (), wait)


def test_pods_that_end_anyway_and_other_effects_are_left_alone():
    assert plan([TAINT], [pod(deleting=True), pod(phase="Failed")], NOW) == Plan()
    assert plan([Taint(key=KEY, effect="NoSchedule")], [pod()], NOW) == Plan()

"""Which pods nobody will ever finish."""

from __future__ import annotations

import pytest

from kubelite.api.types.core_v1 import Taint
from kubelite.controllers.podgc.plan import KEEP, ORPHANED, OUT_OF_SERVICE, UNSCHEDULED, surplus, verdict
from tests.unit.controllers.build import node, pod

OUT = Taint(key="node.kubernetes.io/out-of-service", effect="NoExecute")


@pytest.mark.parametrize(
    ("subject", "place", "wanted"),
    [
        pytest.param(pod(), node(), KEEP, id="alive"),
        pytest.param(pod(deleting=True), node(), KEEP, id="its kubelet ends it"),
        pytest.param(pod(), None, ORPHANED, id="node is gone"),
        pytest.param(pod(node=""), None, KEEP, id="waits for a node"),
        pytest.param(pod(node="", deleting=True), None, UNSCHEDULED, id="deleted before it had a node"),
        pytest.param(pod(deleting=True), node(ready="False", taints=[OUT]), OUT_OF_SERVICE, id="node out of service"),
        pytest.param(pod(deleting=True), node(taints=[OUT]), KEEP, id="out of service but ready"),
    ],
)
def test_verdict(subject, place, wanted):
    assert verdict(subject, place) == wanted


def test_beyond_the_threshold_evicted_pods_go_first_then_the_oldest():
    old = pod("old", phase="Succeeded", created="2030-01-01T00:00:00Z")
    young = pod("young", phase="Failed", created="2030-01-02T00:00:00Z")
    evicted = pod("evicted", phase="Failed", created="2030-01-03T00:00:00Z")
    evicted.status.reason = "Evicted"
    pods = [young, old, evicted, pod("running")]
    assert surplus(pods, 1) == [evicted, old]
    assert surplus(pods, 3) == []
    assert surplus(pods, 0) == []

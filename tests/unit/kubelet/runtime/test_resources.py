from __future__ import annotations

import pytest

from kubelite.kubelet.runtime import resources
from tests.unit.kubelet.podbuilder import make_pod

GIB = 1 << 30


@pytest.mark.parametrize(("milli", "shares"), [(0, 2), (1, 2), (100, 102), (1000, 1024), (500_000, 262144)])
def test_shares_follow_the_request(milli, shares):
    assert resources.shares(milli) == shares


@pytest.mark.parametrize(("milli", "quota"), [(0, 0), (5, 1000), (100, 10_000), (1500, 150_000)])
def test_quota_follows_the_limit(milli, quota):
    assert resources.quota(milli) == quota


def sized(**kinds):
    return make_pod([{"name": "web", "image": "i", "resources": kinds}])


@pytest.mark.parametrize(
    ("qos", "request_", "score"),
    [
        ("Guaranteed", "1Gi", -997),
        ("BestEffort", "0", 1000),
        ("Burstable", "512Mi", 500),
        ("Burstable", "1Mi", 1000 - 0 - 1),
        ("Burstable", "1Gi", 3),
    ],
)
def test_who_asks_for_less_memory_is_killed_sooner(qos, request_, score):
    pod = sized(requests={"memory": request_})
    assert resources.oom_score(pod, pod.spec.containers[0], qos, GIB) == score


def test_a_process_that_may_not_protect_does_not_try():
    pod = sized(limits={"cpu": "1", "memory": "64Mi"}, requests={"cpu": "1", "memory": "64Mi"})
    fields = resources.container_resources(
        pod, pod.spec.containers[0], "Guaranteed", GIB, lowest_oom=0, cgroup_v2=False
    )
    assert fields == {
        "cpu_shares": 1024,
        "oom_score_adj": 0,
        "memory_limit_in_bytes": 64 << 20,
        "cpu_period": 100_000,
        "cpu_quota": 100_000,
    }


def test_a_limit_without_a_request_is_the_request():
    pod = sized(limits={"cpu": "500m"})
    fields = resources.container_resources(pod, pod.spec.containers[0], "Burstable", GIB, lowest_oom=0, cgroup_v2=False)
    assert fields["cpu_shares"] == 512

"""How many replicas a metric asks for, and what is done about it: by table and by property."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubelite.api.types import autoscaling_v2 as v2
from kubelite.controllers.objects import Meta, PodCondition
from kubelite.controllers.podautoscaler.behavior import Bounds, History, Moment, normalize, remember
from kubelite.controllers.podautoscaler.plan import Observed, plan
from kubelite.controllers.podautoscaler.pods import (
    Container,
    Pod,
    PodSpec,
    PodStatus,
    Resources,
    Sample,
    Unknown,
    requests,
)
from kubelite.controllers.podautoscaler.replicas import (
    Proposal,
    Scene,
    Tolerances,
    by_average,
    by_share,
    by_utilization,
    by_value,
)
from kubelite.controllers.podautoscaler.status import Conditions, Failure, Found, selector_text
from kubelite.controllers.podautoscaler.status import current as status_of

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def pod(name: str, phase: str = "Running", ready: str = "True", age: float = 3600, since: float = 1800) -> Pod:
    def text(seconds: float) -> str:
        return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    conditions = [PodCondition(type="Ready", status=ready, lastTransitionTime=text(since))]
    return Pod(
        metadata=Meta(name=name),
        spec=PodSpec(containers=[Container(name="c", resources=Resources(requests={"cpu": "1"}))]),
        status=PodStatus(phase=phase, conditions=conditions, startTime=text(age)),
    )


def scene(*pods: Pod, current: int | None = None) -> Scene:
    return Scene(len(pods) if current is None else current, pods, NOW)


def samples(*values: int) -> dict[str, Sample]:
    return {f"p{number}": Sample(value, NOW) for number, value in enumerate(values)}


def pods(count: int) -> list[Pod]:
    return [pod(f"p{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("measured", "count", "wanted"),
    [
        ((300, 500, 700), 3, 5),  # 50 % of 30 %
        ((305, 310, 290), 3, 3),  # within the tolerance
        ((100, 100, 100), 3, 1),
        ((900,), 2, 3),  # one pod is missing: idle on the way up
        ((100,), 2, 2),  # one pod is missing: busy on the way down, and that turns the direction round
        ((100, 100, 100), 4, 4),
    ],
)
def test_utilization(measured: tuple[int, ...], count: int, wanted: int) -> None:
    assert by_utilization(scene(*pods(count)), samples(*measured), "cpu", 30).replicas == wanted


def test_cpu_of_pods_that_start_is_not_believed() -> None:
    starting = pod("p1", ready="False", age=10, since=5)
    found = by_utilization(scene(pod("p0"), starting), samples(500, 10_000), "cpu", 50)
    assert found == Proposal(2, 500, 50)


def test_pending_pods_count_as_idle_on_the_way_up() -> None:
    found = by_average(scene(pod("p0"), pod("p1", phase="Pending")), samples(300), "", 100)
    assert found.replicas == 3


def test_pods_that_request_nothing_make_a_percentage_impossible() -> None:
    bare = pod("p0")
    bare.spec.containers[0].resources.requests = {}
    with pytest.raises(Unknown, match="missing request for cpu in container c of Pod p0"):
        by_utilization(scene(bare), samples(1), "cpu", 50)


@pytest.mark.parametrize(
    ("whole", "parts", "container", "wanted"),
    [
        ({}, [{"cpu": "1"}, {"cpu": "500m"}], "", 1500),
        ({}, [{"cpu": "1"}, {"cpu": "500m"}], "c1", 500),
        ({"cpu": "3"}, [{"cpu": "1"}], "", 3000),
        ({"cpu": "3"}, [{"cpu": "1"}], "c0", 1000),
        ({"memory": "1Gi"}, [{"cpu": "1"}, {}], "", 1000),
        ({}, [{"cpu": "1"}, {}], "", "missing request for cpu in container c1 of Pod p"),
        ({}, [{"cpu": "1"}], "other", "container other not found in Pod p"),
        ({"memory": "1Gi"}, [{}], "", "missing pod-level request for cpu in Pod p"),
    ],
)
def test_what_a_pod_requests(
    whole: dict[str, str], parts: list[dict[str, str]], container: str, wanted: int | str
) -> None:
    containers = [Container(name=f"c{n}", resources=Resources(requests=dict(one))) for n, one in enumerate(parts)]
    spec = PodSpec(containers=containers, resources=Resources(requests=dict(whole)) if whole else None)
    one = Pod(metadata=Meta(name="p"), spec=spec)
    if isinstance(wanted, int):
        assert requests([one], container, "cpu") == {"p": wanted}
    else:
        with pytest.raises(Unknown, match=wanted):
            requests([one], container, "cpu")


def test_only_unready_pods_give_no_answer() -> None:
    with pytest.raises(Unknown, match=r"did not receive metrics for targeted pods \(pods might be unready\)"):
        by_utilization(scene(pod("p0", phase="Pending")), {}, "cpu", 50)


def test_one_value_for_the_whole_counts_ready_pods_only() -> None:
    assert by_value(scene(*pods(4)), 200, 100, lambda: 3).replicas == 6
    assert by_value(scene(*pods(4)), 105, 100, lambda: 3).replicas == 4
    assert by_value(scene(current=0), 250, 100, lambda: 0).replicas == 3


def test_an_average_over_all_replicas() -> None:
    assert by_share(2, 500, 100, Tolerances()) == Proposal(5, 250)
    assert by_share(5, 520, 100, Tolerances()) == Proposal(5, 104)
    assert by_share(5, 520, 100, Tolerances(up=0.01)) == Proposal(6, 104)


def rules(policies: list[tuple[str, int, int]], select: str = "Max", window: int = 0) -> v2.HPAScalingRules:
    made = [v2.HPAScalingPolicy(type=type_, value=value, periodSeconds=period) for type_, value, period in policies]
    return v2.HPAScalingRules(policies=made, selectPolicy=select, stabilizationWindowSeconds=window)


def behavior(
    up: v2.HPAScalingRules | None = None, down: v2.HPAScalingRules | None = None
) -> v2.HorizontalPodAutoscalerBehavior:
    usual = [("Percent", 100, 15)]
    return v2.HorizontalPodAutoscalerBehavior(scaleUp=up or rules(usual), scaleDown=down or rules(usual))


@pytest.mark.parametrize(
    ("given", "current", "wanted", "size", "reason"),
    [
        (None, 2, 9, 4, "ScaleUpLimit"),
        (None, 4, 30, 8, "ScaleUpLimit"),
        (None, 6, 30, 10, "TooManyReplicas"),
        (behavior(up=rules([("Pods", 1, 60), ("Percent", 10, 60)])), 5, 9, 6, "ScaleUpLimit"),
        (behavior(up=rules([("Pods", 4, 60), ("Percent", 10, 60)], "Min")), 5, 9, 6, "ScaleUpLimit"),
        (behavior(up=rules([("Pods", 4, 60)], "Disabled")), 5, 9, 5, "ScaleUpLimit"),
        (behavior(down=rules([("Pods", 2, 60)])), 9, 1, 7, "ScaleDownLimit"),
        (behavior(down=rules([("Percent", 50, 60)])), 9, 5, 5, "DesiredWithinRange"),
        (behavior(), 9, 0, 1, "TooFewReplicas"),
    ],
)
def test_rates_and_bounds(
    given: v2.HorizontalPodAutoscalerBehavior | None, current: int, wanted: int, size: int, reason: str
) -> None:
    found = normalize(current, wanted, Bounds(1, 10), given, History(), NOW, 300)
    assert (found.replicas, found.limit[0]) == (size, reason)


def test_changes_within_the_period_of_a_policy_count() -> None:
    slow = behavior(up=rules([("Pods", 2, 60)]))
    history = remember(History(), 3, 5, slow, NOW - timedelta(seconds=30))
    assert normalize(5, 9, Bounds(1, 10), slow, history, NOW, 300).replicas == 5
    assert normalize(5, 9, Bounds(1, 10), slow, history, NOW + timedelta(seconds=31), 300).replicas == 7


def test_the_highest_recommendation_of_five_minutes_holds_up_the_way_down() -> None:
    history = History((Moment(8, NOW - timedelta(seconds=299)), Moment(9, NOW - timedelta(seconds=301))))
    found = normalize(9, 2, Bounds(1, 10), None, history, NOW, 300)
    assert (found.replicas, found.able[0]) == (8, "ScaleDownStabilized")


def test_the_lowest_recommendation_holds_up_the_way_up() -> None:
    history = History((Moment(3, NOW - timedelta(seconds=20)),))
    found = normalize(2, 4, Bounds(1, 10), behavior(up=rules([("Pods", 9, 60)], window=60)), history, NOW, 300)
    assert (found.replicas, found.able[0]) == (3, "ScaleUpStabilized")


@pytest.mark.parametrize(
    ("current", "wanted", "past", "size"),
    [
        (5, 6, 3, 5),  # a lower recommendation holds the size; it does not lower it
        (5, 7, 6, 6),
        (5, 3, 8, 5),  # a higher one does not raise it
        (5, 3, 4, 4),
        (5, 5, 3, 5),
    ],
)
def test_past_recommendations_hold_a_size_and_never_turn_the_direction_round(
    current: int, wanted: int, past: int, size: int
) -> None:
    both = behavior(up=rules([("Pods", 9, 60)], window=60), down=rules([("Pods", 9, 60)], window=60))
    history = History((Moment(past, NOW - timedelta(seconds=20)),))
    assert normalize(current, wanted, Bounds(1, 10), both, history, NOW, 300).replicas == size


def test_what_went_the_other_way_within_a_period_is_given_back() -> None:
    one = behavior(up=rules([("Pods", 2, 60)]), down=rules([("Pods", 2, 60)]))
    history = remember(History(), 9, 7, one, NOW - timedelta(seconds=30))
    assert normalize(7, 20, Bounds(1, 20), one, history, NOW, 300).replicas == 11
    history = remember(History(), 4, 6, one, NOW - timedelta(seconds=30))
    assert normalize(6, 1, Bounds(1, 20), one, history, NOW, 300).replicas == 2


CPU = Found(4, "cpu resource utilization (percentage of request)", v2.MetricStatus(type="Resource"))
CALCULATED = "the HPA was able to successfully calculate a replica count from "
LOST = Failure("FailedGetExternalMetric", "no such metric", "failed to get depth external metric value: no such metric")
READY = ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
INSIDE = ("ScalingLimited", "False", "DesiredWithinRange", "the desired count is within the acceptable range")
FOUND = ("ScalingActive", "True", "ValidMetricFound", CALCULATED + CPU.name)


@pytest.mark.parametrize(
    ("current", "answers", "said", "reason"),
    [
        (4, [CPU], [FOUND, READY, INSIDE], ""),
        (3, [CPU], [FOUND, READY, INSIDE], "cpu resource utilization (percentage of request) above target"),
        (
            2,
            [Found(9, "pods metric hits", v2.MetricStatus(type="Pods"))],
            [
                ("ScalingActive", "True", "ValidMetricFound", CALCULATED + "pods metric hits"),
                READY,
                (
                    "ScalingLimited",
                    "True",
                    "ScaleUpLimit",
                    "the desired replica count is increasing faster than the maximum scale rate",
                ),
            ],
            "pods metric hits above target",
        ),
        (
            8,
            [Found(30, "pods metric hits", v2.MetricStatus(type="Pods"))],
            [
                ("ScalingActive", "True", "ValidMetricFound", CALCULATED + "pods metric hits"),
                READY,
                (
                    "ScalingLimited",
                    "True",
                    "TooManyReplicas",
                    "the desired replica count is more than the maximum replica count",
                ),
            ],
            "pods metric hits above target",
        ),
        (
            5,
            [CPU],
            [
                FOUND,
                (
                    "AbleToScale",
                    "True",
                    "ScaleDownStabilized",
                    "recent recommendations were higher than current one, applying the highest recent recommendation",
                ),
                INSIDE,
            ],
            "All metrics below target",
        ),
        (
            5,
            [LOST, CPU],
            [
                (
                    "ScalingActive",
                    "False",
                    "FailedGetExternalMetric",
                    "the HPA was unable to compute the replica count: no such metric",
                )
            ],
            "",
        ),
        (11, [], [], "Current number of replicas above Spec.MaxReplicas"),
        (
            0,
            [],
            [
                (
                    "ScalingActive",
                    "False",
                    "ScalingDisabled",
                    "scaling is disabled since the replica count of the target is zero",
                )
            ],
            "",
        ),
    ],
)
def test_what_conditions_and_the_event_of_a_new_size_say(
    current: int, answers: list[Found | Failure], said: list[tuple[str, str, str, str]], reason: str
) -> None:
    conditions = Conditions([], NOW)
    found = plan(Observed(autoscaler(), current, answers, History(), NOW), conditions)
    assert [(one.type, one.status, one.reason, one.message) for one in conditions.list()] == said
    assert found.reason == reason


def test_the_metrics_in_the_status_keep_the_places_of_those_in_the_spec() -> None:
    found = plan(Observed(autoscaler(), 3, [LOST, CPU], History(), NOW), Conditions([], NOW))
    assert [one.type for one in found.metrics] == ["", "Resource"]


def test_memory_is_shown_in_binary_units() -> None:
    def shown(name: str, value: int) -> str | None:
        target = v2.MetricTarget(type="AverageValue", averageValue="1")
        spec = v2.MetricSpec(type="Resource", resource=v2.ResourceMetricSource(name=name, target=target))
        one = status_of(spec, Proposal(1, value)).resource
        return str(one.current.averageValue) if one is not None and one.current is not None else None

    assert shown("memory", 100 * 2**20 * 1000) == "100Mi"
    assert shown("memory", 12_345_000) == "12345"
    assert shown("cpu", 250) == "250m"


def autoscaler() -> v2.HorizontalPodAutoscaler:
    spec = v2.HorizontalPodAutoscalerSpec(minReplicas=1, maxReplicas=10)
    return v2.HorizontalPodAutoscaler(spec=spec)


def test_a_failed_metric_forbids_scaling_down_but_not_up() -> None:
    failure = Failure("FailedGetPodsMetric", "gone", "failed to get pods metric value: gone")

    def decide(replicas: int) -> tuple[bool, str]:
        answers = [failure, Found(replicas, "cpu resource", v2.MetricStatus(type="Resource"))]
        found = plan(Observed(autoscaler(), 3, answers, History(), NOW), Conditions([], NOW))
        return found.rescale, found.failure

    text = "invalid metrics (1 invalid out of 2), first error is: failed to get pods metric value: gone"
    assert decide(2) == (False, text)
    assert decide(5) == (True, "")


def test_a_target_of_no_replicas_is_left_alone() -> None:
    conditions = Conditions([], NOW)
    assert not plan(Observed(autoscaler(), 0, [], History(), NOW), conditions).rescale
    assert [one.reason for one in conditions.list()] == ["ScalingDisabled"]


@given(st.integers(1, 40), st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_planning_again_after_the_change_asks_for_nothing_more_than_the_metrics(
    current: int, wanted: list[int]
) -> None:
    answers = [Found(number, "m", v2.MetricStatus(type="Pods")) for number in wanted]
    conditions = Conditions([], NOW)
    at, history, size = NOW, History(), current
    for _ in range(8):
        found = plan(Observed(autoscaler(), size, answers, history, at), conditions)
        size, history, at = found.desired, found.history, at + timedelta(seconds=400)
    assert size == min(max(max(wanted), 1), 10)
    again = plan(Observed(autoscaler(), size, answers, history, at), conditions)
    assert not again.rescale
    said = conditions.list()
    plan(Observed(autoscaler(), size, answers, again.history, at), conditions)
    assert conditions.list() == said


def test_metrics_with_selectors_are_printed_as_go_prints_them() -> None:
    assert selector_text(v2.MetricIdentifier(name="m")) == "m(nil)"

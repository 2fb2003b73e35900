"""What an autoscaler does: the decision, pure.

What: `plan(Observed) -> Plan`. Flow: the present size, what each metric said, what was done before → the new size, conditions,
events and what to remember. Source: pkg/controller/podautoscaler/horizontal.go (reconcileAutoscaler, computeReplicasForMetrics).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kubelite.api.types import autoscaling_v2 as v2
from kubelite.controllers.podautoscaler.behavior import Bounds, History, Moment, Size, normalize
from kubelite.controllers.podautoscaler.status import ABLE, ACTIVE, LIMITED, Conditions, Failure, Found


@dataclass(frozen=True, slots=True)
class Observed:
    """`answers` are those of the metrics in order, not needed where `measures` is False."""

    autoscaler: v2.HorizontalPodAutoscaler
    current: int
    answers: Sequence[Found | Failure]
    history: History
    now: datetime
    window: float = 300.0


@dataclass(frozen=True, slots=True)
class Plan:
    """`failure`: the metrics do not allow a decision. `complaint`: some failed, but the others do. `rescale`: go to `desired`.

    `metrics` has a place for each metric of the spec, as clients pair them by place; that of one that failed is empty.
    """

    desired: int
    rescale: bool
    reason: str
    metrics: list[v2.MetricStatus]
    history: History
    failure: str = ""
    complaint: str = ""


def bounds_of(autoscaler: v2.HorizontalPodAutoscaler) -> Bounds:
    """The least and the greatest size."""
    spec = autoscaler.spec
    return Bounds(1 if spec.minReplicas is None else spec.minReplicas, spec.maxReplicas or 0)


def measures(autoscaler: v2.HorizontalPodAutoscaler, current: int) -> bool:
    """Whether the decision depends on metrics at all."""
    bounds = bounds_of(autoscaler)
    return not (current == 0 and bounds.low != 0) and bounds.low <= current <= bounds.high


def plan(observed: Observed, conditions: Conditions) -> Plan:
    """The decision; what there is to say is said in `conditions`."""
    bounds, current = bounds_of(observed.autoscaler), observed.current
    history = observed.history
    if not history.recommendations:
        history = History((Moment(current, observed.now),), history.ups, history.downs)
    if current == 0 and bounds.low != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        conditions.set(ACTIVE, False, "ScalingDisabled", text)
        return Plan(0, False, "", [], history)
    if current > bounds.high:
        return Plan(bounds.high, True, "Current number of replicas above Spec.MaxReplicas", [], history)
    if current < bounds.low:
        return Plan(bounds.low, True, "Current number of replicas below Spec.MinReplicas", [], history)
    return _by_metrics(observed, history, bounds, conditions)


def _by_metrics(observed: Observed, history: History, bounds: Bounds, conditions: Conditions) -> Plan:
    current, answers = observed.current, observed.answers
    failed = [answer for answer in answers if isinstance(answer, Failure)]
    found = [answer for answer in answers if isinstance(answer, Found)]
    statuses = [a.status if isinstance(a, Found) else v2.MetricStatus() for a in answers]
    complaint = ""
    if failed:
        complaint = (
            f"invalid metrics ({len(failed)} invalid out of {len(answers)}), first error is: {failed[0].message}"
        )
    best = _greatest(found)
    if best is None or (failed and best.replicas < current):
        if failed:
            detail = f"the HPA was unable to compute the replica count: {failed[0].detail}"
            conditions.set(ACTIVE, False, failed[0].reason, detail)
        return Plan(current, False, "", statuses, history, failure=complaint or "no metrics")
    text = f"the HPA was able to successfully calculate a replica count from {best.name}"
    conditions.set(ACTIVE, True, "ValidMetricFound", text)
    reason = ""
    if best.replicas > current:
        reason = f"{best.name} above target"
    elif best.replicas < current:
        reason = "All metrics below target"
    size = normalize(
        current,
        best.replicas,
        bounds,
        observed.autoscaler.spec.behavior,
        history,
        observed.now,
        observed.window,
    )
    _say(size, conditions)
    kept = History(size.recommendations, history.ups, history.downs)
    return Plan(size.replicas, size.replicas != current, reason, statuses, kept, complaint=complaint)


def _greatest(found: Sequence[Found]) -> Found | None:
    """The first of those that ask for the most; of those that ask for none, the last."""
    best = None
    for one in found:
        if best is None or best.replicas == 0 or one.replicas > best.replicas:
            best = one
    return best


def _say(size: Size, conditions: Conditions) -> None:
    conditions.set(ABLE, True, *size.able)
    conditions.set(LIMITED, size.limited, *size.limit)

"""From what the metrics ask for to what is done: bounds, rates and stabilization. Pure.

Why: metrics jump; the number of pods must not. Flow: the recommendation, the bounds, the `behavior` and what was recommended and
done before → the size, two conditions, and what to remember. Source: pkg/controller/podautoscaler/horizontal.go
(normalizeDesiredReplicas and normalizeDesiredReplicasWithBehaviors).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from kubelite.api.types.autoscaling_v2 import HorizontalPodAutoscalerBehavior, HPAScalingRules
from kubelite.controllers.podautoscaler.replicas import MAX

WITHIN = ("DesiredWithinRange", "the desired count is within the acceptable range")
TOO_MANY = ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
TOO_FEW = ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
UP_LIMIT = ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
DOWN_LIMIT = ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
STEADY = ("ReadyForNewScale", "recommended size matches current size")
DOWN_STABILIZED = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)
UP_STABILIZED = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)
LEAST_STEP = 4


class Moment(NamedTuple):
    """A recommended size or a change of size, and when."""

    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered of one autoscaler; a process that starts anew remembers nothing, as upstream's."""

    recommendations: tuple[Moment, ...] = ()
    ups: tuple[Moment, ...] = ()
    downs: tuple[Moment, ...] = ()


@dataclass(frozen=True, slots=True)
class Bounds:
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Size:
    """`able` and `limit` are (reason, message) of AbleToScale and ScalingLimited."""

    replicas: int
    able: tuple[str, str]
    limit: tuple[str, str]
    limited: bool
    recommendations: tuple[Moment, ...]


def normalize(
    current: int,
    wanted: int,
    bounds: Bounds,
    behavior: HorizontalPodAutoscalerBehavior | None,
    history: History,
    now: datetime,
    window: float,
) -> Size:
    """The size that is gone to; `window` is the seconds of stabilization on the way down where nothing else is said."""
    up = (behavior.scaleUp if behavior is not None else None) or HPAScalingRules(stabilizationWindowSeconds=0)
    down = (behavior.scaleDown if behavior is not None else None) or HPAScalingRules()
    windows = (
        float(up.stabilizationWindowSeconds or 0),
        window if down.stabilizationWindowSeconds is None else float(down.stabilizationWindowSeconds),
    )
    if behavior is None:
        stable = max([wanted, *(past.number for past in _since(history.recommendations, now, window))])
        why = DOWN_STABILIZED
        size, limit = _plain(current, stable, bounds)
    else:
        stable, why = _stabilized(current, wanted, history.recommendations, now, windows)
        size, limit = _by_rules(current, stable, bounds, (up, down), history, now)
    kept = tuple(_since(history.recommendations, now, max(windows)))
    able = STEADY if stable == wanted else why
    return Size(size, able, limit, size != stable, (*kept, Moment(wanted, now)))


def remember(
    history: History, before: int, after: int, behavior: HorizontalPodAutoscalerBehavior | None, now: datetime
) -> History:
    """The history after a change of size; changes that no policy looks back to are forgotten."""
    if behavior is None:
        return history
    if after > before:
        kept = tuple(_since(history.ups, now, _longest(behavior.scaleUp)))
        return History(history.recommendations, (*kept, Moment(after - before, now)), history.downs)
    kept = tuple(_since(history.downs, now, _longest(behavior.scaleDown)))
    return History(history.recommendations, history.ups, (*kept, Moment(before - after, now)))


def _since(moments: Sequence[Moment], now: datetime, seconds: float) -> list[Moment]:
    cutoff = now - timedelta(seconds=seconds)
    return [moment for moment in moments if moment.at >= cutoff]


def _stabilized(
    current: int, wanted: int, past: Sequence[Moment], now: datetime, windows: tuple[float, float]
) -> tuple[int, tuple[str, str]]:
    """The present size, moved no further than between the lowest and the highest recommendation of the two windows."""
    up, down = (now - timedelta(seconds=window) for window in windows)
    lowest = min([wanted, *(moment.number for moment in past if moment.at > up)])
    highest = max([wanted, *(moment.number for moment in past if moment.at > down)])
    why = UP_STABILIZED if wanted >= current else DOWN_STABILIZED
    return min(max(current, lowest), highest), why


def _plain(current: int, wanted: int, bounds: Bounds) -> tuple[int, tuple[str, str]]:
    """Without behaviour: at most twice as many at a time, but four are always allowed."""
    fastest = max(2 * current, LEAST_STEP)
    high, why = (fastest, UP_LIMIT) if bounds.high > fastest else (bounds.high, TOO_MANY)
    if wanted < bounds.low:
        return bounds.low, TOO_FEW
    return (high, why) if wanted > high else (wanted, WITHIN)


def _by_rules(
    current: int,
    wanted: int,
    bounds: Bounds,
    rules: tuple[HPAScalingRules, HPAScalingRules],
    history: History,
    now: datetime,
) -> tuple[int, tuple[str, str]]:
    if wanted > current:
        limit = max(_up_limit(current, history, rules[0], now), current)
        high, why = (limit, UP_LIMIT) if bounds.high > limit else (bounds.high, TOO_MANY)
        if wanted > high:
            return high, why
    elif wanted < current:
        limit = min(_down_limit(current, history, rules[1], now), current)
        low, why = (limit, DOWN_LIMIT) if bounds.low < limit else (bounds.low, TOO_FEW)
        if wanted < low:
            return low, why
    return wanted, WITHIN


def _changed(moments: Sequence[Moment], period: int, now: datetime) -> int:
    cutoff = now - timedelta(seconds=period)
    return sum(moment.number for moment in moments if moment.at > cutoff)


def _at_start(current: int, history: History, period: int, now: datetime) -> int:
    """The size when the period began, by what was done since."""
    return current - _changed(history.ups, period, now) + _changed(history.downs, period, now)


def _up_limit(current: int, history: History, rules: HPAScalingRules, now: datetime) -> int:
    if rules.selectPolicy == "Disabled":
        return current
    limits = []
    for policy in rules.policies:
        start, value = _at_start(current, history, policy.periodSeconds or 0, now), policy.value or 0
        limits.append(start + value if policy.type == "Pods" else math.ceil(start * (1 + value / 100)))
    chosen = min(limits) if rules.selectPolicy == "Min" else max(limits)
    return min(chosen, MAX)


def _down_limit(current: int, history: History, rules: HPAScalingRules, now: datetime) -> int:
    if rules.selectPolicy == "Disabled":
        return current
    limits = []
    for policy in rules.policies:
        start, value = _at_start(current, history, policy.periodSeconds or 0, now), policy.value or 0
        limits.append(start - value if policy.type == "Pods" else int(start * (1 - value / 100)))
    return max(limits) if rules.selectPolicy == "Min" else min(limits)


def _longest(rules: HPAScalingRules | None) -> float:
    return max((policy.periodSeconds or 0 for policy in rules.policies), default=0) if rules is not None else 0

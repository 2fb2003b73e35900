"""How many replicas one metric asks for: pure.

Why: pods without metrics and pods that start must damp a decision, never turn it round.
Flow: what was measured and what is wanted → `Proposal`. Amounts are thousandths; divisions are those of floating point, as
upstream's, so that both decide alike. Source: pkg/controller/podautoscaler/replica_calculator.go, metrics/utilization.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from kubelite.controllers.podautoscaler.pods import Groups, Metrics, Patience, Pod, Sample, Unknown, group, requests

NO_PODS = "no pods returned by selector while calculating replica count"
NO_METRICS = "did not receive metrics for targeted pods (pods might be unready)"
MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Tolerances:
    """Shares by which usage may be below or above its target without any change."""

    down: float = 0.1
    up: float = 0.1

    def within(self, ratio: float) -> bool:
        return 1.0 - self.down <= ratio <= 1.0 + self.up


@dataclass(frozen=True, slots=True)
class Proposal:
    """`value` is the measured average or sum; `utilization` the percentage of what is requested, where that counts."""

    replicas: int
    value: int
    utilization: int | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What every computation looks at."""

    current: int
    pods: Sequence[Pod]
    now: datetime
    tolerances: Tolerances = field(default_factory=Tolerances)
    patience: Patience = field(default_factory=Patience)


Usage = Callable[[Metrics], tuple[float, int, int | None]]
"""Metrics → (ratio to the target, average, utilization)."""


def by_utilization(scene: Scene, metrics: Metrics, resource: str, target: int, container: str = "") -> Proposal:
    """For a percentage of what the pods request. Raises Unknown."""
    known, groups = _sort(scene, metrics, resource)
    asked = requests(scene.pods, container, resource)
    if not known:
        raise Unknown(NO_METRICS)

    def usage(samples: Metrics) -> tuple[float, int, int | None]:
        matched = [name for name in samples if name in asked]
        total = sum(samples[name].value for name in matched)
        requested = sum(asked[name] for name in matched)
        if requested == 0:
            raise Unknown("no metrics returned matched known pods")
        percent = total * 100 // requested
        return percent / target, total // len(matched), percent

    return _settle(scene, known, groups, usage, lambda name: asked.get(name, 0) * max(100, target) // 100)


def by_average(scene: Scene, metrics: Metrics, resource: str, target: int) -> Proposal:
    """For an amount per pod. Raises Unknown."""
    known, groups = _sort(scene, metrics, resource)
    if not known:
        raise Unknown(NO_METRICS)

    def usage(samples: Metrics) -> tuple[float, int, int | None]:
        average = sum(sample.value for sample in samples.values()) // len(samples)
        return average / target, average, None

    return _settle(scene, known, groups, usage, lambda name: target)


def by_value(scene: Scene, total: int, target: int, ready: Callable[[], int]) -> Proposal:
    """For one amount of the whole; `ready` counts the ready pods."""
    ratio = total / target
    if scene.current == 0:
        return Proposal(_count(ratio), total)
    if scene.tolerances.within(ratio):
        return Proposal(scene.current, total)
    return Proposal(_count(ratio * ready()), total)


def by_share(status_replicas: int, total: int, target: int, tolerances: Tolerances) -> Proposal:
    """For one amount divided by all replicas that there are."""
    count = status_replicas
    ratio = total / (target * count) if count else math.inf
    if not tolerances.within(ratio):
        count = _count(total / target)
    return Proposal(count, math.ceil(total / status_replicas) if status_replicas else total)


def _sort(scene: Scene, metrics: Metrics, resource: str) -> tuple[Metrics, Groups]:
    """The metrics that count, and the groups of pods."""
    if not scene.pods:
        raise Unknown(NO_PODS)
    groups = group(scene.pods, metrics, resource, scene.now, scene.patience)
    left_out = groups.ignored | groups.unready
    return {name: sample for name, sample in metrics.items() if name not in left_out}, groups


def _settle(scene: Scene, known: Metrics, groups: Groups, usage: Usage, full: Callable[[str], int]) -> Proposal:
    """With pods that were not measured: as if idle when more are asked for, as if busy (`full`) when fewer are."""
    ratio, value, utilization = usage(known)
    stay = Proposal(scene.current, value, utilization)
    starting = bool(groups.unready) and ratio > 1.0
    if not starting and not groups.missing:
        return stay if scene.tolerances.within(ratio) else Proposal(_count(ratio * groups.ready), value, utilization)
    assumed = dict(known)
    if ratio < 1.0:
        assumed |= _fill(groups.missing, full, scene.now)
    elif ratio > 1.0:
        assumed |= _fill(groups.missing, lambda name: 0, scene.now)
    if starting:
        assumed |= _fill(groups.unready, lambda name: 0, scene.now)
    again, _, _ = usage(assumed)
    if scene.tolerances.within(again) or (ratio < 1.0 < again) or (again < 1.0 < ratio):
        return stay
    count = _count(again * len(assumed))
    if (again < 1.0 and count > scene.current) or (again > 1.0 and count < scene.current):
        return stay
    return Proposal(count, value, utilization)


def _fill(names: Iterable[str], amount: Callable[[str], int], now: datetime) -> Metrics:
    return {name: Sample(amount(name), now) for name in names}


def _count(number: float) -> int:
    return min(math.ceil(number), MAX) if math.isfinite(number) else MAX

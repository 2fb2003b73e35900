"""Strategies and balance agree with sums done one node at a time, also after changes of single nodes."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.plugins.allocation import balance, strategy_scorer
from kubelite.scheduler.plugins.args import RatioParam, ResourceSpec, ScoringStrategy, ShapePoint
from kubelite.scheduler.plugins.resources_fit import ResourcesFit
from kubelite.scheduler.pods import PodInfo, pod_info
from tests.unit.scheduler.world import info, node, pod, scheduler

GPU = "example/gpu"
RESOURCES = (("cpu",), ("cpu", "memory"), ("cpu", "memory", GPU))
SHAPE = [ShapePoint(0, 10), ShapePoint(40, 6), ShapePoint(100, 0)]


def along(shape: list[ShapePoint], used: int) -> int:
    """The whole score on the broken line, as upstream's integers give it."""
    points = [(p.utilization, p.score * 10) for p in shape]
    for i, (x, y) in enumerate(points):
        if used <= x:
            if i == 0:
                return y
            x0, y0 = points[i - 1]
            return y0 + math.trunc((y - y0) * (used - x0) / (x - x0))
    return points[-1][1]


def one_node(strategy: ScoringStrategy, rows: list[tuple[int, int, int]]) -> int:
    """The score of a node from (weight, requested, capacity) of each resource."""
    total = weights = 0
    for weight, requested, capacity in rows:
        if not capacity:
            continue
        if strategy.type == "LeastAllocated":
            points = max(capacity - requested, 0) * 100 // capacity
        elif strategy.type == "MostAllocated":
            points = min(requested, capacity) * 100 // capacity
        else:
            points = along(SHAPE, 100 if requested > capacity else requested * 100 // capacity)
            if points <= 0:
                continue
        total += points * weight
        weights += weight
    if not weights:
        return 0
    return math.floor(total / weights + 0.5) if strategy.type == "RequestedToCapacityRatio" else total // weights


def level(rows: list[tuple[int, int, int]]) -> int:
    """100 less the deviation of the shares, in upstream's order of operations."""
    shares = [min(requested / capacity, 1.0) for _, requested, capacity in rows if capacity]
    deviation = 0.0
    if len(shares) == 2:
        deviation = abs((shares[0] - shares[1]) / 2)
    elif len(shares) > 2:
        mean = sum(shares) / len(shares)
        deviation = math.sqrt(sum((s - mean) * (s - mean) for s in shares) / len(shares))
    return int((1 - deviation) * 100)


class Truth:
    """What is on each node, for sums by hand."""

    def __init__(self) -> None:
        self.pods: dict[str, list[PodInfo]] = {}
        self.capacity: dict[str, dict[str, int]] = {}

    def rows(
        self, name: str, wanted: PodInfo, resources: list[ResourceSpec], *, real: bool, before: bool = False
    ) -> list[tuple[int, int, int]]:
        found, everyone = [], [*self.pods[name], *([] if before else [wanted])]
        for resource in resources:
            what = resource.name
            if what == GPU and not wanted.requests.get(GPU):
                continue
            if real or what == GPU:
                used = sum(one.requests.get(what, 0) for one in everyone)
            else:
                row = ("cpu", "memory").index(what)
                used = sum(one.compared[row] for one in everyone)
            found.append((resource.weight, used, self.capacity[name].get(what, 0)))
        return found


@pytest.mark.parametrize("kind", ["LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"])
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_strategies_and_balance_agree_with_the_sums_of_single_nodes(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    resources = [ResourceSpec(name, rng.randint(1, 3)) for name in rng.choice(RESOURCES)]
    if rng.random() < 0.4:
        resources = [ResourceSpec("cpu", 1), ResourceSpec("memory", 1)]
    strategy = ScoringStrategy(type=kind, resources=resources)
    if kind == "RequestedToCapacityRatio":
        strategy.requestedToCapacityRatio = RatioParam(SHAPE)
    scorer, fit = strategy_scorer(strategy), ResourcesFit()
    made, truth = scheduler(), Truth()
    questions = [
        info("q", requests={"cpu": "300m", "memory": "1Gi"}),
        info("r"),
        info("s", requests={"cpu": "1", GPU: "1"}),
    ]
    for number in range(25):
        name = f"n{rng.randrange(5)}"
        if name not in truth.pods or rng.random() < 0.2:
            gpus = rng.randint(0, 2)
            one = node(name, cpu=str(rng.randint(0, 4)), memory=f"{rng.randint(0, 4)}Gi", example_gpu=str(gpus))
            made.nodes.set_node(one)
            truth.pods.setdefault(name, [])
            truth.capacity[name] = {
                r: int(made.nodes.allocatable[r][made.nodes.index[name]]) for r in ("cpu", "memory", GPU)
            }
        elif truth.pods[name] and rng.random() < 0.4:
            made.nodes.remove_pod(truth.pods[name].pop(), name)
        else:
            requests = {"cpu": f"{rng.randint(0, 900)}m", "memory": f"{rng.randint(0, 900)}Mi"}
            placed = pod_info(pod(f"p{number}", on=name, requests=requests if rng.random() < 0.8 else {}))
            made.nodes.add_pod(placed, name)
            truth.pods[name].append(placed)
        for wanted in questions:
            cycle = Cycle(wanted, made.world)
            scores, even, room = scorer(cycle), balance(cycle, resources), fit.filter(cycle)
            assert room is not None
            for there, at in made.nodes.index.items():
                assert scores[at] == one_node(strategy, truth.rows(there, wanted, resources, real=False))
                after = level(truth.rows(there, wanted, resources, real=True))
                assert (
                    even[at]
                    == 50 + (50 + after - level(truth.rows(there, wanted, resources, real=True, before=True))) // 2
                )
                fits = all(
                    sum(o.requests.get(r, 0) for o in [*truth.pods[there], wanted]) <= truth.capacity[there].get(r, 0)
                    for r, number in wanted.requests.items()
                    if number
                )
                assert room[at] == fits

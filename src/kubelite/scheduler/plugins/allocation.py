"""How well a pod's requests suit the nodes: the strategies of NodeResourcesFit and the balance between resources.

What: `strategy_scorer` makes the score of LeastAllocated, MostAllocated or RequestedToCapacityRatio; `balance` compares shares.
Why: both plugins read the same columns. Rules: amounts of pods without CPU or memory requests count with defaults, except for
the balance; a scalar resource counts only for pods that request it; whole points at every step, as upstream's integers.
Upstream: plugins/noderesources/{resource_allocation,least_allocated,most_allocated,requested_to_capacity_ratio}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import Floats
from kubelite.scheduler.plugins.args import LEAST, MOST, ResourceSpec, ScoringStrategy
from kubelite.scheduler.pods import CPU, MEMORY

MAX_SHAPE_SCORE = 10
Points = Callable[[Floats, Floats], Floats]


def least(requested: Floats, capacity: Floats) -> Floats:
    """The share that stays free."""
    points: Floats = np.floor(np.maximum(capacity - requested, 0) * MAX_NODE_SCORE / np.maximum(capacity, 1))
    return points


def most(requested: Floats, capacity: Floats) -> Floats:
    """The share that is taken."""
    points: Floats = np.floor(np.minimum(requested, capacity) * MAX_NODE_SCORE / np.maximum(capacity, 1))
    return points


def ratio(shape: Sequence[tuple[int, int]]) -> Points:
    """Points along a broken line through (utilization, score); scores are 0 to 10."""
    xs = np.array([x for x, _ in shape], float)
    ys = np.array([y * MAX_NODE_SCORE // MAX_SHAPE_SCORE for _, y in shape], float)

    def points(requested: Floats, capacity: Floats) -> Floats:
        used = np.where(
            requested > capacity, MAX_NODE_SCORE, np.floor(requested * MAX_NODE_SCORE / np.maximum(capacity, 1))
        )
        found: Floats = np.trunc(np.interp(used, xs, ys))
        return found

    return points


def columns(cycle: Cycle, resources: Sequence[ResourceSpec], *, real: bool) -> Iterator[tuple[int, Floats, Floats]]:
    """(weight, requested with the pod, allocatable) of each resource; `real`: without defaults for CPU and memory."""
    nodes, pod = cycle.nodes, cycle.pod
    for resource in resources:
        name = resource.name
        if not real and name in (CPU, MEMORY):
            row = 0 if name == CPU else 1
            yield resource.weight, nodes.compared[row] + pod.compared[row], nodes.comparable[row]
        elif name in nodes.allocatable:
            amount = pod.requests.get(name, 0)
            if amount or name in (CPU, MEMORY, "ephemeral-storage"):
                used, there = nodes.used[name], nodes.allocatable[name]
                yield resource.weight, (used + amount).astype(np.float64), there.astype(np.float64)


def strategy_scorer(strategy: ScoringStrategy) -> Callable[[Cycle], Scores | None]:
    """The weighted mean of a strategy's points over its resources, on each node over those that it has."""
    if strategy.type == LEAST:
        points: Points = least
    elif strategy.type == MOST:
        points = most
    else:
        shape = strategy.requestedToCapacityRatio
        points = ratio([(p.utilization, p.score) for p in shape.shape] if shape is not None else [])
    resources, rounds = strategy.resources, strategy.type not in (LEAST, MOST)
    if not rounds and [(r.name, r.weight) for r in resources] == [(CPU, 1), (MEMORY, 1)]:
        return lambda cycle: plain(cycle, points)

    def score(cycle: Cycle) -> Scores | None:
        total, weights = np.zeros(cycle.nodes.capacity), np.zeros(cycle.nodes.capacity)
        for weight, requested, capacity in columns(cycle, resources, real=False):
            found = points(requested, capacity)
            # The ratio counts a resource only where it earns something, and rounds to the nearest.
            there = (capacity > 0) & ((found > 0) | (not rounds))
            total += np.where(there, found * weight, 0)
            weights += np.where(there, weight, 0)
        mean = total / np.maximum(weights, 1)
        scores: Scores = np.floor(mean + 0.5) if rounds else np.floor(mean)
        return scores

    return score


def plain(cycle: Cycle, points: Points) -> Scores:
    """The default resources in two rows at once."""
    nodes = cycle.nodes
    requested = nodes.compared + np.array(cycle.pod.compared, np.float64)[:, np.newaxis]
    found = points(requested, nodes.comparable)
    there = nodes.comparable > 0
    if not there.all():
        found = found * there
    scores: Scores = np.floor(found.sum(axis=0) / np.maximum(there.sum(axis=0), 1))
    return scores


def balance(cycle: Cycle, resources: Sequence[ResourceSpec]) -> Scores | None:
    """100 less the standard deviation of the shares in use."""
    rows = [(requested, capacity) for _, requested, capacity in columns(cycle, resources, real=True)]
    if not rows:
        return None
    capacity = np.stack([c for _, c in rows])
    there = capacity > 0
    shares = np.where(there, np.minimum(np.stack([r for r, _ in rows]) / np.maximum(capacity, 1), 1.0), 0.0)
    number = np.maximum(there.sum(axis=0), 1)
    mean = shares.sum(axis=0) / number
    deviation = np.sqrt(np.where(there, (shares - mean) ** 2, 0.0).sum(axis=0) / number)
    # What rounding of the square root takes from a whole point is given back.
    scores: Scores = np.floor((1 - deviation) * MAX_NODE_SCORE + 1e-9)
    return scores

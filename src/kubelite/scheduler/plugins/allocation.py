"""How well a pod's requests suit the nodes: the strategies of NodeResourcesFit and the balance between resources.

What: `strategy_scorer` makes the score of LeastAllocated, MostAllocated or RequestedToCapacityRatio; `balance` compares shares.
Why: both plugins read the same columns. Rules: amounts of pods without CPU or memory requests count with defaults, except for
the balance; a scalar resource counts only for pods that request it; whole points at every step, as upstream's integers.
Upstream: plugins/noderesources/{resource_allocation,least_allocated,most_allocated,requested_to_capacity_ratio}.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence

import msgspec
import numpy as np

from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import At, Floats, NodeTable
from kubelite.scheduler.plugins.args import LEAST, MOST, ResourceSpec, ScoringStrategy
from kubelite.scheduler.pods import CPU, MEMORY, PodInfo

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


def least_of(requested: float, capacity: float) -> int:
    """As `least`, of one node."""
    return int(max(capacity - requested, 0.0) * MAX_NODE_SCORE / max(capacity, 1.0))


def most_of(requested: float, capacity: float) -> int:
    """As `most`, of one node."""
    return int(min(requested, capacity) * MAX_NODE_SCORE / max(capacity, 1.0))


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


def columns(
    nodes: NodeTable, pod: PodInfo, resources: Sequence[ResourceSpec], at: At, *, real: bool
) -> Iterator[tuple[int, Floats, Floats]]:
    """(weight, requested with the pod, allocatable) of each resource; `real`: without defaults for CPU and memory."""
    for resource in resources:
        name = resource.name
        if not real and name in (CPU, MEMORY):
            row = 0 if name == CPU else 1
            yield resource.weight, nodes.compared[row, at] + pod.compared[row], nodes.comparable[row, at]
        elif name in nodes.allocatable:
            amount = pod.requests.get(name, 0)
            if amount or name in (CPU, MEMORY, "ephemeral-storage"):
                used, there = nodes.used[name][at], nodes.allocatable[name][at]
                yield resource.weight, (used + amount).astype(np.float64), there.astype(np.float64)


def requests_key(pod: PodInfo) -> Hashable:
    """Equal for pods that take the same of a node."""
    return pod.compared, tuple(pod.requests.items())


def strategy_scorer(strategy: ScoringStrategy) -> Callable[[Cycle], Scores]:
    """The weighted mean of a strategy's points over its resources, on each node over those that it has."""
    if strategy.type == LEAST:
        points: Points = least
    elif strategy.type == MOST:
        points = most
    else:
        shape = strategy.requestedToCapacityRatio
        points = ratio([(p.utilization, p.score) for p in shape.shape] if shape is not None else [])
    resources, rounds = strategy.resources, strategy.type not in (LEAST, MOST)
    mark = msgspec.json.encode(strategy)
    if not rounds and [(r.name, r.weight) for r in resources] == [(CPU, 1), (MEMORY, 1)]:
        single = least_of if strategy.type == LEAST else most_of
        return lambda cycle: plain(cycle, points, single, mark)

    def score(cycle: Cycle) -> Scores:
        nodes, pod = cycle.nodes, cycle.pod

        def compute(at: At) -> Scores:
            total = np.zeros(nodes.compared[0, at].shape)
            weights = total.copy()
            for weight, requested, capacity in columns(nodes, pod, resources, at, real=False):
                found = points(requested, capacity)
                # The ratio counts a resource only where it earns something, and rounds to the nearest.
                there = (capacity > 0) & ((found > 0) | (not rounds))
                total += np.where(there, found * weight, 0)
                weights += np.where(there, weight, 0)
            mean = total / np.maximum(weights, 1)
            scores: Scores = np.floor(mean + 0.5) if rounds else np.floor(mean)
            return scores

        return nodes.tracked((mark, requests_key(pod)), compute)

    return score


def plain(cycle: Cycle, points: Points, single: Callable[[float, float], int], mark: bytes) -> Scores:
    """The default resources, both rows at once: most pods are placed by these."""
    nodes, pod = cycle.nodes, cycle.pod
    asked = np.array(pod.compared, np.float64).reshape(2, 1)

    def compute(at: At) -> Scores:
        capacity = nodes.comparable[:, at]
        there = capacity > 0
        found = points(nodes.compared[:, at] + asked, capacity) * there
        # Two rows are added more quickly than they are summed up.
        number = np.maximum(np.add(there[0], there[1], dtype=np.int64), 1)
        scores: Scores = np.floor((found[0] + found[1]) / number)
        return scores

    def one(position: int) -> int:
        total = number = 0
        for row, amount in enumerate(pod.compared):
            capacity = nodes.comparable.item(row, position)
            if capacity > 0:
                total += single(nodes.compared.item(row, position) + amount, capacity)
                number += 1
        return total // number if number else 0

    return nodes.tracked((mark, pod.compared), compute, one)


def even(nodes: NodeTable, pod: PodInfo, at: At) -> Scores | None:
    """The balance of CPU and memory alone, whose deviation is half their distance; None where a node lacks one."""
    cpu, memory = nodes.comparable[:, at]
    if np.count_nonzero(cpu) < cpu.size or np.count_nonzero(memory) < memory.size:
        return None
    first = np.minimum((nodes.used[CPU][at] + pod.requests.get(CPU, 0)) / cpu, 1.0)
    second = np.minimum((nodes.used[MEMORY][at] + pod.requests.get(MEMORY, 0)) / memory, 1.0)
    scores: Scores = np.floor((1 - np.abs(first - second) / 2) * MAX_NODE_SCORE + 1e-9)
    return scores


def even_of(nodes: NodeTable, pod: PodInfo, position: int) -> float:
    """As `even`, of one node; where it lacks one of them, the other alone is perfectly balanced."""
    shares = []
    for row, name in enumerate((CPU, MEMORY)):
        capacity = nodes.comparable.item(row, position)
        if capacity > 0:
            shares.append(min((nodes.used[name].item(position) + pod.requests.get(name, 0)) / capacity, 1.0))
    apart = abs(shares[0] - shares[1]) / 2 if len(shares) > 1 else 0.0
    return math.floor((1 - apart) * MAX_NODE_SCORE + 1e-9)


def balance(cycle: Cycle, resources: Sequence[ResourceSpec]) -> Scores:
    """100 less the standard deviation of the shares in use."""
    nodes, pod = cycle.nodes, cycle.pod

    names = tuple(resource.name for resource in resources)

    def compute(at: At) -> Scores:
        quick = even(nodes, pod, at) if names == (CPU, MEMORY) else None
        if quick is not None:
            return quick
        rows = [(requested, capacity) for _, requested, capacity in columns(nodes, pod, resources, at, real=True)]
        if not rows:
            return np.zeros(nodes.capacity)[at]
        capacity = np.stack([c for _, c in rows])
        there = capacity > 0
        shares = np.where(there, np.minimum(np.stack([r for r, _ in rows]) / np.maximum(capacity, 1), 1.0), 0.0)
        number = np.maximum(there.sum(axis=0), 1)
        mean = shares.sum(axis=0) / number
        deviation = np.sqrt(np.where(there, (shares - mean) ** 2, 0.0).sum(axis=0) / number)
        # What rounding of the square root takes from a whole point is given back.
        scores: Scores = np.floor((1 - deviation) * MAX_NODE_SCORE + 1e-9)
        return scores

    def one(position: int) -> float:
        return even_of(nodes, pod, position)

    single = one if names == (CPU, MEMORY) else None
    return nodes.tracked(("balance", names, requests_key(pod)), compute, single)

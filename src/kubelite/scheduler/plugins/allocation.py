"""How well a pod's requests suit the nodes: the strategies of NodeResourcesFit and the balance between resources.

What: `strategy_scorer` makes the score of LeastAllocated, MostAllocated or RequestedToCapacityRatio; `balance` compares what a
pod does to the shares in use. Why: both plugins read the same columns. Rules: amounts of pods without CPU or memory requests
count with defaults, except for the balance; a scalar resource counts only for pods that request it; whole points at every
step, as upstream's integers; of a resource that devices serve, these count.
Upstream: plugins/noderesources/{resource,balanced,least,most}_allocat*.go, requested_to_capacity_ratio.go.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import msgspec
import numpy as np

from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import EVERYWHERE, At, Floats, Ints, NodeTable
from kubelite.scheduler.plugins.args import LEAST, MOST, ResourceSpec, ScoringStrategy
from kubelite.scheduler.plugins.backed import Columns, backed
from kubelite.scheduler.pods import CPU, MEMORY, PodInfo

MAX_SHAPE_SCORE = 10
HALF = MAX_NODE_SCORE // 2
UNCHANGED = HALF + HALF // 2
"""The balance score of a node that the pod makes neither better nor worse."""
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


def counted(
    nodes: NodeTable, pod: PodInfo, resources: Sequence[ResourceSpec], served: Columns
) -> Iterator[ResourceSpec]:
    """The resources that nodes are compared by: what can be requested of every node, and else what the pod requests."""
    for resource in resources:
        always = resource.name in (CPU, MEMORY, "ephemeral-storage")
        there = resource.name in nodes.allocatable or resource.name in served
        if there and (always or pod.requests.get(resource.name)):
            yield resource


def amounts(nodes: NodeTable, name: str, served: Columns) -> tuple[Ints, Ints]:
    """What is taken, and what there is: of the nodes themselves, or of devices."""
    return served[name] if name in served else (nodes.used[name], nodes.allocatable[name])


def columns(
    nodes: NodeTable, pod: PodInfo, resources: Sequence[ResourceSpec], served: Columns, at: At
) -> Iterator[tuple[int, Floats, Floats]]:
    """(weight, requested with the pod, allocatable) of each resource, with defaults for CPU and memory."""
    for resource in counted(nodes, pod, resources, served):
        name = resource.name
        if name in (CPU, MEMORY):
            row = 0 if name == CPU else 1
            yield resource.weight, nodes.compared[row, at] + pod.compared[row], nodes.comparable[row, at]
        else:
            used, there = amounts(nodes, name, served)
            after = used[at] + pod.requests.get(name, 0)
            yield resource.weight, after.astype(np.float64), there[at].astype(np.float64)


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
        nodes, pod, served = cycle.nodes, cycle.pod, backed(cycle, resources)

        def compute(at: At) -> Scores:
            total = np.zeros(nodes.compared[0, at].shape)
            weights = total.copy()
            for weight, requested, capacity in columns(nodes, pod, resources, served, at):
                found = points(requested, capacity)
                # The ratio counts a resource only where it earns something, and rounds to the nearest.
                there = (capacity > 0) & ((found > 0) | (not rounds))
                total += np.where(there, found * weight, 0)
                weights += np.where(there, weight, 0)
            mean = total / np.maximum(weights, 1)
            scores: Scores = np.floor(mean + 0.5) if rounds else np.floor(mean)
            return scores

        return compute(EVERYWHERE) if served else nodes.tracked((mark, requests_key(pod)), compute)

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

    def points(first: Ints, second: Ints) -> Floats:
        distance = np.abs(np.minimum(first / cpu, 1.0) - np.minimum(second / memory, 1.0))
        found: Floats = np.floor((1 - distance / 2) * MAX_NODE_SCORE)
        return found

    first, second = nodes.used[CPU][at], nodes.used[MEMORY][at]
    after = points(first + pod.requests.get(CPU, 0), second + pod.requests.get(MEMORY, 0))
    return gain(after, points(first, second))


def even_of(nodes: NodeTable, pod: PodInfo, position: int) -> int:
    """As `even`, of one node; where it lacks one of them, the other alone is perfectly balanced."""
    cpu, memory = nodes.comparable.item(0, position), nodes.comparable.item(1, position)
    if not (cpu > 0 and memory > 0):
        return UNCHANGED
    first, second = nodes.used[CPU].item(position), nodes.used[MEMORY].item(position)
    before = abs(min(first / cpu, 1.0) - min(second / memory, 1.0)) / 2
    first, second = first + pod.requests.get(CPU, 0), second + pod.requests.get(MEMORY, 0)
    after = abs(min(first / cpu, 1.0) - min(second / memory, 1.0)) / 2
    return HALF + (HALF + int((1 - after) * MAX_NODE_SCORE) - int((1 - before) * MAX_NODE_SCORE)) // 2


def gain(after: Scores, before: Scores) -> Scores:
    """What a pod does to the balance of a node: 75 for nothing, 100 for all that can be won, 50 for all that can be lost."""
    scores: Scores = HALF + np.floor((HALF + after - before) / 2)
    return scores


def levelness(requested: Ints, capacity: Floats) -> Scores:
    """100 less the standard deviation of the shares in use; a row a resource."""
    there = capacity > 0
    shares = np.where(there, np.minimum(requested / np.maximum(capacity, 1), 1.0), 0.0)
    number = np.maximum(there.sum(axis=0), 1)
    mean = shares.sum(axis=0) / number
    apart = shares - mean
    deviation = np.sqrt(np.where(there, apart * apart, 0.0).sum(axis=0) / number)
    # Of two it is half their distance, which is exact.
    distance = shares.max(axis=0) - np.where(there, shares, np.inf).min(axis=0)
    scores: Scores = np.floor((1 - np.where(number == 2, distance / 2, deviation)) * MAX_NODE_SCORE)
    return scores


def balance(cycle: Cycle, resources: Sequence[ResourceSpec]) -> Scores:
    """How much more evenly a node's resources are in use with the pod than without it."""
    nodes, pod, served = cycle.nodes, cycle.pod, backed(cycle, resources)
    names = tuple(resource.name for resource in resources)

    def compute(at: At) -> Scores:
        quick = even(nodes, pod, at) if names == (CPU, MEMORY) else None
        if quick is not None:
            return quick
        chosen = [resource.name for resource in counted(nodes, pod, resources, served)]
        if not chosen:
            return np.full(nodes.capacity, float(UNCHANGED))[at]
        found = [amounts(nodes, name, served) for name in chosen]
        capacity = np.stack([there[at] for _, there in found]).astype(np.float64)
        before = np.stack([used[at] for used, _ in found])
        asked = np.array([pod.requests.get(name, 0) for name in chosen]).reshape(-1, 1)
        return gain(levelness(before + asked, capacity), levelness(before, capacity))

    def one(position: int) -> float:
        return even_of(nodes, pod, position)

    single = one if names == (CPU, MEMORY) else None
    if served:
        return compute(EVERYWHERE)
    return nodes.tracked(("balance", names, requests_key(pod)), compute, single)

"""NodeResourcesFit: a node must have left what the pod requests; the emptier node scores higher (LeastAllocated)."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic.fit import shortages
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import PODS, Mask
from kubelite.scheduler.pods import CPU, MEMORY

NAME = "NodeResourcesFit"


class ResourcesFit:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        nodes = cycle.nodes
        mask: Mask = nodes.used[PODS] + 1 <= nodes.allocatable[PODS]
        for resource, amount in cycle.pod.requests.items():
            if amount <= 0 or resource == PODS:
                continue
            if resource not in nodes.allocatable:
                return np.zeros(nodes.capacity, bool)
            mask &= nodes.used[resource] + amount <= nodes.allocatable[resource]
        return mask

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        nodes = cycle.nodes
        allocatable = {name: int(column[position]) for name, column in nodes.allocatable.items()}
        used = {name: int(column[position]) for name, column in nodes.used.items()}
        found = shortages(cycle.pod.requests, allocatable, used, int(nodes.used[PODS][position]))
        return [shortage.reason for shortage in found]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """The mean over CPU and memory of the share that stays free, in whole points as upstream counts them."""
        nodes = cycle.nodes
        points, weights = np.zeros(nodes.capacity), np.zeros(nodes.capacity)
        for row, resource in enumerate((CPU, MEMORY)):
            capacity = nodes.allocatable[resource]
            # Doubles are exact up to 2^53, and dividing them takes a tenth of the time of dividing integers.
            left = np.maximum(capacity - nodes.compared[row] - cycle.pod.compared[row], 0).astype(np.float64)
            points += np.floor(left * MAX_NODE_SCORE / np.maximum(capacity, 1))
            weights += capacity > 0
        scores: Scores = np.floor(points / np.maximum(weights, 1))
        return scores

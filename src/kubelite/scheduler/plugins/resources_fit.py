"""NodeResourcesFit: a node must have left what the pod requests; the emptier node scores higher (LeastAllocated)."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic.fit import shortages
from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import PODS, Floats, Mask
from kubelite.scheduler.pods import PodInfo

NAME = "NodeResourcesFit"


def compared_column(pod: PodInfo) -> Floats:
    """What the pod adds to the rows that nodes are compared by."""
    return np.array(pod.compared, np.float64)[:, np.newaxis]


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
        nodes, capacity = cycle.nodes, cycle.nodes.comparable
        left = np.maximum(capacity - nodes.compared - compared_column(cycle.pod), 0)
        points = np.floor(left * MAX_NODE_SCORE / np.maximum(capacity, 1)).sum(axis=0)
        scores: Scores = np.floor(points / np.maximum((capacity > 0).sum(axis=0), 1))
        return scores

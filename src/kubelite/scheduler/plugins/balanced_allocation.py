"""NodeResourcesBalancedAllocation: prefers nodes whose CPU and memory fill up evenly."""

from __future__ import annotations

import numpy as np

from kubelite.scheduler.framework import MAX_NODE_SCORE, Cycle, Scores
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.resources_fit import compared_column
from kubelite.scheduler.pods import CPU, MEMORY

NAME = "NodeResourcesBalancedAllocation"


class BalancedAllocation:
    name = NAME

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """100 less the distance between the two shares in use; a pod that requests neither changes no balance."""
        nodes, pod = cycle.nodes, cycle.pod
        if not pod.requests.get(CPU) and not pod.requests.get(MEMORY):
            return None
        used = nodes.compared + compared_column(pod)
        shares = np.minimum(used / np.maximum(nodes.comparable, 1), 1.0)
        # The standard deviation of two values is half their distance.
        scores: Scores = np.floor((1 - np.abs(shares[0] - shares[1]) / 2) * MAX_NODE_SCORE)
        return scores

"""NodeName: a pod that names its node goes nowhere else."""

from __future__ import annotations

import numpy as np

from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Mask

NAME = "NodeName"
REASON = "node(s) didn't match the requested node name"


class NodeName:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = cycle.pod.pod.spec.nodeName
        if not wanted:
            return None
        mask = np.zeros(cycle.nodes.capacity, bool)
        position = cycle.nodes.index.get(wanted)
        if position is not None:
            mask[position] = True
        return mask

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

"""NodeName: a pod that names its node goes nowhere else."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic import affinity
from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Mask

NAME = "NodeName"
REASON = "node(s) didn't match the requested node name"


class NodeName:
    """Also narrows the search to the nodes that required node affinity names, as a DaemonSet's pods do."""

    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = cycle.pod.pod.spec.nodeName
        names = {wanted} if wanted else affinity.required_node_names(cycle.pod.pod.spec)
        if names is None or not wanted:
            return None
        mask = np.zeros(cycle.nodes.capacity, bool)
        for name in names:
            position = cycle.nodes.index.get(name)
            if position is not None:
                mask[position] = True
        return mask

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

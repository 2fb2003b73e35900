"""NodeName: a pod that names its node goes nowhere else."""

from __future__ import annotations

import numpy as np

from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, PodInfo

NAME = "NodeName"
REASON = "node(s) didn't match the requested node name"


class NodeName(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: self._helps}

    @staticmethod
    def _helps(pod: PodInfo, old: Node | None, new: Node) -> bool:
        return pod.pod.spec.nodeName == new.metadata.name

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = cycle.pod.pod.spec.nodeName
        if not wanted:
            return None
        mask = np.zeros(cycle.nodes.capacity, bool)
        position = cycle.nodes.index.get(wanted)
        if position is not None:
            mask[position] = True
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]

"""NodeUnschedulable: cordoned nodes take only pods that tolerate it."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic import taints
from kubelite.api.types.core_v1 import Taint
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, PodInfo

NAME = "NodeUnschedulable"
REASON = "node(s) were unschedulable"
CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: self._helps, events.NODE_TAINT: self._helps}

    @staticmethod
    def _helps(pod: PodInfo, old: Node | None, new: Node) -> bool:
        return not new.spec.unschedulable or taints.tolerated(CORDONED, pod.tolerations)

    def filter(self, cycle: Cycle) -> Mask | None:
        if not np.count_nonzero(cycle.nodes.unschedulable) or taints.tolerated(CORDONED, cycle.pod.tolerations):
            return None
        return ~cycle.nodes.unschedulable

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]

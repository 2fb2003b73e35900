"""NodeUnschedulable: cordoned nodes take only pods that tolerate it."""

from __future__ import annotations

from kubelite.api.logic import taints
from kubelite.api.types.core_v1 import Taint
from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Mask

NAME = "NodeUnschedulable"
REASON = "node(s) were unschedulable"
CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        if not cycle.nodes.unschedulable.any() or taints.tolerated(CORDONED, cycle.pod.tolerations):
            return None
        return ~cycle.nodes.unschedulable

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

"""NodePorts: two pods cannot take one host port on one node."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic import ports
from kubelite.scheduler.framework import Cycle
from kubelite.scheduler.nodes import Mask

NAME = "NodePorts"
REASON = "node(s) didn't have free ports for the requested pod ports"


class NodePorts:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        wanted = cycle.pod.host_ports
        if not wanted:
            return None
        mask = np.ones(cycle.nodes.capacity, bool)
        # Only nodes that have a pod with host ports can collide, and those are few.
        taken = cycle.counts.per_node("host ports", lambda info: bool(info.host_ports))
        for position in np.flatnonzero(taken):
            used = [port for info in cycle.nodes.pods[position].values() for port in info.host_ports]
            mask[position] = ports.first_collision(wanted, used) is None
        return mask

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

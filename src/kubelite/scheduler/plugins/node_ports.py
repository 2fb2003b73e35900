"""NodePorts: two pods cannot take one host port on one node."""

from __future__ import annotations

import numpy as np

from kubelite.api.logic import ports
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Trial, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import PodInfo

NAME = "NodePorts"
REASON = "node(s) didn't have free ports for the requested pod ports"


def has_host_ports(info: PodInfo) -> bool:
    return bool(info.host_ports)


class PortsTrial:
    """The pods with host ports on one node."""

    def __init__(self, cycle: Cycle, position: int) -> None:
        self.wanted = cycle.pod.host_ports
        self.there = {info.key: info for info in cycle.nodes.everyone(position) if info.host_ports}

    def take(self, info: PodInfo) -> None:
        self.there.pop(info.key, None)

    def give(self, info: PodInfo) -> None:
        if info.host_ports:
            self.there[info.key] = info

    def refusals(self) -> list[str]:
        used = [port for info in self.there.values() for port in info.host_ports]
        return [REASON] if ports.first_collision(self.wanted, used) is not None else []


class NodePorts(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: None, events.POD_DELETE: self._frees}

    @staticmethod
    def _frees(pod: PodInfo, old: PodInfo, new: None) -> bool:
        return ports.first_collision(pod.host_ports, old.host_ports) is not None

    def filter(self, cycle: Cycle) -> Mask | None:
        if not cycle.pod.host_ports:
            return None
        mask = np.ones(cycle.nodes.capacity, bool)
        # Only nodes that have a pod with host ports can collide, and those are few.
        taken = cycle.counts.per_node("host ports", has_host_ports)
        for position in np.flatnonzero(taken):
            mask[position] = not PortsTrial(cycle, int(position)).refusals()
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON, hopeless=False)]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        return PortsTrial(cycle, position) if cycle.pod.host_ports else None

"""NodeResourcesFit: a node must have left what the pod requests; by its strategy emptier or fuller nodes score higher.

Rules: every requested resource and one pod slot must be free; `ignoredResources` and groups of extended resources are left to
others; so are extended resources that device classes stand behind, on nodes that have none of them. A request above what the node
has at all cannot be helped by taking pods away. Upstream: plugins/noderesources/fit.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np

from kubelite.api.logic import podresources
from kubelite.api.logic.fit import Shortage
from kubelite.scheduler import events
from kubelite.scheduler.devices.extended import names_of
from kubelite.scheduler.framework import Cycle, FilterPlugin, Scores, Trial, Why, World
from kubelite.scheduler.nodes import PODS, At, Mask, NodeTable
from kubelite.scheduler.plugins.allocation import strategy_scorer
from kubelite.scheduler.plugins.args import NodeResourcesFitArgs, ScoringStrategy
from kubelite.scheduler.pods import Node, PodInfo

NAME = "NodeResourcesFit"


def is_extended(resource: str) -> bool:
    """A resource with a domain that is not Kubernetes' own."""
    domain, slash, _ = resource.rpartition("/")
    return bool(slash) and not (domain == "kubernetes.io" or domain.endswith(".kubernetes.io"))


class RoomTrial:
    """What is left of the wanted resources on one node."""

    __slots__ = ("left", "wanted")

    def __init__(self, nodes: NodeTable, position: int, wanted: dict[str, int]) -> None:
        self.wanted = wanted
        self.left = {
            name: int(nodes.allocatable[name][position]) - int(nodes.used[name][position])
            if name in nodes.allocatable
            else 0
            for name in wanted
        }

    def take(self, info: PodInfo) -> None:
        left = self.left
        for name, number in info.requests.items():
            if name in left:
                left[name] += number
        left[PODS] += 1

    def give(self, info: PodInfo) -> None:
        left = self.left
        for name, number in info.requests.items():
            if name in left:
                left[name] -= number
        left[PODS] -= 1

    def refusals(self) -> list[str]:
        left = self.left
        return [Shortage(name, n, 0, 0).reason for name, n in self.wanted.items() if n > left[name]]


class ResourcesFit(FilterPlugin):
    name = NAME

    def __init__(self, args: NodeResourcesFitArgs | None = None) -> None:
        args = args or NodeResourcesFitArgs()
        self.ignored = frozenset(args.ignoredResources)
        self.ignored_groups = frozenset(args.ignoredResourceGroups)
        self.events = {
            events.NODE_ADD: self._suits,
            events.NODE_ALLOCATABLE: self._suits,
            events.POD_DELETE: self._left_room,
            events.POD_SCALED_DOWN: self._gives_back,
            events.DEVICE_CLASS: self._serves,
        }
        self.scorer = strategy_scorer(args.scoringStrategy or ScoringStrategy())

    def _suits(self, pod: PodInfo, old: Node | None, new: Node) -> bool:
        """Whether the pod would fit on the node if it were empty, and the node has more of something than before."""
        there = podresources.amounts(new.status.allocatable)
        wanted, backed = self.wanted(pod), self.world.devices.backed if self.world is not None else {}
        if old is not None:
            before = podresources.amounts(old.status.allocatable)
            if not any(there.get(name, 0) > before.get(name, 0) for name in wanted):
                return False
        return all(n <= there.get(name, 0) or (name in backed and not there.get(name)) for name, n in wanted.items())

    def _serves(self, pod: PodInfo, old: Any, new: Any) -> bool:
        """Whether a class stands behind something that is wanted."""
        wanted = self.wanted(pod)
        return new is not None and any(name in wanted for name in names_of(new))

    def alike(self, pod: PodInfo) -> Hashable:
        return tuple(self.wanted(pod).items()), pod.priority

    def concerns(self, event: str, old: Any, new: Any) -> Iterable[str]:
        """The pods that are promised a node from which one has gone have to be judged anew."""
        if event != events.POD_DELETE or self.world is None:
            return ()
        nodes = self.world.nodes
        return tuple(nodes.guests.get(nodes.index.get(old.pod.spec.nodeName, -1), ()))

    def _left_room(self, pod: PodInfo, old: PodInfo, new: None) -> bool:
        """Whether the pod fits where another one has gone."""
        position = self.world.nodes.index.get(old.pod.spec.nodeName) if self.world is not None else None
        if self.world is None or position is None:
            return True
        room = RoomTrial(self.world.nodes, position, self._counted(self.world, position, self.wanted(pod)))
        for guest in self.world.nodes.guests.get(position, {}).values():
            if guest.priority < pod.priority:
                room.take(guest)
        return not room.refusals()

    def _gives_back(self, pod: PodInfo, old: PodInfo, new: PodInfo) -> bool:
        """Whether a pod that got smaller left something that is wanted."""
        wanted = self.wanted(pod)
        return any(name in wanted and new.requests.get(name, 0) < number for name, number in old.requests.items())

    def wanted(self, pod: PodInfo) -> dict[str, int]:
        """What is looked at: a pod slot, and the requests above zero that are not ignored."""
        found = {PODS: 1}
        for name, number in pod.requests.items():
            if number > 0 and name != PODS and not self._ignores(name):
                found[name] = number
        return found

    @staticmethod
    def _counted(world: World, position: int, wanted: dict[str, int]) -> dict[str, int]:
        """What of it is looked at on one node."""
        backed, there = world.devices.backed, world.nodes.allocatable
        if not backed:
            return wanted
        return {n: a for n, a in wanted.items() if n not in backed or (n in there and there[n][position] > 0)}

    def _ignores(self, name: str) -> bool:
        if not (self.ignored or self.ignored_groups) or not is_extended(name):
            return False
        return name in self.ignored or name.partition("/")[0] in self.ignored_groups

    def filter(self, cycle: Cycle) -> Mask | None:
        nodes, wanted = cycle.nodes, self.wanted(cycle.pod)
        backed = cycle.world.devices.backed
        # Where a node has none of these, DynamicResources looks for devices.
        devices = tuple(name for name in wanted if name in backed) if backed else ()

        def compute(at: At) -> Mask:
            mask: Mask = nodes.used[PODS][at] + 1 <= nodes.allocatable[PODS][at]
            for resource, amount in wanted.items():
                if resource not in nodes.allocatable:
                    if resource in devices:
                        continue
                    return np.zeros(nodes.capacity, bool)[at]
                if resource != PODS:
                    there = nodes.allocatable[resource][at]
                    fits = nodes.used[resource][at] + amount <= there
                    mask &= (fits | (there == 0)) if resource in devices else fits
            return mask

        def one(position: int) -> bool:
            used, there = nodes.used, nodes.allocatable
            return all(
                (name in there and used[name].item(position) + amount <= there[name].item(position))
                or (name in devices and (name not in there or not there[name].item(position)))
                for name, amount in wanted.items()
            )

        mask: Mask = nodes.tracked((NAME, tuple(wanted.items()), devices), compute, one)
        return mask

    def explain(self, cycle: Cycle) -> list[Why]:
        nodes, backed = cycle.nodes, cycle.world.devices.backed
        nothing = np.zeros(nodes.capacity, np.int64)
        short: list[tuple[str, Mask]] = []
        hopeless = np.zeros(nodes.capacity, bool)
        for resource, amount in self.wanted(cycle.pod).items():
            there = nodes.allocatable.get(resource, nothing)
            mask = nodes.used.get(resource, nothing) + amount > there
            if resource in backed:
                mask &= there > 0
            short.append((Shortage(resource, amount, 0, 0).reason, mask))
            if resource != PODS:
                hopeless |= mask & (amount > there)
        return [Why(text, mask, hopeless) for text, mask in short]

    def trial(self, cycle: Cycle, position: int) -> Trial | None:
        return RoomTrial(cycle.nodes, position, self._counted(cycle.world, position, self.wanted(cycle.pod)))

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        return self.scorer(cycle)

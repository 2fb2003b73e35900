"""DefaultPreemption: which pods of lower priority have to go so that this one fits.

What: `DefaultPreemption.preempt(cycle, filters, rejections)` → the node and its victims, or why there is none.
Flow: nodes that were rejected for what pods on them cause → each, without all pods of lower priority, tried again → pods are
given back one by one, from the most important, those that a disruption budget protects first → of the nodes: fewest broken
budgets, lowest priority of the highest victim, lowest sum of priorities, fewest victims, latest start of the most important.
Speed: where only room matters, what was found for a node is kept until one of its pods, budgets or amounts changes; where no pod
of lower priority is placed at all, no node is looked at.
Upstream: framework/preemption, plugins/defaultpreemption.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kubelite.scheduler.framework import Cycle, FilterPlugin, Preemption, Rejection, Trial, fit_error
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.args import DefaultPreemptionArgs
from kubelite.scheduler.plugins.victims import Known, Memory, Victims
from kubelite.scheduler.pods import PodInfo

NAME = "DefaultPreemption"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."

Candidates = dict[int, Victims]
Choose = Callable[[Candidates], Candidates]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it: a preemption, or words; `withdraw` says that an old nomination is of no more use."""

    found: Preemption | None = None
    message: str = ""
    withdraw: bool = False


def terminating(info: PodInfo) -> bool:
    """Whether the pod is on its way out because the scheduler evicted it."""
    if info.pod.metadata.deletionTimestamp is None:
        return False
    condition = next((c for c in info.pod.status.conditions if c.type == "DisruptionTarget"), None)
    return condition is not None and (condition.status, condition.reason) == ("True", "PreemptionByScheduler")


class DefaultPreemption:
    name = NAME

    def __init__(self, args: DefaultPreemptionArgs | None = None, rng: random.Random | None = None) -> None:
        self.args = args or DefaultPreemptionArgs()
        self.rng = rng or random.Random()
        self._memory: Memory | None = None

    def preempt(
        self,
        cycle: Cycle,
        filters: Sequence[FilterPlugin],
        rejections: Sequence[Rejection],
        agree: Choose | None = None,
    ) -> Outcome:
        """`filters`: all filters of the profile; `agree`: what extenders leave of the candidates."""
        rejected, hopeless = self._reachable(cycle, rejections)
        ineligible = self._ineligible(cycle, hopeless)
        if ineligible:
            return Outcome(message=ineligible)
        potential = rejected & ~hopeless
        reasons: Counter[str] = Counter()
        count = int(np.count_nonzero(potential))
        if count and cycle.nodes.lowest_priority < cycle.pod.priority:
            search = Search(cycle, filters, potential)
            known = self._candidates(cycle, search)
            among = known.good & search.allowed
            if among.any():
                return self._chosen(cycle, known, among, agree)
            reasons = search.reasons(known)
        elif count:
            reasons[NO_VICTIMS] = count
        reasons[NOT_HELPFUL] += len(cycle.nodes) - count
        return Outcome(message=fit_error(len(cycle.nodes), +reasons), withdraw=True)

    def _chosen(self, cycle: Cycle, known: Known, among: Mask, agree: Choose | None) -> Outcome:
        if agree is None:
            best = known.best(among)
            victims = known.victims[best]
        else:
            agreed = agree(known.among(among))
            if not agreed:
                return Outcome(message="no candidate node for preemption")
            best = pick(agreed)
            victims = agreed[best]
        return Outcome(Preemption(cycle.nodes.names[best], victims.pods, victims.violations))

    def _reachable(self, cycle: Cycle, rejections: Sequence[Rejection]) -> tuple[Mask, Mask]:
        """(nodes that were rejected, those among them where it is hopeless)."""
        rejected = np.zeros(cycle.nodes.capacity, bool)
        hopeless = rejected.copy()
        for rejection in rejections:
            rejected |= rejection.out
            hopeless |= rejection.hopeless()
        return rejected, hopeless

    def _ineligible(self, cycle: Cycle, hopeless: Mask) -> str:
        pod, nodes = cycle.pod, cycle.nodes
        if pod.pod.spec.preemptionPolicy == "Never":
            return NEVER
        promised = cycle.world.nominations.node_of(pod.key) or pod.pod.status.nominatedNodeName
        position = nodes.index.get(promised)
        if position is None or hopeless[position]:
            return ""
        leaving = any(info.priority < pod.priority and terminating(info) for info in nodes.pods[position].values())
        return TERMINATING if leaving else ""

    def _candidates(self, cycle: Cycle, search: Search) -> Known:
        """Enough nodes with their victims; those that nothing is known of are tried from a random one on."""
        known, count = self._recall(cycle, search), int(np.count_nonzero(search.potential))
        enough = min(
            count, max(count * self.args.minCandidateNodesPercentage // 100, self.args.minCandidateNodesAbsolute)
        )
        missing = enough - int(np.count_nonzero(known.good & search.allowed))
        unknown = np.flatnonzero(search.allowed & ~known.seen) if missing > 0 else ()
        size = len(unknown)
        offset = self.rng.randrange(size) if size else 0
        for number in range(offset, offset + size):
            position = int(unknown[number % size])
            victims = search.victims_on(position)
            known.put(position, victims)
            missing -= bool(victims.pods)
            if missing <= 0:
                break
        return known

    def _recall(self, cycle: Cycle, search: Search) -> Known:
        """What is known for pods like this one, where only room on the node itself matters; otherwise nothing is."""
        if [plugin.name for plugin in search.trying] != ["NodeResourcesFit"]:
            return Known(cycle.nodes.capacity)
        if self._memory is None or self._memory.world is not cycle.world:
            self._memory = Memory(cycle.world)
        backed = tuple(sorted(name for name in cycle.pod.requests if name in cycle.world.devices.backed))
        return self._memory.of((tuple(sorted(cycle.pod.requests.items())), backed, cycle.pod.priority))


class Search:
    """The look at single nodes for one preemptor."""

    def __init__(self, cycle: Cycle, filters: Sequence[FilterPlugin], potential: Mask) -> None:
        self.cycle, self.potential = cycle, potential
        self.trying: list[FilterPlugin] = []
        """Plugins for which the pods on a node matter."""
        self.allowed = potential.copy()
        """Nodes that all other plugins let pass, whatever pods go."""
        self._fixed: list[Rejection] = []
        for plugin in filters:
            mask = plugin.filter(cycle)
            if plugin.trial(cycle, 0) is not None:
                self.trying.append(plugin)
            elif mask is not None and (self.allowed & ~mask).any():
                self._fixed.append(Rejection(plugin.name, self.allowed & ~mask, tuple(plugin.explain(cycle))))
                self.allowed &= mask

    def lower(self, position: int) -> list[PodInfo]:
        """The pods that may be taken away."""
        priority = self.cycle.pod.priority
        return [info for info in self.cycle.nodes.pods[position].values() if info.priority < priority]

    def reasons(self, known: Known) -> Counter[str]:
        """What is wrong with each potential node, after all have been tried in vain."""
        found: Counter[str] = Counter()
        for position in np.flatnonzero(self.potential).tolist():
            if self.allowed[position]:
                found.update(known.victims[position].refusals)
            elif not self.lower(position):
                found[NO_VICTIMS] += 1
            else:
                # Taking pods away is of no use there.
                found.update(text for rejection in self._fixed for text in rejection.of(position))
        return found

    def victims_on(self, position: int) -> Victims:
        """The fewest and least important pods whose going lets the pod in (SelectVictimsOnNode)."""
        cycle, lower = self.cycle, self.lower(position)
        if not lower:
            return Victims((), 0, (NO_VICTIMS,))
        trials = [trial for plugin in self.trying if (trial := plugin.trial(cycle, position)) is not None]
        for info in lower:
            for trial in trials:
                trial.take(info)
        refusals = refused(trials)
        if refusals:
            return Victims((), 0, tuple(refusals))
        lower.sort(key=lambda info: info.importance)
        breaking, fine = cycle.world.budgets.violating(lower)
        broken = [info for info in breaking if not give_back(trials, info)]
        victims = broken + [info for info in fine if not give_back(trials, info)]
        if broken:
            victims.sort(key=lambda info: info.importance)
        if not victims:
            return Victims((), 0, (f'expected at least one victim pod on node "{cycle.nodes.names[position]}"',))
        return Victims(tuple(victims), len(broken), ())


def refused(trials: Iterable[Trial]) -> list[str]:
    """The first refusals, in the order of the plugins."""
    for trial in trials:
        found = trial.refusals()
        if found:
            return found
    return []


def give_back(trials: Sequence[Trial], info: PodInfo) -> bool:
    """Whether a pod can stay; if not, it is away again afterwards."""
    for trial in trials:
        trial.give(info)
    if not refused(trials):
        return True
    for trial in trials:
        trial.take(info)
    return False


def pick(candidates: Candidates) -> int:
    """The position of the best candidate (pickOneNodeForPreemption)."""
    return min(candidates, key=lambda position: candidates[position].rank)

"""One scheduling decision: filter all nodes, score those that are left, pick the best.

What: `Scheduler.place(pod)` → a node's name or a `Diagnosis`, which may name victims. Why: pure over the columns, so that it can
be tested, timed and asked "what if" without a cluster. Ties are broken at random, so that equal nodes fill evenly.
Flow: `narrow` (nodes by name) → filters → the node that the pod was promised, if it fits → scores → the best; nothing left:
reasons, then the plugins that make room. Pods promised to nodes count while one of lower priority is placed; a pod that asks for
company is judged with and without them, as company that is only promised may never come.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from kubelite.scheduler.domains import PodCounts
from kubelite.scheduler.framework import Cycle, Diagnosis, FilterPlugin, PodRefused, Rejection, Scores, Why, World
from kubelite.scheduler.nodes import Mask, NodeTable
from kubelite.scheduler.plugins.default_preemption import Choose, Outcome
from kubelite.scheduler.plugins.dynamic_resources import NAME as DEVICES
from kubelite.scheduler.plugins.dynamic_resources import DynamicResources
from kubelite.scheduler.plugins.volume_binding import VolumeBinding
from kubelite.scheduler.pods import PodInfo
from kubelite.scheduler.profile import Profile, default_profile
from kubelite.scheduler.storage import Binding

NOT_LOOKED_AT = "not found"
"""What upstream's DynamicResources says when an earlier plugin refused the pod: it has not looked at its claims then."""
FEWEST_NODES = 100
count = np.count_nonzero
FOLLOWING = ("NodeResourcesFit", "NodeResourcesBalancedAllocation")
"""Their scores are columns of `NodeTable.tracked`, so that the sum can be one, too."""
SOCIAL = ("PodTopologySpread", "InterPodAffinity")


class Scheduler:
    """The plugins of one profile over one world."""

    def __init__(
        self, world: World | NodeTable, profile: Profile | None = None, rng: random.Random | None = None
    ) -> None:
        self.world = world if isinstance(world, World) else World(world)
        self.profile = profile or default_profile()
        self.rng = rng or random.Random()
        for plugin in self.profile.filters:
            plugin.world = self.world
        self.binding = Binding()
        """What the last placed pod's claims need before it is bound."""
        self.filtered: defaultdict[str, int] = defaultdict(int)
        """How many pods each plugin judged nodes for, and compared them for (`scored`), where it had an opinion."""
        self.scored: defaultdict[str, int] = defaultdict(int)
        self._next = 0

    @property
    def nodes(self) -> NodeTable:
        return self.world.nodes

    @property
    def counts(self) -> PodCounts:
        return self.world.counts

    @property
    def namespaces(self) -> dict[str, dict[str, str]]:
        return self.world.namespaces

    def place(self, pod: PodInfo) -> str | Diagnosis:
        """The node for a pod, or why there is none and what would make room."""
        if not len(self.world.nominations):
            return self._place(Cycle(pod, self.world))
        with self.world.nominations.aside_for(pod):
            return self._place(Cycle(pod, self.world))

    def _place(self, cycle: Cycle) -> str | Diagnosis:
        try:
            fitting, rejections = self.feasible(cycle)
        except PodRefused as refusal:
            return self.refuse(cycle, refusal)
        if not count(fitting):
            return self.diagnose(cycle, rejections)
        return self.choose(cycle, self.best(cycle, fitting))

    def choose(self, cycle: Cycle, position: int) -> str:
        """Takes a node; works out what the pod's claims need there."""
        node = self.nodes.objects[position]
        self.binding = Binding()
        if (cycle.pod.claims or DEVICES in cycle.state) and node is not None:
            for plugin in self.profile.filters:
                if isinstance(plugin, VolumeBinding):
                    self.binding = replace(plugin.binding(cycle, node), seconds=float(plugin.seconds))
            for plugin in self.profile.filters:
                if isinstance(plugin, DynamicResources):
                    found = plugin.allotments(cycle, node)
                    self.binding = replace(self.binding, devices=found, devices_seconds=plugin.seconds)
        return self.nodes.names[position]

    def feasible(self, cycle: Cycle) -> tuple[Mask, list[Rejection]]:
        """The nodes that pass all filters, and the others with their reasons if none is left. Raises PodRefused."""
        fitting, rejected = self._filter(cycle)
        return (self._enough(fitting), []) if count(fitting) else (fitting, self._explained(cycle, rejected))

    def rejections(self, cycle: Cycle) -> list[Rejection]:
        """Which nodes the filters reject, and why, even if some pass. Raises PodRefused."""
        return self._explained(cycle, self._filter(cycle)[1])

    @staticmethod
    def _explained(cycle: Cycle, rejected: list[tuple[FilterPlugin | Rejection, Mask]]) -> list[Rejection]:
        return [
            plugin if isinstance(plugin, Rejection) else Rejection(plugin.name, out, tuple(plugin.explain(cycle)))
            for plugin, out in rejected
        ]

    def _filter(self, cycle: Cycle) -> tuple[Mask, list[tuple[FilterPlugin | Rejection, Mask]]]:
        """The nodes that pass all filters, and who rejected the others."""
        fitting, rejected = self._narrow(cycle)
        left = count(fitting)
        for plugin in self.profile.filters if left else ():
            mask = plugin.filter(cycle)
            if mask is None:
                continue
            self.filtered[plugin.name] += 1
            both = fitting & mask
            number = count(both)
            if number < left:
                rejected.append((plugin, fitting & ~mask))
                fitting, left = both, number
                if not left:
                    break
        return self._without_promises(cycle, fitting, rejected), rejected

    def _narrow(self, cycle: Cycle) -> tuple[Mask, list[tuple[FilterPlugin | Rejection, Mask]]]:
        """The nodes that come into question at all."""
        nodes = self.nodes
        fitting = nodes.active.copy()
        asked = [(p.name, names) for p in self.profile.filters if p.narrows and (names := p.narrow(cycle)) is not None]
        if not asked:
            return fitting, []
        wanted = frozenset.intersection(*(names for _, names in asked))
        plugins = " ".join(sorted(name for name, _ in asked))
        if not wanted:
            text = f"plugin {plugins}" if len(asked) == 1 else f"plugin(s) [{plugins}] simultaneously"
            raise PodRefused(f"node(s) didn't satisfy {text}", *(name for name, _ in asked))
        mask = np.zeros(nodes.capacity, bool)
        mask[[nodes.index[name] for name in wanted if name in nodes.index]] = True
        out = fitting & ~mask
        reason = Why(f"node(s) didn't satisfy plugin(s) [{plugins}]")
        return fitting & mask, [(Rejection(asked[0][0], out, (reason,)), out)] if out.any() else []

    def _without_promises(
        self, cycle: Cycle, fitting: Mask, rejected: list[tuple[FilterPlugin | Rejection, Mask]]
    ) -> Mask:
        """What is left when pods that are only promised to nodes do not count as company."""
        pod = cycle.pod
        if not len(self.world.nominations) or not (pod.affinity or pod.hard_spreads) or not fitting.any():
            return fitting
        with self.world.nominations.all_aside():
            alone = Cycle(pod, self.world)
            for plugin in self.profile.filters:
                mask = plugin.filter(alone) if plugin.name in SOCIAL else None
                if mask is None:
                    continue
                out = fitting & ~mask
                if out.any():
                    rejected.append((Rejection(plugin.name, out, tuple(plugin.explain(alone))), out))
                    fitting = fitting & mask
        return fitting

    def _enough(self, fitting: Mask) -> Mask:
        """With percentageOfNodesToScore below 100: the first fitting nodes from where the last decision stopped."""
        if self.profile.percentage >= 100:
            return fitting
        wanted = max(len(self.nodes) * self.profile.percentage // 100, FEWEST_NODES)
        if count(fitting) <= wanted:
            return fitting
        positions = np.flatnonzero(fitting)
        start = int(np.searchsorted(positions, self._next % self.nodes.capacity))
        chosen = np.concatenate([positions[start:], positions[:start]])[:wanted]
        self._next = int(chosen[-1]) + 1
        mask = np.zeros(self.nodes.capacity, bool)
        mask[chosen] = True
        return mask

    def best(self, cycle: Cycle, fitting: Mask, extra: Callable[[Mask], Scores] | None = None) -> int:
        """The position of the best fitting node; a node that the pod was promised is taken without comparing."""
        promised = self.nodes.index.get(self.promise(cycle.pod), -1)
        if promised >= 0 and fitting[promised]:
            return promised
        if count(fitting) == 1:
            return int(fitting.argmax())
        total = self.totals(cycle, fitting)
        if extra is not None:
            total = total + extra(fitting)
        among = np.where(fitting, total, -np.inf)
        best = (among >= among[among.argmax()] - 1e-9).nonzero()[0]
        return int(best[self.rng.randrange(best.size)])

    def promise(self, pod: PodInfo) -> str:
        """The node that the pod was promised, or ""."""
        return self.world.nominations.node_of(pod.key) or pod.pod.status.nominatedNodeName

    def totals(self, cycle: Cycle, fitting: Mask) -> Scores:
        """The weighted scores of the fitting nodes; callers must not change them."""
        kept: list[tuple[Scores, int]] = []
        others: Scores | None = None
        for plugin, weight in self.profile.scores:
            scores = plugin.score(cycle, fitting)
            if scores is None:
                continue
            self.scored[plugin.name] += 1
            if plugin.name in FOLLOWING:
                kept.append((scores, weight))
            else:
                part = scores * weight
                others = part if others is None else np.add(others, part, out=others)
        if not kept:
            return np.zeros(self.nodes.capacity) if others is None else others
        total = self.nodes.summed(kept)
        return total if others is None else np.add(others, total, out=others)

    def refuse(self, cycle: Cycle, refusal: PodRefused) -> Diagnosis:
        """No node is right for the pod, whatever happens on them."""
        return self.diagnose(cycle, [], refused=refusal)

    def diagnose(
        self,
        cycle: Cycle,
        rejections: list[Rejection],
        agree: Choose | None = None,
        refused: PodRefused | None = None,
    ) -> Diagnosis:
        """The reasons, and what the plugins that make room came to."""
        total, text = len(self.nodes), ""
        plugins = frozenset(r.plugin for r in rejections)
        if refused is not None:
            text, plugins = refused.text, frozenset(refused.plugins)
        found = tuple(rejections)
        if not total:
            return Diagnosis(total, found, text, plugins, withdrawn=True)
        parts: list[str] = []
        result, unused = Outcome(), None
        for name in self.profile.post_filters:
            if name == DEVICES:
                if refused is not None and self._before_devices(refused):
                    parts.append(NOT_LOOKED_AT)
                    break
                said, unused = DynamicResources.post_filter(cycle, found)
                parts.append(said)
            elif self.profile.preemption is not None:
                result = self.profile.preemption.preempt(cycle, self.profile.filters, rejections, agree)
                if result.found is not None:
                    return Diagnosis(total, found, text, plugins, result.found, unused=unused)
                if result.message:
                    parts.append(f"preemption: {result.message}")
        return Diagnosis(total, found, text, plugins, None, ", ".join(parts), unused, result.withdraw)

    def _before_devices(self, refused: PodRefused) -> bool:
        """Whether the pod was refused before DynamicResources was asked."""
        names = [plugin.name for plugin in self.profile.filters]
        before = names[: names.index(DEVICES)] if DEVICES in names else []
        return bool(refused.plugins) and all(name in before for name in refused.plugins)

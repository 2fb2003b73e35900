"""TaintToleration: taints keep pods away that do not tolerate them; soft taints make a node less wanted."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from kubelite.api.logic import taints
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Scores, Why, normalize
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, PodInfo

NAME = "TaintToleration"
REASON = "node(s) had untolerated taint(s)"


def tolerations_key(pod: PodInfo) -> Hashable:
    return tuple((t.key, t.operator, t.value, t.effect) for t in pod.tolerations)


class TaintToleration(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: self._helps, events.NODE_TAINT: self._helps}

    @staticmethod
    def _helps(pod: PodInfo, old: Node | None, new: Node) -> bool:
        if old is not None and taints.find_untolerated(old.spec.taints, pod.tolerations) is None:
            return False
        return taints.find_untolerated(new.spec.taints, pod.tolerations) is None

    def filter(self, cycle: Cycle) -> Mask | None:
        if not np.count_nonzero(cycle.nodes.tainted):
            return None
        tolerations = cycle.pod.tolerations

        def accepted(node: Node) -> bool:
            return taints.find_untolerated(node.spec.taints, tolerations) is None

        return cycle.nodes.cached(("taints", tolerations_key(cycle.pod)), accepted)

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        if not np.count_nonzero(cycle.nodes.tainted):
            return None
        tolerations = cycle.pod.tolerations

        def disliked(node: Node) -> int:
            return taints.untolerated_preferences(node.spec.taints, tolerations)

        counts = cycle.nodes.cached(("soft taints", tolerations_key(cycle.pod)), disliked, np.float64)
        return normalize(counts, fitting, reverse=True)

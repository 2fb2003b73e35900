"""TaintToleration: taints keep pods away that do not tolerate them; soft taints make a node less wanted."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from kubelite.api.logic import taints
from kubelite.scheduler.framework import Cycle, Scores, normalize
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, PodInfo

NAME = "TaintToleration"
REASON = "node(s) had untolerated taint(s)"


def tolerations_key(pod: PodInfo) -> Hashable:
    return tuple((t.key, t.operator, t.value, t.effect) for t in pod.tolerations)


class TaintToleration:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        if not cycle.nodes.tainted.any():
            return None
        tolerations = cycle.pod.tolerations

        def accepted(node: Node) -> bool:
            return taints.find_untolerated(node.spec.taints, tolerations) is None

        return cycle.nodes.cached(("taints", tolerations_key(cycle.pod)), accepted)

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        if not cycle.nodes.tainted.any():
            return None
        tolerations = cycle.pod.tolerations

        def disliked(node: Node) -> int:
            return taints.untolerated_preferences(node.spec.taints, tolerations)

        counts = cycle.nodes.cached(("soft taints", tolerations_key(cycle.pod)), disliked, np.float64)
        return normalize(counts, fitting, reverse=True)

"""NodeAffinity: `nodeSelector` and required node affinity decide, preferred node affinity weighs."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec
import numpy as np

from kubelite.api.logic import affinity
from kubelite.scheduler.framework import Cycle, Scores, normalize
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, Spec

NAME = "NodeAffinity"
REASON = "node(s) didn't match Pod's node affinity/selector"


def affinity_key(spec: Spec) -> Hashable:
    """Equal for pods that want the same of a node."""
    rules = spec.affinity.nodeAffinity if spec.affinity is not None else None
    return tuple(sorted(spec.nodeSelector.items())), msgspec.json.encode(rules) if rules is not None else b""


class NodeAffinity:
    name = NAME

    def filter(self, cycle: Cycle) -> Mask | None:
        spec = cycle.pod.pod.spec
        rules = spec.affinity.nodeAffinity if spec.affinity is not None else None
        if not spec.nodeSelector and rules is None:
            return None

        def matches(node: Node) -> bool:
            return affinity.node_matches(spec, node.metadata.labels, node.metadata.name)

        return cycle.nodes.cached(("affinity", affinity_key(spec)), matches)

    def reasons(self, cycle: Cycle, position: int) -> list[str]:
        return [REASON]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        spec = cycle.pod.pod.spec
        rules = spec.affinity.nodeAffinity if spec.affinity is not None else None
        if rules is None or not rules.preferredDuringSchedulingIgnoredDuringExecution:
            return None

        def preference(node: Node) -> int:
            return affinity.preference_score(spec, node.metadata.labels, node.metadata.name)

        return normalize(cycle.nodes.cached(("preference", affinity_key(spec)), preference, np.float64), fitting)

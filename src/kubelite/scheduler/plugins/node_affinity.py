"""NodeAffinity: `nodeSelector` and required node affinity decide, preferred node affinity weighs.

What: the pod's own rules and those that the profile adds (`addedAffinity`). A pod whose every term names its nodes looks at these
nodes only; terms that name no common node refuse the pod altogether. Upstream: plugins/nodeaffinity/node_affinity.go.
"""

from __future__ import annotations

from collections.abc import Hashable

import msgspec
import numpy as np

from kubelite.api.logic import affinity
from kubelite.api.types.core_v1 import NodeAffinity as Rules
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, PodRefused, Scores, Why, normalize
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.args import NodeAffinityArgs
from kubelite.scheduler.pods import Node, PodInfo, Spec

NAME = "NodeAffinity"
REASON = "node(s) didn't match Pod's node affinity/selector"
ENFORCED = "node(s) didn't match scheduler-enforced node affinity"
CONFLICT = "pod affinity terms conflict"


def rules_of(spec: Spec) -> Rules | None:
    return spec.affinity.nodeAffinity if spec.affinity is not None else None


def affinity_key(spec: Spec) -> Hashable:
    """Equal for pods that want the same of a node."""
    rules = rules_of(spec)
    return tuple(sorted(spec.nodeSelector.items())), msgspec.json.encode(rules) if rules is not None else b""


def pod_mask(cycle: Cycle) -> Mask | None:
    """The nodes that the pod's own rules allow; None where it has none."""
    spec = cycle.pod.pod.spec
    if not spec.nodeSelector and rules_of(spec) is None:
        return None

    def matches(node: Node) -> bool:
        return affinity.node_matches(spec, node.metadata.labels, node.metadata.name)

    names = affinity.required_node_names(spec) if rules_of(spec) is not None else None
    if names is None:
        return cycle.nodes.cached(("affinity", affinity_key(spec)), matches)
    # Each pod of a DaemonSet names another node: a column for each would be computed once and never asked for again.
    mask = np.zeros(cycle.nodes.capacity, bool)
    for name in names:
        position = cycle.nodes.index.get(name)
        node = cycle.nodes.objects[position] if position is not None else None
        if node is not None:
            mask[position] = matches(node)
    return mask


class NodeAffinity(FilterPlugin):
    name = NAME

    def __init__(self, args: NodeAffinityArgs | None = None) -> None:
        added = args.addedAffinity if args is not None else None
        self.required = added.requiredDuringSchedulingIgnoredDuringExecution if added is not None else None
        self.preferred = added.preferredDuringSchedulingIgnoredDuringExecution if added is not None else []
        self.mark = msgspec.json.encode(added) if added is not None else b""
        self.events = {events.NODE_ADD: self._helps, events.NODE_LABEL: self._helps}

    def _helps(self, pod: PodInfo, old: Node | None, new: Node) -> bool:
        return self._suits(pod, new) and (old is None or not self._suits(pod, old))

    def _suits(self, pod: PodInfo, node: Node) -> bool:
        labels, name = node.metadata.labels, node.metadata.name
        if self.required is not None and not affinity.selector_matches(self.required, labels, name):
            return False
        return affinity.node_matches(pod.pod.spec, labels, name)

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        spec = cycle.pod.pod.spec
        if rules_of(spec) is None:
            return None
        names = affinity.required_node_names(spec)
        if names is not None and not names:
            raise PodRefused(CONFLICT, NAME)
        return names

    def filter(self, cycle: Cycle) -> Mask | None:
        own, added = pod_mask(cycle), self._enforced(cycle)
        if own is None or added is None:
            return own if added is None else added
        mask: Mask = own & added
        return mask

    def _enforced(self, cycle: Cycle) -> Mask | None:
        required = self.required
        if required is None:
            return None

        def matches(node: Node) -> bool:
            return affinity.selector_matches(required, node.metadata.labels, node.metadata.name)

        return cycle.nodes.cached(("enforced", self.mark), matches)

    def explain(self, cycle: Cycle) -> list[Why]:
        enforced = self._enforced(cycle)
        if enforced is None:
            return [Why(REASON)]
        return [Why(ENFORCED, ~enforced), Why(REASON, enforced)]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        spec, rules = cycle.pod.pod.spec, rules_of(cycle.pod.pod.spec)
        own = rules is not None and bool(rules.preferredDuringSchedulingIgnoredDuringExecution)
        if not own and not self.preferred:
            return None

        def preference(node: Node) -> int:
            labels, name = node.metadata.labels, node.metadata.name
            return affinity.preference_score(spec, labels, name) + affinity.weigh(self.preferred, labels, name)

        key = ("preference", self.mark, affinity_key(spec))
        return normalize(cycle.nodes.cached(key, preference, np.float64), fitting)

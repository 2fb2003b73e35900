"""NodeDeclaredFeatures: what a pod's spec needs of a kubelet must be among the features that the node declares.

Rules: a container that restarts all others on its exit, and user namespaces on the host's network, need a kubelet that knows
them; nodes say so in status.declaredFeatures. Of the features of 1.36 the others only matter when a placed pod is changed.
Upstream: plugins/nodedeclaredfeatures, component-helpers/nodedeclaredfeatures.
"""

from __future__ import annotations

from collections.abc import Hashable

from kubelite.api.logic import restartrules
from kubelite.scheduler import events
from kubelite.scheduler.framework import Cycle, FilterPlugin, Why
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.pods import Node, Pod, PodInfo

NAME = "NodeDeclaredFeatures"
REASON = "node(s) didn't match Pod's required features"
USERS_ON_HOST_NETWORK = "UserNamespacesHostNetworkSupport"


def required(pod: Pod) -> tuple[str, ...]:
    """The features that a node must declare to be able to run the pod."""
    spec, found = pod.spec, []
    for container in (*spec.containers, *spec.initContainers):
        if any(rule.action == restartrules.RESTART_ALL for rule in container.restartPolicyRules):
            found.append(restartrules.FEATURE)
            break
    if spec.hostUsers is False and spec.hostNetwork:
        found.append(USERS_ON_HOST_NETWORK)
    return tuple(found)


def declares(node: Node, features: tuple[str, ...]) -> bool:
    return all(feature in node.status.declaredFeatures for feature in features)


class NodeDeclaredFeatures(FilterPlugin):
    name = NAME

    def __init__(self) -> None:
        self.events = {events.NODE_ADD: self._helps, events.NODE_FEATURES: self._helps}

    @staticmethod
    def _helps(pod: PodInfo, old: Node | None, new: Node) -> bool:
        return declares(new, required(pod.pod))

    def alike(self, pod: PodInfo) -> Hashable:
        return required(pod.pod)

    def filter(self, cycle: Cycle) -> Mask | None:
        features = required(cycle.pod.pod)
        if not features:
            return None
        return cycle.nodes.cached(("features", features), lambda node: declares(node, features))

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(REASON)]

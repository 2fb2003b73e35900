"""Which nodes a DaemonSet's pods belong to, and what such a pod looks like.

What: `Placement` answers for a node whether a pod should be there and whether one may stay; `template_for` is the template with
what the controller adds; `target_of` tells the node a pod is for before it is bound (all pure). Why: the scheduler binds the
pods, each to the one node that its affinity names. Upstream: pkg/controller/daemon (NodeShouldRunDaemonPod),
pkg/controller/daemon/util/daemonset_util.go.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from kubelite.api.apps.daemon_set import template_generation
from kubelite.api.logic import affinity, taints
from kubelite.api.types import core_v1 as v1
from kubelite.api.types.apps_v1 import DaemonSet
from kubelite.controllers.history import POD_LABEL

GENERATION = "pod-template-generation"
_NAME = "metadata.name"
_NO_EXECUTE = frozenset((taints.NO_EXECUTE,))


class Verdict(NamedTuple):
    """Whether a pod should be on a node, and whether one that is there may stay."""

    run: bool
    stay: bool


NEVER = Verdict(False, False)


def tolerations(spec: v1.PodSpec) -> list[v1.Toleration]:
    """The template's tolerations and those that every daemon has."""
    found = list(spec.tolerations)
    for key, effect in taints.of_daemons(host_network=bool(spec.hostNetwork)):
        added = v1.Toleration(key=key, operator="Exists", effect=effect)
        same = [i for i, t in enumerate(found) if _replaces(added, t)]
        if same:
            found[same[0]] = added
        else:
            found.append(added)
    return found


def _replaces(added: v1.Toleration, present: v1.Toleration) -> bool:
    mine = (added.key, added.operator, added.effect, added.value)
    return mine == (present.key, present.operator, present.effect, present.value)


class Placement:
    """The verdicts of one DaemonSet's template."""

    def __init__(self, daemon_set: DaemonSet) -> None:
        self._spec = daemon_set.spec.template.spec
        self._tolerations = tolerations(self._spec)

    def verdict(self, node: Any) -> Verdict:
        """What holds for this node."""
        name = node.metadata.name
        if self._spec.nodeName and self._spec.nodeName != name:
            return NEVER
        if not affinity.node_matches(self._spec, node.metadata.labels, name):
            return NEVER
        present = node.spec.taints
        if not present or taints.find_untolerated(present, self._tolerations) is None:
            return Verdict(True, True)
        return Verdict(False, taints.find_untolerated(present, self._tolerations, _NO_EXECUTE) is None)


def template_for(daemon_set: DaemonSet, hash_: str) -> v1.PodTemplateSpec:
    """The template with the tolerations of daemons and the labels of its revision."""
    template = copy.copy(daemon_set.spec.template)
    template.metadata = copy.copy(template.metadata)
    template.metadata.labels = dict(template.metadata.labels)
    generation = template_generation(daemon_set)
    if generation:
        template.metadata.labels[GENERATION] = str(generation)
    template.metadata.labels[POD_LABEL] = hash_
    template.spec = copy.copy(template.spec)
    template.spec.tolerations = tolerations(template.spec)
    return template


def for_node(template: v1.PodTemplateSpec, node: str) -> v1.PodTemplateSpec:
    """The template with a required node affinity to that one node in place of its own."""
    made = copy.copy(template)
    made.spec = copy.copy(template.spec)
    wanted = copy.copy(template.spec.affinity) if template.spec.affinity is not None else v1.Affinity()
    nodes = copy.copy(wanted.nodeAffinity) if wanted.nodeAffinity is not None else v1.NodeAffinity()
    field = v1.NodeSelectorRequirement(key=_NAME, operator="In", values=[node])
    term = v1.NodeSelectorTerm(matchFields=[field])
    nodes.requiredDuringSchedulingIgnoredDuringExecution = v1.NodeSelector(nodeSelectorTerms=[term])
    wanted.nodeAffinity = nodes
    made.spec.affinity = wanted
    return made


def target_of(pod: Any) -> str:
    """The node that the pod is on or for, "" if it names none."""
    if pod.spec.nodeName:
        return str(pod.spec.nodeName)
    wanted = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = wanted.requiredDuringSchedulingIgnoredDuringExecution if wanted is not None else None
    for term in required.nodeSelectorTerms if required is not None else ():
        for field in term.matchFields:
            if field.key == _NAME and field.operator == "In" and len(field.values) == 1:
                return str(field.values[0])
    return ""

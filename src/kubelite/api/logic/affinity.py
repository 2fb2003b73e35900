"""Node selectors and pod affinity terms: which nodes and pods they match.

Why: scheduler, DaemonSet controller and kubelet admission share the rules. Flow: a pod's wishes and a node's labels and name
in, yes or no (or a sum of weights) out. Upstream: component-helpers/scheduling/corev1/nodeaffinity, scheduler framework
AffinityTerm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kubelite.api.types import meta_v1
from kubelite.machinery import labels as selectors

_NAME_FIELD = "metadata.name"
_INTEGER = re.compile(r"[+-]?[0-9]+\Z")


def _number(text: str) -> int | None:
    """The 64-bit integer that `text` spells, as Go's ParseInt reads it."""
    if not _INTEGER.match(text):
        return None
    number = int(text)
    return number if -(2**63) <= number < 2**63 else None


def requirement_matches(requirement: Any, values: Mapping[str, str]) -> bool:
    """Whether one `key operator values` requirement holds; a malformed one never does."""
    found = values.get(requirement.key)
    operator = requirement.operator
    if operator == "In":
        return found is not None and found in requirement.values
    if operator == "NotIn":
        return found is None or found not in requirement.values
    if operator == "Exists":
        return found is not None
    if operator == "DoesNotExist":
        return found is None
    if operator not in ("Gt", "Lt") or found is None or len(requirement.values) != 1:
        return False
    left, right = _number(found), _number(requirement.values[0])
    if left is None or right is None:
        return False
    return left > right if operator == "Gt" else left < right


def term_matches(term: Any, labels: Mapping[str, str], node_name: str) -> bool:
    """Whether a node selector term holds: all expressions and fields; an empty term matches nothing."""
    if not term.matchExpressions and not term.matchFields:
        return False
    if not all(requirement_matches(r, labels) for r in term.matchExpressions):
        return False
    fields = {_NAME_FIELD: node_name}
    return all(requirement_matches(r, fields) for r in term.matchFields)


def selector_matches(selector: Any, labels: Mapping[str, str], node_name: str) -> bool:
    """Whether any term of a NodeSelector holds."""
    return any(term_matches(term, labels, node_name) for term in selector.nodeSelectorTerms)


def node_matches(spec: Any, labels: Mapping[str, str], node_name: str) -> bool:
    """Whether a node satisfies the pod spec's `nodeSelector` and its required node affinity."""
    for key, value in spec.nodeSelector.items():
        if labels.get(key) != value:
            return False
    node_affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    if node_affinity is None:
        return True
    required = node_affinity.requiredDuringSchedulingIgnoredDuringExecution
    return required is None or selector_matches(required, labels, node_name)


def preference_score(spec: Any, labels: Mapping[str, str], node_name: str) -> int:
    """The weights of the preferred node affinity terms that hold, added up."""
    node_affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    if node_affinity is None:
        return 0
    return weigh(node_affinity.preferredDuringSchedulingIgnoredDuringExecution, labels, node_name)


def weigh(terms: Iterable[Any], labels: Mapping[str, str], node_name: str) -> int:
    """The weights of those PreferredSchedulingTerms that hold, added up."""
    score = 0
    for preferred in terms:
        if (
            preferred.weight
            and preferred.preference is not None
            and term_matches(preferred.preference, labels, node_name)
        ):
            score += preferred.weight
    return score


def required_node_names(spec: Any) -> frozenset[str] | None:
    """The only nodes that required node affinity allows by name, or None where it does not restrict names.

    Terms are alternatives, so one term without a name restriction allows every name.
    """
    node_affinity = spec.affinity.nodeAffinity if spec.affinity is not None else None
    required = node_affinity.requiredDuringSchedulingIgnoredDuringExecution if node_affinity is not None else None
    if required is None or not required.nodeSelectorTerms:
        return None
    allowed: set[str] = set()
    for term in required.nodeSelectorTerms:
        names: set[str] | None = None
        for requirement in term.matchFields:
            if requirement.key == _NAME_FIELD and requirement.operator == "In":
                values = set(requirement.values)
                names = values if names is None else names & values
        if names is None:
            return None
        allowed |= names
    return frozenset(allowed)


@dataclass(frozen=True, slots=True)
class AffinityTerm:
    """A pod affinity term made ready: which pods it means, and the topology it speaks of."""

    namespaces: frozenset[str]
    namespace_selector: selectors.Selector | None
    selector: selectors.Selector | None
    """None matches no pod."""
    topology_key: str
    weight: int = 0

    def matches(self, namespace: str, pod_labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels, in this namespace with its labels, is meant."""
        if self.selector is None:
            return False
        if namespace not in self.namespaces and not (
            self.namespace_selector is not None and self.namespace_selector.matches(namespace_labels)
        ):
            return False
        return self.selector.matches(pod_labels)


def affinity_term(
    term: Any, namespace: str, weight: int = 0, labels: Mapping[str, str] = MappingProxyType({})
) -> AffinityTerm:
    """Make a PodAffinityTerm of a pod in `namespace` with `labels` ready; without namespaces it means the pod's own."""
    names = frozenset(term.namespaces)
    if not names and term.namespaceSelector is None:
        names = frozenset((namespace,))
    among = None if term.namespaceSelector is None else selectors.from_label_selector(term.namespaceSelector)
    of = None if term.labelSelector is None else selectors.from_label_selector(_narrowed(term, labels))
    return AffinityTerm(names, among, of, term.topologyKey, weight)


def _narrowed(term: Any, labels: Mapping[str, str]) -> Any:
    """The term's selector with `matchLabelKeys` and `mismatchLabelKeys` written out after the pod's own labels."""
    wanted = [(key, "In") for key in term.matchLabelKeys] + [(key, "NotIn") for key in term.mismatchLabelKeys]
    more = [
        meta_v1.LabelSelectorRequirement(key=key, operator=operator, values=[labels[key]])
        for key, operator in wanted
        if key in labels
    ]
    more = [requirement for requirement in more if requirement not in term.labelSelector.matchExpressions]
    if not more:
        return term.labelSelector
    return meta_v1.LabelSelector(
        matchLabels=term.labelSelector.matchLabels, matchExpressions=[*term.labelSelector.matchExpressions, *more]
    )


def required_terms(
    rules: Any | None, namespace: str, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[AffinityTerm, ...]:
    """The required terms of a PodAffinity or PodAntiAffinity, which may be None."""
    if rules is None:
        return ()
    terms: Iterable[Any] = rules.requiredDuringSchedulingIgnoredDuringExecution
    return tuple(affinity_term(term, namespace, 0, labels) for term in terms)


def preferred_terms(
    rules: Any | None, namespace: str, labels: Mapping[str, str] = MappingProxyType({})
) -> tuple[AffinityTerm, ...]:
    """The preferred terms with their weights; those without weight are dropped."""
    if rules is None:
        return ()
    weighted: Iterable[Any] = rules.preferredDuringSchedulingIgnoredDuringExecution
    return tuple(
        affinity_term(w.podAffinityTerm, namespace, w.weight, labels)
        for w in weighted
        if w.weight and w.podAffinityTerm is not None
    )

"""Which rules a ClusterRole takes in: pure.

What: `rules(role, others)`. Source: pkg/controller/clusterroleaggregation: for each selector the matching roles by name, each
rule once, never the role itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubelite.api.types.rbac_v1 import ClusterRole, PolicyRule
from kubelite.machinery import labels


def rules(role: ClusterRole, others: Iterable[ClusterRole]) -> list[PolicyRule] | None:
    """The rules of an aggregating role; None for one that does not aggregate. Raises ValueError for a malformed selector."""
    if role.aggregationRule is None:
        return None
    candidates = sorted((one for one in others if one.metadata.name != role.metadata.name), key=_name)
    found: list[PolicyRule] = []
    for wanted in role.aggregationRule.clusterRoleSelectors:
        selector = labels.from_label_selector(wanted)
        for other in candidates:
            if selector.matches(other.metadata.labels):
                found += [rule for rule in other.rules if rule not in found]
    return found


def _name(role: ClusterRole) -> str:
    return role.metadata.name

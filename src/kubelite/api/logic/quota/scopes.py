"""Which objects a quota with scopes counts.

What: `Traits` of an object, and `covers(selectors, traits)`. Why: a quota may be for some pods or claims only. Flow: an evaluator
tells the traits; `selectors_of` turns `scopes` and `scopeSelector` into one list; all selectors must match.
Sources: apiserver/pkg/quota/v1/generic/evaluator.go, pkg/quota/v1/evaluator/core/pods.go, persistent_volume_claims.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kubelite.api.core.resource_quota import (
    BEST_EFFORT,
    CROSS_NAMESPACE_POD_AFFINITY,
    NOT_BEST_EFFORT,
    NOT_TERMINATING,
    PRIORITY_CLASS,
    TERMINATING,
    VOLUME_ATTRIBUTES_CLASS,
)
from kubelite.api.types.core_v1 import ResourceQuotaSpec, ScopedResourceSelectorRequirement

Selector = ScopedResourceSelectorRequirement


@dataclass(frozen=True, slots=True)
class Traits:
    """What scopes ask of an object. `flags` names the scopes without values that it is in."""

    flags: frozenset[str] = frozenset()
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Scope with values → the object's values: PriorityClass for pods, VolumeAttributesClass for claims."""


NO_TRAITS = Traits()
WITH_VALUES = (PRIORITY_CLASS, VOLUME_ATTRIBUTES_CLASS)
FLAGS = (BEST_EFFORT, NOT_BEST_EFFORT, TERMINATING, NOT_TERMINATING, CROSS_NAMESPACE_POD_AFFINITY)


def selectors_of(spec: ResourceQuotaSpec) -> list[Selector]:
    """The scopes and the scope selector of a quota as one list."""
    found = [Selector(scopeName=scope, operator="Exists") for scope in spec.scopes]
    if spec.scopeSelector is not None:
        found += spec.scopeSelector.matchExpressions
    return found


def matching(selectors: Iterable[Selector], traits: Traits) -> list[Selector]:
    """The selectors that the object meets."""
    return [selector for selector in selectors if _meets(selector, traits)]


def covers(selectors: Sequence[Selector], traits: Traits) -> bool:
    """Whether an object with these traits counts."""
    return all(_meets(selector, traits) for selector in selectors)


def uncovered(wanted: Iterable[Selector], present: Iterable[Selector]) -> list[Selector]:
    """The wanted selectors whose scope no present one has."""
    names = {selector.scopeName for selector in present}
    return [selector for selector in wanted if selector.scopeName not in names]


def shown(selectors: Iterable[Selector]) -> str:
    """The selectors as upstream prints them: `[{PriorityClass In [high low]}]`."""
    return "[" + " ".join(f"{{{s.scopeName} {s.operator} [{' '.join(s.values)}]}}" for s in selectors) + "]"


def _meets(selector: Selector, traits: Traits) -> bool:
    scope = selector.scopeName
    if scope not in WITH_VALUES:
        return scope in traits.flags
    values = traits.classes.get(scope)
    if values is None:
        return False  # not a kind that this scope is about
    if selector.operator == "Exists":
        return bool(values)
    if selector.operator == "DoesNotExist":
        return not values
    if selector.operator == "In":
        return any(value in selector.values for value in values)
    if selector.operator == "NotIn":
        return not values or any(value not in selector.values for value in values)
    return False

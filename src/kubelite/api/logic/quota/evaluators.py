"""One evaluator a resource: which requests it looks at, which names of a quota are about it, what an object uses.

What: `evaluator(group, plural)` for every resource there is; those without rules of their own are counted. Why: custom resources
have quotas too (`count/widgets.example.com`). Source: pkg/quota/v1/evaluator, apiserver/pkg/quota/v1/generic/evaluator.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from kubelite.api.logic.quota import others, pods
from kubelite.api.logic.quota.scopes import NO_TRAITS, Traits
from kubelite.api.types.base import Quantity

ALIASES = ("configmaps", "resourcequotas", "replicationcontrollers", "secrets")
"""Resources of the core group that a quota may name without `count/`."""
NEVER = frozenset((("", "events"), ("events.k8s.io", "events")))
"""Resources that no quota counts."""
CREATE, UPDATE = "CREATE", "UPDATE"
DEVICE_CLAIMS = ("resource.k8s.io", "resourceclaims")


@dataclass(frozen=True, slots=True)
class Evaluator:
    """How objects of one resource count. `writes` are (operation, subresource)."""

    writes: frozenset[tuple[str, str]]
    matches: Callable[[str], bool]
    usage: Callable[[Any, datetime], dict[str, Quantity]]
    traits: Callable[[Any], Traits]
    missing: Callable[[Any, Iterable[str]], str]
    """What an object must say because a quota limits these names; "" if nothing."""
    counts_only: bool = False
    """Every object counts as one, so that nothing but its name has to be known."""


def count_name(group: str, plural: str) -> str:
    """`count/deployments.apps`, `count/pods`."""
    return f"count/{plural}.{group}" if group else f"count/{plural}"


def _no_traits(obj: Any) -> Traits:
    return NO_TRAITS


def _nothing_missing(obj: Any, names: Iterable[str]) -> str:
    return ""


_CREATES = frozenset(((CREATE, ""),))
_CHANGES = frozenset(((CREATE, ""), (UPDATE, "")))
_SPECIAL = {
    ("", "pods"): Evaluator(
        frozenset(((CREATE, ""), (UPDATE, "resize"))), pods.matches, pods.usage, pods.traits, pods.missing
    ),
    ("", "services"): Evaluator(
        _CHANGES, others.is_of_services, lambda obj, now: others.service_usage(obj), _no_traits, _nothing_missing
    ),
    ("", "persistentvolumeclaims"): Evaluator(
        _CHANGES | {(UPDATE, "status")},
        others.is_of_claims,
        lambda obj, now: others.claim_usage(obj),
        others.claim_traits,
        _nothing_missing,
    ),
    DEVICE_CLAIMS: Evaluator(
        _CHANGES,
        others.is_of_device_claims,
        lambda obj, now: others.device_claim_usage(obj),
        _no_traits,
        _nothing_missing,
    ),
}


@lru_cache(maxsize=1024)
def evaluator(group: str, plural: str) -> Evaluator:
    """The evaluator of a resource."""
    special = _SPECIAL.get((group, plural))
    if special is not None:
        return special
    names = {count_name(group, plural)}
    if not group and plural in ALIASES:
        names.add(plural)
    used: dict[str, Quantity] = dict.fromkeys(names, "1")
    return Evaluator(
        _CREATES,
        names.__contains__,
        lambda obj, now: used,
        _no_traits,
        _nothing_missing,
        counts_only=True,
    )


def of_devices(names: Mapping[str, str]) -> Evaluator:
    """The evaluator of device claims where classes have names among the extended resources: `names` is class → resource."""
    by = _SPECIAL[DEVICE_CLAIMS]
    more = {f"requests.{name}" for name in names.values()}
    return replace(
        by,
        matches=lambda name: name in more or by.matches(name),
        usage=lambda obj, now: others.named(by.usage(obj, now), names),
    )


def resources_of(name: str, names: Mapping[str, str] | None = None) -> tuple[tuple[str, str], ...]:
    """(group, plural) of the resources whose objects use `name` of a quota; none for a name that nothing uses."""
    if name.startswith("count/"):
        plural, _, group = name[len("count/") :].partition(".")
        return ((group, plural),)
    if name in ALIASES:
        return (("", name),)
    found = tuple(key for key, one in _SPECIAL.items() if one.matches(name))
    of_class = name.removeprefix("requests.") in (names or {}).values() and name.startswith("requests.")
    return (*found, DEVICE_CLAIMS) if of_class and DEVICE_CLAIMS not in found else found

"""Whether the quotas of a namespace admit a request: pure.

What: `check(quotas, request, limited)` gives the new usage of each quota that the request draws on, or raises `Refused` with
upstream's words. Why: the same function decides on cached quotas and again, inside the compare-and-swap, on stored ones. A change
that lowers usage reserves nothing: the controller gives back what is free, once it is free. Source:
apiserver/pkg/admission/plugin/resourcequota/controller.go (CheckRequest).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kubelite.api.logic.quota import amounts, scopes
from kubelite.api.logic.quota.evaluators import Evaluator
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import ResourceQuota


class Refused(Exception):
    """A quota does not admit the request; the text says why."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A resource of which nothing may be used where no quota allows it (limitedResources)."""

    group: str
    plural: str
    contains: tuple[str, ...] = ()
    """Parts of names of a quota."""
    scopes: tuple[scopes.Selector, ...] = ()


@dataclass(slots=True)
class Charge:
    """A request, as far as quotas go."""

    evaluator: Evaluator
    new: Any
    delta: dict[str, Quantity]
    """What the request uses in addition."""
    traits: scopes.Traits
    limited_names: tuple[str, ...] = ()
    limited_scopes: tuple[scopes.Selector, ...] = field(default=())


def charge(evaluator: Evaluator, new: Any, old: Any, now: datetime, limited: Sequence[Limited] = ()) -> Charge:
    """What a write of `new` over `old` (None for a create) means for quotas. Raises Refused for negative usage."""
    usage = evaluator.usage(new, now)
    wrong = amounts.negative(usage)
    if wrong:
        raise Refused(f"quota usage is negative for resource(s): {','.join(wrong)}")
    delta = usage if old is None else amounts.minus(usage, evaluator.usage(old, now))
    traits = evaluator.traits(new)
    return Charge(
        evaluator,
        new,
        amounts.positive(delta),
        traits,
        tuple(sorted({name for name in usage for one in limited for part in one.contains if part in name})),
        tuple(scopes.matching((selector for one in limited for selector in one.scopes), traits)),
    )


def check(quotas: Iterable[ResourceQuota], request: Charge) -> dict[str, dict[str, Quantity]]:
    """Name of each quota that must be charged → its new usage. Raises Refused."""
    concerned, covered, present = _concerned(quotas, request)
    if not request.delta:
        return {}
    lacking = [name for name in request.limited_names if name not in covered]
    if lacking:
        raise Refused(f"insufficient quota to consume: {','.join(lacking)}")
    free = scopes.uncovered(request.limited_scopes, present)
    if free:
        raise Refused(f"insufficient quota to match these scopes: {scopes.shown(free)}")
    result: dict[str, dict[str, Quantity]] = {}
    for quota in concerned:
        used = reserve(quota, request)
        if used is not None:
            result[quota.metadata.name] = used
    return result


def _concerned(
    quotas: Iterable[ResourceQuota], request: Charge
) -> tuple[list[ResourceQuota], set[str], list[scopes.Selector]]:
    """The quotas that count the object, the names that they limit, and the scopes of quotas that it is in."""
    concerned: list[ResourceQuota] = []
    covered: set[str] = set()
    present: list[scopes.Selector] = []
    for quota in quotas:
        selectors = scopes.selectors_of(quota.spec)
        if request.limited_scopes:
            present += scopes.matching(selectors, request.traits)
        names = [name for name in quota.status.hard if request.evaluator.matches(name)]
        if not names or not scopes.covers(selectors, request.traits):
            continue
        why = request.evaluator.missing(request.new, names)
        if why:
            raise Refused(f"failed quota: {quota.metadata.name}: {why}")
        if any(name not in quota.status.used for name in names):
            raise Refused(f"status unknown for quota: {quota.metadata.name}, resources: {','.join(sorted(names))}")
        concerned.append(quota)
        covered.update(names)
    return concerned, covered, present


def recheck(quota: ResourceQuota, request: Charge) -> dict[str, Quantity] | None:
    """The usage of this quota with the request in it; None if it does not count the request. Raises Refused."""
    return reserve(quota, request) if _concerned((quota,), request)[0] else None


def reserve(quota: ResourceQuota, request: Charge) -> dict[str, Quantity] | None:
    """The usage of one quota with the request in it; None if it limits nothing of it. Raises Refused."""
    hard, used = quota.status.hard, quota.status.used
    requested = amounts.only(request.delta, hard)
    if not requested:
        return None
    wanted = amounts.plus(used, requested)
    exceeded = amounts.exceeding(amounts.only(wanted, requested), hard)
    if exceeded:
        parts = [amounts.shown(amounts.only(one, exceeded)) for one in (requested, used, hard)]
        raise Refused(
            f"exceeded quota: {quota.metadata.name}, requested: {parts[0]}, used: {parts[1]}, limited: {parts[2]}"
        )
    return wanted

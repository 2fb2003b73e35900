"""What a claim takes of a device's capacity: the amounts that are asked for, as the device's policy rounds them.

What: `share(offer, wanted)` → amount by name, or None if the device cannot give that to anybody. Rules: without a request the
default of the policy counts, without a policy the whole; `validValues` and `validRange` round up; what is beyond them, or above
the device's own value, is refused. Upstream: dynamic-resource-allocation/structured/internal/experimental consumable_capacity.go.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity
from kubelite.scheduler.devices.inventory import Offer

WHOLE = 10**9
"""Amounts are counted in billionths."""


def share(offer: Offer, wanted: Mapping[str, Quantity]) -> dict[str, Quantity] | None:
    """What is taken of each capacity of a device; None where it has no such capacity, or not as much."""
    asked = {}
    for name, amount in wanted.items():
        own = _own_name(offer, name)
        if own is None:
            return None
        asked[own] = amount
    found: dict[str, Quantity] = {}
    for name, there in offer.device.capacity.items():
        amount = rounded(asked.get(name), there)
        if not _allowed(amount, there.requestPolicy) or quantity.cmp(amount, there.value or 0) > 0:
            return None
        found[name] = amount
    return found


def _own_name(offer: Offer, name: str) -> str | None:
    """The name under which the device has a capacity; one without a domain is in the driver's."""
    domain, _, own = name.rpartition("/")
    candidates = (name, own, f"{offer.driver}/{own}") if domain in ("", offer.driver) else (name,)
    return next((found for found in candidates if found in offer.device.capacity), None)


def rounded(asked: Quantity | None, capacity: v1.DeviceCapacity) -> Quantity:
    """What a request comes to."""
    policy = capacity.requestPolicy
    if asked is None:
        return policy.default if policy is not None and policy.default is not None else capacity.value or "0"
    if policy is None:
        return asked
    if policy.validRange is not None and policy.validRange.min is not None:
        return _in_range(asked, policy.validRange)
    return next((value for value in policy.validValues if quantity.cmp(asked, value) <= 0), asked)


def _in_range(asked: Quantity, valid: v1.CapacityRequestPolicyRange) -> Quantity:
    least = quantity.nano(valid.min or 0)
    above = quantity.nano(asked) - least
    if above < 0:
        return valid.min or "0"
    step = quantity.nano(valid.step) if valid.step is not None else 0
    if not step:
        return asked
    return quantity.from_value(-(-(least + -(-above // step) * step) // WHOLE), "Bi")


def _allowed(amount: Quantity, policy: v1.CapacityRequestPolicy | None) -> bool:
    if policy is None or (policy.default is not None and quantity.cmp(amount, policy.default) == 0):
        return True
    if policy.validRange is not None:
        most = policy.validRange.max
        return most is None or quantity.cmp(amount, most) <= 0
    return not policy.validValues or any(quantity.cmp(amount, value) == 0 for value in policy.validValues)

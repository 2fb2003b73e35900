"""The ranges that addresses are given out of: those of every ServiceCIDR that is ready.

What: `ServiceRanges` keeps the ranges of one address family as the ServiceCIDRs say. Why: a cluster that runs out of addresses
gets another range while it runs, and one that is being deleted gives out nothing more. Flow: every change of a ServiceCIDR →
`changed` → `refusal` and `picks` answer for all ranges. A ServiceCIDR of which nobody said anything counts as ready: the
controller manager may be down. Source: pkg/registry/core/service/ipallocator/cidrallocator.go.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator

from kubelite.api.types.networking_v1 import ServiceCIDR
from kubelite.apiserver.allocators.ranges import AddressRange
from kubelite.apiserver.lookup import Lookup

MISMATCH = "the provided network does not match the current range"
RANDOM_PICKS = 4


def is_ready(one: ServiceCIDR) -> bool:
    """Whether addresses may be given out of it."""
    if one.metadata.deletionTimestamp is not None:
        return False
    said = next((condition for condition in one.status.conditions if condition.type == "Ready"), None)
    return said is None or said.status == "True"


class ServiceRanges:
    """The ranges of one family, `IPv4` or `IPv6`."""

    full_text = "range is full"

    def __init__(self, family: str) -> None:
        self.family = family
        self._known: dict[str, ServiceCIDR] = {}
        self.ready: list[AddressRange] = []
        self._every: list[AddressRange] = []

    def follow(self, lookup: Lookup) -> None:
        """Keeps to the ServiceCIDRs from now on."""
        lookup.follow("servicecidrs", "networking.k8s.io", ServiceCIDR, lambda _, name, one: self.changed(name, one))

    def changed(self, name: str, one: ServiceCIDR | None) -> None:
        """Takes over what a ServiceCIDR says now; None: it is gone."""
        if one is None:
            self._known.pop(name, None)
        else:
            self._known[name] = one
        every: dict[str, bool] = {}
        for found in self._known.values():
            for cidr in found.spec.cidrs:
                every[cidr] = every.get(cidr, False) or is_ready(found)
        mine = [(made, good) for cidr, good in every.items() if (made := AddressRange(cidr)).family == self.family]
        self._every = [made for made, _ in mine]
        self.ready = [made for made, good in mine if good]

    def has(self, value: str) -> bool:
        """Whether any range, ready or not, contains the address."""
        return any(not one.refusal(value) for one in self._every)

    def refusal(self, value: str) -> str:
        """Why an address cannot be given out at all; "" if it can."""
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return f"the provided IP ({value}) is not a valid IP"
        return MISMATCH if all(one.refusal(value) for one in self.ready) else ""

    def picks(self) -> Iterator[str]:
        """A few random addresses, from larger ranges more often, then all in order, a range after the other."""
        ready = [one for one in self.ready if one.size]
        if not ready:
            return
        sizes = [one.size for one in ready]
        for one in random.choices(ready, sizes, k=RANDOM_PICKS):
            yield one.any_one()
        for one in ready:
            yield from one.in_order()

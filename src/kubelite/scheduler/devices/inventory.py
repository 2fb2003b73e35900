"""Which devices there are, where, and which are taken.

What: `Inventory` holds claims, slices and classes; `offers(node)`: the devices that a node can reach, in the order of drivers,
pools, slices, first from pools whose devices are ready at once. Why: an allocation that was decided but not written yet is
`assumed`, so that no other pod gets the same device. Rules: of a pool only the slices of its newest generation count, and only if
all of them are there.
Upstream: staging/src/k8s.io/dynamic-resource-allocation/structured, internal pools.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from kubelite.api.logic import affinity
from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.api.types.core_v1 import NodeSelector
from kubelite.machinery import quantity
from kubelite.scheduler.devices.extended import class_names, is_made_for
from kubelite.scheduler.pods import Node, PodInfo

if TYPE_CHECKING:
    from kubelite.scheduler.devices.allocation import Allotment

DeviceId = tuple[str, str, str]
"""Driver, pool, device."""
CounterId = tuple[str, str, str, str]
"""Driver, pool, counter set, counter."""


class AllocationFailed(Exception):
    """It cannot be said whether devices suit: an expression fails, a pool is being changed. The text says what."""


@dataclass(slots=True, eq=False)
class Offer:
    """A device of a slice."""

    id: DeviceId
    device: v1.Device
    node: str = ""
    """The only node that can use it, "" if `selector` says which, or all can."""
    selector: NodeSelector | None = None
    late: bool = False
    """Its pool has devices that have to be made ready first: others are tried before."""
    verdicts: dict[str, bool] = field(default_factory=dict)
    """What selectors said of it, by expression."""

    @property
    def order(self) -> tuple[bool, str, str]:
        return self.late, *self.id[:2]

    @property
    def driver(self) -> str:
        return self.id[0]

    @property
    def shared(self) -> bool:
        """Whether several can have a share of it."""
        return bool(self.device.allowMultipleAllocations)

    def reaches(self, node: Node) -> bool:
        if self.node:
            return self.node == node.metadata.name
        return self.selector is None or affinity.selector_matches(
            self.selector, node.metadata.labels, node.metadata.name
        )

    def consumption(self) -> Iterable[tuple[CounterId, int]]:
        """What it takes of the counters of its pool."""
        for consumed in self.device.consumesCounters:
            for name, counter in consumed.counters.items():
                yield (*self.id[:2], consumed.counterSet, name), quantity.nano(counter.value or 0)

    def attribute(self, name: str) -> Any:
        """The value of a fully qualified attribute; None if it has none. An attribute without a domain is in the driver's."""
        found = self.device.attributes.get(name)
        domain, _, own = name.rpartition("/")
        if found is None and domain == self.driver:
            found = self.device.attributes.get(own)
        return value_of(found) if found is not None else None


def value_of(attribute: v1.DeviceAttribute) -> Any:
    """(kind, value): equal for equal attributes."""
    if attribute.bool_ is not None:
        return "bool", attribute.bool_
    if attribute.int_ is not None:
        return "int", attribute.int_
    for name in ("string", "version"):
        if getattr(attribute, name):
            return name, getattr(attribute, name)
    lists = (attribute.bools, attribute.ints, attribute.strings, attribute.versions)
    return "list", tuple(tuple(values) for values in lists)


def key_of(claim: v1.ResourceClaim) -> str:
    return f"{claim.metadata.namespace}/{claim.metadata.name}"


def results_of(allocation: v1.AllocationResult | None) -> list[v1.DeviceRequestAllocationResult]:
    """The devices that were given."""
    return allocation.devices.results if allocation is not None and allocation.devices is not None else []


@dataclass(slots=True)
class Shares:
    """What is taken of a device that several have."""

    number: int = 0
    used: dict[str, int] = field(default_factory=dict)
    """By capacity, in billionths."""


class Taken:
    """Devices that somebody has, and those that several have a share of."""

    def __init__(self) -> None:
        self.whole: set[DeviceId] = set()
        self.shares: dict[DeviceId, Shares] = {}

    def copy(self) -> Taken:
        made = Taken()
        made.whole = set(self.whole)
        made.shares = {key: Shares(found.number, dict(found.used)) for key, found in self.shares.items()}
        return made

    def has(self, device: DeviceId) -> bool:
        """Whether anybody has any of it."""
        return device in self.whole or device in self.shares

    def add(self, device: DeviceId, consumed: Mapping[str, Quantity] | None) -> None:
        """`consumed`: a share; None for the whole device."""
        if consumed is None:
            self.whole.add(device)
            return
        found = self.shares.setdefault(device, Shares())
        found.number += 1
        for name, amount in consumed.items():
            found.used[name] = found.used.get(name, 0) + quantity.nano(amount)

    def discard(self, device: DeviceId, consumed: Mapping[str, Quantity] | None) -> None:
        """Undoes `add`."""
        if consumed is None:
            self.whole.discard(device)
            return
        found = self.shares[device]
        found.number -= 1
        for name, amount in consumed.items():
            found.used[name] -= quantity.nano(amount)
        if not found.number:
            del self.shares[device]


class Inventory:
    """Claims by `namespace/name`, slices and classes by name."""

    def __init__(self) -> None:
        self.claims: dict[str, v1.ResourceClaim] = {}
        self.slices: dict[str, v1.ResourceSlice] = {}
        self.classes: dict[str, v1.DeviceClass] = {}
        self.backed: dict[str, str] = {}
        """Extended resource → the class that stands behind it."""
        self.assumed: dict[str, v1.AllocationResult] = {}
        """Claim → what it was given, until the claim itself says so."""
        self._local: dict[str, list[Offer]] | None = None
        self._shared: list[Offer] = []
        self._counters: dict[CounterId, int] = {}
        self._updating: list[tuple[str, v1.ResourceSlice]] = []

    def claim_changed(self, old: v1.ResourceClaim | None, new: v1.ResourceClaim | None) -> None:
        """A claim came, changed or went; what is older than what is known, because it was written here, is not looked at."""
        if new is not None:
            if _older(new, self.claims.get(key_of(new))):
                return
            self.claims[key_of(new)] = new
            if new.status.allocation is not None:
                self.assumed.pop(key_of(new), None)
        elif old is not None:
            self.claims.pop(key_of(old), None)
            self.assumed.pop(key_of(old), None)

    def give(self, allotments: Iterable[Allotment], info: PodInfo) -> None:
        """As if what was decided for a pod were written."""
        user = v1.ResourceClaimConsumerReference(resource="pods", name=info.pod.metadata.name, uid=info.uid)
        for allotment in allotments:
            claim = self.claims.get(key_of(allotment.claim), allotment.claim)
            status = claim.status
            if any(one.uid == user.uid for one in status.reservedFor):
                continue
            given = v1.ResourceClaimStatus(
                allocation=status.allocation or allotment.allocation, reservedFor=[*status.reservedFor, user]
            )
            self.claim_changed(claim, msgspec.structs.replace(claim, status=given))

    def slice_changed(self, old: v1.ResourceSlice | None, new: v1.ResourceSlice | None) -> None:
        """A slice came, changed or went: the offers are gathered anew when they are asked for."""
        self._local = None
        if new is not None:
            self.slices[new.metadata.name] = new
        elif old is not None:
            self.slices.pop(old.metadata.name, None)

    def class_changed(self, old: v1.DeviceClass | None, new: v1.DeviceClass | None) -> None:
        if new is not None:
            self.classes[new.metadata.name] = new
        elif old is not None:
            self.classes.pop(old.metadata.name, None)
        self.backed = class_names(self.classes.values())

    def made_for(self, uid: str) -> v1.ResourceClaim | None:
        """The claim that stands for the extended resources of a pod."""
        return next((claim for claim in self.claims.values() if is_made_for(claim, uid)), None)

    def taken(self) -> Taken:
        """What somebody has; administrators' access takes nothing."""
        found = Taken()
        given = [claim.status.allocation for claim in self.claims.values()]
        for allocation in (*given, *self.assumed.values()):
            for result in results_of(allocation):
                if not result.adminAccess:
                    consumed = result.consumedCapacity if result.shareID else None
                    found.add((result.driver, result.pool, result.device), consumed)
        return found

    def offers(self, node: Node) -> list[Offer]:
        """What the node can reach, taken or not."""
        local, shared = self._gathered()
        mine = local.get(node.metadata.name, [])
        reached = [offer for offer in shared if offer.reaches(node)]
        return sorted([*mine, *reached], key=lambda offer: offer.order) if reached and mine else mine or reached

    def updating(self, node: Node) -> str:
        """The first pool that the node reaches and of which not all slices are there, as `driver/pool`; "" for none."""
        self._gathered()
        return next((name for name, found in self._updating if any(o.reaches(node) for o in places(found))), "")

    def everywhere(self) -> list[Offer]:
        """All devices."""
        local, shared = self._gathered()
        return [*(offer for offers in local.values() for offer in offers), *shared]

    def counters(self, taken: Taken) -> dict[CounterId, int]:
        """What is left of the counters that devices share."""
        offers = self.everywhere()
        left = dict(self._counters)
        for offer in offers:
            if left and taken.has(offer.id):
                for counter, amount in offer.consumption():
                    left[counter] = left.get(counter, 0) - amount
        return left

    def _gathered(self) -> tuple[dict[str, list[Offer]], list[Offer]]:
        if self._local is None:
            self._local, self._shared, self._counters, self._updating = {}, [], {}, []
            for name, slices, complete in pools(self.slices.values()):
                late = any(device.bindingConditions for found in slices for device in found.spec.devices)
                for found in slices:
                    if complete:
                        self._gather(found, late)
                    else:
                        self._updating.append((name, found))
            for offers in (*self._local.values(), self._shared):
                offers.sort(key=lambda offer: offer.order)
        return self._local, self._shared

    def _gather(self, found: v1.ResourceSlice, late: bool) -> None:
        spec, local = found.spec, self._local
        pool = spec.pool.name if spec.pool is not None else ""
        for counters in spec.sharedCounters:
            for name, counter in counters.counters.items():
                self._counters[spec.driver, pool, counters.name, name] = quantity.nano(counter.value or 0)
        for device in spec.devices:
            place: v1.Device | v1.ResourceSliceSpec = device if spec.perDeviceNodeSelection else spec
            offer = Offer((spec.driver, pool, device.name), device, place.nodeName, place.nodeSelector, late)
            if offer.node and local is not None:
                local.setdefault(offer.node, []).append(offer)
            else:
                self._shared.append(offer)


def _older(one: v1.ResourceClaim, known: v1.ResourceClaim | None) -> bool:
    if known is None or known.metadata.uid != one.metadata.uid:
        return False
    versions = one.metadata.resourceVersion, known.metadata.resourceVersion
    return all(version.isdecimal() for version in versions) and int(versions[0]) < int(versions[1])


def places(found: v1.ResourceSlice) -> list[Offer]:
    """From where the devices of a slice can be used."""
    spec = found.spec
    name = spec.pool.name if spec.pool is not None else ""
    if not spec.perDeviceNodeSelection:
        return [Offer((spec.driver, name, ""), v1.Device(), spec.nodeName, spec.nodeSelector)]
    return [Offer((spec.driver, name, one.name), one, one.nodeName, one.nodeSelector) for one in spec.devices]


def pools(slices: Iterable[v1.ResourceSlice]) -> list[tuple[str, list[v1.ResourceSlice], bool]]:
    """(driver/pool, slices of its newest generation by name, whether these are all), sorted by driver and pool."""
    by_pool: dict[tuple[str, str], list[v1.ResourceSlice]] = {}
    for found in slices:
        if found.spec.pool is not None:
            by_pool.setdefault((found.spec.driver, found.spec.pool.name), []).append(found)
    result = []
    for (driver, name), members in sorted(by_pool.items()):
        newest = max(_generation(found) for found in members)
        current = sorted((s for s in members if _generation(s) == newest), key=lambda s: s.metadata.name)
        wanted = current[0].spec.pool.resourceSliceCount if current[0].spec.pool is not None else 0
        result.append((f"{driver}/{name}", current, len(current) == wanted))
    return result


def _generation(found: v1.ResourceSlice) -> int:
    return (found.spec.pool.generation or 0) if found.spec.pool is not None else 0

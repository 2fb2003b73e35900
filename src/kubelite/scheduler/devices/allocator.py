"""Finds devices for all requests of some claims on one node: depth first, with a bound on the work.

What: `read(claim)` → requests and constraints; `Search(...).run()` → one `Pick` for each device, or None. Rules: a request takes
the first devices that suit, are free and keep to the constraints; where later requests then find nothing, others are tried; of
alternatives (`firstAvailable`) the first that works counts; `All` means every device that suits, none of them taken or tainted.
Of a device with `allowMultipleAllocations` each gets a share, as long as its capacity lasts.
Upstream: dynamic-resource-allocation/structured/internal allocator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubelite.api.types import resource_v1 as v1
from kubelite.api.types.base import Quantity
from kubelite.machinery import quantity
from kubelite.scheduler.devices.capacity import share
from kubelite.scheduler.devices.inventory import AllocationFailed, CounterId, DeviceId, Offer, Taken, key_of

MOST_DEVICES = 32
"""What one claim can be given."""


class NoClass(Exception):
    """A request names a class that does not exist."""


@dataclass(slots=True, eq=False)
class Option:
    """One way to fulfil a request."""

    name: str
    """The request, or `request/subrequest`."""
    device_class: str
    selectors: tuple[tuple[str, str], ...]
    """(where it is written, the expression)."""
    claim_key: str
    every: bool
    count: int
    admin: bool
    capacity: Mapping[str, Any]
    tolerations: Sequence[v1.DeviceToleration]
    suitable: dict[DeviceId, bool] = field(default_factory=dict)

    def suits(self, offer: Offer) -> bool:
        """Whether a device is what is asked for, taken or not. Raises AllocationFailed."""
        found = self.suitable.get(offer.id)
        if found is None:
            found = self.suitable[offer.id] = self._selected(offer) and share(offer, self.capacity) is not None
        return found

    def _selected(self, offer: Offer) -> bool:
        # The expression language is loaded when somebody claims devices.
        from kubelite.scheduler.devices.selectors import matches

        for source, expression in self.selectors:
            try:
                if not matches(expression, offer):
                    return False
            except AllocationFailed as failure:
                raise AllocationFailed(f"{source}: {failure}") from None
        return True


@dataclass(slots=True, eq=False)
class Request:
    """A request of a claim: its options, the first preferred."""

    claim: int
    options: list[Option]


@dataclass(slots=True, eq=False)
class Constraint:
    """What the devices of some requests of one claim have in common, or not."""

    claim: int
    requests: frozenset[str]
    attribute: str
    distinct: bool
    values: list[Any] = field(default_factory=list)

    def concerns(self, request: Request, option: Option) -> bool:
        if self.claim != request.claim:
            return False
        return not self.requests or option.name in self.requests or option.name.partition("/")[0] in self.requests

    def allows(self, value: Any) -> bool:
        if value is None:
            return False
        return value not in self.values if self.distinct else not self.values or self.values[0] == value


@dataclass(frozen=True, slots=True)
class Pick:
    """A device for a request of a claim."""

    claim: int
    option: Option
    offer: Offer
    consumed: Mapping[str, Quantity] | None = None
    """The share of a device that several have; None: the device is all theirs."""


def tolerates(tolerations: Sequence[v1.DeviceToleration], taints: Sequence[v1.DeviceTaint]) -> bool:
    """Whether all taints that keep claims away are tolerated."""
    return all(
        any(_tolerates(toleration, taint) for toleration in tolerations)
        for taint in taints
        if taint.effect in ("NoSchedule", "NoExecute")
    )


def _tolerates(toleration: v1.DeviceToleration, taint: v1.DeviceTaint) -> bool:
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    return toleration.operator == "Exists" or toleration.value == taint.value


def read(
    number: int, claim: v1.ResourceClaim, classes: Mapping[str, v1.DeviceClass]
) -> tuple[list[Request], list[Constraint]]:
    """What a claim asks for. Raises NoClass."""
    devices, key = claim.spec.devices or v1.DeviceClaim(), key_of(claim)
    requests = []
    for request in devices.requests:
        if request.exactly is not None:
            options = [_option(request.name, request.exactly, classes, bool(request.exactly.adminAccess), key)]
        else:
            subs = request.firstAvailable
            options = [_option(f"{request.name}/{sub.name}", sub, classes, False, key) for sub in subs]
        requests.append(Request(number, options))
    constraints = [
        Constraint(number, frozenset(c.requests), c.matchAttribute or c.distinctAttribute, bool(c.distinctAttribute))
        for c in devices.constraints
    ]
    return requests, constraints


def _option(
    name: str,
    asked: v1.ExactDeviceRequest | v1.DeviceSubRequest,
    classes: Mapping[str, v1.DeviceClass],
    admin: bool,
    claim: str,
) -> Option:
    found = classes.get(asked.deviceClassName)
    if found is None:
        raise NoClass(f"request {name}: device class {asked.deviceClassName} does not exist")
    sources = ((f"class {asked.deviceClassName}", found.spec.selectors), (f"claim {claim}", asked.selectors))
    selectors = tuple(
        (f"{source}: selector #{number}", selector.cel.expression)
        for source, given in sources
        for number, selector in enumerate(given)
        if selector.cel is not None
    )
    capacity = asked.capacity.requests if asked.capacity is not None else {}
    every, count = asked.allocationMode == "All", asked.count or 1
    return Option(name, asked.deviceClassName, selectors, claim, every, count, admin, capacity, asked.tolerations)


def check_sizes(requests: Sequence[Request], number_of: Callable[[Option], int]) -> None:
    """No claim can be given more devices than its status can name, even with its smallest options. Raises AllocationFailed."""
    least: dict[str, int] = {}
    for request in requests:
        key = request.options[0].claim_key
        least[key] = least.get(key, 0) + min(number_of(option) for option in request.options)
    for key, number in least.items():
        if number > MOST_DEVICES:
            text = f"number of requested devices {number} exceeds the claim limit of {MOST_DEVICES}"
            raise AllocationFailed(f"claim {key}: {text}")


class Search:
    """One attempt on one node."""

    def __init__(
        self,
        requests: Sequence[Request],
        constraints: Sequence[Constraint],
        offers: Sequence[Offer],
        taken: Taken,
        counters: Mapping[CounterId, int],
        steps: int,
    ) -> None:
        """`steps`: how many devices are tried at most; 0 for as many as it takes."""
        self.requests, self.constraints, self.offers = requests, constraints, offers
        self.taken, self.left, self.steps = taken.copy(), dict(counters), steps or -1
        self.picks: list[Pick] = []
        self.allocating: dict[DeviceId, list[int]] = {}
        """The claims that get a device in this attempt, administrators' access included."""
        self.exhausted = False
        """Whether it ended for want of steps."""
        for constraint in constraints:
            constraint.values = []

    def run(self) -> list[Pick] | None:
        """The devices. Raises AllocationFailed."""
        check_sizes(self.requests, lambda option: len(self._suiting(option)) if option.every else option.count)
        return self.picks if self._request(0) else None

    def _suiting(self, option: Option) -> list[Offer]:
        return [offer for offer in self.offers if option.suits(offer)]

    def _request(self, number: int) -> bool:
        if number == len(self.requests):
            return True
        request = self.requests[number]
        return any(self._option(number, request, option) for option in request.options)

    def _option(self, number: int, request: Request, option: Option) -> bool:
        suiting, before = self._suiting(option), len(self.picks)
        wanted = len(suiting) if option.every else option.count
        if sum(pick.claim == request.claim for pick in self.picks) + wanted > MOST_DEVICES:
            return False
        if not option.every:
            return self._device(number, request, option, suiting, wanted)
        taken_all = bool(suiting) and all(self._take(request, option, offer, must=True) for offer in suiting)
        if taken_all and self._request(number + 1):
            return True
        while len(self.picks) > before:
            self._give_back(request)
        return False

    def _device(self, number: int, request: Request, option: Option, suiting: list[Offer], wanted: int) -> bool:
        if not wanted:
            return self._request(number + 1)
        for place, offer in enumerate(suiting):
            if len(suiting) - place < wanted:
                return False
            if not self.steps:
                self.exhausted = True
                return False
            self.steps -= 1
            if not self._take(request, option, offer):
                continue
            if self._device(number, request, option, suiting[place + 1 :], wanted - 1):
                return True
            self._give_back(request)
        return False

    def _take(self, request: Request, option: Option, offer: Offer, *, must: bool = False) -> bool:
        """Gives a device to a request, if it is free and the constraints allow it.

        `must`: the request is for this device among others; raises AllocationFailed if a constraint forbids that.
        """
        consumed = share(offer, option.capacity) if offer.shared and not option.admin else None
        if not self._available(request, option, offer, consumed):
            return False
        concerned = [c for c in self.constraints if c.concerns(request, option)]
        if not all(c.allows(offer.attribute(c.attribute)) for c in concerned):
            if must and "/" not in option.name:
                text = f"cannot add device {'/'.join(offer.id)} because a claim constraint would not be satisfied"
                raise AllocationFailed(f"claim {option.claim_key}, request {option.name}: {text}")
            return False
        self.allocating.setdefault(offer.id, []).append(request.claim)
        for constraint in concerned:
            constraint.values.append(offer.attribute(constraint.attribute))
        if not option.admin:
            if not self.taken.has(offer.id):
                for counter, amount in offer.consumption():
                    self.left[counter] -= amount
            self.taken.add(offer.id, consumed)
        self.picks.append(Pick(request.claim, option, offer, consumed))
        return True

    def _available(
        self, request: Request, option: Option, offer: Offer, consumed: Mapping[str, Quantity] | None
    ) -> bool:
        """Whether the request may have a device now: no taint keeps it away, and nobody else has it.

        Administrators get what others have, but each device once for a claim.
        """
        if not tolerates(option.tolerations, offer.device.taints):
            return False
        others = self.allocating.get(offer.id, ())
        if option.admin:
            return request.claim not in others
        return not (others and consumed is None) and self._free(offer, consumed)

    def _free(self, offer: Offer, consumed: Mapping[str, Quantity] | None) -> bool:
        """Whether a device is there for the taking, or enough of one that is shared."""
        if offer.id in self.taken.whole:
            return False
        if self.taken.has(offer.id):
            if consumed is None:
                return False
            there = offer.device.capacity
            used = self.taken.shares[offer.id].used
            return all(
                used.get(name, 0) + quantity.nano(amount) <= quantity.nano(there[name].value or 0)
                for name, amount in consumed.items()
            )
        return all(self.left.get(counter, 0) >= amount for counter, amount in offer.consumption())

    def _give_back(self, request: Request) -> None:
        pick = self.picks.pop()
        self.allocating[pick.offer.id].pop()
        for constraint in self.constraints:
            if constraint.concerns(request, pick.option):
                constraint.values.pop()
        if not pick.option.admin:
            self.taken.discard(pick.offer.id, pick.consumed)
            if not self.taken.has(pick.offer.id):
                for counter, amount in pick.offer.consumption():
                    self.left[counter] += amount

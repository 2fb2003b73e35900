"""DynamicResources: a pod goes where the devices that it claims are, or can be given to its claims.

Rules: each claim must exist, be the pod's own if it was made for it, and not be on its way out; a claim that has its devices
limits the pod to the nodes that reach them; for the others a node must have devices that suit, are free and keep to the
constraints; of nodes that have, those are better where requests get the alternatives that they prefer. Extended resources that a
class stands behind are claimed with a claim that is made for the pod, on nodes that do not offer them by themselves. What was
found for the chosen node has to be written, and ready, before the pod is bound (`allotments`).
Upstream: plugins/dynamicresources.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from kubelite.api.logic import affinity
from kubelite.api.types import resource_v1 as v1
from kubelite.machinery import times
from kubelite.scheduler import events
from kubelite.scheduler.devices import extended
from kubelite.scheduler.devices.allocation import Allotment, allocation
from kubelite.scheduler.devices.allocator import Constraint, NoClass, Pick, Request, Search, check_sizes, read
from kubelite.scheduler.devices.conditions import Readiness, readiness
from kubelite.scheduler.devices.inventory import AllocationFailed, Inventory, key_of
from kubelite.scheduler.framework import (
    AttemptFailed,
    Cycle,
    FilterPlugin,
    PodRefused,
    Rejection,
    Scores,
    Why,
    normalize,
)
from kubelite.scheduler.nodes import Mask
from kubelite.scheduler.plugins.args import DynamicResourcesArgs
from kubelite.scheduler.pods import Node, Pod, PodInfo

NAME = "DynamicResources"
ELSEWHERE = "resourceclaim not available on the node"
FAILED = f'running "{NAME}" filter plugin'
NO_CLAIMS = "no new claims to deallocate"
NOTHING_HELPED = "still not schedulable"
STALE = "cannot schedule extended resource claim"
NOT_ALLOCATED = "cannot allocate all claims"
MOST_CONSUMERS = 256
MOST_ALTERNATIVES = 8
BINDING_TIMEOUT = "600s"
STEPS_A_SECOND = 10_000
"""How much of a search counts as a second of `filterTimeout`: decisions must not depend on the clock."""


def claim_names(pod: Pod) -> Iterator[tuple[str | None, bool]]:
    """(name, made for the pod) of each claim that is needed; the name is None while it is not known."""
    made = {status.name: status.resourceClaimName for status in pod.status.resourceClaimStatuses}
    for claim in pod.spec.resourceClaims:
        if claim.resourceClaimName:
            yield claim.resourceClaimName, False
        elif claim.name not in made:
            yield None, True
        elif made[claim.name]:
            yield made[claim.name], True


@dataclass(frozen=True, slots=True)
class Extended:
    """The claim for extended resources that is made if the pod goes to certain nodes."""

    claim: v1.ResourceClaim
    mappings: extended.Mappings
    requests: list[Request]


@dataclass(slots=True)
class State:
    """The pod's claims, and what was found on each node."""

    claims: list[v1.ResourceClaim] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    found: dict[int, list[Pick]] = field(default_factory=dict)
    masks: dict[str, Mask] = field(default_factory=dict)
    away: dict[int, Mask] = field(default_factory=dict)
    """Of claims that have their devices: where these cannot be used."""
    stale: v1.ResourceClaim | None = None
    """A claim for extended resources that an earlier attempt left: it has to go first."""
    extended: tuple[str, ...] = ()
    """The requested resources that classes stand behind."""
    made: dict[tuple[str, ...], Extended] = field(default_factory=dict)
    """By the resources that nodes do not offer by themselves."""


def is_user(claim: v1.ResourceClaim, pod: Pod) -> bool:
    """Whether the pod is entered as one who uses the claim."""
    return any(consumer.uid == pod.metadata.uid for consumer in claim.status.reservedFor)


class DynamicResources(FilterPlugin):
    name = NAME

    def __init__(self, args: DynamicResourcesArgs | None = None) -> None:
        args = args or DynamicResourcesArgs()
        self.seconds = times.parse_duration(args.bindingTimeout or BINDING_TIMEOUT)
        seconds = times.parse_duration(args.filterTimeout)
        self.steps = int(seconds * STEPS_A_SECOND)
        self.events = {
            events.RESOURCE_CLAIM: self._helps,
            events.RESOURCE_SLICE: None,
            events.DEVICE_CLASS: None,
            events.NODE_ADD: None,
            events.NODE_LABEL: None,
        }

    @staticmethod
    def _helps(pod: PodInfo, old: v1.ResourceClaim | None, new: v1.ResourceClaim | None) -> bool:
        """Whether the claim is the pod's, or has given devices back."""
        if old is not None and old.status.allocation is not None and (new is None or new.status.allocation is None):
            return True
        changed = new or old
        assert changed is not None
        if extended.is_made_for(changed, pod.uid):
            return True
        mine = {name for name, _ in claim_names(pod.pod)}
        return changed.metadata.namespace == pod.pod.metadata.namespace and changed.metadata.name in mine

    def narrow(self, cycle: Cycle) -> frozenset[str] | None:
        """Looks at the claims themselves. Raises PodRefused for those that no node can serve."""
        inventory, asked = cycle.world.devices, cycle.pod.requests
        backed = inventory.backed
        served = tuple(name for name, number in asked.items() if number > 0 and name in backed) if backed else ()
        if not (cycle.pod.pod.spec.resourceClaims or served):
            return None
        state = State(extended=served)
        state.stale = inventory.made_for(cycle.pod.uid) if served else None
        state.claims = self._claims(cycle.pod.pod, inventory)
        for number, claim in enumerate(state.claims):
            if claim.status.allocation is None:
                try:
                    requests, constraints = read(number, claim, inventory.classes)
                except NoClass as missing:
                    raise PodRefused(str(missing), NAME) from None
                state.requests += requests
                state.constraints += constraints
        try:
            check_sizes(state.requests, lambda option: 0 if option.every else option.count)
        except AllocationFailed as failure:
            raise AttemptFailed(f"{FAILED}: {failure}") from None
        cycle.state[NAME] = state
        return None

    @staticmethod
    def _claims(pod: Pod, inventory: Inventory) -> list[v1.ResourceClaim]:
        meta, found = pod.metadata, []
        for name, made_for_it in claim_names(pod):
            if name is None:
                raise PodRefused(f'pod "{meta.namespace}/{meta.name}": ResourceClaim not created yet', NAME)
            claim = inventory.claims.get(f"{meta.namespace}/{name}")
            if claim is None:
                raise PodRefused(f'resourceclaim.resource.k8s.io "{name}" not found', NAME)
            if claim.metadata.deletionTimestamp is not None:
                raise PodRefused(f'resourceclaim "{name}" is being deleted', NAME)
            owned = any(o.controller and o.uid == meta.uid for o in claim.metadata.ownerReferences)
            if made_for_it and not owned:
                text = f"ResourceClaim {key_of(claim)} was not created for pod {meta.namespace}/{meta.name} (pod is not owner)"
                raise PodRefused(text, NAME)
            if key_of(claim) in inventory.assumed:
                raise PodRefused(f"resource claim {key_of(claim)} is in the process of being allocated", NAME)
            if not is_user(claim, pod) and len(claim.status.reservedFor) >= MOST_CONSUMERS:
                raise PodRefused("resourceclaim in use", NAME)
            found.append(claim)
        return found

    def filter(self, cycle: Cycle) -> Mask | None:
        state: State | None = cycle.state.get(NAME)
        if state is None:
            return None
        if state.stale is not None:
            state.masks = {STALE: np.ones(cycle.nodes.capacity, bool)}
            return np.zeros(cycle.nodes.capacity, bool)
        reached = self._reached(cycle, state)
        state.masks = {ELSEWHERE: ~reached}
        if not (state.requests or state.extended):
            return reached
        inventory = cycle.world.devices
        taken = inventory.taken()
        counters = inventory.counters(taken)
        everything = [(request.claim, o.name) for request in state.requests for o in request.options if o.every]
        given = np.zeros(cycle.nodes.capacity, bool)
        for position, node in cycle.nodes.positions():
            if not reached[position]:
                continue
            made = self._extended(cycle, state, position)
            requests = [*state.requests, *made.requests] if made is not None else state.requests
            offers = inventory.offers(node) if requests else []
            if everything:
                self._refuse_unfinished(state, everything, inventory.updating(node))
            if not offers:
                given[position] = not requests
                continue
            search = Search(requests, state.constraints, offers, taken, counters, self.steps)
            try:
                picks = search.run()
            except AllocationFailed as failure:
                raise AttemptFailed(f"{FAILED}: {failure}") from None
            if picks is None and search.exhausted:
                raise AttemptFailed(f"{FAILED}: node {node.metadata.name}: timed out trying to allocate devices")
            if picks is not None:
                given[position] = True
                state.found[position] = picks
        state.masks[NOT_ALLOCATED] = reached & ~given
        return given

    @staticmethod
    def _refuse_unfinished(state: State, everything: list[tuple[int, str]], pool: str) -> None:
        """Nobody knows what all devices are while one pool is being changed. Raises AttemptFailed."""
        if pool:
            claim, request = everything[0]
            asks = f"claim {key_of(state.claims[claim])}, request {request}: asks for all devices"
            raise AttemptFailed(f"{FAILED}: {asks}, but resource pool {pool} is currently being updated")

    @staticmethod
    def _extended(cycle: Cycle, state: State, position: int) -> Extended | None:
        """The claim for those resources that the node does not offer by itself."""
        there = cycle.nodes.allocatable
        missing = tuple(name for name in state.extended if name not in there or not there[name][position])
        if not missing:
            return None
        if missing not in state.made:
            inventory = cycle.world.devices
            claim, mappings = extended.claim_for(cycle.pod.pod, missing, inventory.backed)
            requests, _ = read(len(state.claims), claim, inventory.classes)
            state.made[missing] = Extended(claim, mappings, requests)
        return state.made[missing]

    @staticmethod
    def _reached(cycle: Cycle, state: State) -> Mask:
        """The nodes from where the devices that were given before can be used."""
        mask = np.ones(cycle.nodes.capacity, bool)
        for number, claim in enumerate(state.claims):
            selector = claim.status.allocation.nodeSelector if claim.status.allocation is not None else None
            if selector is None:
                continue
            away = state.away[number] = np.zeros(cycle.nodes.capacity, bool)
            for position, node in cycle.nodes.positions():
                away[position] = not affinity.selector_matches(selector, node.metadata.labels, node.metadata.name)
            mask &= ~away
        return mask

    @staticmethod
    def post_filter(cycle: Cycle, rejections: Sequence[Rejection]) -> tuple[str, v1.ResourceClaim | None]:
        """(what came of the attempt to make room, the claim whose devices are given back for that)."""
        state: State | None = cycle.state.get(NAME)
        if state is None:
            return NO_CLAIMS, None
        if state.stale is not None:
            return "deletion of ResourceClaim completed", state.stale
        for rejection in rejections:
            for number, away in state.away.items() if rejection.plugin == NAME else ():
                claim = state.claims[number]
                mine = all(user.uid == cycle.pod.uid for user in claim.status.reservedFor)
                if mine and (away & rejection.out).any():
                    return "deallocation of ResourceClaim completed", claim
        return NOTHING_HELPED, None

    def explain(self, cycle: Cycle) -> list[Why]:
        return [Why(reason, mask) for reason, mask in cycle.state[NAME].masks.items()]

    def score(self, cycle: Cycle, fitting: Mask) -> Scores | None:
        """Where requests get the alternatives that they prefer (`firstAvailable`), the node is better."""
        state: State | None = cycle.state.get(NAME)
        if state is None or not state.found:
            return None
        ranks = {
            id(option): MOST_ALTERNATIVES - place
            for request in state.requests
            for place, option in enumerate(request.options)
            if "/" in option.name
        }
        if not ranks:
            return None
        scores = np.zeros(cycle.nodes.capacity)
        for position, picks in state.found.items():
            scores[position] = sum(ranks.get(option, 0) for option in {id(pick.option) for pick in picks})
        return normalize(scores, fitting)

    def allotments(self, cycle: Cycle, node: Node) -> tuple[Allotment, ...]:
        """What has to be written for the pod's claims when it goes to the node."""
        state: State | None = cycle.state.get(NAME)
        if state is None:
            return ()
        position = cycle.nodes.index[node.metadata.name]
        picks = state.found.get(position, [])
        classes, made = cycle.world.devices.classes, []
        for number, claim in enumerate(state.claims):
            if claim.status.allocation is None:
                mine = [pick for pick in picks if pick.claim == number]
                made.append(Allotment(claim, allocation(claim, mine, classes, node.metadata.name)))
            elif not is_user(claim, cycle.pod.pod) or readiness(claim) is not Readiness.READY:
                made.append(Allotment(claim, None))
        own = self._extended(cycle, state, position)
        if own is not None:
            mine = [pick for pick in picks if pick.claim == len(state.claims)]
            given = allocation(own.claim, mine, classes, node.metadata.name)
            made.append(Allotment(own.claim, given, tuple(own.mappings)))
        return tuple(made)

"""Which zone each endpoint should serve, in proportion to the zones' CPUs: pure.

What: `cpu_ratios` of nodes, `allocate`, and `add_hints` for the slices of one address family. Why: with
service.kubernetes.io/topology-mode: Auto traffic stays in its zone, but no endpoint may get more than a fifth above its share.
Flow: slices to create, to update and unchanged → hints; an unchanged slice whose hints are no longer right is to be updated.
Source: k8s.io/endpointslice/topologycache.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubelite.api.types.discovery_v1 import Endpoint, EndpointHints, EndpointSlice, ForZone
from kubelite.machinery import quantity

MODE = "service.kubernetes.io/topology-mode"
OLD_MODE = "service.kubernetes.io/topology-aware-hints"
ZONE = "topology.kubernetes.io/zone"
OVERLOAD = 0.20
_EXCLUDED = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
ENABLED = "Topology Aware Hints has been enabled"
DISABLED = "Topology Aware Hints has been disabled"
NO_NODES = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes"
NO_ZONE = "One or more endpoints do not have a zone specified"
NO_HINTS = "No hints allocated for zones"
TOO_FEW = "Insufficient number of endpoints"
OVERLOADED = "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold"


@dataclass(frozen=True, slots=True)
class Allocation:
    """How many endpoints a zone should have."""

    minimum: int
    maximum: int
    desired: float


@dataclass(slots=True)
class Slices:
    """The slices of one family. The endpoints of those to create and to update are nobody else's and may be changed."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    unchanged: list[EndpointSlice] = field(default_factory=list)

    def open(self) -> list[EndpointSlice]:
        """Those that are written anyway."""
        return [*self.create, *self.update]

    def reopen(self, piece: EndpointSlice) -> None:
        """Have an unchanged slice written."""
        changed = copy.copy(piece)
        changed.endpoints = [copy.copy(one) for one in piece.endpoints or []]
        self.unchanged = [one for one in self.unchanged if one is not piece]
        self.update.append(changed)


def is_asked_for(service: Any) -> bool:
    """Whether the annotations ask for hints; the old one wins."""
    annotations = service.metadata.annotations
    return annotations.get(OLD_MODE, annotations.get(MODE, "")) in ("Auto", "auto")


def node_facts(node: Any) -> tuple[str, str] | None:
    """(zone, CPU) of a node that counts, None of one that does not."""
    labels = node.metadata.labels
    if any(name in labels for name in _EXCLUDED):
        return None
    if not any(one.type == "Ready" and one.status == "True" for one in node.status.conditions):
        return None
    return labels.get(ZONE, ""), node.status.allocatable.cpu


def cpu_ratios(nodes: Iterable[Any]) -> dict[str, float] | None:
    """Zone → its part of all CPUs; None where a node does not say, or where there is one zone only."""
    found: dict[str, float] = {}
    for node in nodes:
        facts = node_facts(node)
        if facts is None:
            continue
        zone, cpu = facts[0], float(quantity.parse(facts[1])) if facts[1] else 0.0
        if not zone or not cpu:
            return None
        found[zone] = found.get(zone, 0.0) + cpu
    total = sum(found.values())
    return {zone: found[zone] / total for zone in sorted(found)} if len(found) > 1 else None


def allocate(count: int, ratios: Mapping[str, float] | None) -> dict[str, Allocation] | str:
    """Zone → its part of `count` endpoints, or why they cannot be shared out."""
    if ratios is None:
        return NO_NODES
    shown = f"({count} endpoints, {len(ratios)} zones)"
    if len(ratios) > count:
        return f"{TOO_FEW} {shown}"
    desired = {zone: ratio * count for zone, ratio in ratios.items()}
    minimum = {zone: math.ceil(share / (1 + OVERLOAD)) for zone, share in desired.items()}
    spare = count - sum(minimum.values())
    if spare < 0:
        return f"{OVERLOADED} {shown}"
    return {zone: Allocation(low, low + spare, max(desired[zone], low)) for zone, low in minimum.items()}


def add_hints(slices: Slices, ratios: Mapping[str, float] | None) -> str:
    """Write the hints; if that cannot be done remove all and say why."""
    every = [*slices.open(), *slices.unchanged]
    shares = allocate(sum(_ready(one) for piece in every for one in piece.endpoints or []), ratios)
    if isinstance(shares, str):
        remove_hints(slices)
        return shares
    given = _keep_valid(slices, shares)
    endpoints = [one for piece in slices.open() for one in piece.endpoints or []]
    if any(_ready(one) and not one.zone for one in endpoints):
        remove_hints(slices)
        return NO_ZONE
    for one in endpoints:
        one.hints = _for(one.zone) if _ready(one) else None
        if _ready(one):
            given[one.zone] = given.get(one.zone, 0) + 1
    if not given:
        remove_hints(slices)
        return NO_HINTS
    giving, receiving = _transfers(shares, given)
    for one in endpoints:
        if _ready(one) and giving.get(one.zone):
            to = next((zone for zone in sorted(receiving) if receiving[zone]), None)
            if to is None:
                break
            one.hints = _for(to)
            giving[one.zone] -= 1
            receiving[to] -= 1
    return ""


def remove_hints(slices: Slices) -> None:
    """No endpoint keeps a hint."""
    for piece in list(slices.unchanged):
        if any(one.hints is not None for one in piece.endpoints or []):
            slices.reopen(piece)
    for piece in slices.open():
        for one in piece.endpoints or []:
            one.hints = None


def _keep_valid(slices: Slices, shares: Mapping[str, Allocation]) -> dict[str, int]:
    """Reopen the unchanged slices whose hints are wrong; zone → endpoints that the others give it."""
    given: dict[str, int] = {}
    for piece in list(slices.unchanged):
        here = _hints_of(piece, given, shares)
        if not here:
            slices.reopen(piece)
            continue
        for zone, count in here.items():
            given[zone] = given.get(zone, 0) + count
    return given


def _hints_of(piece: EndpointSlice, given: Mapping[str, int], shares: Mapping[str, Allocation]) -> dict[str, int]:
    """Zone → endpoints of a slice; nothing if a hint is missing, names a zone that needs none, or is one too many."""
    here: dict[str, int] = {}
    for one in piece.endpoints or []:
        if not _ready(one):
            continue
        zones = [zone.name for zone in one.hints.forZones] if one.hints is not None else []
        if not zones or any(zone not in shares for zone in zones):
            return {}
        here[zones[0]] = here.get(zones[0], 0) + 1
    over = any(count + given.get(zone, 0) > shares[zone].maximum for zone, count in here.items())
    return {} if over else here


def _transfers(shares: Mapping[str, Allocation], given: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """How many endpoints each zone gives away, and gets; less than half an endpoint is not worth the longer way."""
    too_many = {zone: float(count) for zone, count in given.items() if zone not in shares}
    too_few: dict[str, float] = {}
    for zone, share in shares.items():
        difference = given.get(zone, 0) - share.desired
        if difference > 0:
            too_many[zone] = difference
        elif difference < 0:
            too_few[zone] = -difference
    giving: dict[str, int] = {}
    receiving: dict[str, int] = {}
    while too_many and too_few:
        source, target = _most(too_many), _most(too_few)
        give, take = too_many[source], too_few[target]
        if min(give, take) < 0.5 or max(give, take) < 1.0:
            break
        giving[source] = giving.get(source, 0) + 1
        receiving[target] = receiving.get(target, 0) + 1
        too_many[source] -= 1
        too_few[target] -= 1
    return giving, receiving


def _most(zones: Mapping[str, float]) -> str:
    return max(sorted(zones), key=lambda zone: zones[zone])


def _ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions is not None and bool(endpoint.conditions.ready)


def _for(zone: str) -> EndpointHints:
    return EndpointHints(forZones=[ForZone(name=zone)])

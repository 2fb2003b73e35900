"""Which EndpointSlices a service should have: the decision of the EndpointSlice controller.

What: `plan(Observed) -> Plan`, pure. Why: a change of one pod must rewrite one slice of a hundred endpoints, not all of them,
so endpoints stay where they are. Flow: service, its pods, node zones and present slices in → slices to create, update and
delete out. Source: k8s.io/endpointslice reconciler.go, utils.go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kubelite.api.logic import endpoints as logic
from kubelite.api.types.core_v1 import ObjectReference
from kubelite.api.types.discovery_v1 import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointSlice,
    ForNode,
    ForZone,
)
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.endpointslice import hints
from kubelite.controllers.endpointslice.layout import Ports, distribute, ports_of, slice_ports
from kubelite.controllers.triggertimes import stamped

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
ZONE = hints.ZONE
_OWN_LABELS = frozenset((SERVICE_NAME, MANAGED_BY, HEADLESS))


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are those that the service selects; `zones` maps the names of nodes that exist to their zones; `slices` are ours.

    `ratios` are the zones' parts of all CPUs; `hinted` says whether the last plan wrote hints in proportion to them.
    """

    service: Any
    pods: Sequence[Any]
    zones: Mapping[str, str]
    slices: Sequence[EndpointSlice]
    ratios: Mapping[str, float] | None = None
    hinted: bool = False


Told = tuple[str, str, str]
"""(type, reason, message) of an event about the service."""


@dataclass(frozen=True, slots=True)
class Plan:
    create: tuple[EndpointSlice, ...] = ()
    update: tuple[EndpointSlice, ...] = ()
    delete: tuple[EndpointSlice, ...] = ()
    events: tuple[Told, ...] = ()
    hinted: bool = False


@dataclass(slots=True)
class _Draft:
    """What is found out while going through the address families."""

    hinted: bool
    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)


def plan(observed: Observed) -> Plan:
    """The writes that make the slices right; nothing when they are."""
    draft = _Draft(observed.hinted)
    families = observed.service.spec.ipFamilies or ["IPv4"]
    for piece in observed.slices:
        if piece.addressType not in families or not _is_owned(piece, observed.service):
            draft.delete.append(piece)  # those of an earlier service of the name go with it
    if draft.delete:
        observed = replace(observed, slices=[piece for piece in observed.slices if piece not in draft.delete])
    for family in families:
        slices = _plan_family(observed, family, draft)
        _hint(observed, family, slices, draft)
        draft.create += slices.create
        draft.update += slices.update
    _reuse(observed.service, draft)
    return Plan(tuple(draft.create), tuple(draft.update), tuple(draft.delete), tuple(draft.events), draft.hinted)


def _reuse(service: Any, draft: _Draft) -> None:
    """A slice that would go is written anew instead of a new one beside it: its readers never see a gap."""
    for fresh in list(draft.create):
        for old in draft.delete:
            if old.addressType == fresh.addressType and _is_owned(old, service):
                draft.create.remove(fresh)
                draft.delete.remove(old)
                changed = _rewritten(old, fresh.metadata.labels, fresh.endpoints or [])
                changed.ports = fresh.ports
                draft.update.append(changed)
                break


def _is_owned(piece: EndpointSlice, service: Any) -> bool:
    return any(reference.uid == service.metadata.uid for reference in piece.metadata.ownerReferences)


def timed(step: Plan, moment: str) -> Plan:
    """The same with the moment of the change on every slice that is written; it alone is no reason to write one."""
    create, update = (tuple(stamped(one, moment) for one in pieces) for pieces in (step.create, step.update))
    return replace(step, create=create, update=update)


def _hint(observed: Observed, family: str, slices: hints.Slices, draft: _Draft) -> None:
    """Hints in proportion to the zones' CPUs, where the service asks for them, and what is told of that."""
    if hints.is_asked_for(observed.service):
        before = {piece.metadata.name: piece.endpoints for piece in slices.unchanged}
        problem = hints.add_hints(slices, observed.ratios)
        slices.update = [one for one in slices.update if before.get(one.metadata.name) != one.endpoints]
        if problem:
            draft.events.append(("Warning", "TopologyAwareHintsDisabled", f"{problem}, addressType: {family}"))
        elif not draft.hinted:
            draft.events.append(("Normal", "TopologyAwareHintsEnabled", f"{hints.ENABLED}, addressType: {family}"))
        draft.hinted = not problem
    elif draft.hinted:
        draft.events.append(("Warning", "TopologyAwareHintsDisabled", f"{hints.DISABLED}, addressType: {family}"))
        draft.hinted = False


def _plan_family(observed: Observed, family: str, draft: _Draft) -> hints.Slices:
    service = observed.service
    wanted = _wanted(observed, family)
    slices = hints.Slices()
    present: dict[Ports, list[EndpointSlice]] = {}
    for piece in observed.slices:
        if piece.addressType == family:
            present.setdefault(ports_of(piece), []).append(piece)
    spare = [piece for ports, pieces in present.items() if ports not in wanted for piece in pieces]
    for ports, endpoints in wanted.items():
        for place, content in distribute(endpoints, present.get(ports, [])):
            if place is None:
                slices.create.append(_new_slice(service, family, ports, content))
            elif not content:
                spare.append(place)
            else:
                _sort(place, service, content, slices)
    if not slices.create and not slices.update and not slices.unchanged:
        # A service always has a slice, so that consumers know it was looked at.
        empty = next((piece for piece in spare if not piece.ports and not piece.endpoints), None)
        if empty is None:
            slices.create.append(_new_slice(service, family, (), []))
        else:
            spare.remove(empty)
            _sort(empty, service, [], slices)
    draft.delete += spare
    return slices


def _sort(place: EndpointSlice, service: Any, content: list[Endpoint], slices: hints.Slices) -> None:
    changed = _changed(place, service, content)
    if changed is None:
        slices.unchanged.append(place)
    else:
        slices.update.append(changed)


def _wanted(observed: Observed, family: str) -> dict[Ports, dict[str, Endpoint]]:
    """Port set → address → endpoint."""
    service = observed.service
    wanted: dict[Ports, dict[str, Endpoint]] = {}
    known: dict[str, EndpointHints | None] = {}
    if hints.is_asked_for(service):
        ours = (piece for piece in observed.slices if piece.addressType == family)
        known = {one.addresses[0]: one.hints for piece in ours for one in piece.endpoints or [] if one.addresses}
    for pod in observed.pods:
        address = logic.pod_address(pod, family)
        if not address or not logic.belongs(pod) or is_lost(observed, pod):
            continue
        endpoint = _endpoint(service, pod, address, observed.zones)
        if address in known:  # hints alone do not make a slice change; `_hint` judges them
            endpoint.hints = known[address]
        wanted.setdefault(_pod_ports(service, pod), {})[address] = endpoint
    return wanted


def is_lost(observed: Observed, pod: Any) -> bool:
    """Whether the pod's node does not exist; unless told otherwise nobody is sent there."""
    node = pod.spec.nodeName
    return bool(node) and node not in observed.zones and not observed.service.spec.publishNotReadyAddresses


def _pod_ports(service: Any, pod: Any) -> Ports:
    """The ports of the service on this pod; a named port that the pod lacks is left out."""
    found = []
    for port in service.spec.ports:
        number = logic.find_port(pod, port)
        if number is not None:
            found.append((port.name, number, port.protocol or "TCP", port.appProtocol))
    return tuple(sorted(found))


def _endpoint(service: Any, pod: Any, address: str, zones: Mapping[str, str]) -> Endpoint:
    state = logic.conditions(pod, bool(service.spec.publishNotReadyAddresses))
    meta, node = pod.metadata, pod.spec.nodeName
    endpoint = Endpoint(
        addresses=[address],
        conditions=EndpointConditions(ready=state.ready, serving=state.serving, terminating=state.terminating),
        hostname=logic.hostname_in(pod, service.metadata.name),
        nodeName=node,
        zone=zones.get(node, ""),
        targetRef=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid),
    )
    if not hints.is_asked_for(service):
        endpoint.hints = _hints(service.spec.trafficDistribution, endpoint)
    return endpoint


def _hints(distribution: str, endpoint: Endpoint) -> EndpointHints | None:
    ready = endpoint.conditions is not None and endpoint.conditions.ready
    if not distribution or not ready:
        return None
    found = EndpointHints()
    if endpoint.zone:
        found.forZones = [ForZone(name=endpoint.zone)]
    if distribution == "PreferSameNode" and endpoint.nodeName:
        found.forNodes = [ForNode(name=endpoint.nodeName)]
    return found if found.forZones or found.forNodes else None


def _labels(service: Any) -> dict[str, str]:
    labels = {name: value for name, value in service.metadata.labels.items() if name not in _OWN_LABELS}
    labels |= {SERVICE_NAME: service.metadata.name, MANAGED_BY: MANAGER}
    if service.spec.clusterIP == "None":
        labels[HEADLESS] = ""
    return labels


def _new_slice(service: Any, family: str, ports: Ports, content: list[Endpoint]) -> EndpointSlice:
    made = EndpointSlice(addressType=family, endpoints=content, ports=slice_ports(ports))
    meta = made.metadata
    meta.generateName = f"{service.metadata.name}-"
    meta.namespace = service.metadata.namespace
    meta.labels = _labels(service)
    meta.ownerReferences = [_owner(service)]
    return made


def _owner(service: Any) -> OwnerReference:
    return OwnerReference(
        apiVersion="v1",
        kind="Service",
        name=service.metadata.name,
        uid=service.metadata.uid,
        controller=True,
        blockOwnerDeletion=True,
    )


def _changed(piece: EndpointSlice, service: Any, content: list[Endpoint]) -> EndpointSlice | None:
    """The slice as it should be, None if it is."""
    labels = _labels(service)
    if (piece.endpoints or []) == content and piece.metadata.labels == labels:
        return None
    return _rewritten(piece, labels, content)


def _rewritten(piece: EndpointSlice, labels: dict[str, str], content: list[Endpoint]) -> EndpointSlice:
    changed = copy.copy(piece)
    changed.metadata = copy.copy(piece.metadata)
    changed.metadata.labels = labels
    changed.endpoints = content
    return changed

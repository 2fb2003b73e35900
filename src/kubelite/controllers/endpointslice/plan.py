"""Which EndpointSlices a service should have: the decision of the EndpointSlice controller.

What: `plan(Observed) -> Plan`, pure. Why: a change of one pod must rewrite one slice of a hundred endpoints, not all of them,
so endpoints stay where they are. Flow: service, its pods, node zones and present slices in → slices to create, update and
delete out. Source: k8s.io/endpointslice reconciler.go, utils.go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from kubelite.controllers.endpointslice.layout import Ports, distribute, ports_of, slice_ports

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
HEADLESS = "service.kubernetes.io/headless"
ZONE = "topology.kubernetes.io/zone"
_OWN_LABELS = frozenset((SERVICE_NAME, MANAGED_BY, HEADLESS))


@dataclass(frozen=True, slots=True)
class Observed:
    """`pods` are those that the service selects; `zones` maps a node's name to its zone; `slices` are ours."""

    service: Any
    pods: Sequence[Any]
    zones: Mapping[str, str]
    slices: Sequence[EndpointSlice]


@dataclass(frozen=True, slots=True)
class Plan:
    create: tuple[EndpointSlice, ...] = ()
    update: tuple[EndpointSlice, ...] = ()
    delete: tuple[EndpointSlice, ...] = ()


@dataclass(slots=True)
class _Draft:
    """What is found out while going through the address families."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)


def plan(observed: Observed) -> Plan:
    """The writes that make the slices right; nothing when they are."""
    draft = _Draft()
    families = observed.service.spec.ipFamilies or ["IPv4"]
    for piece in observed.slices:
        if piece.addressType not in families:
            draft.delete.append(piece)
    for family in families:
        _plan_family(observed, family, draft)
    return Plan(tuple(draft.create), tuple(draft.update), tuple(draft.delete))


def _plan_family(observed: Observed, family: str, draft: _Draft) -> None:
    service = observed.service
    wanted = _wanted(observed, family)
    present: dict[Ports, list[EndpointSlice]] = {}
    for piece in observed.slices:
        if piece.addressType == family:
            present.setdefault(ports_of(piece), []).append(piece)
    kept = 0
    create: list[EndpointSlice] = []
    spare = [piece for ports, pieces in present.items() if ports not in wanted for piece in pieces]
    for ports, endpoints in wanted.items():
        layout = distribute(endpoints, present.get(ports, []))
        for place, content in layout:
            if place is None:
                create.append(_new_slice(service, family, ports, content))
                continue
            if not content:
                spare.append(place)
                continue
            kept += 1
            changed = _changed(place, service, content)
            if changed is not None:
                draft.update.append(changed)
    if not kept and not create:  # a service always has a slice, so that consumers know it was looked at
        empty = next((piece for piece in spare if not piece.ports and not piece.endpoints), None)
        if empty is None:
            create.append(_new_slice(service, family, (), []))
        else:
            spare.remove(empty)
            changed = _changed(empty, service, [])
            if changed is not None:
                draft.update.append(changed)
    draft.create += create
    draft.delete += spare


def _wanted(observed: Observed, family: str) -> dict[Ports, dict[str, Endpoint]]:
    """Port set → address → endpoint."""
    service = observed.service
    wanted: dict[Ports, dict[str, Endpoint]] = {}
    for pod in observed.pods:
        address = logic.pod_address(pod, family)
        if not address or not logic.belongs(pod):
            continue
        endpoint = _endpoint(service, pod, address, observed.zones)
        wanted.setdefault(_pod_ports(service, pod), {})[address] = endpoint
    return wanted


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
    endpoint.hints = _hints(service.spec.trafficDistribution, endpoint)
    return endpoint


def _hints(distribution: str, endpoint: Endpoint) -> EndpointHints | None:
    ready = endpoint.conditions is not None and endpoint.conditions.ready
    if not distribution or not ready:
        return None
    hints = EndpointHints()
    if endpoint.zone:
        hints.forZones = [ForZone(name=endpoint.zone)]
    if distribution == "PreferSameNode" and endpoint.nodeName:
        hints.forNodes = [ForNode(name=endpoint.nodeName)]
    return hints if hints.forZones or hints.forNodes else None


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
    changed = copy.copy(piece)
    changed.metadata = copy.copy(piece.metadata)
    changed.metadata.labels = labels
    changed.endpoints = content
    return changed

"""Which EndpointSlices mirror an Endpoints object that somebody wrote by hand: pure.

Why: a service without a selector has its addresses in Endpoints, but proxies and DNS read slices.
Source: pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from kubelite.api.types.core_v1 import EndpointAddress, Endpoints
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.endpointslice.layout import Ports, distribute, ports_of, slice_ports
from kubelite.controllers.endpointslice.plan import MANAGED_BY, SERVICE_NAME, Plan

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"


def is_mirrored(endpoints: Endpoints | None, service: Any | None) -> bool:
    """Whether there is something to mirror: Endpoints of a service that has no selector of its own."""
    if endpoints is None or service is None or service.spec.selector:
        return False
    meta = endpoints.metadata
    return meta.deletionTimestamp is None and meta.labels.get(SKIP) != "true" and LEADER not in meta.annotations


def plan(endpoints: Endpoints | None, service: Any | None, slices: Sequence[EndpointSlice]) -> Plan:
    """The writes that make `slices` (those that this controller manages) a mirror; all go when there is nothing to mirror."""
    if endpoints is None or not is_mirrored(endpoints, service):
        return Plan(delete=tuple(slices))
    create: list[EndpointSlice] = []
    update: list[EndpointSlice] = []
    delete: list[EndpointSlice] = []
    present: dict[tuple[str, Ports], list[EndpointSlice]] = {}
    for piece in slices:
        present.setdefault((piece.addressType, ports_of(piece)), []).append(piece)
    wanted = _wanted(endpoints)
    for group, pieces in present.items():
        if group not in wanted:
            delete += pieces
    for group, content in wanted.items():
        for place, part in distribute(content, present.get(group, [])):
            if place is None:
                create.append(_new_slice(endpoints, *group, part))
            elif not part:
                delete.append(place)
            elif (place.endpoints or []) != part or place.metadata.labels != _labels(endpoints):
                update.append(_changed(place, endpoints, part))
    return Plan(tuple(create), tuple(update), tuple(delete))


def _wanted(endpoints: Endpoints) -> dict[tuple[str, Ports], dict[str, Endpoint]]:
    wanted: dict[tuple[str, Ports], dict[str, Endpoint]] = {}
    for subset in endpoints.subsets:
        ports = tuple(
            sorted((port.name or "", port.port or 0, port.protocol or "TCP", port.appProtocol) for port in subset.ports)
        )
        for addresses, ready in ((subset.notReadyAddresses, False), (subset.addresses, True)):
            for address in addresses:
                family = "IPv6" if ":" in address.ip else "IPv4"
                wanted.setdefault((family, ports), {})[address.ip] = _endpoint(address, ready)
    return wanted


def _endpoint(address: EndpointAddress, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=[address.ip],
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        nodeName=address.nodeName,
        targetRef=address.targetRef,
    )


def _labels(endpoints: Endpoints) -> dict[str, str]:
    return {**endpoints.metadata.labels, SERVICE_NAME: endpoints.metadata.name, MANAGED_BY: MANAGER}


def _new_slice(endpoints: Endpoints, family: str, ports: Ports, content: list[Endpoint]) -> EndpointSlice:
    made = EndpointSlice(addressType=family, endpoints=content, ports=slice_ports(ports))
    meta, source = made.metadata, endpoints.metadata
    meta.generateName, meta.namespace = f"{source.name}-", source.namespace
    meta.labels = _labels(endpoints)
    reference = OwnerReference(
        apiVersion="v1", kind="Endpoints", name=source.name, uid=source.uid, controller=True, blockOwnerDeletion=True
    )
    meta.ownerReferences = [reference]
    return made


def _changed(piece: EndpointSlice, endpoints: Endpoints, content: list[Endpoint]) -> EndpointSlice:
    changed = copy.copy(piece)
    changed.metadata = copy.copy(piece.metadata)
    changed.metadata.labels = _labels(endpoints)
    changed.endpoints = content
    return changed

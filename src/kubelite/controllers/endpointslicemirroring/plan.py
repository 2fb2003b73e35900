"""Which EndpointSlices mirror an Endpoints object that somebody wrote by hand: pure.

Why: a service without a selector has its addresses in Endpoints, but proxies and DNS read slices. Each subset has a slice for
each address family, of at most a thousand addresses.
Source: pkg/controller/endpointslicemirroring.
"""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubelite.api.types.core_v1 import EndpointAddress, Endpoints, EndpointSubset
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from kubelite.api.types.meta_v1 import OwnerReference
from kubelite.controllers.endpointslice.layout import Ports, ports_of, slice_ports
from kubelite.controllers.endpointslice.plan import MANAGED_BY, SERVICE_NAME, Plan, Told

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
NOT_COPIED = ("endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration")
MAX_ADDRESSES = 1000
Group = tuple[str, Ports]
"""(address family, ports): what the endpoints of a slice have in common."""


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
    present: dict[Group, list[EndpointSlice]] = {}
    for piece in sorted(slices, key=lambda piece: piece.metadata.name):
        present.setdefault((piece.addressType, ports_of(piece)), []).append(piece)
    wanted, events = _wanted(endpoints)
    for group, pieces in present.items():
        delete += pieces[1:] if group in wanted else pieces
    for group, content in wanted.items():
        place = next(iter(present.get(group, ())), None)
        if place is None:
            create.append(_new_slice(endpoints, *group, list(content.values())))
        elif not _is_mirror(place, endpoints, content):
            update.append(_changed(place, endpoints, group, list(content.values())))
    for fresh in list(create):  # a slice that would go is written anew instead: its readers never see a gap
        old = next((piece for piece in delete if piece.addressType == fresh.addressType), None)
        if old is not None:
            create.remove(fresh)
            delete.remove(old)
            update.append(_changed(old, endpoints, (fresh.addressType, ports_of(fresh)), fresh.endpoints or []))
    return Plan(tuple(create), tuple(update), tuple(delete), events)


def _is_mirror(piece: EndpointSlice, endpoints: Endpoints, content: Mapping[str, Endpoint]) -> bool:
    meta = piece.metadata
    if meta.labels != _labels(endpoints) or meta.annotations != _annotations(endpoints):
        return False
    old = piece.endpoints or []
    return len(old) == len(content) and all(one.addresses and content.get(one.addresses[0]) == one for one in old)


def _wanted(endpoints: Endpoints) -> tuple[dict[Group, dict[str, Endpoint]], tuple[Told, ...]]:
    """What to mirror by family and ports, and what is told of that which is not."""
    wanted: dict[Group, dict[str, Endpoint]] = {}
    invalid = skipped = 0
    for subset in endpoints.subsets:
        ports = tuple(
            sorted((port.name or "", port.port or 0, port.protocol or "TCP", port.appProtocol) for port in subset.ports)
        )
        added = 0
        for address, ready in _addresses(subset):
            text = canonical(address.ip)
            if not text:
                invalid += 1
            elif added == MAX_ADDRESSES:
                skipped += 1
            else:
                added += 1
                family = "IPv6" if ":" in text else "IPv4"
                group = wanted.setdefault((family, ports), {})
                if len(group) < MAX_ADDRESSES:
                    group.setdefault(text, _endpoint(address, text, ready))
    events = []
    if invalid:
        text = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
        events.append(("Warning", "InvalidIPAddress", text))
    if skipped:
        text = f"A max of {MAX_ADDRESSES} addresses can be mirrored to EndpointSlices per Endpoints subset."
        events.append(("Warning", "TooManyAddressesToMirror", f"{text} {skipped + invalid} addresses were skipped"))
    return wanted, tuple(events)


def _addresses(subset: EndpointSubset) -> Iterator[tuple[EndpointAddress, bool]]:
    """Ready ones first: they count where there are too many."""
    yield from ((address, True) for address in subset.addresses)
    yield from ((address, False) for address in subset.notReadyAddresses)


def canonical(text: str) -> str:
    """The usual form of an address, "" of what is none; old clients wrote IPv4 numbers with leading zeros."""
    if ":" not in text:
        text = ".".join(part.lstrip("0") or "0" if part else "" for part in text.split("."))
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _endpoint(address: EndpointAddress, text: str, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=[text],
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname,
        nodeName=address.nodeName,
        targetRef=address.targetRef,
    )


def _labels(endpoints: Endpoints) -> dict[str, str]:
    return {**endpoints.metadata.labels, SERVICE_NAME: endpoints.metadata.name, MANAGED_BY: MANAGER}


def _annotations(endpoints: Endpoints) -> dict[str, str]:
    return {name: value for name, value in endpoints.metadata.annotations.items() if name not in NOT_COPIED}


def _new_slice(endpoints: Endpoints, family: str, ports: Ports, content: list[Endpoint]) -> EndpointSlice:
    made = EndpointSlice(addressType=family, endpoints=content, ports=slice_ports(ports))
    meta, source = made.metadata, endpoints.metadata
    meta.generateName, meta.namespace = f"{source.name}-", source.namespace
    meta.labels, meta.annotations = _labels(endpoints), _annotations(endpoints)
    reference = OwnerReference(
        apiVersion="v1", kind="Endpoints", name=source.name, uid=source.uid, controller=True, blockOwnerDeletion=True
    )
    meta.ownerReferences = [reference]
    return made


def _changed(piece: EndpointSlice, endpoints: Endpoints, group: Group, content: list[Endpoint]) -> EndpointSlice:
    changed = copy.copy(piece)
    changed.metadata = copy.copy(piece.metadata)
    changed.metadata.labels, changed.metadata.annotations = _labels(endpoints), _annotations(endpoints)
    changed.ports = slice_ports(group[1])
    changed.endpoints = content
    return changed

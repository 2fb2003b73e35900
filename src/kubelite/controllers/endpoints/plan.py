"""What the Endpoints object of a service should say: the older, one-object form of EndpointSlices.

What: `wanted(service, pods, present)`, pure: the object to write, or None. Source: pkg/controller/endpoint,
pkg/api/v1/endpoints RepackSubsets.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

from kubelite.api.logic import endpoints as logic
from kubelite.api.logic import podstatus
from kubelite.api.types.core_v1 import EndpointAddress, EndpointPort, Endpoints, EndpointSubset, ObjectReference

MAX_ADDRESSES = 1000
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
HEADLESS = "service.kubernetes.io/headless"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"

Ports = tuple[tuple[str, int, str, str], ...]


def wanted(service: Any, pods: Sequence[Any], present: Endpoints | None) -> Endpoints | None:
    """The object to write, None if `present` is right. A resourceVersion in it says that it exists."""
    subsets, truncated = subsets_of(service, pods)
    labels = dict(service.metadata.labels) | {MANAGED_BY: MANAGER}
    if service.spec.clusterIP == "None":
        labels[HEADLESS] = ""
    else:
        labels.pop(HEADLESS, None)
    target = copy.copy(present) if present is not None else Endpoints()
    target.metadata = copy.copy(target.metadata)
    annotations = {name: value for name, value in target.metadata.annotations.items() if name != OVER_CAPACITY}
    if truncated:
        annotations[OVER_CAPACITY] = "truncated"
    target.metadata.name = service.metadata.name
    target.metadata.namespace = service.metadata.namespace
    target.metadata.labels = labels
    target.metadata.annotations = annotations
    target.subsets = subsets
    return None if present is not None and target == present else target


def subsets_of(service: Any, pods: Sequence[Any]) -> tuple[list[EndpointSubset], bool]:
    """(the subsets, whether addresses were left out because there are too many)."""
    publish = bool(service.spec.publishNotReadyAddresses)
    ready: dict[Ports, list[EndpointAddress]] = {}
    unready: dict[Ports, list[EndpointAddress]] = {}
    family = (service.spec.ipFamilies or ["IPv4"])[0]
    for pod in pods:
        address = logic.pod_address(pod, family)
        if not address or not logic.belongs(pod, include_terminating=publish):
            continue
        ports = _ports(service, pod)
        if not ports and service.spec.ports:
            continue
        serving = publish or podstatus.is_ready(pod)
        (ready if serving else unready).setdefault(ports, []).append(_address(service, pod, address))
    groups = sorted(ready.keys() | unready.keys())
    subsets = [
        EndpointSubset(
            addresses=_sorted(ready.get(ports, [])),
            notReadyAddresses=_sorted(unready.get(ports, [])),
            ports=[EndpointPort(name=n, port=p, protocol=t, appProtocol=a) for n, p, t, a in ports],
        )
        for ports in groups
    ]
    return _truncate(subsets)


def _truncate(subsets: list[EndpointSubset]) -> tuple[list[EndpointSubset], bool]:
    """At most `MAX_ADDRESSES`, each subset by its share; in a subset those that are ready go first."""
    counts = [len(subset.addresses) + len(subset.notReadyAddresses) for subset in subsets]
    if sum(counts) <= MAX_ADDRESSES:
        return subsets, False
    room, kept = MAX_ADDRESSES, []
    for subset, count in zip(subsets, counts, strict=True):
        share = min(math.ceil(count / sum(counts) * MAX_ADDRESSES), room)
        room -= share
        addresses = subset.addresses[:share]
        others = subset.notReadyAddresses[: share - len(addresses)]
        if share:
            kept.append(EndpointSubset(addresses=addresses, notReadyAddresses=others, ports=subset.ports))
    return kept, True


def _ports(service: Any, pod: Any) -> Ports:
    found = []
    for port in service.spec.ports:
        number = logic.find_port(pod, port)
        if number is not None:
            found.append((port.name, number, port.protocol or "TCP", port.appProtocol))
    return tuple(sorted(found))


def _address(service: Any, pod: Any, address: str) -> EndpointAddress:
    meta = pod.metadata
    return EndpointAddress(
        ip=address,
        hostname=logic.hostname_in(pod, service.metadata.name),
        nodeName=pod.spec.nodeName,
        targetRef=ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid),
    )


def _sorted(addresses: list[EndpointAddress]) -> list[EndpointAddress]:
    return sorted(addresses, key=lambda a: (a.ip, a.targetRef.uid if a.targetRef is not None else ""))

"""What is said of a ServiceCIDR, and whether it may go: pure. Source: pkg/controller/servicecidrs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import NamedTuple

from kubelite.api.types.networking_v1 import IPAddress, ServiceCIDR

FINALIZER = "networking.k8s.io/service-cidr-finalizer"
READY = "Ready"
MANAGED_LABEL, ALLOCATOR = "ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io"
GRACE_SECONDS = 10.0
"""Between the wish to delete a range and its end: until then every API server knows that it gives out nothing of it."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Said(NamedTuple):
    """The condition Ready."""

    status: str
    reason: str
    message: str


IS_READY = Said("True", "", "Kubernetes Service CIDR is ready")
TERMINATING = Said(
    "False",
    "Terminating",
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
)


def may_go(one: ServiceCIDR, others: Iterable[ServiceCIDR], taken: Iterable[IPAddress]) -> bool:
    """Whether no address that the allocator gave out would be left without a range. Ranges that go, too, count for nothing."""
    rest = [
        ipaddress.ip_network(cidr)
        for other in others
        if other.metadata.name != one.metadata.name and other.metadata.deletionTimestamp is None
        for cidr in other.spec.cidrs
    ]
    mine = [ipaddress.ip_network(cidr) for cidr in one.spec.cidrs]
    if all(any(_part(network, wider) for wider in rest) for network in mine):
        return True
    for held in taken:
        if held.metadata.labels.get(MANAGED_LABEL) != ALLOCATOR:
            continue
        address = ipaddress.ip_address(held.metadata.name)
        if any(address in network for network in mine) and not any(address in network for network in rest):
            return False
    return True


def _part(network: Network, wider: Network) -> bool:
    return network.version == wider.version and network[0] in wider and network[-1] in wider

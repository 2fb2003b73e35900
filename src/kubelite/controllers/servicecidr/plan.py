"""What is said of a ServiceCIDR, and whether it may go: pure. Source: pkg/controller/servicecidrs.

Unlike upstream the API server gives addresses out of its own range only, so a range beside that one is not Ready.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kubelite.api.types.networking_v1 import ServiceCIDR

DEFAULT = "kubernetes"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
READY = "Ready"


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
BESIDE = Said("False", "NotServed", "The API server gives addresses out of --service-cluster-ip-range only")


def said(one: ServiceCIDR, default: ServiceCIDR | None) -> Said:
    """What to say of a range that is not being deleted."""
    if default is None or one.metadata.name == DEFAULT or _within(one.spec.cidrs, default.spec.cidrs):
        return IS_READY
    return BESIDE


def may_go(one: ServiceCIDR, others: Iterable[ServiceCIDR], taken: Iterable[str]) -> bool:
    """Whether no address that is taken would be left without a range."""
    rest = [cidr for other in others if other.metadata.name != one.metadata.name for cidr in other.spec.cidrs]
    if _within(one.spec.cidrs, rest):
        return True
    mine = [ipaddress.ip_network(cidr) for cidr in one.spec.cidrs]
    left = [ipaddress.ip_network(cidr) for cidr in rest]
    for text in taken:
        address = ipaddress.ip_address(text)
        if any(address in network for network in mine) and not any(address in network for network in left):
            return False
    return True


def _within(cidrs: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each range is part of one of the others."""
    wider = [ipaddress.ip_network(text) for text in others]
    return all(any(_part(ipaddress.ip_network(cidr), other) for other in wider) for cidr in cidrs)


def _part(
    cidr: ipaddress.IPv4Network | ipaddress.IPv6Network, other: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    return cidr.version == other.version and cidr[0] in other and cidr[-1] in other

"""The other objects that every cluster has from its first moment: namespaces, priority classes, the kubernetes Service.

What: values as data. Why: clients and controllers take them for granted. Flow: `bootstrap.ensure` writes what is absent.
Sources: pkg/controlplane/controller/systemnamespaces, pkg/registry/scheduling/rest/storage_scheduling.go,
pkg/controlplane/controller/kubernetesservice.
"""

from __future__ import annotations

import ipaddress

from kubelite.api import constants
from kubelite.api.types.core_v1 import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSubset,
    Namespace,
    Service,
    ServicePort,
    ServiceSpec,
)
from kubelite.api.types.discovery_v1 import Endpoint, EndpointConditions, EndpointSlice
from kubelite.api.types.discovery_v1 import EndpointPort as SlicePort
from kubelite.api.types.meta_v1 import ObjectMeta
from kubelite.api.types.networking_v1 import ServiceCIDR, ServiceCIDRSpec
from kubelite.api.types.scheduling_v1 import PriorityClass

NAMESPACES = (
    constants.NAMESPACE_SYSTEM,
    constants.NAMESPACE_PUBLIC,
    constants.NAMESPACE_NODE_LEASE,
    constants.NAMESPACE_DEFAULT,
)
SERVICE_NAME = "kubernetes"
MIRROR_OFF = {"endpointslice.kubernetes.io/skip-mirror": "true"}


def namespaces() -> list[Namespace]:
    """The system namespaces and `default`."""
    return [Namespace(metadata=ObjectMeta(name=name)) for name in NAMESPACES]


def priority_classes() -> list[PriorityClass]:
    """The two classes above all that users may define."""
    return [
        PriorityClass(
            metadata=ObjectMeta(name="system-node-critical"),
            value=2000001000,
            description="Used for system critical pods that must not be moved from their current node.",
        ),
        PriorityClass(
            metadata=ObjectMeta(name="system-cluster-critical"),
            value=2000000000,
            description="Used for system critical pods that must run in the cluster,"
            " but can be moved to another node if necessary.",
        ),
    ]


def service_address(cluster_ip_range: str) -> str:
    """The first address of the service range is the API server's own."""
    return str(ipaddress.ip_network(cluster_ip_range, strict=False)[1])


def kubernetes_service(cluster_ip_range: str, port: int) -> Service:
    """The Service `default/kubernetes`, which leads to the API servers."""
    address = service_address(cluster_ip_range)
    family = "IPv6" if ":" in address else "IPv4"
    return Service(
        metadata=ObjectMeta(
            name=SERVICE_NAME,
            namespace=constants.NAMESPACE_DEFAULT,
            labels={"provider": "kubernetes", "component": "apiserver"},
        ),
        spec=ServiceSpec(
            type="ClusterIP",
            clusterIP=address,
            clusterIPs=[address],
            ipFamilies=[family],
            ipFamilyPolicy="SingleStack",
            sessionAffinity="None",
            ports=[ServicePort(name="https", port=443, targetPort=port, protocol="TCP")],
        ),
    )


def service_cidr(cluster_ip_range: str) -> ServiceCIDR:
    """The range that this server gives addresses out of, for those who look for it (defaultservicecidr upstream)."""
    cidr = str(ipaddress.ip_network(cluster_ip_range, strict=False))
    return ServiceCIDR(metadata=ObjectMeta(name=SERVICE_NAME), spec=ServiceCIDRSpec(cidrs=[cidr]))


def kubernetes_endpoints(addresses: list[str], port: int) -> Endpoints:
    """The Endpoints of the Service, for clients that still read them."""
    subset = EndpointSubset(
        addresses=[EndpointAddress(ip=address) for address in addresses],
        ports=[EndpointPort(name="https", port=port, protocol="TCP")],
    )
    return Endpoints(
        metadata=ObjectMeta(name=SERVICE_NAME, namespace=constants.NAMESPACE_DEFAULT, labels=dict(MIRROR_OFF)),
        subsets=[subset] if addresses else [],
    )


def kubernetes_slice(addresses: list[str], port: int) -> EndpointSlice:
    """The EndpointSlice of the Service."""
    return EndpointSlice(
        metadata=ObjectMeta(
            name=SERVICE_NAME,
            namespace=constants.NAMESPACE_DEFAULT,
            labels={"kubernetes.io/service-name": SERVICE_NAME},
        ),
        addressType="IPv6" if any(":" in address for address in addresses) else "IPv4",
        endpoints=[Endpoint(addresses=[one], conditions=EndpointConditions(ready=True)) for one in addresses],
        ports=[SlicePort(name="https", port=port, protocol="TCP")],
    )

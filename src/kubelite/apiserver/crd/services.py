"""Where a service of the cluster can be reached from the API server.

What: `resolver(registry)` gives address and port of a ready endpoint of a service, else the service's own address. Why: the
server may run where nobody routes service addresses. Flow: endpoint slices and services from the watch cache, no I/O.
Source of the fall back: apiserver/pkg/util/webhook/serviceresolver.go.
"""

from __future__ import annotations

import random
from typing import Any

from kubelite.api.types.core_v1 import Service
from kubelite.api.types.discovery_v1 import EndpointSlice
from kubelite.apiserver.crd.webhook import Resolve

SERVICE_LABEL = "kubernetes.io/service-name"


def resolver(registry: Any) -> Resolve:
    """A function (namespace, name, port) → (address, port), or None for a service that is not there."""

    def resolve(namespace: str, name: str, port: int) -> tuple[str, int] | None:
        services = registry.scheme.by_resource("", "v1", "services")
        service: Service | None = registry.cached(services, namespace, name) if services is not None else None
        if service is None:
            return None
        wanted = next((one for one in service.spec.ports if one.port == port), None)
        places = _ready(registry, namespace, name, wanted.name if wanted is not None else "")
        if places:
            return random.choice(places)
        address = service.spec.clusterIP
        return (address, port) if address and address != "None" else None

    return resolve


def _ready(registry: Any, namespace: str, service: str, port_name: str) -> list[tuple[str, int]]:
    kind = registry.scheme.by_resource("discovery.k8s.io", "v1", "endpointslices")
    if kind is None:
        return []
    slices: list[EndpointSlice] = [
        one for one in registry.cached_list(kind, namespace) if one.metadata.labels.get(SERVICE_LABEL) == service
    ]
    return [
        (endpoint.addresses[0], port.port)
        for one in slices
        for port in one.ports
        if (port.name or "") == port_name and port.port
        for endpoint in one.endpoints or ()
        if endpoint.addresses and (endpoint.conditions is None or endpoint.conditions.ready is not False)
    ]

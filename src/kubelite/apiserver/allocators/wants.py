"""What a Service holds: pure reading of its spec.

What: `addresses`, `ports` and `needs_*` over a Service. Why: claiming, releasing and repairing must agree on who has what.
Flow: `hook` compares the new and the old Service through these; `repair` reads all present ones.
"""

from __future__ import annotations

from kubelite.api.types.core_v1 import Service

HEADLESS = "None"
LOAD_BALANCER = "LoadBalancer"


def needs_address(service: Service) -> bool:
    """Whether the type has a cluster address at all."""
    return service.spec.type != "ExternalName"


def needs_node_ports(service: Service) -> bool:
    """Whether ports without a node port get one."""
    spec = service.spec
    return spec.type == "NodePort" or (spec.type == LOAD_BALANCER and spec.allocateLoadBalancerNodePorts is not False)


def needs_health_port(service: Service) -> bool:
    return service.spec.type == LOAD_BALANCER and service.spec.externalTrafficPolicy == "Local"


def addresses(service: Service | None) -> set[str]:
    """The cluster addresses that a Service has."""
    if service is None or not needs_address(service):
        return set()
    found = {*service.spec.clusterIPs, service.spec.clusterIP or ""}
    return found - {"", HEADLESS}


def ports(service: Service | None) -> set[str]:
    """The node ports that a Service has, as text; those of health checks included."""
    if service is None:
        return set()
    spec = service.spec
    found = {str(port.nodePort) for port in spec.ports if port.nodePort}
    if spec.healthCheckNodePort:
        found.add(str(spec.healthCheckNodePort))
    return found

"""Defaults of Services, and what a change of type takes away.

What: `set_defaults`, and `prepare_create`/`prepare_update`. The addresses and node ports themselves are given out by the API
server, which knows what is taken. Upstream: SetDefaults_Service, pkg/registry/core/service/strategy.go (patchAllocatedValues,
dropTypeDependentFields).
"""

from __future__ import annotations

from kubelite.api.types import core_v1 as v1

CLUSTER_IP = "ClusterIP"
NODE_PORT = "NodePort"
LOAD_BALANCER = "LoadBalancer"
EXTERNAL_NAME = "ExternalName"
HEADLESS = "None"
AFFINITY_SECONDS = 10800


def is_headless(service: v1.Service) -> bool:
    """Whether clients are given the pods' own addresses."""
    spec = service.spec
    return spec.clusterIP == HEADLESS or spec.clusterIPs[:1] == [HEADLESS]


def has_node_ports(service: v1.Service) -> bool:
    """Whether the type of service may use node ports."""
    return service.spec.type in (NODE_PORT, LOAD_BALANCER)


def externally_accessible(service: v1.Service) -> bool:
    """Whether traffic from outside the cluster may arrive."""
    spec = service.spec
    return spec.type in (NODE_PORT, LOAD_BALANCER) or (spec.type == CLUSTER_IP and bool(spec.externalIPs))


def needs_health_check(service: v1.Service) -> bool:
    """Whether a load balancer has to ask each node if it has endpoints."""
    return service.spec.type == LOAD_BALANCER and service.spec.externalTrafficPolicy == "Local"


def set_defaults(service: v1.Service) -> None:
    """Default type, affinity, policies and ports."""
    spec = service.spec
    if not spec.type:
        spec.type = CLUSTER_IP
    _default_affinity(spec)
    for port in spec.ports:
        if not port.protocol:
            port.protocol = "TCP"
        if port.targetPort in (None, 0, ""):
            port.targetPort = port.port
    if not spec.externalTrafficPolicy and externally_accessible(service):
        spec.externalTrafficPolicy = "Cluster"
    if not spec.internalTrafficPolicy and spec.type in (CLUSTER_IP, NODE_PORT, LOAD_BALANCER):
        spec.internalTrafficPolicy = "Cluster"
    if service.status.loadBalancer is None:
        service.status.loadBalancer = v1.LoadBalancerStatus()
    # Whatever the type: a patch of the status is completed without its spec, and only load balancers have any.
    for ingress in service.status.loadBalancer.ingress:
        if ingress.ip and not ingress.ipMode:
            ingress.ipMode = "VIP"
    if spec.type == LOAD_BALANCER and spec.allocateLoadBalancerNodePorts is None:
        spec.allocateLoadBalancerNodePorts = True


def _default_affinity(spec: v1.ServiceSpec) -> None:
    if not spec.sessionAffinity:
        spec.sessionAffinity = "None"
    if spec.sessionAffinity == "None":
        spec.sessionAffinityConfig = None
    elif spec.sessionAffinity == "ClientIP":
        config = spec.sessionAffinityConfig
        if config is None or config.clientIP is None or config.clientIP.timeoutSeconds is None:
            seconds = v1.ClientIPConfig(timeoutSeconds=AFFINITY_SECONDS)
            spec.sessionAffinityConfig = v1.SessionAffinityConfig(clientIP=seconds)


def prepare_create(service: v1.Service) -> None:
    """A new service has no load balancer yet; `clusterIPs` follows `clusterIP`."""
    service.status = v1.ServiceStatus(loadBalancer=v1.LoadBalancerStatus())
    _normalize_cluster_ips(service, None)
    _drop_type_dependent(service)


def prepare_update(new: v1.Service, old: v1.Service) -> None:
    """Keep the status and what was given out, unless the type no longer has it."""
    new.status = old.status
    _normalize_cluster_ips(new, old)
    if _needs_cluster_ip(old) and _needs_cluster_ip(new):
        _keep_cluster_ips(new.spec, old.spec)
    if has_node_ports(old) and has_node_ports(new):
        _keep_node_ports(new.spec, old.spec)
    if needs_health_check(old) and needs_health_check(new) and not new.spec.healthCheckNodePort:
        new.spec.healthCheckNodePort = old.spec.healthCheckNodePort
    _drop_changed_type(new, old)
    _drop_type_dependent(new)


def prepare_status_update(new: v1.Service, old: v1.Service) -> None:
    """A status update leaves the spec alone."""
    new.spec = old.spec


def _needs_cluster_ip(service: v1.Service) -> bool:
    return service.spec.type in (CLUSTER_IP, NODE_PORT, LOAD_BALANCER)


def _normalize_cluster_ips(new: v1.Service, old: v1.Service | None) -> None:
    """Make `clusterIP` and `clusterIPs` agree where the author wrote (or cleared) only one of them."""
    spec = new.spec
    if old is None:
        if spec.clusterIP and not spec.clusterIPs:
            spec.clusterIPs = [spec.clusterIP]
        return
    before = old.spec
    if (spec.clusterIP or "") != (before.clusterIP or "") and spec.clusterIPs == before.clusterIPs:
        spec.clusterIPs = [spec.clusterIP] if spec.clusterIP else []
    elif not spec.clusterIPs and spec.clusterIP and not before.clusterIPs:
        spec.clusterIPs = [spec.clusterIP]


def _keep_cluster_ips(spec: v1.ServiceSpec, before: v1.ServiceSpec) -> None:
    if not spec.clusterIP and not spec.clusterIPs:
        spec.clusterIP = before.clusterIP
        spec.clusterIPs = list(before.clusterIPs)
    elif not spec.clusterIP:
        spec.clusterIP = spec.clusterIPs[0]
    elif not spec.clusterIPs:
        spec.clusterIPs = [spec.clusterIP]
    if not spec.ipFamilies:
        spec.ipFamilies = list(before.ipFamilies)
    if not spec.ipFamilyPolicy:
        spec.ipFamilyPolicy = before.ipFamilyPolicy


def _keep_node_ports(spec: v1.ServiceSpec, before: v1.ServiceSpec) -> None:
    """A port without a number of its own keeps the node port it had, found by protocol and port."""
    used = {(p.protocol, p.nodePort) for p in spec.ports if p.nodePort}
    known = {(p.protocol, p.port): p.nodePort for p in before.ports if p.nodePort}
    for port in spec.ports:
        number = known.get((port.protocol, port.port))
        if not port.nodePort and number and (port.protocol, number) not in used:
            port.nodePort = number
            used.add((port.protocol, number))


def _drop_changed_type(new: v1.Service, old: v1.Service) -> None:
    """Values that the old type had and the new one has not are dropped where the author left them unchanged."""
    spec, before = new.spec, old.spec
    if _needs_cluster_ip(old) and not _needs_cluster_ip(new):
        if spec.clusterIPs == before.clusterIPs:
            spec.clusterIP, spec.clusterIPs = None, []
        if spec.ipFamilies == before.ipFamilies:
            spec.ipFamilies = []
        if spec.ipFamilyPolicy == before.ipFamilyPolicy:
            spec.ipFamilyPolicy = ""
    if has_node_ports(old) and not has_node_ports(new):
        known = {(p.protocol, p.port): p.nodePort for p in before.ports}
        for port in spec.ports:
            if port.nodePort and known.get((port.protocol, port.port)) == port.nodePort:
                port.nodePort = None
    if (
        needs_health_check(old)
        and not needs_health_check(new)
        and spec.healthCheckNodePort == before.healthCheckNodePort
    ):
        spec.healthCheckNodePort = None
    if before.type == LOAD_BALANCER and spec.type != LOAD_BALANCER:
        _drop_load_balancer(new, old)
    if (
        externally_accessible(old)
        and not externally_accessible(new)
        and (spec.externalTrafficPolicy == before.externalTrafficPolicy)
    ):
        spec.externalTrafficPolicy = ""


def _drop_load_balancer(new: v1.Service, old: v1.Service) -> None:
    spec, before = new.spec, old.spec
    if spec.allocateLoadBalancerNodePorts == before.allocateLoadBalancerNodePorts:
        spec.allocateLoadBalancerNodePorts = None
    if spec.loadBalancerClass == before.loadBalancerClass:
        spec.loadBalancerClass = ""
    new.status.loadBalancer = v1.LoadBalancerStatus()


def _drop_type_dependent(service: v1.Service) -> None:
    """`nodePort: 0` and empty numbers are the same as absent ones."""
    for port in service.spec.ports:
        if port.nodePort == 0:
            port.nodePort = None
    if service.spec.healthCheckNodePort == 0:
        service.spec.healthCheckNodePort = None

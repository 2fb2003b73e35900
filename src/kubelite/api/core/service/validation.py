"""Validation of Services.

What the API server gives out (addresses, node ports) is checked here only for form; whether it is free is decided there.
Upstream: ValidateService, ValidateServiceUpdate, ValidateServiceClusterIPsRelatedFields.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubelite.api import validation as check
from kubelite.api.core.service.defaults import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    HEADLESS,
    LOAD_BALANCER,
    NODE_PORT,
    externally_accessible,
    needs_health_check,
)
from kubelite.api.meta import validate_labels
from kubelite.api.types import core_v1 as v1
from kubelite.machinery import fielderrors as fe
from kubelite.machinery import names
from kubelite.machinery.fielderrors import FieldErrors, Path

SPEC = Path("spec")
TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameNode", "PreferSameZone")
_AFFINITY_MAX = 86400
KUBELET_PORT = 10250
_ONLY_BALANCERS = "may only be used when `type` is 'LoadBalancer'"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"


def is_headless(service: v1.Service) -> bool:
    """Whether the only cluster address is "None"."""
    return service.spec.clusterIPs == [HEADLESS]


def validate(service: v1.Service) -> FieldErrors:
    """The mistakes in a Service, its metadata's general rules aside."""
    spec = service.spec
    errors: FieldErrors = []
    if service.metadata.annotations:
        errors += _annotations(service)
    errors += _type(service)
    errors += _ports(service)
    if spec.selector:
        errors += validate_labels(spec.selector, SPEC / "selector")
    errors += _affinity(spec)
    errors += validate_cluster_ips(service)
    for index, address in enumerate(spec.externalIPs):
        here = (SPEC / "externalIPs").index(index)
        errors += check.ip(here, address) or check.not_special_ip(here, address)
    errors += check.one_of(SPEC / "type", spec.type, TYPES)
    errors += _port_conflicts(spec)
    errors += _load_balancer(service)
    return errors + _traffic(service)


def _annotations(service: v1.Service) -> FieldErrors:
    annotations = service.metadata.annotations
    errors: FieldErrors = []
    hints, mode = annotations.get(_HINTS), annotations.get(_MODE)
    if hints is not None and mode is not None and hints != mode:
        here = (Path("metadata") / "annotations").key(_MODE)
        errors.append(fe.invalid(here, mode, f"must match annotations[{_HINTS}] when both are specified"))
    ranges = annotations.get(_SOURCE_RANGES)
    if ranges is not None and not service.spec.loadBalancerSourceRanges:
        here = (Path("metadata") / "annotations").key(_SOURCE_RANGES)
        if service.spec.type != LOAD_BALANCER:
            errors.append(fe.forbidden(here, _ONLY_BALANCERS))
        for part in ranges.split(",") if ranges.strip() else ():
            errors += check.cidr(here, part.strip())
    return errors


def _type(service: v1.Service) -> FieldErrors:
    spec = service.spec
    errors: FieldErrors = []
    headless = is_headless(service)
    if not spec.ports and not headless and spec.type != EXTERNAL_NAME:
        errors.append(fe.required(SPEC / "ports"))
    if headless and spec.type in (LOAD_BALANCER, NODE_PORT):
        here = (SPEC / "clusterIPs").index(0)
        errors.append(fe.invalid(here, HEADLESS, f"may not be set to 'None' for {spec.type} services"))
    if spec.type == LOAD_BALANCER:
        for index, port in enumerate(spec.ports):
            if port.port == KUBELET_PORT:
                detail = f"may not expose port {KUBELET_PORT} externally since it is used by kubelet"
                errors.append(fe.invalid((SPEC / "ports").index(index), port.port, detail))
    if spec.type == EXTERNAL_NAME:
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if getattr(spec, field):
                errors.append(fe.forbidden(SPEC / field, "may not be set for ExternalName services"))
        name = spec.externalName.removesuffix(".")
        if not name:
            errors.append(fe.required(SPEC / "externalName"))
        else:
            errors += check.complaints(SPEC / "externalName", name, names.dns1123_subdomain(name))
    return errors


def _ports(service: v1.Service) -> FieldErrors:
    errors: FieldErrors = []
    seen: set[str] = set()
    several = len(service.spec.ports) > 1
    for index, port in enumerate(service.spec.ports):
        here = (SPEC / "ports").index(index)
        if port.name:
            errors += check.complaints(here / "name", port.name, names.dns1123_label(port.name))
            if port.name in seen:
                errors.append(fe.duplicate(here / "name", port.name))
            seen.add(port.name)
        elif several:
            errors.append(fe.required(here / "name"))
        errors += check.port_number(here / "port", port.port)
        errors += check.one_of(here / "protocol", port.protocol, check.PORT_PROTOCOLS)
        errors += check.port_number_or_name(here / "targetPort", port.targetPort)
        if port.appProtocol:
            errors += check.qualified_name(here / "appProtocol", port.appProtocol)
    return errors


def _port_conflicts(spec: v1.ServiceSpec) -> FieldErrors:
    errors: FieldErrors = []
    node_ports: set[tuple[str, int]] = set()
    ports: set[tuple[str, int | None]] = set()
    path = SPEC / "ports"
    for index, port in enumerate(spec.ports):
        if port.nodePort:
            here = path.index(index) / "nodePort"
            if spec.type == CLUSTER_IP:
                errors.append(fe.forbidden(here, "may not be used when `type` is 'ClusterIP'"))
            if (port.protocol, port.nodePort) in node_ports:
                errors.append(fe.duplicate(here, port.nodePort))
            node_ports.add((port.protocol, port.nodePort))
    for index, port in enumerate(spec.ports):
        if (port.protocol, port.port) in ports:
            errors.append(fe.duplicate(path.index(index), {"protocol": port.protocol, "port": port.port}))
        ports.add((port.protocol, port.port))
    return errors


def _affinity(spec: v1.ServiceSpec) -> FieldErrors:
    errors = check.one_of(SPEC / "sessionAffinity", spec.sessionAffinity, ("ClientIP", "None"))
    path, config = SPEC / "sessionAffinityConfig", spec.sessionAffinityConfig
    if spec.sessionAffinity == "None":
        if config is not None:
            errors.append(fe.forbidden(path, "must not be set when session affinity is None"))
        return errors
    if spec.sessionAffinity != "ClientIP":
        return errors
    seconds = config.clientIP.timeoutSeconds if config is not None and config.clientIP is not None else None
    here = path / "clientIP" / "timeoutSeconds"
    if seconds is None:
        errors.append(fe.required(here, "when session affinity type is ClientIP"))
    elif not 0 < seconds <= _AFFINITY_MAX:
        errors.append(fe.invalid(here, seconds, f"must be greater than 0 and less than {_AFFINITY_MAX}"))
    return errors


def validate_cluster_ips(service: v1.Service) -> FieldErrors:
    """`clusterIP`, `clusterIPs`, `ipFamilies` and `ipFamilyPolicy` agree; also used while addresses are given out."""
    spec = service.spec
    if spec.type == EXTERNAL_NAME:
        return []
    path, addresses = SPEC / "clusterIPs", spec.clusterIPs
    errors: FieldErrors = []
    if spec.clusterIP:
        if not addresses:
            errors.append(fe.required(path))
        elif addresses[0] != spec.clusterIP:
            errors.append(fe.invalid(path, addresses, "first value must match `clusterIP`"))
    elif addresses:
        errors.append(fe.invalid(path, addresses, "must be empty when `clusterIP` is not specified"))
    for index, family in enumerate(spec.ipFamilies):
        here = (SPEC / "ipFamilies").index(index)
        if family not in _FAMILIES:
            errors.append(fe.not_supported(here, family, _FAMILIES))
        if family in spec.ipFamilies[:index]:
            errors.append(fe.duplicate(here, family))
    if spec.ipFamilyPolicy and spec.ipFamilyPolicy not in _FAMILY_POLICIES:
        errors.append(fe.not_supported(SPEC / "ipFamilyPolicy", spec.ipFamilyPolicy, _FAMILY_POLICIES))
    wrong = _addresses(addresses, path)
    if len(addresses) > 2:
        wrong.append(fe.invalid(path, addresses, "may only hold up to 2 values"))
    if wrong:
        return errors + wrong
    return errors + _families(service)


def _addresses(addresses: list[str], path: Path) -> FieldErrors:
    if addresses[:1] == [HEADLESS]:
        if len(addresses) > 1:
            return [fe.invalid(path, addresses, "'None' must be the first and only value")]
        return []
    errors: FieldErrors = []
    for index, address in enumerate(addresses):
        errors += check.ip(path.index(index), address)
    return errors


def _families(service: v1.Service) -> FieldErrors:
    spec, path = service.spec, SPEC / "clusterIPs"
    addresses = spec.clusterIPs
    errors: FieldErrors = []
    if len(addresses) == 2 and check.is_ipv6(addresses[0]) == check.is_ipv6(addresses[1]):
        errors.append(fe.invalid(path, addresses, "may specify no more than one IP for each IP family"))
    if is_headless(service):
        return errors
    for index, (address, family) in enumerate(zip(addresses, spec.ipFamilies, strict=False)):
        if family in _FAMILIES and check.is_ipv6(address) != (family == "IPv6"):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            errors.append(fe.invalid(path.index(index), address, detail))
    return errors


def _load_balancer(service: v1.Service) -> FieldErrors:
    spec = service.spec
    errors: FieldErrors = []
    balanced = spec.type == LOAD_BALANCER
    if spec.loadBalancerSourceRanges:
        here = SPEC / "LoadBalancerSourceRanges"
        if not balanced:
            errors.append(fe.forbidden(here, _ONLY_BALANCERS))
        for index, value in enumerate(spec.loadBalancerSourceRanges):
            errors += check.cidr(here.index(index), value.strip())
    if not balanced:
        if spec.allocateLoadBalancerNodePorts is not None:
            errors.append(fe.forbidden(SPEC / "allocateLoadBalancerNodePorts", _ONLY_BALANCERS))
        if spec.loadBalancerClass:
            errors.append(fe.forbidden(SPEC / "loadBalancerClass", _ONLY_BALANCERS))
        return errors
    if spec.allocateLoadBalancerNodePorts is None:
        errors.append(fe.required(Path("allocateLoadBalancerNodePorts")))
    if spec.loadBalancerClass:
        errors += check.qualified_name(SPEC / "loadBalancerClass", spec.loadBalancerClass)
    return errors


def _traffic(service: v1.Service) -> FieldErrors:
    spec = service.spec
    errors: FieldErrors = []
    here = SPEC / "externalTrafficPolicy"
    if externally_accessible(service):
        errors += check.one_of(here, spec.externalTrafficPolicy, _POLICIES)
    elif spec.externalTrafficPolicy:
        detail = "may only be set for externally-accessible services"
        errors.append(fe.invalid(here, spec.externalTrafficPolicy, detail))
    here = SPEC / "healthCheckNodePort"
    if spec.healthCheckNodePort:
        if needs_health_check(service):
            errors += check.port_number(here, spec.healthCheckNodePort)
        else:
            detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(fe.invalid(here, spec.healthCheckNodePort, detail))
    needed = spec.type in (CLUSTER_IP, NODE_PORT, LOAD_BALANCER)
    errors += check.one_of(SPEC / "internalTrafficPolicy", spec.internalTrafficPolicy, _POLICIES, required=needed)
    return errors + check.one_of(SPEC / "trafficDistribution", spec.trafficDistribution, _DISTRIBUTIONS, required=False)


def validate_update(new: v1.Service, old: v1.Service) -> FieldErrors:
    """The changes that a Service does not allow: above all its addresses stay what they are."""
    errors: FieldErrors = []
    if EXTERNAL_NAME not in (new.spec.type, old.spec.type):
        if not (is_headless(new) and is_headless(old)):
            errors += _kept(new, old, "clusterIPs", "secondary clusterIP", "primary clusterIP can not be unset")
        if not is_headless(new) and not is_headless(old):
            errors += _kept(new, old, "ipFamilies", "secondary ipFamily", "primary ipFamily can not be unset")
    before, after = old.spec, new.spec
    if before.type == after.type == LOAD_BALANCER and before.loadBalancerClass != after.loadBalancerClass:
        errors.append(fe.invalid(SPEC / "loadBalancerClass", after.loadBalancerClass, "may not change once set"))
    both_checked = needs_health_check(old) and needs_health_check(new)
    if both_checked and before.healthCheckNodePort != after.healthCheckNodePort:
        errors.append(fe.forbidden(SPEC / "healthCheckNodePort", check.FIELD_IMMUTABLE))
    return errors


def _kept(new: v1.Service, old: v1.Service, field: str, second: str, unset: str) -> FieldErrors:
    """A list of one or two values whose first never changes and whose second may come and go."""
    mine: list[str] = getattr(new.spec, field)
    theirs: list[str] = getattr(old.spec, field)
    path = SPEC / field
    detail = "may not change once set"
    if len(mine) == len(theirs):
        return [fe.invalid(path.index(i), mine, detail) for i in _changed(mine, theirs)]
    errors: FieldErrors = []
    if mine and theirs and mine[0] != theirs[0]:
        errors.append(fe.invalid(path.index(0), mine, detail))
    if len(mine) > len(theirs):
        return errors
    if not mine:
        errors.append(fe.invalid(path.index(0), mine, unset))
    elif new.spec.ipFamilyPolicy != "SingleStack":
        text = f"must be set to 'SingleStack' when releasing the {second}"
        errors.append(fe.invalid(SPEC / "ipFamilyPolicy", new.spec.ipFamilyPolicy or None, text))
    return errors


def _changed(mine: Iterable[Any], theirs: Iterable[Any]) -> list[int]:
    return [index for index, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b]


def validate_status_update(new: v1.Service, old: v1.Service) -> FieldErrors:
    """What a load balancer reports is an address with its mode, or a name."""
    balancer = new.status.loadBalancer
    path = Path("status") / "loadBalancer" / "ingress"
    if balancer is None or not balancer.ingress:
        return []
    if new.spec.type != LOAD_BALANCER:
        return [fe.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    errors: FieldErrors = []
    for index, ingress in enumerate(balancer.ingress):
        here = path.index(index)
        if ingress.ip:
            errors += check.ip(here / "ip", ingress.ip)
            if not ingress.ipMode:
                errors.append(fe.required(here / "ipMode", "must be specified when `ip` is set"))
            else:
                errors += check.one_of(here / "ipMode", ingress.ipMode, ("Proxy", "VIP"))
        elif ingress.ipMode:
            errors.append(fe.forbidden(here / "ipMode", "may not be specified when `ip` is not set"))
        if ingress.hostname:
            errors += check.complaints(here / "hostname", ingress.hostname, names.dns1123_subdomain(ingress.hostname))
            if check.parse_ip(ingress.hostname) is not None:
                detail = "must be a DNS name, not an IP address"
                errors.append(fe.invalid(here / "hostname", ingress.hostname, detail))
    return errors

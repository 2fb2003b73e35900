"""Who wants a load balancer, what it is made from, and which nodes it leads to: pure.

Source: k8s.io/cloud-provider/controllers/service/controller.go, k8s.io/cloud-provider/service/helpers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kubelite.api.types.core_v1 import LoadBalancerIngress, Service

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
LOAD_BALANCER = "LoadBalancer"
SHOWN_HOSTS = 20
Hosts = tuple[tuple[str, str], ...]
"""(name, provider's id) of each node that a load balancer leads to."""


def wants(service: Service) -> bool:
    """Whether the provider's load balancer is asked for; a class names somebody else's."""
    return service.spec.type == LOAD_BALANCER and not service.spec.loadBalancerClass


def needs_cleanup(service: Service) -> bool:
    """Whether there may be a load balancer that has to go."""
    if FINALIZER not in service.metadata.finalizers:
        return False
    return service.metadata.deletionTimestamp is not None or not wants(service)


def ingress_of(service: Service) -> list[LoadBalancerIngress]:
    """What the status says now."""
    balancer = service.status.loadBalancer
    return list(balancer.ingress) if balancer is not None else []


Asked = tuple[Any, ...]
"""All of a Service that its load balancer is made from."""


def asked(service: Service) -> Asked:
    """What a load balancer is made from: when it changes, the provider is asked again."""
    spec = service.spec
    ports = tuple((one.name, one.protocol, one.port, one.nodePort, one.targetPort) for one in spec.ports)
    return (
        service.metadata.uid,
        service.metadata.annotations,
        spec.loadBalancerSourceRanges,
        ports,
        (spec.sessionAffinity, spec.sessionAffinityConfig),
        spec.loadBalancerIP,
        spec.externalIPs,
        (spec.externalTrafficPolicy, spec.healthCheckNodePort),
        len(spec.ipFamilies),
    )


def told(old: Service, new: Service) -> tuple[str, str] | None:
    """(reason, message) of the event about a change that concerns the load balancer; the first one counts."""
    if not wants(old) and not wants(new):
        return None
    a, b = old.spec, new.spec
    if wants(old) != wants(new):
        return "Type", f"{a.type} -> {b.type}"
    if a.loadBalancerSourceRanges != b.loadBalancerSourceRanges:
        return (
            "LoadBalancerSourceRanges",
            f"{_shown(a.loadBalancerSourceRanges)} -> {_shown(b.loadBalancerSourceRanges)}",
        )
    if asked(old)[3:5] != asked(new)[3:5]:
        return None  # ports and affinity change without a word
    if a.loadBalancerIP != b.loadBalancerIP:
        return "LoadbalancerIP", f"{a.loadBalancerIP} -> {b.loadBalancerIP}"
    if a.externalIPs != b.externalIPs:
        return "ExternalIP", _of_external(a.externalIPs, b.externalIPs)
    if old.metadata.annotations != new.metadata.annotations:
        return None
    for reason, before, after in (
        ("UID", old.metadata.uid, new.metadata.uid),
        ("ExternalTrafficPolicy", a.externalTrafficPolicy, b.externalTrafficPolicy),
        ("HealthCheckNodePort", a.healthCheckNodePort or 0, b.healthCheckNodePort or 0),
    ):
        if before != after:
            return reason, f"{before} -> {after}"
    if len(a.ipFamilies) != len(b.ipFamilies):
        return "IPFamilies", f"Count: {len(a.ipFamilies)} -> {len(b.ipFamilies)}"
    return None


def _of_external(old: Sequence[str], new: Sequence[str]) -> str:
    if len(old) != len(new):
        return f"Count: {len(old)} -> {len(new)}"
    return "Added: " + next(after for before, after in zip(old, new, strict=True) if before != after)


def _shown(texts: Sequence[str]) -> str:
    return f"[{' '.join(texts)}]"


def same(left: Sequence[LoadBalancerIngress], right: Sequence[LoadBalancerIngress]) -> bool:
    """Whether both are the same addresses and names, reached in the same way."""
    return [_place(one) for one in left] == [_place(one) for one in right]


def _place(one: LoadBalancerIngress) -> tuple[str, str, str]:
    return one.ip, one.hostname, one.ipMode or ("VIP" if one.ip else "")


def patch(service: Service, finalizers: Sequence[str], ingress: Sequence[LoadBalancerIngress] | None) -> dict[str, Any]:
    """The merge patch of a Service's status; `ingress` None leaves the addresses alone."""
    meta = {"finalizers": list(finalizers), "resourceVersion": service.metadata.resourceVersion}
    found: dict[str, Any] = {"metadata": meta}
    if ingress is not None:
        shown = [
            {key: value for key in ("ip", "hostname", "ipMode") if (value := getattr(one, key))} for one in ingress
        ]
        found["status"] = {"loadBalancer": {"ingress": shown} if shown else None}
    return found


def is_host(node: Any) -> bool:
    """Whether a load balancer has the node among its hosts; whether it answers now is the load balancer's to find out."""
    if EXCLUDED in node.metadata.labels or node.metadata.deletionTimestamp is not None:
        return False
    return not any(taint.key == TO_BE_DELETED for taint in node.spec.taints)


def host_facts(node: Any) -> tuple[bool, str]:
    """What of a node makes load balancers look at their hosts again."""
    return EXCLUDED in node.metadata.labels, node.spec.providerID


def hosts(nodes: Iterable[Any]) -> Hosts:
    """The nodes as they are compared."""
    return tuple(sorted((node.metadata.name, node.spec.providerID) for node in nodes))


def shown_hosts(nodes: Sequence[Any]) -> str:
    """The names of the first of them, and how many there are, as events show them."""
    names = _shown([node.metadata.name for node in nodes[:SHOWN_HOSTS]])
    return f"{names} [node names limited, total number of nodes: {len(nodes)}]"


def usable(node: Any) -> bool:
    """Whether traffic from outside may be sent to a node now."""
    return is_host(node) and any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)

"""Who wants a load balancer: pure.

Source: k8s.io/cloud-provider/controllers/service/controller.go, k8s.io/cloud-provider/service/helpers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubelite.api.types.core_v1 import LoadBalancerIngress, Service

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
LOAD_BALANCER = "LoadBalancer"


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


def same(left: Sequence[LoadBalancerIngress], right: Sequence[LoadBalancerIngress]) -> bool:
    """Whether both are the same addresses and names."""
    return [(one.ip, one.hostname) for one in left] == [(one.ip, one.hostname) for one in right]


def patch(service: Service, finalizers: Sequence[str], ingress: Sequence[LoadBalancerIngress] | None) -> dict[str, Any]:
    """The merge patch of a Service's status; `ingress` None leaves the addresses alone."""
    meta = {"finalizers": list(finalizers), "resourceVersion": service.metadata.resourceVersion}
    found: dict[str, Any] = {"metadata": meta}
    if ingress is not None:
        shown = [
            {key: value for key, value in (("ip", one.ip), ("hostname", one.hostname)) if value} for one in ingress
        ]
        found["status"] = {"loadBalancer": {"ingress": shown} if shown else None}
    return found


def usable(node: Any) -> bool:
    """Whether traffic from outside may be sent to a node."""
    if EXCLUDED in node.metadata.labels or node.metadata.deletionTimestamp is not None:
        return False
    if any(taint.key == TO_BE_DELETED for taint in node.spec.taints):
        return False
    return any(one.type == "Ready" and one.status == "True" for one in node.status.conditions)

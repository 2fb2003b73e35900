"""From a Service and its pods to endpoints: who belongs, in what state, on which port.

Why: the Endpoints and EndpointSlice controllers, the proxy and DNS must agree. Flow: a service and a pod in; conditions,
port numbers and host names out. Upstream: pkg/controller/endpoint, endpointslice/util, pkg/api/v1/pod FindPort.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kubelite.api.logic import podstatus


class Conditions(NamedTuple):
    """The three answers of an endpoint; `ready` is serving and not terminating (or published regardless)."""

    ready: bool
    serving: bool
    terminating: bool


def conditions(pod: Any, publish_not_ready: bool) -> Conditions:
    """The conditions of the pod's endpoint; `publish_not_ready` is the service's `publishNotReadyAddresses`."""
    serving = podstatus.is_ready(pod)
    terminating = pod.metadata.deletionTimestamp is not None
    ready = publish_not_ready or (serving and not terminating)
    return Conditions(ready, serving, terminating)


def belongs(pod: Any, include_terminating: bool = True) -> bool:
    """Whether the pod has an endpoint at all: it has an address, has not finished, and is not being deleted if those do not
    count. A deleted pod keeps its endpoint until its containers have stopped.
    """
    if podstatus.is_terminal(pod) or not (pod.status.podIP or pod.status.podIPs):
        return False
    return include_terminating or pod.metadata.deletionTimestamp is None


def find_port(pod: Any, service_port: Any) -> int | None:
    """The number behind a service port's target on this pod; None where the pod has no port of that name.

    A name is looked up, with its protocol, in the containers and then in the sidecars.
    """
    target = service_port.targetPort
    if target is None or target in (0, ""):
        return int(service_port.port)
    if isinstance(target, int):
        return target
    protocol = service_port.protocol or "TCP"
    for container in pod.spec.containers:
        for port in container.ports:
            if port.name == target and (port.protocol or "TCP") == protocol:
                return int(port.containerPort)
    for container in pod.spec.initContainers:
        if container.restartPolicy != "Always":
            continue
        for port in container.ports:
            if port.name == target and (port.protocol or "TCP") == protocol:
                return int(port.containerPort)
    return None


def pod_address(pod: Any, family: str = "IPv4") -> str:
    """The pod's first address of the family, "" if it has none."""
    addresses = [a.ip for a in pod.status.podIPs] or [pod.status.podIP]
    for address in addresses:
        if address and (":" in address) == (family == "IPv6"):
            return str(address)
    return ""


def hostname_in(pod: Any, service_name: str) -> str:
    """The pod's own name below a headless service's: its `hostname`, if its `subdomain` is the service."""
    spec = pod.spec
    return str(spec.hostname) if spec.hostname and spec.subdomain == service_name else ""

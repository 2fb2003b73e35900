"""Service variables: the addresses of services as older programs find them. Pure.

What: `for_pod`, the variables of a pod's namespace plus the `kubernetes` service. Flow: services → names and values.
Source: pkg/kubelet/envvars/envvars.go, pkg/kubelet/kubelet_pods.go (getServiceEnvVarMap).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class ServicePort(msgspec.Struct):
    """What is read of a port."""

    name: str | None = ""
    port: int = 0
    protocol: str | None = "TCP"


class ServiceSpec(msgspec.Struct):
    """What is read of a service's spec."""

    clusterIP: str | None = ""
    ports: list[ServicePort] | None = None


class ServiceMeta(msgspec.Struct):
    """What is read of a service's metadata."""

    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""


class NarrowService(msgspec.Struct):
    """A Service, as far as its variables need it."""

    metadata: ServiceMeta = msgspec.field(default_factory=ServiceMeta)
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


def for_pod(services: Iterable[NarrowService], namespace: str, links: bool) -> dict[str, str]:
    """The variables for a pod in `namespace`; without `links` only those of `kubernetes` in `default`."""
    chosen: dict[str, NarrowService] = {}
    for service in services:
        meta = service.metadata
        if not service.spec.clusterIP or service.spec.clusterIP == "None":
            continue
        if meta.namespace == namespace and links:
            chosen[meta.name] = service
        elif meta.namespace == "default" and meta.name == "kubernetes":
            chosen.setdefault(meta.name, service)
    result: dict[str, str] = {}
    for name in sorted(chosen):
        result.update(_variables(chosen[name]))
    return result


def _variables(service: NarrowService) -> dict[str, str]:
    ports = service.spec.ports or []
    ip = service.spec.clusterIP or ""
    prefix = _variable_name(service.metadata.name)
    result = {f"{prefix}_SERVICE_HOST": ip}
    if not ports:
        return result
    result[f"{prefix}_SERVICE_PORT"] = str(ports[0].port)
    for port in ports:
        if port.name:
            result[f"{prefix}_SERVICE_PORT_{_variable_name(port.name)}"] = str(port.port)
    host = f"[{ip}]" if ":" in ip else ip
    for index, port in enumerate(ports):
        protocol = port.protocol or "TCP"
        url = f"{protocol.lower()}://{host}:{port.port}"
        if index == 0:
            result[f"{prefix}_PORT"] = url
        one = f"{prefix}_PORT_{port.port}_{protocol.upper()}"
        result |= {one: url, f"{one}_PROTO": protocol.lower(), f"{one}_PORT": str(port.port), f"{one}_ADDR": ip}
    return result


def _variable_name(text: str) -> str:
    return text.replace("-", "_").upper()

"""Which endpoints serve each Service port, decided from Services and EndpointSlices.

What: `plan(services, slices, node)` → the balanced ports, in order. Why: pure, so that every rule has a table of examples.
Rules: kube-proxy's CategorizeEndpoints (pkg/proxy/topology.go): ready endpoints serve; when none is ready, those that are
terminating but still serving do; hints keep traffic in the node or the zone; the Local policies keep to this node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kubelite.proxy.model import Balanced, Endpoint, EndpointSlice, Flow, Port, Service

SERVICE_NAME = "kubernetes.io/service-name"
PROXY_NAME = "service.kubernetes.io/service-proxy-name"
HEADLESS = "service.kubernetes.io/headless"
PROTOCOLS = ("TCP", "UDP", "SCTP")


def is_proxied(service: Service) -> bool:
    """Whether the Service has a virtual address that this proxy is to serve (IPv4, not headless, no other proxy)."""
    address = service.spec.clusterIP or ""
    labels = service.metadata.labels
    return (
        service.spec.type != "ExternalName"
        and address not in ("", "None")
        and ":" not in address
        and PROXY_NAME not in labels
        and HEADLESS not in labels
    )


def endpoints_of(slices: Iterable[EndpointSlice], port: Port, node: str) -> list[Endpoint]:
    """All addresses behind one port, each once, in order; an address in two slices counts by its best condition."""
    found: dict[tuple[str, int], Endpoint] = {}
    for piece in slices:
        if piece.addressType != "IPv4":
            continue
        numbers = [p.port for p in piece.ports if (p.name or "") == port.name and p.protocol == port.protocol]
        if not numbers or numbers[0] is None:
            continue
        for endpoint in piece.endpoints:
            conditions = endpoint.conditions
            ready = conditions.ready is not False
            serving = conditions.serving if conditions.serving is not None else ready
            for address in endpoint.addresses[:1]:
                value = Endpoint(
                    address,
                    numbers[0],
                    ready,
                    serving,
                    bool(conditions.terminating),
                    endpoint.nodeName == node,
                    tuple(one.name for one in endpoint.hints.forNodes) if endpoint.hints is not None else (),
                    tuple(one.name for one in endpoint.hints.forZones) if endpoint.hints is not None else (),
                )
                other = found.get((address, numbers[0]))
                if other is None or (value.ready and not other.ready):
                    found[address, numbers[0]] = value
    return sorted(found.values())


def usable(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The ready ones, or else those that still serve while they terminate."""
    ready = tuple(e for e in endpoints if e.ready)
    return ready or tuple(e for e in endpoints if e.serving and e.terminating)


def near(endpoints: Sequence[Endpoint], node: str, zone: str) -> Sequence[Endpoint]:
    """The ready endpoints that are meant for this node, or else for its zone; all, if any endpoint has no such hint."""
    ready = [one for one in endpoints if one.ready]
    for name, hints in ((node, [one.for_nodes for one in ready]), (zone, [one.for_zones for one in ready])):
        if name and all(hints) and any(name in found for found in hints):
            return [one for one, found in zip(ready, hints, strict=True) if name in found]
    return endpoints


def _port_name(service: Service, port: Port) -> str:
    base = f"{service.metadata.namespace}/{service.metadata.name}"
    return f"{base}:{port.name}" if port.name else base


def balance(service: Service, port: Port, slices: Iterable[EndpointSlice], node: str, zone: str = "") -> Balanced:
    spec = service.spec
    every = endpoints_of(slices, port, node)
    affinity = 0
    if spec.sessionAffinity == "ClientIP":
        config = spec.sessionAffinityConfig
        affinity = config.clientIP.timeoutSeconds if config is not None and config.clientIP is not None else 10800
    outside = spec.type in ("NodePort", "LoadBalancer")
    return Balanced(
        name=_port_name(service, port),
        protocol=port.protocol.lower(),
        cluster_ip=spec.clusterIP or "",
        port=port.port,
        node_port=port.nodePort if outside else 0,
        external_ips=tuple(ip for ip in spec.externalIPs if ":" not in ip),
        load_balancer_ips=tuple(i.ip for i in service.status.loadBalancer.ingress if i.ip and ":" not in i.ip),
        affinity_seconds=affinity,
        everywhere=usable(near(every, node, zone)),
        here=usable([e for e in every if e.local]),
        internal_local=spec.internalTrafficPolicy == "Local",
        external_local=spec.externalTrafficPolicy == "Local" and (outside or bool(spec.externalIPs)),
        source_ranges=tuple(r for r in spec.loadBalancerSourceRanges if ":" not in r),
    )


def plan(services: Iterable[Service], slices: Iterable[EndpointSlice], node: str, zone: str = "") -> list[Balanced]:
    """Every port of every proxied Service, sorted by name; `zone` is the node's."""
    by_service: dict[str, list[EndpointSlice]] = {}
    for piece in slices:
        owner = piece.metadata.labels.get(SERVICE_NAME)
        if owner:
            by_service.setdefault(f"{piece.metadata.namespace}/{owner}", []).append(piece)
    balanced = []
    for service in services:
        if not is_proxied(service):
            continue
        pieces = by_service.get(f"{service.metadata.namespace}/{service.metadata.name}", [])
        balanced += [
            balance(service, port, pieces, node, zone) for port in service.spec.ports if port.protocol in PROTOCOLS
        ]
    return sorted(balanced, key=lambda b: (b.name, b.protocol))


def health_nodes(services: Iterable[Service], slices: Sequence[EndpointSlice], node: str) -> dict[int, tuple[str, int]]:
    """Health check node port → (Service, number of its ready endpoints on this node)."""
    found: dict[int, tuple[str, int]] = {}
    for service in services:
        port = service.spec.healthCheckNodePort
        if not port or service.spec.type != "LoadBalancer" or service.spec.externalTrafficPolicy != "Local":
            continue
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        own = [
            s
            for s in slices
            if s.metadata.namespace == service.metadata.namespace
            and s.metadata.labels.get(SERVICE_NAME) == service.metadata.name
        ]
        local = {
            address
            for piece in own
            for endpoint in piece.endpoints
            if endpoint.nodeName == node and endpoint.conditions.ready is not False
            for address in endpoint.addresses
        }
        found[port] = (name, len(local))
    return found


def _ways_in(port: Balanced) -> list[Flow]:
    """The addresses and the node port at which packets for a port arrive."""
    flows = [Flow(address=ip) for ip in (port.cluster_ip, *port.outside_ips)]
    return [*flows, Flow(node_port=port.node_port)] if port.node_port else flows


def stale_flows(before: Iterable[Balanced], after: Iterable[Balanced]) -> set[Flow]:
    """The tracked UDP connections that no longer lead where the rules would lead them.

    UDP has no end of connection, so the kernel would go on sending to an endpoint that is gone; and what was tracked while a
    port had no endpoint at all was led nowhere, so all of it is forgotten when the first endpoint comes.
    """
    old = {b.name: b for b in before if b.protocol == "udp"}
    new = {b.name: b for b in after if b.protocol == "udp"}
    stale: set[Flow] = set()
    for name, port in old.items():
        kept = {e.target for e in (*new[name].internal, *new[name].external)} if name in new else set()
        gone = {e.ip for e in (*port.internal, *port.external) if e.target not in kept}
        stale |= {replace(way, endpoint=ip) for way in _ways_in(port) for ip in gone}
    for name, port in new.items():
        if port.everywhere and not (name in old and old[name].everywhere):
            stale |= set(_ways_in(port))
    return stale

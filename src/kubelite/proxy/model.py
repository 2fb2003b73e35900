"""What the proxy reads of the API, and the values that its decisions are made of.

What: narrow types of Service and EndpointSlice, and `ServicePort` and `Endpoint`, which the plan joins into `Balanced`.
Why: a process that holds every Service keeps only the fields that packets depend on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec


class Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Port(msgspec.Struct):
    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    nodePort: int = 0


class ClientIP(msgspec.Struct):
    timeoutSeconds: int = 10800


class AffinityConfig(msgspec.Struct):
    clientIP: ClientIP | None = None


class ServiceSpec(msgspec.Struct):
    type: str = "ClusterIP"
    clusterIP: str | None = ""
    externalIPs: list[str] = msgspec.field(default_factory=list)
    ports: list[Port] = msgspec.field(default_factory=list)
    sessionAffinity: str = "None"
    sessionAffinityConfig: AffinityConfig | None = None
    internalTrafficPolicy: str = "Cluster"
    externalTrafficPolicy: str = "Cluster"
    healthCheckNodePort: int = 0
    loadBalancerSourceRanges: list[str] = msgspec.field(default_factory=list)


class Ingress(msgspec.Struct):
    ip: str = ""


class LoadBalancer(msgspec.Struct):
    ingress: list[Ingress] = msgspec.field(default_factory=list)


class ServiceStatus(msgspec.Struct):
    loadBalancer: LoadBalancer = msgspec.field(default_factory=LoadBalancer)


class Service(msgspec.Struct):
    """A Service as packets see it."""

    metadata: Meta
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)


class Conditions(msgspec.Struct):
    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Named(msgspec.Struct):
    name: str = ""


class Hints(msgspec.Struct):
    """For whose traffic an endpoint is meant."""

    forNodes: list[Named] = msgspec.field(default_factory=list)
    forZones: list[Named] = msgspec.field(default_factory=list)


class SliceEndpoint(msgspec.Struct):
    addresses: list[str] = msgspec.field(default_factory=list)
    conditions: Conditions = msgspec.field(default_factory=Conditions)
    nodeName: str = ""
    hints: Hints | None = None


class Node(msgspec.Struct):
    """This node, as far as its zone goes."""

    metadata: Meta


class SlicePort(msgspec.Struct):
    name: str | None = ""
    protocol: str = "TCP"
    port: int | None = None


class EndpointSlice(msgspec.Struct):
    """An EndpointSlice as packets see it."""

    metadata: Meta
    addressType: str = "IPv4"
    endpoints: list[SliceEndpoint] = msgspec.field(default_factory=list)
    ports: list[SlicePort] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """One address that may serve a port. `local`: it runs on this node; `for_…`: for whom it is meant."""

    ip: str
    port: int
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    local: bool = False
    for_nodes: tuple[str, ...] = field(default=(), compare=False)
    for_zones: tuple[str, ...] = field(default=(), compare=False)

    @property
    def target(self) -> str:
        return f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Balanced:
    """One port of a Service with the endpoints that its traffic is spread over.

    `everywhere` are the usable endpoints of the whole cluster, `here` those of this node; the Local policies choose the latter
    for traffic from inside (`internal_local`) and for what arrives at node ports and outside addresses (`external_local`).
    """

    name: str
    protocol: str
    cluster_ip: str
    port: int
    node_port: int
    external_ips: tuple[str, ...]
    affinity_seconds: int
    everywhere: tuple[Endpoint, ...]
    here: tuple[Endpoint, ...]
    internal_local: bool = False
    external_local: bool = False
    source_ranges: tuple[str, ...] = ()
    load_balancer_ips: tuple[str, ...] = ()

    @property
    def internal(self) -> tuple[Endpoint, ...]:
        """Those that serve the cluster address."""
        return self.here if self.internal_local else self.everywhere

    @property
    def external(self) -> tuple[Endpoint, ...]:
        """Those that serve node ports and outside addresses."""
        return self.here if self.external_local else self.everywhere

    @property
    def outside_ips(self) -> tuple[str, ...]:
        return (*self.external_ips, *self.load_balancer_ips)


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """Tracked UDP connections to forget: to an address or to a node port (0: none), led to `endpoint` ("": wherever)."""

    address: str = ""
    node_port: int = 0
    endpoint: str = ""

"""Which records a cluster name has: the Kubernetes DNS specification 1.1, decided from Services and EndpointSlices.

What: `Zone.answer(query)` for names below the cluster domain and for addresses of the cluster's ranges. Why: pure, so that
each kind of name has a table of examples. In: lookups by key that the server backs with its caches.
Names: `SVC.NS.svc.DOMAIN`, `_PORT._PROTO.SVC.NS.svc.DOMAIN`, `HOST.SVC.NS.svc.DOMAIN` for endpoints of a headless Service
(HOST is the endpoint's hostname, or its address with dashes), `A-B-C-D.NS.pod.DOMAIN`, `dns-version.DOMAIN`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from kubelite.dns import message
from kubelite.dns.message import Answer, Query, Record

TTL = 5
SPECIFICATION = "1.1.0"


class Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    resourceVersion: str = ""
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Port(msgspec.Struct):
    name: str | None = ""
    protocol: str = "TCP"
    port: int | None = None


class ServiceSpec(msgspec.Struct):
    type: str = "ClusterIP"
    clusterIP: str | None = ""
    clusterIPs: list[str] = msgspec.field(default_factory=list)
    externalName: str = ""
    ports: list[Port] = msgspec.field(default_factory=list)


class Service(msgspec.Struct):
    """A Service as names see it."""

    metadata: Meta
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)

    @property
    def headless(self) -> bool:
        return self.spec.clusterIP == "None"


class Conditions(msgspec.Struct):
    ready: bool | None = None


class Endpoint(msgspec.Struct):
    addresses: list[str] = msgspec.field(default_factory=list)
    conditions: Conditions = msgspec.field(default_factory=Conditions)
    hostname: str = ""

    @property
    def host(self) -> str:
        """The first label of the endpoint's name."""
        return self.hostname or self.addresses[0].replace(".", "-").replace(":", "-")


class EndpointSlice(msgspec.Struct):
    """An EndpointSlice as names see it."""

    metadata: Meta
    addressType: str = "IPv4"
    endpoints: list[Endpoint] = msgspec.field(default_factory=list)
    ports: list[Port] = msgspec.field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Lookups:
    """How the zone sees the cluster."""

    service: Callable[[str, str], Service | None]
    """(namespace, name) → the Service."""
    slices: Callable[[str, str], Iterable[EndpointSlice]]
    """(namespace, Service name) → its EndpointSlices."""
    by_address: Callable[[str], Iterable[Service | EndpointSlice]]
    """An address → the Services and slices that hold it."""
    namespaces: Callable[[], Iterable[str]]
    """Names of the namespaces that have a Service."""


class Zone:
    """The cluster's names."""

    def __init__(self, domain: str, lookups: Lookups) -> None:
        self.domain, self.lookups = domain.strip(".").lower(), lookups

    def owns(self, name: str) -> bool:
        return name == self.domain or name.endswith(f".{self.domain}")

    def answer(self, query: Query) -> Answer:
        """The reply to a name of the cluster domain: records, or "no such name", or "nothing of this type"."""
        records = self._find(query.name, query.type)
        if records is None:
            return Answer(message.NXDOMAIN, authority=[message.authority(self.domain, TTL, 1)])
        wanted = [r for r in records if query.type in (r.type, message.ANY) or r.type == message.CNAME]
        if not wanted:
            return Answer(authority=[message.authority(self.domain, TTL, 1)])
        return Answer(records=[*wanted, *self._followed(wanted, query.type)], additional=self._targets(wanted))

    def _followed(self, records: Iterable[Record], kind: int) -> list[Record]:
        """What an alias inside the cluster leads to: one step, since an alias of an alias could lead in a circle."""
        targets = [_decode_name(r.data).lower() for r in records if r.type == message.CNAME and kind != message.CNAME]
        found = [r for target in targets if self.owns(target) for r in self._find(target, kind) or ()]
        return [r for r in found if r.type == kind]

    def alias(self, query: Query) -> tuple[Record, str] | None:
        """The CNAME record of an ExternalName Service and the name outside the cluster that it leads to, if that is asked for.

        A target inside the cluster is followed by `answer` itself.
        """
        records = self._find(query.name, query.type) or ()
        for record in records:
            target = _decode_name(record.data) if record.type == message.CNAME else ""
            if target and not self.owns(target.lower()):
                return record, target
        return None

    def reverse(self, query: Query) -> Answer | None:
        """The reply to a PTR question about an address of the cluster; None if the address is not ours."""
        address = address_of(query.name)
        if address is None:
            return None
        names = sorted(set(self._names_of(address)))
        if not names:
            return None
        records = [message.pointer(query.name, TTL, name) for name in names]
        return Answer(records=records if query.type in (message.PTR, message.ANY) else [])

    def _find(self, name: str, kind: int) -> list[Record] | None:
        """All records of a name; None when the name does not exist."""
        labels = name.removesuffix(self.domain).rstrip(".").split(".") if name != self.domain else []
        if not labels:
            return [message.authority(self.domain, TTL, 1)]
        if labels == ["dns-version"]:
            return [message.text(name, TTL, SPECIFICATION)]
        branch = labels.pop()
        if branch == "pod":
            return self._pod(name, labels)
        return self._service_name(name, labels, kind) if branch == "svc" else None

    def _pod(self, name: str, labels: list[str]) -> list[Record] | None:
        if len(labels) != 2:
            return [] if len(labels) < 2 else None
        for text in (labels[0].replace("-", "."), labels[0].replace("-", ":")):
            try:
                return [message.address(name, TTL, str(ipaddress.ip_address(text)))]
            except ValueError:
                continue
        return None

    def _service_name(self, name: str, labels: list[str], kind: int) -> list[Record] | None:
        if len(labels) < 2:
            return [] if not labels or labels[0] in self.lookups.namespaces() else None
        namespace, service_name = labels.pop(), labels.pop()
        service = self.lookups.service(namespace, service_name)
        if service is None:
            return None
        if service.spec.type == "ExternalName":
            return [message.alias(name, TTL, service.spec.externalName.rstrip("."))] if not labels else None
        if not labels:
            return [*self._addresses(name, service), *(self._ports(name, service) if kind == message.SRV else [])]
        if len(labels) == 2 and all(len(label) > 1 and label.startswith("_") for label in labels):
            return self._ports(name, service, labels[0][1:], labels[1][1:]) or None
        if len(labels) == 1 and labels[0] == f"_{labels[0].strip('_')}":
            return []
        return self._host(name, service, labels[0]) if len(labels) == 1 else None

    def _ready(self, service: Service) -> Iterator[tuple[EndpointSlice, Endpoint]]:
        for piece in self.lookups.slices(service.metadata.namespace, service.metadata.name):
            if piece.addressType == "FQDN":
                continue
            for endpoint in piece.endpoints:
                if endpoint.addresses and endpoint.conditions.ready is not False:
                    yield piece, endpoint

    def _addresses(self, name: str, service: Service) -> list[Record]:
        if service.headless:
            found = [a for _, endpoint in self._ready(service) for a in endpoint.addresses]
        else:
            found = service.spec.clusterIPs or [service.spec.clusterIP or ""]
        return [message.address(name, TTL, a) for a in dict.fromkeys(found) if a]

    def _host(self, name: str, service: Service, host: str) -> list[Record] | None:
        if not service.headless:
            return None
        found = [a for _, e in self._ready(service) if e.host == host for a in e.addresses]
        return [message.address(name, TTL, a) for a in dict.fromkeys(found)] or None

    def _ports(self, name: str, service: Service, port: str = "", protocol: str = "") -> list[Record]:
        """SRV records: all named ports, or the one that is asked for."""
        base = f"{service.metadata.name}.{service.metadata.namespace}.svc.{self.domain}"

        def fits(p: Port) -> bool:
            return not port or ((p.name or "").lower() == port and p.protocol.lower() == protocol)

        if not service.headless:
            return [message.service(name, TTL, p.port or 0, base) for p in service.spec.ports if fits(p)]
        return [
            message.service(name, TTL, p.port or 0, f"{endpoint.host}.{base}")
            for piece, endpoint in self._ready(service)
            for p in piece.ports
            if fits(p)
        ]

    def _targets(self, records: Iterable[Record]) -> list[Record]:
        """The addresses of SRV targets, so that the client need not ask again."""
        extra: dict[tuple[str, bytes], Record] = {}
        for record in records:
            if record.type == message.SRV:
                target = _decode_name(record.data[6:])
                for found in self._find(target, message.A) or ():
                    extra[target, found.data] = found
        return list(extra.values())

    def _names_of(self, address: str) -> Iterator[str]:
        for owner in self.lookups.by_address(address):
            if isinstance(owner, Service):
                yield f"{owner.metadata.name}.{owner.metadata.namespace}.svc.{self.domain}"
                continue
            service_name = owner.metadata.labels.get("kubernetes.io/service-name", "")
            service = self.lookups.service(owner.metadata.namespace, service_name)
            if service is None:
                continue
            base = f"{service_name}.{owner.metadata.namespace}.svc.{self.domain}"
            for endpoint in owner.endpoints:
                if address in endpoint.addresses and (service.headless or endpoint.hostname):
                    yield f"{endpoint.host}.{base}"


def _decode_name(data: bytes) -> str:
    labels, at = [], 0
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels)


def address_of(name: str) -> str | None:
    """The address that a name below in-addr.arpa or ip6.arpa stands for."""
    try:
        if name.endswith(".in-addr.arpa"):
            labels = name.removesuffix(".in-addr.arpa").split(".")
            return str(ipaddress.IPv4Address(".".join(reversed(labels))))
        if name.endswith(".ip6.arpa"):
            digits = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
            return str(ipaddress.IPv6Address(bytes.fromhex(digits)))
    except ValueError:
        return None
    return None

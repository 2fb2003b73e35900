"""The records of every kind of name (Kubernetes DNS specification 1.1)."""

from __future__ import annotations

import ipaddress
import json
import struct
from typing import Any

import msgspec
import pytest

from kubelite.dns import message
from kubelite.dns.message import Answer, Query, Record
from kubelite.dns.records import EndpointSlice, Lookups, Service, Zone

DOMAIN = "cluster.local"


def service(name: str, **spec: Any) -> Service:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    body = {"metadata": {"name": name, "namespace": "ns"}, "spec": {"ports": ports, **spec}}
    return msgspec.json.decode(json.dumps(body), type=Service)


def slice_of(owner: str, *endpoints: dict[str, Any], **more: Any) -> EndpointSlice:
    meta = {"name": f"{owner}-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": owner}}
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
    body = {"metadata": meta, "endpoints": list(endpoints), "ports": ports, **more}
    return msgspec.json.decode(json.dumps(body), type=EndpointSlice)


SERVICES = [
    service("web", clusterIP="10.96.0.7", clusterIPs=["10.96.0.7", "fd00::7"]),
    service("db", clusterIP="None"),
    service("empty", clusterIP="None"),
    service("ext", type="ExternalName", externalName="www.example.org."),
    service("inner", type="ExternalName", externalName="web.ns.svc.cluster.local"),
    service("circle", type="ExternalName", externalName="circle.ns.svc.cluster.local"),
]
SLICES = [
    slice_of("web", {"addresses": ["10.244.0.9"]}),
    slice_of(
        "db",
        {"addresses": ["10.244.0.1"], "hostname": "db-0"},
        {"addresses": ["10.244.0.2"], "conditions": {"ready": True}},
        {"addresses": ["10.244.0.3"], "hostname": "db-2", "conditions": {"ready": False}},
    ),
    slice_of("db", {"addresses": ["fd00::1"], "hostname": "db-0"}, addressType="IPv6"),
]


def zone() -> Zone:
    def by_address(address: str) -> list[Service | EndpointSlice]:
        owners: list[Service | EndpointSlice] = [
            s for s in SERVICES if address in (*s.spec.clusterIPs, s.spec.clusterIP)
        ]
        return owners + [p for p in SLICES if any(address in e.addresses for e in p.endpoints)]

    return Zone(
        DOMAIN,
        Lookups(
            service=lambda ns, name: next((s for s in SERVICES if ns == "ns" and s.metadata.name == name), None),
            slices=lambda ns, name: [p for p in SLICES if p.metadata.labels["kubernetes.io/service-name"] == name],
            by_address=by_address,
            namespaces=lambda: {"ns"},
        ),
    )


def query(name: str, kind: str) -> Query:
    return Query(1, name, getattr(message, kind), message.IN, 0x0100, b"")


def name_at(data: bytes) -> str:
    labels = []
    while data[0]:
        labels.append(data[1 : 1 + data[0]].decode())
        data = data[1 + data[0] :]
    return ".".join(labels)


def shown(record: Record) -> str:
    """A record's content as people write it."""
    if record.type in (message.A, message.AAAA):
        return str(ipaddress.ip_address(record.data))
    if record.type == message.SRV:
        _, _, port = struct.unpack_from("!3H", record.data)
        return f"{port} {name_at(record.data[6:])}"
    return record.data[1:].decode() if record.type == message.TXT else name_at(record.data)


def ask(name: str, kind: str) -> tuple[int, list[str]]:
    """(code, sorted contents)."""
    answer = zone().answer(query(name, kind))
    return answer.code, sorted(map(shown, answer.records))


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web.ns.svc.cluster.local", "A", ["10.96.0.7"]),
        ("web.ns.svc.cluster.local", "AAAA", ["fd00::7"]),
        ("db.ns.svc.cluster.local", "A", ["10.244.0.1", "10.244.0.2"]),
        ("db.ns.svc.cluster.local", "AAAA", ["fd00::1"]),
        ("db-0.db.ns.svc.cluster.local", "A", ["10.244.0.1"]),
        ("10-244-0-2.db.ns.svc.cluster.local", "A", ["10.244.0.2"]),
        ("ext.ns.svc.cluster.local", "A", ["www.example.org"]),
        ("ext.ns.svc.cluster.local", "CNAME", ["www.example.org"]),
        ("inner.ns.svc.cluster.local", "A", ["10.96.0.7", "web.ns.svc.cluster.local"]),
        ("circle.ns.svc.cluster.local", "A", ["circle.ns.svc.cluster.local"]),
        ("web.ns.svc.cluster.local", "SRV", ["53 web.ns.svc.cluster.local", "80 web.ns.svc.cluster.local"]),
        ("_http._tcp.web.ns.svc.cluster.local", "SRV", ["80 web.ns.svc.cluster.local"]),
        ("_dns._udp.web.ns.svc.cluster.local", "SRV", ["53 web.ns.svc.cluster.local"]),
        (
            "_http._tcp.db.ns.svc.cluster.local",
            "SRV",
            [
                "8080 10-244-0-2.db.ns.svc.cluster.local",
                "8080 db-0.db.ns.svc.cluster.local",
                "8080 db-0.db.ns.svc.cluster.local",
            ],
        ),
        ("10-244-0-9.ns.pod.cluster.local", "A", ["10.244.0.9"]),
        ("2001-db8--1.ns.pod.cluster.local", "AAAA", ["2001:db8::1"]),
        ("dns-version.cluster.local", "TXT", ["1.1.0"]),
    ],
)
def test_names_that_have_records_of_the_type(name: str, kind: str, expected: list[str]) -> None:
    assert ask(name, kind) == (message.NOERROR, expected)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("10-244-0-9.ns.pod.cluster.local", "AAAA"),
        ("db-0.db.ns.svc.cluster.local", "SRV"),
        ("empty.ns.svc.cluster.local", "A"),
        ("ns.svc.cluster.local", "A"),
        ("svc.cluster.local", "A"),
        ("ns.pod.cluster.local", "A"),
        ("cluster.local", "A"),
        ("_tcp.web.ns.svc.cluster.local", "SRV"),
        ("dns-version.cluster.local", "A"),
    ],
)
def test_names_that_exist_without_such_records(name: str, kind: str) -> None:
    answer = zone().answer(query(name, kind))
    assert (answer.code, answer.records) == (message.NOERROR, [])
    assert [r.type for r in answer.authority] == [message.SOA]


@pytest.mark.parametrize(
    "name",
    [
        "gone.ns.svc.cluster.local",
        "web.other.svc.cluster.local",
        "other.svc.cluster.local",
        "host.web.ns.svc.cluster.local",
        "db-2.db.ns.svc.cluster.local",
        "db-9.db.ns.svc.cluster.local",
        "x.ext.ns.svc.cluster.local",
        "_none._tcp.web.ns.svc.cluster.local",
        "_http._udp.web.ns.svc.cluster.local",
        "_._tcp.web.ns.svc.cluster.local",
        "a.b.c.web.ns.svc.cluster.local",
        "not-an-address.ns.pod.cluster.local",
        "web.ns.nothing.cluster.local",
        "www.example.org.cluster.local",
    ],
)
def test_names_that_do_not_exist(name: str) -> None:
    answer = zone().answer(query(name, "A"))
    assert (answer.code, answer.records) == (message.NXDOMAIN, [])
    assert [r.type for r in answer.authority] == [message.SOA]


def test_srv_answers_bring_the_addresses_of_their_targets() -> None:
    answer = zone().answer(query("_http._tcp.db.ns.svc.cluster.local", "SRV"))
    assert sorted(map(shown, answer.additional)) == ["10.244.0.1", "10.244.0.2", "fd00::1"]


def reverse(address: str, kind: str = "PTR") -> Answer | None:
    return zone().reverse(query(ipaddress.ip_address(address).reverse_pointer, kind))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.96.0.7", ["web.ns.svc.cluster.local"]),
        ("fd00::7", ["web.ns.svc.cluster.local"]),
        ("10.244.0.1", ["db-0.db.ns.svc.cluster.local"]),
        ("10.244.0.2", ["10-244-0-2.db.ns.svc.cluster.local"]),
    ],
)
def test_addresses_of_the_cluster_have_names(address: str, expected: list[str]) -> None:
    answer = reverse(address)
    assert answer is not None and [shown(r) for r in answer.records] == expected


def test_other_addresses_are_somebody_elses() -> None:
    assert reverse("192.0.2.1") is None
    assert reverse("10.244.0.9") is None
    assert zone().reverse(query("x.in-addr.arpa", "PTR")) is None
    answer = reverse("10.96.0.7", "A")
    assert answer is not None and answer.records == []


def test_the_zone_owns_its_domain_and_what_lies_below() -> None:
    assert [zone().owns(name) for name in ("cluster.local", "a.cluster.local", "xcluster.local", "local")] == [
        True,
        True,
        False,
        False,
    ]


def test_only_aliases_to_names_outside_need_another_server() -> None:
    def target(name: str) -> str | None:
        found = zone().alias(query(f"{name}.ns.svc.{DOMAIN}", "A"))
        return found[1] if found else None

    assert [target(name) for name in ("ext", "inner", "web", "gone")] == ["www.example.org", None, None, None]

"""Ingress, IngressClass, NetworkPolicy, IPAddress and ServiceCIDR."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.networking.ingress import INGRESS
from kubelite.api.networking.ingress_class import INGRESS_CLASS
from kubelite.api.networking.ip_address import IP_ADDRESS
from kubelite.api.networking.network_policy import NETWORK_POLICY
from kubelite.api.networking.service_cidr import SERVICE_CIDR
from kubelite.machinery.kind import Kind
from tests.unit.api.objects import NOW, decoded, encoded, texts

SERVICE = {"service": {"name": "s", "port": {"number": 80}}}
PATH = "spec.rules[0].http.paths[0]"
WORDS_IMMUTABLE = "field is immutable"


def made(kind: Kind, name: str = "x", annotations: dict[str, str] | None = None, **spec: Any) -> Any:
    metadata = {"name": name, "creationTimestamp": "2026-01-01T11:00:00Z", "annotations": annotations or {}}
    return decoded(kind, {"metadata": metadata, "spec": spec})


def http(host: str = "", path: str = "/", path_type: str = "Prefix", backend: Any = None) -> dict[str, Any]:
    one = {"path": path, "pathType": path_type, "backend": backend or SERVICE}
    return {"rules": [{"host": host, "http": {"paths": [one]}}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"defaultBackend": SERVICE}, []),
        (http("*.example.com"), []),
        (http(path="", path_type="ImplementationSpecific"), []),
        ({}, ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
        ({"defaultBackend": {}}, ['spec.defaultBackend: Invalid value: "": resource or service backend is required']),
        (
            {"defaultBackend": {**SERVICE, "resource": {"kind": "K", "name": "n"}}},
            ['spec.defaultBackend: Invalid value: "": cannot set both resource and service backends'],
        ),
        (
            {"defaultBackend": {"resource": {"apiGroup": "a b", "name": ""}}},
            [
                'spec.defaultBackend.resource.apiGroup: Invalid value: "a b": a lowercase RFC 1123 subdomain must consist of '
                "lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character "
                "(e.g. 'example.com', regex used for validation is "
                "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
                "spec.defaultBackend.resource.kind: Required value: kind is required",
                "spec.defaultBackend.resource.name: Required value: name is required",
            ],
        ),
        (
            {"defaultBackend": {"service": {"name": "s", "port": {"number": 80, "name": "http"}}}},
            ['spec.defaultBackend: Invalid value: "": cannot set both port name & port number'],
        ),
        (
            {"defaultBackend": {"service": {"name": "", "port": {}}}},
            [
                "spec.defaultBackend.service.name: Required value",
                "spec.defaultBackend: Required value: port name or number is required",
            ],
        ),
        (
            {"defaultBackend": {"service": {"name": "s", "port": {"number": 70000}}}},
            [
                "spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ],
        ),
        (http("10.0.0.1"), ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address']),
        ({"rules": [{"http": {}}]}, ["spec.rules[0].http.paths: Required value"]),
        (http(path_type=""), [f"{PATH}.pathType: Required value: pathType must be specified"]),
        (
            http(path_type="Regex"),
            [
                f'{PATH}.pathType: Unsupported value: "Regex": supported values: '
                '"Exact", "ImplementationSpecific", "Prefix"'
            ],
        ),
        (http(path="x"), [f'{PATH}.path: Invalid value: "x": must be an absolute path']),
        (
            http(path="/a//b/.."),
            [
                f"{PATH}.path: Invalid value: \"/a//b/..\": must not contain '//'",
                f"{PATH}.path: Invalid value: \"/a//b/..\": cannot end with '/..'",
            ],
        ),
        (http(path="/a//b", path_type="ImplementationSpecific"), []),
    ],
)
def test_mistakes_of_an_ingress(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(INGRESS.validate(made(INGRESS, **spec))) == expected


def test_a_class_is_named_once() -> None:
    key = "kubernetes.io/ingress.class"
    ingress = made(INGRESS, annotations={key: "a"}, defaultBackend=SERVICE, ingressClassName="b")
    expected = [f'annotations.{key}: Invalid value: "a": must match `ingressClassName` when both are specified']
    assert texts(INGRESS.validate(ingress)) == expected
    ingress.metadata.resourceVersion = "5"
    assert INGRESS.validate(ingress) == []
    assert INGRESS.warnings is not None
    assert INGRESS.warnings(ingress, ingress) == []
    assert INGRESS.warnings(ingress, None) == [
        f"annotation \"{key}\" is deprecated, please use 'spec.ingressClassName' instead"
    ]


def test_where_an_ingress_is_served_is_an_address_or_a_name() -> None:
    new = made(INGRESS, defaultBackend=SERVICE)
    new = decoded(
        INGRESS, {**encoded(new), "status": {"loadBalancer": {"ingress": [{"ip": "x"}, {"hostname": "10.0.0.1"}]}}}
    )
    here = "status.loadBalancer.ingress"
    found = texts(INGRESS.validate_status_update(new, new))
    assert found == [
        f'{here}[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        f'{here}[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ]


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        ({"defaultBackend": SERVICE}, [], ["<none>", "*", "", "80"]),
        (
            {"rules": [{"host": f"{n}.com"} for n in "abcde"], "tls": [{}], "ingressClassName": "c"},
            [{"ip": "10.0.0.2"}, {"hostname": "a.example.com"}],
            ["c", "a.com,b.com,c.com + 2 more...", "10.0.0.2,a.ex...", "80, 443"],
        ),
    ],
)
def test_table_of_ingresses(spec: dict[str, Any], status: list[Any], cells: list[str]) -> None:
    wire = {**encoded(made(INGRESS, **spec)), "status": {"loadBalancer": {"ingress": status}}}
    assert INGRESS.row is not None
    assert INGRESS.row(decoded(INGRESS, wire), NOW) == ["x", *cells, "60m"]


PARAMETERS = {"kind": "K", "name": "n"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"controller": "a.io/b", "parameters": PARAMETERS}, []),
        ({"controller": ""}, ["spec.controller: Required value"]),
        (
            {"controller": "nginx"},
            ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
        ),
        (
            {"controller": "a.io/" + "b" * 250},
            ["spec.controller: Too long: may not be more than 250 bytes"],
        ),
        (
            {"controller": "a.io/b", "parameters": {**PARAMETERS, "scope": "Namespace"}},
            ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
        ),
        (
            {"controller": "a.io/b", "parameters": {**PARAMETERS, "namespace": "n"}},
            ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"],
        ),
        (
            {"controller": "a.io/b", "parameters": {**PARAMETERS, "scope": "Node"}},
            ['spec.parameters.scope: Unsupported value: "Node": supported values: "Cluster", "Namespace"'],
        ),
    ],
)
def test_mistakes_of_an_ingress_class(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(INGRESS_CLASS.validate(made(INGRESS_CLASS, **spec))) == expected


def test_table_of_ingress_classes() -> None:
    assert INGRESS_CLASS.row is not None
    obj = made(INGRESS_CLASS, controller="a.io/b", parameters={**PARAMETERS, "apiGroup": "g.io"})
    assert INGRESS_CLASS.row(obj, NOW) == ["x", "a.io/b", "K.g.io/n", "60m"]


def test_a_network_policy_closes_what_it_has_rules_for() -> None:
    assert encoded(made(NETWORK_POLICY))["spec"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    spec = encoded(made(NETWORK_POLICY, egress=[{"ports": [{"port": 53}]}]))["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == [{"ports": [{"port": 53, "protocol": "TCP"}]}]


def peer(**fields: Any) -> dict[str, Any]:
    return {"ingress": [{"from": [fields]}]}


def port(**fields: Any) -> dict[str, Any]:
    return {"egress": [{"ports": [fields]}]}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (peer(podSelector={}, namespaceSelector={}), []),
        (peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}), []),
        (port(port=1000, endPort=2000), []),
        (peer(), ["spec.ingress[0].from[0]: Required value: must specify a peer"]),
        (
            peer(podSelector={}, ipBlock={"cidr": "10.0.0.0/8"}),
            ["spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer"],
        ),
        (peer(ipBlock={"cidr": ""}), ["spec.ingress[0].from[0].ipBlock.cidr: Required value"]),
        (
            peer(ipBlock={"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "2001:db8::/32"]}),
            [
                f'spec.ingress[0].from[0].ipBlock.except[{n}]: Invalid value: "{text}": must be a strict subset of `cidr`'
                for n, text in enumerate(("10.0.0.0/8", "2001:db8::/32"))
            ],
        ),
        (
            port(port=0, protocol="ICMP"),
            [
                'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
                "spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            ],
        ),
        (
            port(port=80, endPort=79),
            ["spec.egress[0].ports[0].endPort: Invalid value: 80: must be greater than or equal to `port`"],
        ),
        (
            port(port="http", endPort=79),
            [
                "spec.egress[0].ports[0].endPort: Invalid value: 79: may not be specified when `port` is non-numeric",
            ],
        ),
        (
            port(endPort=79),
            [
                "spec.egress[0].ports[0].endPort: Invalid value: 79: may not be specified when `port` is not specified",
            ],
        ),
        (
            {"policyTypes": ["Sideways"]},
            ['spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
        ),
    ],
)
def test_mistakes_of_a_network_policy(spec: dict[str, Any], expected: list[str]) -> None:
    assert texts(NETWORK_POLICY.validate(made(NETWORK_POLICY, **spec))) == expected


@pytest.mark.parametrize(
    ("name", "complaints"),
    [
        ("10.0.0.1", []),
        ("2001:db8::1", []),
        ("2001:DB8::1", ["must be a canonical format IP address"]),
        ("x", ['ParseAddr("x"): unable to parse IP']),
    ],
)
def test_the_name_of_an_address_is_the_address(name: str, complaints: list[str]) -> None:
    assert IP_ADDRESS.check_name is not None
    assert IP_ADDRESS.check_name(name, False) == complaints


def test_an_address_has_an_owner_who_never_changes() -> None:
    assert texts(IP_ADDRESS.validate(made(IP_ADDRESS))) == ["spec.parentRef: Required value"]
    lacking = texts(IP_ADDRESS.validate(made(IP_ADDRESS, parentRef={"name": "a/b"})))
    assert lacking == [
        "spec.parentRef.resource: Required value",
        "spec.parentRef.name: Invalid value: \"a/b\": may not contain '/'",
    ]
    old = made(IP_ADDRESS, parentRef={"resource": "services", "namespace": "d", "name": "k"})
    assert IP_ADDRESS.validate(old) == []
    assert WORDS_IMMUTABLE in texts(IP_ADDRESS.validate_update(made(IP_ADDRESS), old))[0]
    assert IP_ADDRESS.row is not None and IP_ADDRESS.row(old, NOW) == ["x", "services/d/k"]


@pytest.mark.parametrize(
    ("cidrs", "expected"),
    [
        (["10.0.0.0/24"], []),
        (["10.0.0.0/24", "2001:db8::/64"], []),
        ([], ["spec.cidrs: Required value: at least one CIDR required"]),
        (
            ["10.0.0.1/24"],
            ['spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length'],
        ),
        (
            ["2001:DB8::/64"],
            ['spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")'],
        ),
        (
            ["x"],
            ['spec.cidrs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
        ),
        (
            ["10.0.0.0/24", "10.1.0.0/24"],
            [
                'spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/24","10.1.0.0/24"]}: may specify no more than one IP for '
                "each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
            ],
        ),
    ],
)
def test_mistakes_of_a_range(cidrs: list[str], expected: list[str]) -> None:
    assert texts(SERVICE_CIDR.validate(made(SERVICE_CIDR, cidrs=cidrs))) == expected


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (["10.0.0.0/24", "2001:db8::/64"], []),
        (["10.9.0.0/24"], ['spec.cidrs[0]: Invalid value: "10.9.0.0/24": field is immutable']),
        ([], ["spec.cidrs: Invalid value: []: field is immutable"]),
    ],
)
def test_a_range_may_only_get_another_family(after: list[str], expected: list[str]) -> None:
    old = made(SERVICE_CIDR, cidrs=["10.0.0.0/24"])
    assert texts(SERVICE_CIDR.validate_update(made(SERVICE_CIDR, cidrs=after), old)) == expected

"""Services: defaults, what a change of type takes away, mistakes, and the table."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.core.service.kind import COLUMNS, SERVICE
from tests.unit.api.objects import NOW, decoded, encoded, texts

PORT = {"port": 80, "protocol": "TCP", "targetPort": 80}


def wire(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "s", "namespace": "default"}, "spec": {"ports": [{"port": 80}], **spec}}


def created(**spec: Any) -> Any:
    service = decoded(SERVICE, wire(**spec))
    SERVICE.prepare_create(service)
    return service


def mistakes(**spec: Any) -> list[str]:
    return texts(SERVICE.validate(created(**spec)))


DEFAULTS: list[Any] = [
    pytest.param(
        {},
        {
            "ports": [PORT],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
        },
        id="cluster-ip",
    ),
    pytest.param(
        {"type": "NodePort"},
        {
            "ports": [PORT],
            "type": "NodePort",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
        },
        id="node-port",
    ),
    pytest.param(
        {"type": "LoadBalancer", "sessionAffinity": "ClientIP"},
        {
            "ports": [PORT],
            "type": "LoadBalancer",
            "sessionAffinity": "ClientIP",
            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}},
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
            "allocateLoadBalancerNodePorts": True,
        },
        id="load-balancer",
    ),
    pytest.param(
        {"type": "ExternalName", "externalName": "a.b", "ports": []},
        {"type": "ExternalName", "externalName": "a.b", "sessionAffinity": "None"},
        id="external-name",
    ),
    pytest.param(
        {"clusterIP": "None"},
        {
            "ports": [PORT],
            "clusterIP": "None",
            "clusterIPs": ["None"],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
        },
        id="headless",
    ),
]


@pytest.mark.parametrize(("spec", "expected"), DEFAULTS)
def test_defaults(spec: dict[str, Any], expected: dict[str, Any]) -> None:
    service = encoded(created(**spec))
    assert service["spec"] == expected
    assert service["status"] == {"loadBalancer": {}}


MISTAKES: list[Any] = [
    pytest.param({}, [], id="fine"),
    pytest.param({"ports": [], "clusterIP": "None"}, [], id="headless-without-ports"),
    pytest.param({"ports": []}, ["spec.ports: Required value"], id="no-ports"),
    pytest.param(
        {"ports": [{"port": 0}]},
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
        id="port-zero",
    ),
    pytest.param(
        {"ports": [{"port": 1, "name": "a"}, {"port": 2}]},
        ["spec.ports[1].name: Required value"],
        id="second-port-unnamed",
    ),
    pytest.param(
        {"ports": [{"port": 1, "name": "a"}, {"port": 2, "name": "a"}]},
        ['spec.ports[1].name: Duplicate value: "a"'],
        id="name-twice",
    ),
    pytest.param(
        {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]},
        ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":1}'],
        id="port-twice",
    ),
    pytest.param(
        {"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b", "protocol": "UDP"}]}, [], id="tcp-and-udp"
    ),
    pytest.param(
        {"ports": [{"port": 1, "nodePort": 30000}]},
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        id="node-port-on-cluster-ip",
    ),
    pytest.param(
        {
            "type": "NodePort",
            "ports": [{"port": 1, "name": "a", "nodePort": 30000}, {"port": 2, "name": "b", "nodePort": 30000}],
        },
        ["spec.ports[1].nodePort: Duplicate value: 30000"],
        id="node-port-twice",
    ),
    pytest.param(
        {"ports": [{"port": 1, "protocol": "ICMP"}]},
        ['spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
        id="protocol",
    ),
    pytest.param(
        {"type": "Magic", "internalTrafficPolicy": "Cluster"},
        [
            'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
        ],
        id="type",
    ),
    pytest.param(
        {"type": "NodePort", "clusterIP": "None"},
        ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
        id="headless-node-port",
    ),
    pytest.param(
        {"type": "ExternalName", "ports": []}, ["spec.externalName: Required value"], id="external-name-without-name"
    ),
    pytest.param(
        {"type": "ExternalName", "externalName": "a", "clusterIP": "10.0.0.1"},
        ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
        id="external-name-with-address",
    ),
    pytest.param(
        {"clusterIP": "300.0.0.1"},
        [
            'spec.clusterIPs[0]: Invalid value: "300.0.0.1": '
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        ],
        id="bad-address",
    ),
    pytest.param(
        {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2"]},
        ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
        id="addresses-disagree",
    ),
    pytest.param(
        {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1", "10.0.0.2"]},
        ['spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family'],
        id="two-of-a-family",
    ),
    pytest.param(
        {"clusterIP": "10.0.0.1", "ipFamilies": ["IPv6"]},
        ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
        id="family-mismatch",
    ),
    pytest.param(
        {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}},
        [
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: "
            "must be greater than 0 and less than 86400"
        ],
        id="affinity-seconds",
    ),
    pytest.param(
        {"externalTrafficPolicy": "Local"},
        ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
        id="external-policy",
    ),
    pytest.param(
        {"internalTrafficPolicy": "x"},
        ['spec.internalTrafficPolicy: Unsupported value: "x": supported values: "Cluster", "Local"'],
        id="internal-policy",
    ),
    pytest.param(
        {"externalIPs": ["127.0.0.1"]},
        ['spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'],
        id="loopback",
    ),
    pytest.param(
        {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0"]},
        [
            'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": '
            "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
        ],
        id="source-range",
    ),
    pytest.param(
        {"loadBalancerClass": "a/b"},
        ["spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"],
        id="class",
    ),
]


def test_no_load_balancer_leads_to_the_kubelets() -> None:
    detail = "may not expose port 10250 externally since it is used by kubelet"
    assert mistakes(type="LoadBalancer", ports=[{"port": 10250}]) == [f"spec.ports[0]: Invalid value: 10250: {detail}"]
    assert mistakes(type="NodePort", ports=[{"port": 10250}]) == []


@pytest.mark.parametrize(("spec", "expected"), MISTAKES)
def test_mistakes(spec: dict[str, Any], expected: list[str]) -> None:
    assert mistakes(**spec) == expected


@pytest.mark.parametrize("name", ["A", "a.b", "-a", "a" * 64])
def test_a_service_name_is_a_dns_label(name: str) -> None:
    assert SERVICE.check_name is not None
    assert SERVICE.check_name(name, False) != []
    assert SERVICE.check_name("1abc", False) == []


def warned(**spec: Any) -> list[str]:
    assert SERVICE.warnings is not None
    return SERVICE.warnings(created(**spec), None)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"sessionAffinity": "ClientIP"}, []),
        ({"clusterIP": "None"}, []),
        (
            {"clusterIP": "None", "sessionAffinity": "ClientIP", "loadBalancerIP": "192.0.2.1"},
            [
                "spec.loadBalancerIP is ignored for headless services",
                "spec.SessionAffinity is ignored for headless services",
            ],
        ),
        ({"externalIPs": ["192.0.2.1"]}, ["spec.externalIPs is deprecated"]),
        ({"externalName": "example.com"}, ['spec.externalName is ignored when spec.type is not "ExternalName"']),
        (
            {"trafficDistribution": "PreferClose"},
            ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
        ),
        (
            {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.5/24"]},
            [
                'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.5/24" is ambiguous in this context '
                '(should be "10.0.0.0/24" or "10.0.0.5/32"?)'
            ],
        ),
    ],
)
def test_what_is_old_or_without_effect_is_warned_of(spec: dict[str, Any], expected: list[str]) -> None:
    assert warned(**spec) == expected


def test_the_old_annotation_for_hints_is_warned_of() -> None:
    service = decoded(SERVICE, wire())
    service.metadata.annotations["service.kubernetes.io/topology-aware-hints"] = "auto"
    assert SERVICE.warnings is not None
    old, new = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
    assert SERVICE.warnings(service, None) == [f"annotation {old} is deprecated, please use {new} instead"]


def updated(old: dict[str, Any], new: dict[str, Any]) -> tuple[Any, list[str]]:
    before, after = created(**old), decoded(SERVICE, wire(**new))
    SERVICE.prepare_update(after, before)
    return after, texts([*SERVICE.validate(after), *SERVICE.validate_update(after, before)])


ALLOCATED = {
    "clusterIP": "10.0.0.1",
    "clusterIPs": ["10.0.0.1"],
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
}


def test_an_update_that_leaves_the_address_out_keeps_it() -> None:
    after, errors = updated(ALLOCATED, {})
    assert errors == []
    assert (after.spec.clusterIP, after.spec.clusterIPs, after.spec.ipFamilies) == ("10.0.0.1", ["10.0.0.1"], ["IPv4"])


def test_the_address_may_not_change() -> None:
    _, errors = updated(ALLOCATED, {"clusterIP": "10.0.0.2"})
    assert errors == ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']


def test_node_ports_stay_with_their_ports() -> None:
    old = {**ALLOCATED, "type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    ports = [{"port": 81, "name": "new"}, {"port": 80, "name": "old"}]
    after, errors = updated(old, {"type": "NodePort", "ports": ports})
    assert errors == []
    assert [port.nodePort for port in after.spec.ports] == [None, 30080]


def test_going_back_to_cluster_ip_gives_up_node_ports_and_policy() -> None:
    old = {**ALLOCATED, "type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}
    new = {
        **ALLOCATED,
        "type": "ClusterIP",
        "ports": [{"port": 80, "nodePort": 30080}],
        "externalTrafficPolicy": "Cluster",
    }
    after, errors = updated(old, new)
    assert errors == []
    assert (after.spec.ports[0].nodePort, after.spec.externalTrafficPolicy) == (None, "")


def test_becoming_an_external_name_gives_up_the_address() -> None:
    after, errors = updated(ALLOCATED, {**ALLOCATED, "type": "ExternalName", "externalName": "a.b"})
    assert errors == []
    assert (after.spec.clusterIP, after.spec.clusterIPs, after.spec.ipFamilyPolicy) == (None, [], "")


def cells(status: dict[str, Any] | None = None, **spec: Any) -> list[Any]:
    metadata = {"name": "s", "creationTimestamp": "2026-01-01T11:00:00Z"}
    service = decoded(SERVICE, {"metadata": metadata, "spec": spec, "status": status or {}})
    return SERVICE.row(service, NOW) if SERVICE.row is not None else []


BALANCED = {"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "lb.example"}]}}
ROWS: list[Any] = [
    pytest.param(
        {"clusterIP": "10.0.0.1", "ports": [{"port": 80}], "selector": {"b": "2", "a": "1"}},
        None,
        ["ClusterIP", "10.0.0.1", "<none>", "80/TCP", "60m", "a=1,b=2"],
        id="cluster-ip",
    ),
    pytest.param(
        {
            "type": "NodePort",
            "clusterIP": "10.0.0.1",
            "ports": [{"port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
        },
        None,
        ["NodePort", "10.0.0.1", "<none>", "80:30080/TCP,53/UDP", "60m", "<none>"],
        id="node-port",
    ),
    pytest.param(
        {"type": "LoadBalancer", "ports": []},
        None,
        ["LoadBalancer", "<none>", "<pending>", "<none>", "60m", "<none>"],
        id="pending",
    ),
    pytest.param(
        {"type": "LoadBalancer", "externalIPs": ["1.1.1.1"]},
        BALANCED,
        ["LoadBalancer", "<none>", "9.9.9.9,lb.example,1.1.1.1", "<none>", "60m", "<none>"],
        id="balanced",
    ),
    pytest.param(
        {"type": "ExternalName", "externalName": "a.b"},
        None,
        ["ExternalName", "<none>", "a.b", "<none>", "60m", "<none>"],
        id="external-name",
    ),
]


@pytest.mark.parametrize(("spec", "status", "expected"), ROWS)
def test_table(spec: dict[str, Any], status: dict[str, Any] | None, expected: list[str]) -> None:
    found = cells(status, **spec)
    assert found == ["s", *expected]
    assert len(found) == len(COLUMNS)


def test_a_load_balancers_status_is_checked() -> None:
    old = created(type="LoadBalancer")
    new = created(type="LoadBalancer")
    new.status = type(new.status)(loadBalancer=None)
    assert SERVICE.validate_status_update(new, old) == []
    bad = decoded(SERVICE, {**wire(), "status": {"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}]}}})
    assert texts(SERVICE.validate_status_update(bad, old)) == [
        "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"
    ]

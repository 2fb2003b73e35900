"""Which endpoints serve which port."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from kubelite.proxy.model import Balanced, EndpointSlice, Flow, Service
from kubelite.proxy.plan import health_nodes, plan, stale_flows


def service(name: str = "web", protocol: str = "TCP", labels: dict[str, str] | None = None, **spec: Any) -> Service:
    ports = [{"name": "main", "port": 80, "protocol": protocol}]
    body = {
        "metadata": {"name": name, "namespace": "default", "labels": labels or {}},
        "spec": {"clusterIP": "10.96.0.5", "ports": ports, **spec},
    }
    return msgspec.json.decode(json.dumps(body), type=Service)


def slice_of(*endpoints: dict[str, Any], number: int = 1, port: int | None = 8080, **more: Any) -> EndpointSlice:
    body = {
        "metadata": {
            "name": f"web-{number}",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "endpoints": list(endpoints),
        "ports": [{"name": "main", "port": port, "protocol": "TCP"}],
        **more,
    }
    return msgspec.json.decode(json.dumps(body), type=EndpointSlice)


def at(address: str, node: str = "here", **conditions: Any) -> dict[str, Any]:
    return {"addresses": [address], "nodeName": node, "conditions": conditions}


def only(wanted: Service, *slices: EndpointSlice) -> Balanced:
    (port,) = plan([wanted], slices, "here")
    return port


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([at("10.0.0.1"), at("10.0.0.2", ready=True)], ["10.0.0.1", "10.0.0.2"]),
        ([at("10.0.0.1", ready=False), at("10.0.0.2")], ["10.0.0.2"]),
        ([at("10.0.0.1", ready=False, serving=True, terminating=True)], ["10.0.0.1"]),
        ([at("10.0.0.1", ready=False, serving=False, terminating=True)], []),
        ([at("10.0.0.1", ready=False, serving=True)], []),
        ([at("10.0.0.1", ready=False, serving=True, terminating=True), at("10.0.0.2")], ["10.0.0.2"]),
        ([], []),
    ],
)
def test_ready_endpoints_serve_or_else_terminating_ones_that_still_serve(
    endpoints: list[dict[str, Any]], expected: list[str]
) -> None:
    assert [e.ip for e in only(service(), slice_of(*endpoints)).everywhere] == expected


def test_an_address_in_two_slices_counts_once_by_its_best_condition() -> None:
    slices = (slice_of(at("10.0.0.1", ready=False)), slice_of(at("10.0.0.1", ready=True), number=2))
    for order in (slices, slices[::-1]):
        assert [(e.ip, e.ready) for e in only(service(), *order).everywhere] == [("10.0.0.1", True)]


def test_local_endpoints_are_those_of_this_node() -> None:
    port = only(service(), slice_of(at("10.0.0.1"), at("10.0.0.2", node="there")))
    assert [e.ip for e in port.here] == ["10.0.0.1"]
    assert len(port.internal) == len(port.external) == 2


def test_terminating_endpoints_of_this_node_serve_locally_even_if_others_are_ready() -> None:
    going = at("10.0.0.1", ready=False, serving=True, terminating=True)
    port = only(service(internalTrafficPolicy="Local"), slice_of(going, at("10.0.0.2", node="there")))
    assert [e.ip for e in port.internal] == ["10.0.0.1"]


@pytest.mark.parametrize(
    "other",
    [
        slice_of(at("10.0.0.1"), ports=[{"name": "other", "port": 1, "protocol": "TCP"}]),
        slice_of(at("10.0.0.1"), ports=[{"name": "main", "port": 1, "protocol": "UDP"}]),
        slice_of(at("10.0.0.1"), port=None),
        slice_of(at("fd00::1"), addressType="IPv6"),
        slice_of(at("10.0.0.1"), metadata={"name": "x", "namespace": "default"}),
        slice_of(
            at("10.0.0.1"),
            metadata={"name": "x", "namespace": "other", "labels": {"kubernetes.io/service-name": "web"}},
        ),
    ],
)
def test_slices_of_other_ports_families_or_services_do_not_count(other: EndpointSlice) -> None:
    assert only(service(), other).everywhere == ()


@pytest.mark.parametrize(
    "wanted",
    [
        service(clusterIP="None"),
        service(clusterIP=""),
        service(clusterIP=None),
        service(clusterIP="fd00::5"),
        service(type="ExternalName"),
        service(labels={"service.kubernetes.io/service-proxy-name": "mine"}),
        service(labels={"service.kubernetes.io/headless": ""}),
    ],
)
def test_services_without_an_address_of_ours_are_left_out(wanted: Service) -> None:
    assert plan([wanted], [slice_of(at("10.0.0.1"))], "here") == []


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({}, 0),
        ({"sessionAffinity": "ClientIP"}, 10800),
        ({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}}, 60),
    ],
)
def test_affinity_lasts_as_long_as_asked(spec: dict[str, Any], seconds: int) -> None:
    assert only(service(**spec)).affinity_seconds == seconds


def test_a_node_port_counts_only_for_types_that_have_one() -> None:
    ports = [{"name": "main", "port": 80, "protocol": "TCP", "nodePort": 30080}]
    assert only(service(ports=ports)).node_port == 0
    assert only(service(ports=ports, type="NodePort")).node_port == 30080


def test_health_check_ports_tell_how_many_endpoints_are_here() -> None:
    balanced = {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "healthCheckNodePort": 31000}
    slices = [slice_of(at("10.0.0.1"), at("10.0.0.2", ready=False), at("10.0.0.3", node="there"))]
    assert health_nodes([service(**balanced)], slices, "here") == {31000: ("default/web", 1)}
    assert health_nodes([service(**balanced)], slices, "nowhere") == {31000: ("default/web", 0)}
    assert health_nodes([service(**{**balanced, "externalTrafficPolicy": "Cluster"})], slices, "here") == {}


def udp(*addresses: str, port: int = 5353, **spec: Any) -> list[Balanced]:
    ports = [{"name": "main", "port": port, "protocol": "UDP"}]
    return plan([service(protocol="UDP", **spec)], [slice_of(*map(at, addresses), ports=ports)], "here")


VIP = "10.96.0.5"


def test_flows_to_an_endpoint_that_is_gone_are_forgotten() -> None:
    assert stale_flows(udp("10.0.0.1", "10.0.0.2"), udp("10.0.0.2")) == {Flow(VIP, endpoint="10.0.0.1")}
    assert stale_flows(udp("10.0.0.1"), []) == {Flow(VIP, endpoint="10.0.0.1")}
    assert stale_flows(udp("10.0.0.1"), udp("10.0.0.1", port=5454)) == {Flow(VIP, endpoint="10.0.0.1")}


def test_flows_that_went_nowhere_are_forgotten_when_the_first_endpoint_comes() -> None:
    assert stale_flows(udp(), udp("10.0.0.1")) == {Flow(VIP)}
    assert stale_flows([], udp("10.0.0.1")) == {Flow(VIP)}
    assert stale_flows(udp("10.0.0.1"), udp("10.0.0.1", "10.0.0.2")) == set()
    assert stale_flows(udp(), udp()) == set()


def test_every_way_in_is_forgotten() -> None:
    ports = [{"name": "main", "port": 53, "protocol": "UDP", "nodePort": 30053}]
    more = {"type": "NodePort", "ports": ports, "externalIPs": ["198.51.100.7"]}
    assert stale_flows(udp(**more), udp("10.0.0.1", **more)) == {Flow(VIP), Flow("198.51.100.7"), Flow(node_port=30053)}


def test_tcp_needs_no_forgetting() -> None:
    before = plan([service()], [slice_of(at("10.0.0.1"))], "here")
    assert stale_flows(before, []) == set()


def hinted(ip: str, node: str = "", zone: str = "", ready: bool = True) -> dict[str, Any]:
    hints = {"forNodes": [{"name": node}] if node else [], "forZones": [{"name": zone}] if zone else []}
    return {"addresses": [ip], "conditions": {"ready": ready}, "hints": hints}


@pytest.mark.parametrize(
    ("endpoints", "zone", "expected"),
    [
        ([hinted("10.0.0.1", zone="z1"), hinted("10.0.0.2", zone="z2")], "z1", ["10.0.0.1"]),
        ([hinted("10.0.0.1", zone="z1"), hinted("10.0.0.2", zone="z2")], "z3", ["10.0.0.1", "10.0.0.2"]),
        ([hinted("10.0.0.1", zone="z1"), hinted("10.0.0.2", zone="z2")], "", ["10.0.0.1", "10.0.0.2"]),
        ([hinted("10.0.0.1", zone="z1"), hinted("10.0.0.2")], "z1", ["10.0.0.1", "10.0.0.2"]),
        ([hinted("10.0.0.1", zone="z1"), hinted("10.0.0.2", ready=False)], "z1", ["10.0.0.1"]),
        ([hinted("10.0.0.1", "me", "z1"), hinted("10.0.0.2", "other", "z1")], "z1", ["10.0.0.1"]),
        ([hinted("10.0.0.1", "x", "z1"), hinted("10.0.0.2", "y", "z2")], "z2", ["10.0.0.2"]),
    ],
)
def test_hints_keep_traffic_in_the_node_or_the_zone(
    endpoints: list[dict[str, Any]], zone: str, expected: list[str]
) -> None:
    (found,) = plan([service()], [slice_of(*endpoints)], "me", zone)
    assert [one.ip for one in found.everywhere] == expected

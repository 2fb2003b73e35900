"""What becomes of packets to Services: the suite that every way of programming the kernel has to pass.

The node is 192.0.2.1, pods are 10.244.0.0/16, those of this node 10.244.1.0/24; 203.0.113.9 is a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kubelite.proxy import render_iptables
from kubelite.proxy.model import EndpointSlice, Service
from kubelite.proxy.plan import plan
from tests.contract.packets import Kernel, Outcome, Packet

NODE, POD, STRANGER = "192.0.2.1", "10.244.1.9", "203.0.113.9"
VIP, OUTSIDE, BALANCER = "10.96.0.50", "198.51.100.7", "198.51.100.8"
A, B = "10.244.1.5", "10.244.2.6"
"""An endpoint of this node and one of another."""


def service(**spec: Any) -> Service:
    body = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"clusterIP": VIP, "ports": [{"name": "http", "port": 80, "protocol": "TCP"}], **spec},
    }
    if "externalIPs" not in spec and spec.get("type") == "LoadBalancer":
        body["status"] = {"loadBalancer": {"ingress": [{"ip": BALANCER}]}}
    return msgspec.json.decode(json.dumps(body), type=Service)


def slice_of(*endpoints: dict[str, Any]) -> EndpointSlice:
    body = {
        "metadata": {"name": "web-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": list(endpoints),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }
    return msgspec.json.decode(json.dumps(body), type=EndpointSlice)


def at(address: str, **conditions: bool) -> dict[str, Any]:
    node = "here" if address.startswith("10.244.1.") else "there"
    return {"addresses": [address], "nodeName": node, "conditions": {"ready": True, **conditions}}


def iptables(wanted: Service, endpoints: list[dict[str, Any]]) -> Kernel:
    ports = plan([wanted], [slice_of(*endpoints)], "here")
    nat, filtering = render_iptables.tables(ports, render_iptables.Settings("10.244.0.0/16"))
    return Kernel(nat, filtering)


@pytest.fixture(params=[iptables], ids=["iptables"])
def kernel(request: pytest.FixtureRequest) -> Callable[[Service, list[dict[str, Any]]], Kernel]:
    chosen: Callable[[Service, list[dict[str, Any]]], Kernel] = request.param
    return chosen


def to(address: str, *, masqueraded: bool = False) -> Outcome:
    return Outcome("ACCEPT", f"{address}:8080", masqueraded)


def evenly(*outcomes: Outcome) -> Any:
    return {outcome: pytest.approx(1 / len(outcomes), abs=1e-5) for outcome in outcomes}


Make = Callable[[Service, list[dict[str, Any]]], Kernel]


def test_a_pod_reaches_all_endpoints_equally_without_masquerading(kernel: Make) -> None:
    addresses = [f"10.244.2.{i}" for i in range(1, 8)]
    made = kernel(service(), [at(a) for a in addresses])
    assert made.trace(Packet(POD, VIP, 80)) == evenly(*(to(a) for a in addresses))


def test_a_source_that_is_no_pod_is_masqueraded(kernel: Make) -> None:
    made = kernel(service(), [at(A)])
    assert made.trace(Packet(STRANGER, VIP, 80)) == evenly(to(A, masqueraded=True))
    assert made.trace(Packet(NODE, VIP, 80)) == evenly(to(A, masqueraded=True))


def test_an_endpoint_that_reaches_itself_is_masqueraded(kernel: Make) -> None:
    made = kernel(service(), [at(A)])
    assert made.trace(Packet(A, VIP, 80)) == evenly(to(A, masqueraded=True))


@pytest.mark.parametrize(("port", "protocol"), [(81, "tcp"), (80, "udp")])
def test_another_port_or_protocol_of_the_address_is_left_alone(kernel: Make, port: int, protocol: str) -> None:
    made = kernel(service(), [at(A)])
    assert made.trace(Packet(POD, VIP, port, protocol)) == evenly(Outcome("ACCEPT", f"{VIP}:{port}"))


@pytest.mark.parametrize("source", [POD, NODE, STRANGER])
def test_without_endpoints_connections_are_rejected(kernel: Make, source: str) -> None:
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
    made = kernel(service(type="NodePort", ports=ports, externalIPs=[OUTSIDE]), [at(A, ready=False)])
    assert made.trace(Packet(source, VIP, 80)) == evenly(Outcome("REJECT"))
    if source != NODE:
        assert made.trace(Packet(source, OUTSIDE, 80)) == evenly(Outcome("REJECT"))
        assert made.trace(Packet(source, NODE, 30080)) == evenly(Outcome("REJECT"))


def test_terminating_endpoints_serve_when_none_is_ready(kernel: Make) -> None:
    going = at(A, ready=False, serving=True, terminating=True)
    assert kernel(service(), [going]).trace(Packet(POD, VIP, 80)) == evenly(to(A))
    assert kernel(service(), [going, at(B)]).trace(Packet(POD, VIP, 80)) == evenly(to(B))


NODE_PORT = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]}


def test_a_node_port_reaches_all_endpoints_with_the_nodes_address(kernel: Make) -> None:
    made = kernel(service(**NODE_PORT), [at(A), at(B)])
    both = evenly(to(A, masqueraded=True), to(B, masqueraded=True))
    assert made.trace(Packet(STRANGER, NODE, 30080)) == both
    assert made.trace(Packet("127.0.0.1", "127.0.0.1", 30080)) == both
    assert made.trace(Packet(POD, VIP, 80)) == evenly(to(A), to(B))
    assert made.trace(Packet(STRANGER, STRANGER, 30080)) == evenly(Outcome("ACCEPT", f"{STRANGER}:30080"))


def test_external_local_keeps_strangers_to_this_node_and_their_address(kernel: Make) -> None:
    made = kernel(service(**NODE_PORT, externalTrafficPolicy="Local"), [at(A), at(B)])
    assert made.trace(Packet(STRANGER, NODE, 30080)) == evenly(to(A))
    assert made.trace(Packet(POD, NODE, 30080)) == evenly(to(A), to(B))
    assert made.trace(Packet(NODE, NODE, 30080)) == evenly(to(A, masqueraded=True), to(B, masqueraded=True))


def test_external_local_without_endpoint_here_drops_strangers_and_serves_pods(kernel: Make) -> None:
    made = kernel(service(**NODE_PORT, externalTrafficPolicy="Local", externalIPs=[OUTSIDE]), [at(B)])
    assert made.trace(Packet(STRANGER, NODE, 30080)) == evenly(Outcome("DROP"))
    assert made.trace(Packet(STRANGER, OUTSIDE, 80)) == evenly(Outcome("DROP"))
    assert made.trace(Packet(POD, OUTSIDE, 80)) == evenly(to(B))
    assert made.trace(Packet(POD, VIP, 80)) == evenly(to(B))


def test_internal_local_keeps_the_cluster_address_to_this_node_but_not_the_node_port(kernel: Make) -> None:
    made = kernel(service(**NODE_PORT, internalTrafficPolicy="Local"), [at(A), at(B)])
    assert made.trace(Packet(POD, VIP, 80)) == evenly(to(A))
    assert made.trace(Packet(STRANGER, NODE, 30080)) == evenly(to(A, masqueraded=True), to(B, masqueraded=True))


def test_internal_local_without_endpoint_here_drops(kernel: Make) -> None:
    made = kernel(service(**NODE_PORT, internalTrafficPolicy="Local"), [at(B)])
    assert made.trace(Packet(POD, VIP, 80)) == evenly(Outcome("DROP"))
    assert made.trace(Packet(STRANGER, NODE, 30080)) == evenly(to(B, masqueraded=True))


def test_outside_addresses_lead_to_the_endpoints(kernel: Make) -> None:
    made = kernel(service(externalIPs=[OUTSIDE]), [at(B)])
    assert made.trace(Packet(STRANGER, OUTSIDE, 80)) == evenly(to(B, masqueraded=True))


def test_a_load_balancer_address_lets_only_its_source_ranges_pass(kernel: Make) -> None:
    balanced = {"type": "LoadBalancer", "ports": NODE_PORT["ports"]}
    open_, guarded = (
        kernel(service(**balanced, loadBalancerSourceRanges=ranges), [at(B)]) for ranges in ([], ["203.0.113.0/28"])
    )
    for made in (open_, guarded):
        assert made.trace(Packet(STRANGER, BALANCER, 80)) == evenly(to(B, masqueraded=True))
    assert open_.trace(Packet("203.0.113.200", BALANCER, 80)) == evenly(to(B, masqueraded=True))
    assert guarded.trace(Packet("203.0.113.200", BALANCER, 80)) == evenly(Outcome("DROP"))


def test_session_affinity_sends_a_known_client_to_its_endpoint(kernel: Make) -> None:
    made = kernel(service(sessionAffinity="ClientIP"), [at(A), at(B)])
    assert made.trace(Packet(POD, VIP, 80)) == evenly(to(A), to(B))
    lists = [name for name, rules in made.nat.chains.items() if f"{B}:8080" in " ".join(rules)]
    assert len(lists) == 1
    made.recent[lists[0]] = {POD}
    assert made.trace(Packet(POD, VIP, 80)) == evenly(to(B))
    assert made.trace(Packet("10.244.1.77", VIP, 80)) == evenly(to(A), to(B))


def test_packets_from_neighbours_to_loopback_are_dropped(kernel: Make) -> None:
    made = kernel(service(), [at(A)])
    assert made.trace(Packet(STRANGER, "127.0.0.1", 10249)) == evenly(Outcome("DROP"))

"""What a load balancer is made from, and what is told of changes."""

from __future__ import annotations

from typing import Any

import pytest

from kubelite.api.types.core_v1 import LoadBalancerIngress, Service
from kubelite.controllers import objects
from kubelite.controllers.servicelb import plan
from kubelite.machinery import codec


def service(**spec: Any) -> Service:
    body = {"type": "LoadBalancer", "ports": [{"port": 80, "targetPort": 80}], "ipFamilies": ["IPv4"], **spec}
    made: Service = codec.from_generic({"metadata": {"name": "s"}, "spec": body}, Service)
    return made


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ({}, {}, None),
        ({}, {"type": "NodePort"}, ("Type", "LoadBalancer -> NodePort")),
        ({"type": "ClusterIP"}, {"type": "NodePort"}, None),
        ({}, {"loadBalancerSourceRanges": ["10.0.0.0/8"]}, ("LoadBalancerSourceRanges", "[] -> [10.0.0.0/8]")),
        ({}, {"sessionAffinity": "ClientIP", "loadBalancerIP": "192.0.2.1"}, None),
        ({}, {"loadBalancerIP": "192.0.2.1"}, ("LoadbalancerIP", " -> 192.0.2.1")),
        ({}, {"externalIPs": ["192.0.2.1"]}, ("ExternalIP", "Count: 0 -> 1")),
        ({"externalIPs": ["a", "b"]}, {"externalIPs": ["a", "c"]}, ("ExternalIP", "Added: c")),
        ({}, {"healthCheckNodePort": 30001}, ("HealthCheckNodePort", "0 -> 30001")),
        ({}, {"ipFamilies": ["IPv4", "IPv6"]}, ("IPFamilies", "Count: 1 -> 2")),
        ({}, {"selector": {"a": "b"}}, None),
    ],
)
def test_the_first_change_that_concerns_the_load_balancer_is_told(
    old: dict[str, Any], new: dict[str, Any], told: tuple[str, str] | None
) -> None:
    assert plan.told(service(**old), service(**new)) == told


@pytest.mark.parametrize(
    ("new", "asks"),
    [
        ({}, False),
        ({"selector": {"a": "b"}}, False),
        ({"ports": [{"port": 81, "targetPort": 80}]}, True),
        ({"externalTrafficPolicy": "Local"}, True),
    ],
)
def test_only_what_it_is_made_from_makes_it_anew(new: dict[str, Any], asks: bool) -> None:
    assert (plan.asked(service()) != plan.asked(service(**new))) is asks


def node(name: str, **more: Any) -> objects.Node:
    made: objects.Node = codec.from_generic(
        {"metadata": {"name": name, **more.pop("metadata", {})}, **more}, objects.Node
    )
    return made


def test_hosts_are_all_nodes_but_those_that_go_or_are_excluded() -> None:
    excluded = node("b", metadata={"labels": {plan.EXCLUDED: ""}})
    leaving = node("c", spec={"taints": [{"key": plan.TO_BE_DELETED, "effect": "NoSchedule"}]})
    assert [plan.is_host(one) for one in (node("a"), excluded, leaving)] == [True, False, False]
    assert not plan.usable(node("a")), "traffic of an address goes to a node that is ready"
    assert plan.shown_hosts([node(f"n{i}") for i in range(21)]).endswith("total number of nodes: 21]")


def test_how_an_address_is_reached_is_told_too() -> None:
    ingress = [LoadBalancerIngress(ip="192.0.2.1", ipMode="Proxy")]
    assert plan.patch(service(), [], ingress)["status"] == {
        "loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ipMode": "Proxy"}]}
    }
    assert not plan.same(ingress, [LoadBalancerIngress(ip="192.0.2.1")])
    assert plan.same([LoadBalancerIngress(ip="192.0.2.1", ipMode="VIP")], [LoadBalancerIngress(ip="192.0.2.1")])

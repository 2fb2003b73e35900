"""What a node's pod network needs."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from kubelite.network.plan import Node, Route, cni_config, own_cidr, routes, tables


def node(name: str, cidr: str = "", *addresses: tuple[str, str]) -> Node:
    body: dict[str, Any] = {
        "metadata": {"name": name},
        "spec": {"podCIDR": cidr},
        "status": {"addresses": [{"type": kind, "address": address} for kind, address in addresses]},
    }
    return msgspec.convert(body, Node)


def at(address: str) -> tuple[str, str]:
    return ("InternalIP", address)


NODES = [
    node("a", "10.244.0.0/24", at("192.0.2.1")),
    node("b", "10.244.1.0/24", ("Hostname", "b"), at("192.0.2.2"), at("192.0.2.22")),
    node("new", "", at("192.0.2.3")),
    node("unknown", "10.244.3.0/24", ("ExternalIP", "198.51.100.1")),
]


def test_every_other_node_with_a_range_and_an_address_gets_a_route() -> None:
    assert routes(NODES, "a") == {Route("10.244.1.0/24", "192.0.2.2")}
    assert routes(NODES, "new") == {Route("10.244.0.0/24", "192.0.2.1"), Route("10.244.1.0/24", "192.0.2.2")}


def test_a_node_under_another_name_at_the_own_address_gets_none() -> None:
    assert routes(NODES, "a", "192.0.2.2") == set()


@pytest.mark.parametrize(("name", "cidr"), [("a", "10.244.0.0/24"), ("new", ""), ("gone", "")])
def test_the_own_range_is_that_of_the_own_node(name: str, cidr: str) -> None:
    assert own_cidr(NODES, name) == cidr


def test_the_cni_configuration_gives_pods_addresses_of_the_range_and_host_ports() -> None:
    config = json.loads(cni_config("10.244.7.0/24"))
    bridge, portmap = config["plugins"]
    assert (config["cniVersion"], config["name"]) == ("0.4.0", "kubelite")
    assert (bridge["type"], bridge["isGateway"], bridge["hairpinMode"]) == ("bridge", True, True)
    assert bridge["ipam"]["ranges"] == [[{"subnet": "10.244.7.0/24"}]]
    assert bridge["ipam"]["routes"] == [{"dst": "0.0.0.0/0"}]
    assert "mtu" not in bridge
    assert (portmap["type"], portmap["capabilities"]) == ("portmap", {"portMappings": True})
    assert json.loads(cni_config("10.244.7.0/24", 1450))["plugins"][0]["mtu"] == 1450


def test_only_what_leaves_the_pod_range_is_masqueraded() -> None:
    nat, filtering = tables("10.244.0.0/16")
    (rules,) = nat.chains.values()
    assert rules[0] == "-s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN"
    assert rules[-1].startswith("-s 10.244.0.0/16 -j MASQUERADE")
    assert [jump.chain for jump in (*nat.jumps, *filtering.jumps)] == ["POSTROUTING", "FORWARD"]


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits set"):
        tables("10.244.1.1/16")

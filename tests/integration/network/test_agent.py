"""The network agent in a network namespace: routes, rules and the CNI configuration follow the Node objects."""

from __future__ import annotations

import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.proxy.netns import Net, supported

pytestmark = pytest.mark.skipif(bool(supported()), reason=supported())
FOREIGN = ("198.18.0.0/15", "via", "192.0.2.9", "dev", "lan0")


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[Net]:
    made = Net()
    try:
        made.add("node")
        made.add("lan")
        peer = ["peer", "name", "lan0", "netns", f"{made.prefix}-lan"]
        made.run("node", "ip", "link", "add", "lan0", "type", "veth", *peer)
        made.run("lan", "ip", "link", "set", "lan0", "up")
        made.run("node", "ip", "address", "add", "192.0.2.1/24", "dev", "lan0")
        made.run("node", "ip", "link", "set", "lan0", "up")
        made.run("node", "ip", "route", "add", *FOREIGN)
        # A leftover of an agent that was killed.
        made.run("node", "ip", "route", "add", "10.244.99.0/24", "via", "192.0.2.99", "proto", "108")
        conf = str(tmp_path / "net.d" / "10-kubelite.conflist")
        program = (sys.executable, "-m", "tests.integration.network.agent_process", conf)
        made.node_process = made.start("node", *program)
        yield made
    finally:
        made.close()


def add(world: Net, name: str, cidr: str, address: str) -> None:
    world.tell(["POST", "/api/v1/nodes", {"metadata": {"name": name}, "spec": {"podCIDR": cidr} if cidr else {}}])
    status = {"status": {"addresses": [{"type": "InternalIP", "address": address}]}}
    world.tell(["PATCH", f"/api/v1/nodes/{name}/status", status])


def routes(world: Net) -> dict[str, str]:
    """Target → next hop of all routes that have one."""
    lines = [line.split() for line in world.run("node", "ip", "-4", "route", "show").splitlines()]
    return {words[0]: words[2] for words in lines if words[1] == "via"}


def until(asked: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + 10
    while (found := asked()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


def test_routes_rules_and_configuration_follow_the_nodes(world: Net, tmp_path: pathlib.Path) -> None:
    foreign = {FOREIGN[0]: FOREIGN[2]}
    conf = tmp_path / "net.d" / "10-kubelite.conflist"
    until(lambda: routes(world), foreign)
    add(world, "a", "", "192.0.2.1")
    add(world, "b", "10.244.1.0/24", "192.0.2.2")
    until(lambda: routes(world), {**foreign, "10.244.1.0/24": "192.0.2.2"})
    assert not conf.exists()
    world.tell(["PATCH", "/api/v1/nodes/a", {"spec": {"podCIDR": "10.244.0.0/24"}}])
    until(conf.exists, True)
    ipam = json.loads(conf.read_text())["plugins"][0]["ipam"]
    assert ipam["ranges"] == [[{"subnet": "10.244.0.0/24"}]]
    assert [path.name for path in conf.parent.iterdir()] == [conf.name]

    # A node that cannot be reached does not keep the next one from being reached.
    add(world, "bad", "10.244.2.0/24", "203.0.113.5")
    add(world, "c", "10.244.3.0/24", "192.0.2.4")
    until(lambda: routes(world).get("10.244.3.0/24"), "192.0.2.4")
    world.tell(["DELETE", "/api/v1/nodes/bad", None])
    status = {"status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.22"}]}}
    world.tell(["PATCH", "/api/v1/nodes/b/status", status])
    world.tell(["DELETE", "/api/v1/nodes/c", None])
    until(lambda: routes(world), {**foreign, "10.244.1.0/24": "192.0.2.22"})

    rules = world.rules()
    assert "-A KUBELITE-FORWARD -s 10.244.0.0/16 -j ACCEPT" in rules
    assert "-A KUBELITE-POSTROUTING -s 10.244.0.0/16 -j MASQUERADE --random-fully" in rules


def test_load_balancer_addresses_of_the_node_are_answered_for(world: Net) -> None:
    world.run("node", "ip", "address", "add", "192.0.2.66/32", "dev", "lo", "label", "lo:kubelite")  # a leftover
    world.run("lan", "ip", "address", "add", "192.0.2.2/24", "dev", "lan0")
    world.run("node", "ip", "link", "set", "lo", "up")
    add(world, "a", "", "192.0.2.1")

    def here() -> set[str]:
        lines = [
            line.split() for line in world.run("node", "ip", "-4", "-o", "address", "show", "dev", "lo").splitlines()
        ]
        return {words[3] for words in lines} - {"127.0.0.1/8"}

    def announce(text: str | None) -> None:
        patch = {"metadata": {"annotations": {"kubelite.io/load-balancer-addresses": text}}}
        world.tell(["PATCH", "/api/v1/nodes/a", patch])

    until(here, set())
    announce("192.0.2.8,192.0.2.9,127.0.0.5,nonsense")
    until(here, {"192.0.2.8/32", "192.0.2.9/32"})
    probe = "import errno, socket; print(socket.socket().connect_ex(('192.0.2.8', 9)) == errno.ECONNREFUSED)"
    assert world.run("lan", sys.executable, "-c", probe).strip() == "True"
    announce("192.0.2.9")
    until(here, {"192.0.2.9/32"})
    announce(None)
    until(here, set())

"""The route controller with the provider `local` in a network namespace: the kernel's routes follow the nodes."""

from __future__ import annotations

import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.proxy.netns import Net, supported

pytestmark = pytest.mark.skipif(bool(supported()), reason=supported())
MINE = ("proto", "109", "metric", "2048")


@pytest.fixture
def world(tmp_path: pathlib.Path) -> Iterator[Net]:
    made = Net()
    try:
        made.add("node")
        made.run("node", "ip", "link", "add", "lan0", "type", "veth", "peer", "name", "lan1")
        for link in ("lan0", "lan1"):
            made.run("node", "ip", "link", "set", link, "up")
        made.run("node", "ip", "address", "add", "192.0.2.1/24", "dev", "lan0")
        made.run("node", "ip", "-6", "address", "add", "2001:db8::1/64", "dev", "lan0", "nodad")
        # Left by a manager that was killed, of a node that is gone; one elsewhere; and somebody else's to the same place.
        made.run("node", "ip", "route", "add", "10.244.9.0/24", "via", "192.0.2.9", *MINE)
        made.run("node", "ip", "route", "add", "blackhole", "10.244.8.0/24", *MINE)
        made.run("node", "ip", "route", "add", "198.18.9.0/24", "via", "192.0.2.9", *MINE)
        made.run("node", "ip", "route", "add", "10.244.7.0/24", "via", "192.0.2.9", "metric", "50")
        program = (sys.executable, "-m", "tests.integration.controllers.cloud_process", str(tmp_path / "net.conflist"))
        made.node_process = made.start("node", *program)
        yield made
    finally:
        made.close()


def add(world: Net, name: str, cidrs: list[str], *addresses: str) -> None:
    spec = {"podCIDR": cidrs[0], "podCIDRs": cidrs} if cidrs else {}
    world.tell(["POST", "/api/v1/nodes", {"metadata": {"name": name}, "spec": spec}])
    move(world, name, *addresses)


def move(world: Net, name: str, *addresses: str) -> None:
    status = {"status": {"addresses": [{"type": "InternalIP", "address": one} for one in addresses]}}
    world.tell(["PATCH", f"/api/v1/nodes/{name}/status", status])


def routes(world: Net, family: str = "-4", protocol: str = "109") -> dict[str, str]:
    """Target → next hop of the routes with a protocol number."""
    shown = world.run("node", "ip", family, "route", "show", "proto", protocol).splitlines()
    lines = [line.split() for line in shown]
    return {words[0]: words[words.index("via") + 1] if "via" in words else "" for words in lines}


def condition(world: Net, name: str) -> tuple[str, str, str]:
    found = world.tell(["GET", f"/api/v1/nodes/{name}", None])["status"].get("conditions", [])
    one = next((one for one in found if one["type"] == "NetworkUnavailable"), {})
    return one.get("status", ""), one.get("reason", ""), one.get("message", "")


def failures(world: Net) -> list[str]:
    events = world.tell(["GET", "/api/v1/events", None])["items"]
    return [one["message"] for one in events if one["reason"] == "FailedToCreateRoute"]


def until(asked: Callable[[], Any], expected: Any) -> None:
    deadline = time.monotonic() + 20
    while (found := asked()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


CREATED = ("False", "RouteCreated", "RouteController created a route")
FAILED = ("True", "NoRouteCreated", "RouteController failed to create a route")
ELSEWHERE = {"198.18.9.0/24": "192.0.2.9"}


def test_the_kernels_routes_follow_the_nodes_and_the_nodes_are_told(world: Net) -> None:
    until(lambda: routes(world), ELSEWHERE)
    add(world, "a", ["10.244.0.0/24"], "192.0.2.1")
    add(world, "b", ["10.244.1.0/24", "fd00:244:0:1::/64"], "192.0.2.2", "2001:db8::2")
    add(world, "new", [], "192.0.2.3")
    until(lambda: routes(world), {**ELSEWHERE, "10.244.1.0/24": "192.0.2.2"})
    until(lambda: routes(world, "-6"), {"fd00:244:0:1::/64": "2001:db8::2"})
    # The agent on the same machine has its own beside ours; the node that is this machine needs none.
    until(lambda: routes(world, protocol="108"), {"10.244.1.0/24": "192.0.2.2"})
    for name, told in (("a", CREATED), ("b", CREATED), ("new", FAILED)):
        until(lambda name=name: condition(world, name), told)

    # Somebody takes a route away; a node moves; a node cannot be reached and then can; a node goes.
    world.run("node", "ip", "route", "delete", "10.244.1.0/24", *MINE)
    until(lambda: routes(world), {**ELSEWHERE, "10.244.1.0/24": "192.0.2.2"})
    move(world, "b", "192.0.2.22", "2001:db8::2")
    until(lambda: routes(world).get("10.244.1.0/24"), "192.0.2.22")
    add(world, "far", ["10.244.2.0/24"], "203.0.113.5")
    until(lambda: condition(world, "far"), FAILED)
    until(lambda: any("10.244.2.0/24 for node far" in text and "unreachable" in text for text in failures(world)), True)
    move(world, "far", "192.0.2.5")
    until(lambda: condition(world, "far"), CREATED)
    world.tell(["DELETE", "/api/v1/nodes/b", None])
    until(lambda: routes(world), {**ELSEWHERE, "10.244.2.0/24": "192.0.2.5"})
    until(lambda: routes(world, "-6"), {})
    assert "10.244.7.0/24 via 192.0.2.9" in world.run("node", "ip", "route", "show")

"""The proxy with the real iptables and real packets, in network namespaces of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kubelite.cmd.cluster.cleanup import own_rules
from tests.integration.proxy.netns import MACHINES, STRANGER, Net, net, supported

pytestmark = pytest.mark.skipif(bool(supported()), reason=supported())
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
POD = MACHINES["pod"][1]
FOREIGN = """*nat
:FOREIGN - [0:0]
-A PREROUTING -m comment --comment "not -j KUBE-SERVICES" -j FOREIGN
-A FOREIGN -s 198.18.0.0/15 -j RETURN
COMMIT
*filter
:KUBERNETES-LIKE - [0:0]
-A INPUT -s 198.18.0.0/15 -j DROP
-A FORWARD -j KUBERNETES-LIKE
COMMIT
"""
ONE_SOCKET = """
import socket, sys
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
one.settimeout(1)
one.connect(("10.96.5.1", 53))
while True:
    one.send(b"x")
    try:
        print(one.recv(99).decode(), flush=True)
    except OSError:
        print("none", flush=True)
    sys.stdin.readline()
"""
FLUSHED = """
import asyncio
from kubelite.netfilter.iptables import Applier
from kubelite.proxy.render_iptables import Settings, tables
from kubelite.util.process import run

async def main():
    wanted, applier = tables([], Settings()), Applier(("KUBE-",))
    await applier.apply(*wanted)
    print(await applier.intact(*wanted))
    await run(["iptables", "-t", "nat", "-F", "KUBE-POSTROUTING"])
    print(await applier.intact(*wanted))
    applier.forget()
    await applier.apply(*wanted)
    print(await applier.intact(*wanted), await applier.apply(*wanted))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def world() -> Iterator[Net]:
    with net() as made:
        made.run("node", "iptables-restore", "--noflush", stdin=FOREIGN)
        made.start_node()
        yield made


def endpoint(name: str, ready: bool = True) -> dict[str, Any]:
    return {"addresses": [MACHINES[name][1]], "nodeName": "here", "conditions": {"ready": ready}}


def create(world: Net, name: str, address: str, *endpoints: dict[str, Any], node_port: int = 0, **spec: Any) -> None:
    """A Service with a TCP and a UDP port, and its slice."""
    ports = [{"name": "t", "port": 80, "protocol": "TCP"}, {"name": "u", "port": 53, "protocol": "UDP"}]
    if node_port:
        spec["type"] = "NodePort"
        ports = [{**port, "nodePort": node_port + i} for i, port in enumerate(ports)]
    world.tell(["POST", SERVICES, {"metadata": {"name": name}, "spec": {"clusterIP": address, "ports": ports, **spec}}])
    body = {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": "t", "port": 8080, "protocol": "TCP"}, {"name": "u", "port": 5353, "protocol": "UDP"}],
    }
    world.tell(["POST", SLICES, body])


def change(world: Net, name: str, *endpoints: dict[str, Any]) -> None:
    world.tell(["PATCH", f"{SLICES}/{name}", {"endpoints": list(endpoints)}])


def until(asked: Callable[[], Any], expected: Any) -> None:
    """Asks until the rules have followed the objects."""
    deadline = time.monotonic() + 10
    while (found := asked()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == expected


@pytest.mark.parametrize(("protocol", "port"), [("tcp", 80), ("udp", 53)])
def test_a_pod_reaches_both_backends_and_they_see_its_address(world: Net, protocol: str, port: int) -> None:
    address = f"10.96.1.{port}"
    create(world, f"both-{protocol}", address, endpoint("a"), endpoint("b"))
    until(lambda: set(world.ask("pod", protocol, address, port, 24)), {f"a {POD}", f"b {POD}"})


@pytest.mark.parametrize(("protocol", "port"), [("tcp", 30080), ("udp", 30081)])
def test_a_node_port_answers_strangers_and_the_node_itself(world: Net, protocol: str, port: int) -> None:
    if protocol == "tcp":
        create(world, "ported", "10.96.2.1", endpoint("a"), node_port=30080)
    until(lambda: world.ask("stranger", protocol, STRANGER[0], port), [f"a {MACHINES['a'][0]}"])
    assert world.ask("node", protocol, "127.0.0.1", port) == [f"a {MACHINES['a'][0]}"]
    assert world.ask("pod", protocol, "10.96.2.1", 80 if protocol == "tcp" else 53) == [f"a {POD}"]


def test_without_endpoints_a_connection_is_refused_at_once(world: Net) -> None:
    create(world, "none", "10.96.3.1", node_port=30090)
    until(lambda: world.ask("pod", "tcp", "10.96.3.1", 80), ["ConnectionRefusedError"])
    assert world.ask("pod", "udp", "10.96.3.1", 53) == ["ConnectionRefusedError"]
    assert world.ask("stranger", "tcp", STRANGER[0], 30090) == ["ConnectionRefusedError"]
    change(world, "none", endpoint("b"))
    until(lambda: world.ask("pod", "tcp", "10.96.3.1", 80), [f"b {POD}"])
    assert world.ask("pod", "udp", "10.96.3.1", 53) == [f"b {POD}"]


def test_an_endpoint_that_is_not_ready_gets_nothing(world: Net) -> None:
    create(world, "moving", "10.96.4.1", endpoint("a"), endpoint("b", ready=False))
    until(lambda: set(world.ask("pod", "tcp", "10.96.4.1", 80, 8)), {f"a {POD}"})
    change(world, "moving", endpoint("a", ready=False), endpoint("b"))
    until(lambda: set(world.ask("pod", "tcp", "10.96.4.1", 80, 8)), {f"b {POD}"})


def test_a_udp_client_follows_its_endpoint_when_that_goes(world: Net) -> None:
    create(world, "datagrams", "10.96.5.1", endpoint("a"))
    until(lambda: world.ask("pod", "udp", "10.96.5.1", 53), [f"a {POD}"])
    # A client that keeps its socket keeps its flow: the kernel must be told to forget it.
    child = world.start("pod", sys.executable, "-ISc", ONE_SOCKET)
    assert child.stdin is not None and child.stdout is not None
    change(world, "datagrams", endpoint("b"))

    def again() -> str:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write("\n")
        child.stdin.flush()
        return child.stdout.readline().strip()

    until(again, f"b {POD}")


def test_session_affinity_keeps_a_client_on_one_backend(world: Net) -> None:
    create(world, "sticky", "10.96.6.1", endpoint("a"), endpoint("b"), sessionAffinity="ClientIP")
    until(lambda: len(set(world.ask("pod", "tcp", "10.96.6.1", 80))), 1)
    until(lambda: "Connection" in world.ask("pod", "tcp", "10.96.6.1", 80)[0], False)
    assert len(set(world.ask("pod", "tcp", "10.96.6.1", 80, 20))) == 1


def test_a_backend_reaches_itself_through_its_service(world: Net) -> None:
    create(world, "selfish", "10.96.7.1", endpoint("a"))
    until(lambda: world.ask("a", "tcp", "10.96.7.1", 80), [f"a {MACHINES['a'][0]}"])


def test_a_deleted_service_leaves_no_chain(world: Net) -> None:
    create(world, "brief", "10.96.8.1", endpoint("a"))
    until(lambda: world.ask("pod", "tcp", "10.96.8.1", 80), [f"a {POD}"])
    world.tell(["DELETE", f"{SERVICES}/brief", None])
    until(lambda: [line for line in world.rules() if "default/brief" in line], [])


def test_rules_that_somebody_flushed_are_not_trusted_forever(world: Net) -> None:
    with net() as other:
        assert other.run("node", sys.executable, "-c", FLUSHED).split() == ["True", "False", "True", "False"]


def test_foreign_rules_survive_and_are_all_that_is_left_after_removal(world: Net) -> None:
    before = FOREIGN.replace(" [0:0]", "").splitlines()
    present = world.rules()
    assert [line for line in before if line.startswith("-A") and line not in present] == []
    world.tell("stop proxy")
    assert '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES' in world.rules()
    removal = "\n".join(own_rules(world.run("node", "iptables-save"))) + "\n"
    world.run("node", "iptables-restore", "--noflush", stdin=removal)
    left = [line for line in world.rules() if line.startswith("-A") or (line.startswith(":") and line.endswith(" -"))]
    assert sorted(left) == sorted(line for line in before if line.startswith((":", "-A")))
    assert json.dumps(left).count("KUBE-") == 1

"""The pod network, DNS and the service proxy, asked from pods, from the node and from another machine."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Cluster, eventually
from tests.e2e.images import WEB_1
from tests.e2e.machine import KUBELITE
from tests.e2e.workbench import Bench, container, pod, service, workbench

RESOLVE = """
import random, socket, struct, sys
server, port, name, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3], {"A": 1, "PTR": 12, "AAAA": 28, "SRV": 33}[sys.argv[4]]
labels = b"".join(bytes([len(x)]) + x.encode() for x in name.strip(".").split(".")) + b"\\0"
number = random.randrange(65536)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)
s.sendto(struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + labels + struct.pack(">2H", kind, 1), (server, port))
data = s.recv(4096)
found, flags, _, answers, _, _ = struct.unpack(">6H", data[:12])
assert found == number
def read(at):
    out = []
    while data[at]:
        if data[at] >= 192:
            return ".".join(out + [read(struct.unpack(">H", data[at:at+2])[0] & 0x3fff)[0]]).strip("."), at + 2
        out.append(data[at+1:at+1+data[at]].decode()); at += 1 + data[at]
    return ".".join(out), at + 1
at = read(12)[1] + 4
print("rcode", flags & 15)
for _ in range(answers):
    at = read(at)[1]
    t, _, ttl, size = struct.unpack(">2HIH", data[at:at+10]); at += 10
    if t == 1: print("A", socket.inet_ntoa(data[at:at+4]))
    elif t == 33: print("SRV", *struct.unpack(">3H", data[at:at+6]), read(at+6)[0])
    elif t in (5, 12): print({5: "CNAME", 12: "PTR"}[t], read(at)[0])
    at += size
"""
UPSTREAM = """
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 10154)); print("up", flush=True)
while True:
    data, who = s.recvfrom(4096)
    end = data.index(b"\\0", 12) + 5
    s.sendto(data[:2] + struct.pack(">5H", 0x8180, 1, 1, 0, 0) + data[12:end] + b"\\xc0\\x0c" + struct.pack(">2HIH", 1, 1, 60, 4)
             + bytes([192, 0, 2, 7]), who)
"""
FOREVER = "trap 'exit 0' TERM; sleep 1000 & wait"
ECHO_UDP = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 5353))
while True:
    data, who = s.recvfrom(99)
    s.sendto(data + b" from " + who[0].encode(), who)
"""
ASK_UDP = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b"asked", (sys.argv[1], int(sys.argv[2])))
print(s.recv(99).decode())
"""
WEB = {"name": "web", "image": WEB_1, "ports": [{"name": "http", "containerPort": 8080}]}


def slice_of(name: str, address: str, port: int) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{name}-by-hand", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
    }


@pytest.fixture(scope="module")
def net(cluster: Cluster) -> Iterator[Bench]:
    with workbench(cluster, "net") as bench:
        bench.apply(
            pod("web-a", WEB, labels={"app": "web"}, hostname="alpha", subdomain="peers"),
            pod("web-b", WEB, labels={"app": "web"}, hostname="beta", subdomain="peers"),
            pod("client", container("main", FOREVER)),
            pod(
                "plain",
                container("main", FOREVER),
                dnsPolicy="None",
                dnsConfig={"nameservers": ["192.0.2.1"], "searches": ["x.y"]},
            ),
            pod("udp", container("main", FOREVER)),
            service("web", {"name": "http", "port": 80, "targetPort": "http"}, selector={"app": "web"}),
            service("peers", {"name": "http", "port": 8080}, selector={"app": "web"}, clusterIP="None"),
            service(
                "outside", {"port": 80, "targetPort": 8080, "nodePort": 30180}, selector={"app": "web"}, type="NodePort"
            ),
            service(
                "local",
                {"port": 80, "targetPort": "http", "nodePort": 30181},
                selector={"app": "web"},
                type="NodePort",
                externalTrafficPolicy="Local",
            ),
            service("sticky", {"port": 80, "targetPort": 8080}, selector={"app": "web"}, sessionAffinity="ClientIP"),
            service("nobody", {"port": 80, "nodePort": 30182}, selector={"app": "nobody"}, type="NodePort"),
            service("udp", {"port": 53, "targetPort": 5353, "protocol": "UDP", "nodePort": 30183}, type="NodePort"),
            service(
                "udp-local",
                {"port": 53, "targetPort": 5353, "protocol": "UDP", "nodePort": 30184},
                selector={"name": "udp"},
                type="NodePort",
                externalTrafficPolicy="Local",
            ),
            service("by-hand", {"port": 80}, selector={}),
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "alias"},
                "spec": {"type": "ExternalName", "externalName": "web.net.svc.cluster.local"},
            },
        )
        bench.ready("web-a", "web-b", "client", "udp", "plain")
        bench.apply(slice_of("by-hand", bench.status("web-a")["podIP"], 8080))
        eventually(lambda: fetch(bench, address(bench, "web")), 15)
        yield bench


def address(net: Bench, name: str) -> str:
    return str(net.get("service", name)["spec"]["clusterIP"])


def within(net: Bench, source: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """A command of the host in a pod's network."""
    return net.cluster.machine.run("nsenter", "-t", str(net.process(source)), "--net", *argv, check=False)


def fetch(net: Bench, host: str, port: int = 80, source: str = "client") -> str:
    """The page that a pod gets, "" when it gets none."""
    return within(net, source, "curl", "-sS", "-m", "3", f"http://{host}:{port}/").stdout.strip()


def from_outside(net: Bench, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """A command on another machine of the LAN."""
    namespace = f"--net=/run/netns/{net.cluster.machine.lan.name}"
    return subprocess.run(
        ["nsenter", namespace, *argv], input=stdin, capture_output=True, text=True, timeout=30, check=False
    )


def resolve(net: Bench, name: str, kind: str = "A", server: str = "10.96.0.10", port: int = 53) -> list[str]:
    return net.cluster.machine.run(sys.executable, "-c", RESOLVE, server, str(port), name, kind).stdout.splitlines()


def test_pods_reach_each_other_and_the_node(net: Bench) -> None:
    first, second = net.status("web-a")["podIP"], net.status("web-b")["podIP"]
    assert fetch(net, first, 8080) == "one alpha"
    assert fetch(net, second, 8080, source="web-a") == "one beta"
    assert net.cluster.fetch(f"http://{first}:8080/") == "one alpha"
    assert fetch(net, net.cluster.machine.address, 30180) in ("one alpha", "one beta")


def test_a_pod_reaches_itself_through_its_service(net: Bench) -> None:
    seen = set()

    def both() -> bool:
        seen.add(fetch(net, address(net, "web"), source="web-a"))
        return seen == {"one alpha", "one beta"}

    eventually(both, 20, lambda: seen)
    assert fetch(net, address(net, "by-hand"), source="web-a") == "one alpha"


def test_services_by_name_and_search_path(net: Bench) -> None:
    text = net.exec("client", "cat", "/etc/resolv.conf")
    assert text.startswith("search net.svc.cluster.local svc.cluster.local cluster.local")
    assert "\nnameserver 10.96.0.10\n" in text
    assert "options ndots:5" in text
    own = net.exec("plain", "cat", "/etc/resolv.conf")
    assert own.splitlines() == ["search x.y", "nameserver 192.0.2.1"] or ("192.0.2.1" in own and "10.96" not in own)
    for name in ("web", "web.net", "web.net.svc", "web.net.svc.cluster.local", "alias"):
        assert net.exec("client", "getent", "ahostsv4", name).split()[0] == address(net, "web"), name
    assert net.exec("client", "getent", "ahostsv4", "kubernetes.default").split()[0] == "10.96.0.1"
    assert (
        net.run("exec", "client", "--", "getent", "hosts", "absent.net.svc.cluster.local", check=False).returncode != 0
    )


def test_records_of_services_and_headless_pods(net: Bench) -> None:
    pods = {n: net.status(n)["podIP"] for n in ("web-a", "web-b")}
    assert sorted(resolve(net, "peers.net.svc.cluster.local")) == sorted(
        ["rcode 0", *(f"A {ip}" for ip in pods.values())]
    )
    assert resolve(net, "alpha.peers.net.svc.cluster.local") == ["rcode 0", f"A {pods['web-a']}"]
    one = resolve(net, "_http._tcp.web.net.svc.cluster.local", "SRV")
    assert one[0] == "rcode 0"
    assert re.fullmatch(r"SRV 0 \d+ 80 web.net.svc.cluster.local", one[1])
    many = resolve(net, "_http._tcp.peers.net.svc.cluster.local", "SRV")[1:]
    assert sorted(line.split()[-2:] for line in many) == [
        ["8080", "alpha.peers.net.svc.cluster.local"],
        ["8080", "beta.peers.net.svc.cluster.local"],
    ]
    assert resolve(net, "absent.net.svc.cluster.local") == ["rcode 3"]
    assert resolve(net, "web.net.svc.cluster.local", "AAAA") == ["rcode 0"]
    assert resolve(net, "nobody.net.svc.cluster.local") == ["rcode 0", f"A {address(net, 'nobody')}"]
    backwards = ".".join(reversed(address(net, "web").split("."))) + ".in-addr.arpa"
    assert resolve(net, backwards, "PTR") == ["rcode 0", "PTR web.net.svc.cluster.local"]
    assert resolve(net, "alias.net.svc.cluster.local")[1] == "CNAME web.net.svc.cluster.local"
    script = "exec 3<>/dev/tcp/10.96.0.10/53 && echo open"
    assert net.exec("client", "/bin/bash", "-c", script) == "open\n"


def test_other_names_are_forwarded(net: Bench) -> None:
    machine = net.cluster.machine
    upstream = subprocess.Popen(machine.argv(sys.executable, "-c", UPSTREAM), stdout=subprocess.PIPE)
    second = None
    try:
        assert upstream.stdout is not None
        upstream.stdout.readline()
        words = ("--port=10155", "--forward=127.0.0.1:10154", "--kubeconfig=/etc/kubelite/dns.kubeconfig")
        second = subprocess.Popen(machine.argv(str(KUBELITE), "dns", *words), stderr=subprocess.DEVNULL)

        def answers() -> bool:
            with contextlib.suppress(AssertionError):
                return resolve(net, "www.example.com", server="127.0.0.1", port=10155) == ["rcode 0", "A 192.0.2.7"]
            return False

        eventually(answers, 15)
        upstream.kill()
        upstream.wait()
        begin = time.monotonic()
        assert resolve(net, "other.example.com", server="127.0.0.1", port=10155) == ["rcode 2"]
        assert time.monotonic() - begin < 6
    finally:
        for process in filter(None, (upstream, second)):
            process.terminate()
            process.wait()


def test_node_ports_for_tcp_and_udp_and_the_local_policy(net: Bench) -> None:
    """With externalTrafficPolicy Local, and inside the cluster, pods see who asks."""
    node = net.cluster.machine.address
    seen = set()

    def both() -> bool:
        seen.add(from_outside(net, "curl", "-sS", "-m", "5", f"http://{node}:30180/").stdout.strip())
        return seen == {"one alpha", "one beta"}

    eventually(both, 20, lambda: seen)
    assert from_outside(net, "curl", "-sS", "-m", "5", f"http://{node}:30181/").stdout.startswith("one ")

    argv = ["nsenter", "-t", str(net.process("udp")), "--net", sys.executable, "-c", ECHO_UDP]
    echo = subprocess.Popen(net.cluster.machine.argv(*argv))

    def asked(*where: str) -> str:
        return from_outside(net, sys.executable, "-c", ASK_UDP, *where).stdout.strip()

    try:
        eventually(lambda: asked(node, "30183").startswith("asked from "), 20)
        own = f"10.77.{net.cluster.machine.lan.number}.1"
        eventually(lambda: asked(node, "30184") == f"asked from {own}", 10)
        inside = within(net, "client", sys.executable, "-c", ASK_UDP, address(net, "udp"), "53").stdout.strip()
        assert inside == f"asked from {net.status('client')['podIP']}"
    finally:
        echo.terminate()
        echo.wait()


def test_session_affinity_keeps_to_one_pod(net: Bench) -> None:
    lines = [fetch(net, address(net, "sticky")) for _ in range(8)]
    assert len(set(lines)) == 1
    assert lines[0].startswith("one ")


def test_a_service_without_endpoints_refuses_at_once(net: Bench) -> None:
    begin = time.monotonic()
    done = within(net, "client", "curl", "-sS", "-m", "5", f"http://{address(net, 'nobody')}/")
    assert done.returncode == 7, done.stderr
    outside = from_outside(net, "curl", "-sS", "-m", "5", f"http://{net.cluster.machine.address}:30182/")
    assert outside.returncode == 7
    assert time.monotonic() - begin < 4


def test_services_without_selector_use_the_slices_given(net: Bench) -> None:
    assert fetch(net, address(net, "by-hand")) == "one alpha"
    net.apply(slice_of("by-hand", net.status("web-b")["podIP"], 8080))
    eventually(lambda: fetch(net, address(net, "by-hand")) == "one beta", 10)


def test_foreign_rules_stay(net: Bench) -> None:
    machine = net.cluster.machine
    rule = ("POSTROUTING", "-s", "192.0.2.0/24", "-j", "RETURN", "-m", "comment", "--comment", "not ours")
    machine.run("iptables", "-t", "nat", "-A", *rule)
    machine.run("iptables", "-t", "nat", "-N", "FOREIGN")
    try:
        net.apply(service("passing", {"port": 80, "targetPort": 8080}, selector={"app": "web"}))
        eventually(lambda: fetch(net, address(net, "passing")).startswith("one "), 10)
        net.run("delete", "service", "passing")
        eventually(lambda: "net/passing" not in machine.run("iptables-save", "-t", "nat").stdout, 10)
        saved = machine.run("iptables-save", "-t", "nat").stdout
        assert "not ours" in saved
        assert ":FOREIGN - " in saved
    finally:
        machine.run("iptables", "-t", "nat", "-D", *rule)
        machine.run("iptables", "-t", "nat", "-X", "FOREIGN")


def test_a_deleted_pod_is_no_endpoint_any_more(net: Bench) -> None:
    net.run("delete", "pod", "web-b")
    slices = json.loads(net.run("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "json").stdout)[
        "items"
    ]
    assert len([e for s in slices for e in s["endpoints"]]) == 1
    eventually(
        lambda: resolve(net, "peers.net.svc.cluster.local") == ["rcode 0", f"A {net.status('web-a')['podIP']}"], 10
    )
    assert {fetch(net, address(net, "web")) for _ in range(6)} == {"one alpha"}

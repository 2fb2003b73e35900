"""A small world of network namespaces: a node that routes, and machines that hang on it by a cable each.

Names begin with `klt-` and the test process's number; everything is removed at the end, also when a test fails.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

_numbers = itertools.count()
MACHINES = {"a": ("10.244.1.1", "10.244.1.2"), "b": ("10.244.1.5", "10.244.1.6"), "pod": ("10.244.1.9", "10.244.1.10")}
STRANGER = ("203.0.113.1", "203.0.113.2")
SERVER = """
import socket, sys, threading
name = sys.argv[1].encode()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("", 5353))
tcp = socket.create_server(("", 8080))
def datagrams():
    while True:
        data, peer = udp.recvfrom(100)
        udp.sendto(name + b" " + peer[0].encode(), peer)
threading.Thread(target=datagrams, daemon=True).start()
print("ready", flush=True)
while True:
    one, peer = tcp.accept()
    with one:
        one.sendall(name + b" " + peer[0].encode())
"""
CLIENT = """
import json, socket, sys
protocol, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
keep = socket.socket(socket.AF_INET, socket.SOCK_DGRAM) if protocol == "udp-one-socket" else None
found = []
for _ in range(count):
    try:
        if protocol == "tcp":
            with socket.create_connection((address, port), 2) as one:
                found.append(one.recv(100).decode())
        else:
            one = keep or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.settimeout(1)
            one.connect((address, port))
            one.send(b"x")
            found.append(one.recv(100).decode())
    except TimeoutError:
        found.append("timeout")
    except OSError as error:
        found.append(type(error).__name__)
print(json.dumps(found))
"""


def supported() -> str:
    """Why this cannot run here; "" if it can."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    try:
        probe = subprocess.run(["unshare", "--net", "iptables-save"], capture_output=True, check=False)
    except FileNotFoundError as error:
        return f"{error.filename} is not installed"
    return "" if probe.returncode == 0 else f"no packet rules in a network namespace: {probe.stderr.decode().strip()}"


class Net:
    """The namespaces, and what is run in them."""

    def __init__(self) -> None:
        self.prefix = f"klt-{os.getpid()}-{next(_numbers)}"
        self.names: list[str] = []
        self.children: list[subprocess.Popen[str]] = []
        self.node_process: subprocess.Popen[str] | None = None

    def add(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", f"{self.prefix}-{name}"], check=True)
        self.names.append(name)
        self.run(name, "ip", "link", "set", "lo", "up")

    def enter(self, name: str) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{self.prefix}-{name}"]

    def run(self, name: str, *argv: str, stdin: str = "", check: bool = True) -> str:
        """The output of a command inside a namespace."""
        argv_in = [*self.enter(name), *argv]
        done = subprocess.run(argv_in, input=stdin, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0 or not check, f"{' '.join(argv)}: {done.stderr}"
        return done.stdout

    def start(self, name: str, *argv: str) -> subprocess.Popen[str]:
        """A process inside a namespace, once it has printed its first line."""
        pipe = subprocess.PIPE
        child = subprocess.Popen([*self.enter(name), *argv], stdin=pipe, stdout=pipe, text=True)
        self.children.append(child)
        assert child.stdout is not None and child.stdout.readline()
        return child

    def cable(self, name: str, node_address: str, address: str) -> None:
        """A machine with a way to the node, which is its gateway."""
        self.add(name)
        here, there = f"to-{name}", "eth0"
        peer = ["peer", "name", there, "netns", f"{self.prefix}-{name}"]
        self.run("node", "ip", "link", "add", here, "type", "veth", *peer)
        self.run("node", "ip", "address", "add", f"{node_address}/30", "dev", here)
        self.run("node", "ip", "link", "set", here, "up")
        self.run(name, "ip", "address", "add", f"{address}/30", "dev", there)
        self.run(name, "ip", "link", "set", there, "up")
        self.run(name, "ip", "route", "add", "default", "via", node_address)

    def build(self) -> None:
        self.add("node")
        # Refusals are told by ICMP, which the kernel would send a client once a second only.
        for setting, value in (("ip_forward", 1), ("conf/all/route_localnet", 1), ("icmp_ratelimit", 0)):
            self.run("node", "sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{setting}")
        for name, (gateway, address) in MACHINES.items():
            self.cable(name, gateway, address)
        self.cable("stranger", *STRANGER)
        # Without a way out the node would drop packets to virtual addresses before any rule sees them.
        self.run("node", "ip", "route", "add", "default", "via", STRANGER[1])
        for name in ("a", "b"):
            self.start(name, sys.executable, "-ISc", SERVER, name)

    def start_node(self) -> None:
        self.node_process = self.start("node", sys.executable, "-m", "tests.integration.proxy.node_process")

    def tell(self, message: Any) -> Any:
        """One request to the API server on the node, or "stop proxy"."""
        child = self.node_process
        assert child is not None and child.stdin is not None and child.stdout is not None
        child.stdin.write(json.dumps(message) + "\n")
        child.stdin.flush()
        status, body = json.loads(child.stdout.readline())
        assert status < 300, body
        return body

    def ask(self, name: str, protocol: str, address: str, port: int, count: int = 1) -> list[str]:
        """The answers that a machine gets: "a 10.244.1.10" (who answered, whom it saw), or what went wrong."""
        words = (sys.executable, "-ISc", CLIENT, protocol, address, str(port), str(count))
        found: list[str] = json.loads(self.run(name, *words))
        return found

    def rules(self) -> list[str]:
        """The node's packet rules without counters and comments."""
        lines = self.run("node", "iptables-save").splitlines()
        return [line.split(" [")[0] for line in lines if line and not line.startswith("#")]

    def close(self) -> None:
        for child in reversed(self.children):
            child.kill()
            child.communicate()
        for name in reversed(self.names):
            subprocess.run(["ip", "netns", "delete", f"{self.prefix}-{name}"], check=False)


@contextlib.contextmanager
def net() -> Iterator[Net]:
    made = Net()
    try:
        made.build()
        yield made
    finally:
        made.close()

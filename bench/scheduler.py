"""The scheduler's speed: `python -m bench.scheduler [--nodes N] [--existing N] [--pods N] [--kind KIND] [sqlite|etcd|memory]`.

What: an API server and a scheduler in processes of their own (TLS, client certificates, RBAC, admission), Node objects, pods that
have a node already, then for each kind (`bench.scheduler_decisions.KINDS`; `preemption`: every node is full of one pod of lower
priority; `all`) pods twice: waiting for a scheduler that starts, and created while it runs. Prints bound pods a second, the mean
time of a decision, the CPU time of both processes per pod, and how long a short loop took meanwhile: where something else or a
neighbour keeps the machine busy, all times stretch with it. Why: the goals are 800 pods/s with 500 nodes; with 5 000 nodes and
10 000 pods 500, 300 with node affinity, 200 with spreading, 100 with pod affinity, 200 with preemption. Flow: nodes → pods, each
kind in a namespace of its own → a watch that counts pods with a node → /metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import machine, scheduler_decisions
from bench.apiserver import Bench
from bench.connection import encode
from bench.serving import client_context, free_port, make_keys, start_etcd, start_server, wait_for

HERE = pathlib.Path(__file__).parent


def node(number: int) -> bytes:
    zone = f"zone-{number % 3}"
    name = f"node-{number:04d}"
    amounts = {"cpu": "32", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"}
    disk = "ssd" if number % 2 else "hdd"
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "disk": disk}
    status = {"capacity": amounts, "allocatable": amounts}
    return json.dumps({"metadata": {"name": name, "labels": labels}, "status": status}).encode()


def pod(name: str, kind: str, node: str = "") -> bytes:
    """A web pod, as a Deployment would make it; with `node`, one that fills it and may be driven out."""
    # What is there from the start (100m each) may stay: one pod goes for one that comes.
    cpu = "31" if kind == "preemption" else "100m"
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}},
    }
    spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 0}
    if node:
        spec["nodeName"] = node
    elif kind == "preemption":
        spec["priorityClassName"] = "high"
    else:
        spec.update(scheduler_decisions.KINDS[kind]())
    return json.dumps({"metadata": {"name": name, "labels": {"app": "bench"}}, "spec": spec}).encode()


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """Resident megabytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@dataclass(frozen=True)
class Load:
    """What is measured."""

    nodes: int
    pods: int
    kind: str
    existing: int = 0

    @property
    def namespace(self) -> str:
        """Rules of one kind do not mean the pods of another."""
        return f"bench-{self.kind.replace(' ', '-')}"


@dataclass
class Place:
    """Where the running API server and the credentials for it are."""

    directory: pathlib.Path
    port: int
    server: int
    metrics: int

    def start_scheduler(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "kubelite.cmd.main", "scheduler", f"--kubeconfig={self.directory}/kubeconfig"]
        address = f"--healthz-bind-address=127.0.0.1:{self.metrics}"
        return subprocess.Popen([*argv, address, "--leader-elect=false"], stderr=subprocess.DEVNULL)

    def wait_for_scheduler(self) -> None:
        """Until it serves its figures: what it takes to load the program is no part of scheduling."""
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", self.metrics), 1).close()
                return
            except OSError:
                time.sleep(0.02)

    def decisions(self) -> tuple[float, float]:
        """(number, seconds) of the scheduler's decisions."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics") as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line[0] != "#")
        name = "scheduler_scheduling_algorithm_duration_seconds"
        return float(lines.get(f"{name}_count", 0)), float(lines.get(f"{name}_sum", 0))


class Counting(asyncio.Protocol):
    """A watch of the pods that are bound; it counts added pods and nothing else."""

    def __init__(self) -> None:
        self.bound, self.tail = 0, b""
        self.wanted = 0
        self.reached: asyncio.Future[float] | None = None

    def data_received(self, data: bytes) -> None:
        data = self.tail + data
        self.bound += data.count(b'{"type":"ADDED"')
        self.tail = data[-14:]
        if self.reached is not None and self.bound >= self.wanted and not self.reached.done():
            self.reached.set_result(time.perf_counter())


async def bound_pods(bench: Bench, namespace: str, wanted: int) -> tuple[asyncio.Future[float], asyncio.BaseTransport]:
    """A future of the moment when `wanted` pods have a node, seen through a watch with a field selector."""
    loop = asyncio.get_running_loop()
    transport, counting = await loop.create_connection(
        Counting, "127.0.0.1", bench.port, ssl=bench.context, server_hostname="localhost"
    )
    counting.wanted, counting.reached = wanted, loop.create_future()
    path = f"/api/v1/namespaces/{namespace}/pods?watch=1&fieldSelector=spec.nodeName!="
    transport.write(encode("GET", path))
    return counting.reached, transport


def bound_now(bench: Bench, namespace: str) -> int:
    """How many pods have a node: now and then a preemption turns out to have been one too many."""
    url = f"https://localhost:{bench.port}/api/v1/namespaces/{namespace}/pods?fieldSelector=spec.nodeName!="
    with urllib.request.urlopen(url, context=bench.context) as answer:
        return len(json.load(answer)["items"])


async def round_of(
    bench: Bench, place: Place, scheduler: int, mark: str, total: int, load: Load, meanwhile: str = ""
) -> None:
    """Waits until `total` pods are bound and prints the row of this round; `meanwhile`: creates its pods under this name."""
    before, count = (cpu_seconds(place.server), cpu_seconds(scheduler)), load.pods
    decided = place.decisions()
    reached, transport = await bound_pods(bench, load.namespace, total)
    # Let the watch tell of what is there before anything is driven out.
    await asyncio.sleep(1.0 if meanwhile else 0.0)
    started = time.perf_counter()
    if meanwhile:
        await fill(bench, meanwhile, load)
    loops = [machine.loop_milliseconds(1)]
    async with asyncio.timeout(600):
        while not reached.done():
            await asyncio.wait([reached], timeout=0.5)
            loops.append(machine.loop_milliseconds(1))
    ended = reached.result()
    transport.close()
    used = [
        (after - b) / count * 1e6
        for after, b in zip((cpu_seconds(place.server), cpu_seconds(scheduler)), before, strict=True)
    ]
    number, seconds = (after - b for after, b in zip(place.decisions(), decided, strict=True))
    decision = seconds / number * 1e6 if number else 0.0
    print(
        f"{mark:34}{count / (ended - started):8.0f} pods/s   decision {decision:4.0f} us   "
        f"CPU/pod: apiserver {used[0]:5.0f} us, scheduler {used[1]:5.0f} us   memory {memory(scheduler):.0f} MB   "
        f"loop {statistics.median(loops):.1f} ms",
        flush=True,
    )


async def send(bench: Bench, requests: Iterable[bytes]) -> None:
    """Everything over 32 connections."""
    source = iter(requests)
    opened = [await bench.connect() for _ in range(32)]

    async def worker(number: int) -> None:
        for request in source:
            status, whole = await opened[number].ask(request)
            assert status in (200, 201), whole

    await asyncio.gather(*(worker(number) for number in range(len(opened))))
    for connection in opened:
        assert connection.transport is not None
        connection.transport.close()


async def fill(bench: Bench, mark: str, load: Load, on_nodes: int = 0) -> None:
    """Creates the pods of a round, or this many that have a node."""
    base, names = f"/api/v1/namespaces/{load.namespace}/pods", range(on_nodes or load.pods)
    at = (f"node-{n % load.nodes:04d}" if on_nodes else "" for n in names)
    bodies = [pod(f"{mark}-{n:05d}", load.kind, node) for n, node in zip(names, at, strict=True)]
    await send(bench, [encode("POST", base, body) for body in bodies])


async def prepare(bench: Bench, load: Load) -> None:
    """The nodes, and the pods that are there from the start."""
    first = await bench.connect()
    high = b'{"metadata":{"name":"high"},"value":1000}'
    await first.ask(encode("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", high))
    await send(bench, [encode("POST", "/api/v1/nodes", node(number)) for number in range(load.nodes)])
    names = [f"/api/v1/nodes/node-{number:04d}" for number in range(load.nodes)]
    # A new node is tainted until its kubelet says that it is ready.
    await send(bench, [encode("PATCH", n, b'{"spec":{"taints":null}}', "application/merge-patch+json") for n in names])
    if load.existing:
        settled = Load(load.nodes, 0, "basic")
        await namespace(bench, "bench-settled")
        base = "/api/v1/namespaces/bench-settled/pods"
        bodies = (pod(f"old-{n:05d}", settled.kind, f"node-{n % load.nodes:04d}") for n in range(load.existing))
        await send(bench, [encode("POST", base, body) for body in bodies])


async def namespace(bench: Bench, name: str) -> None:
    first = await bench.connect()
    await first.ask(encode("POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": name}}).encode()))
    account = b'{"metadata":{"name":"default"}}'
    await first.ask(encode("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account))


async def drive(bench: Bench, place: Place, load: Load) -> None:
    """Both rounds of one kind."""
    await namespace(bench, load.namespace)
    there = 0
    if load.kind == "preemption":
        await fill(bench, "low", load, load.nodes)
        there = load.nodes
    await fill(bench, "early", load)
    scheduler = place.start_scheduler()
    try:
        place.wait_for_scheduler()
        first = there + load.pods
        await round_of(bench, place, scheduler.pid, f"{load.kind}: waiting pods", first, load)
        # The watch starts anew: it tells of what is bound by now, without the pods that were driven out.
        second = bound_now(bench, load.namespace) + load.pods
        await round_of(bench, place, scheduler.pid, f"{load.kind}: pods created meanwhile", second, load, "live")
    finally:
        scheduler.terminate()
        scheduler.wait(15)


async def drive_all(bench: Bench, place: Place, loads: list[Load]) -> None:
    await prepare(bench, loads[0])
    for load in loads:
        await drive(bench, place, load)


@contextmanager
def cluster(kind: str) -> Iterator[tuple[Place, ssl.SSLContext]]:
    """A running API server on a back end of this kind, and an admin's TLS context for it."""
    from kubelite.util import tls

    directory = pathlib.Path(tempfile.mkdtemp(prefix="kubelite-bench-"))
    children: list[subprocess.Popen[bytes]] = []
    try:
        make_keys(directory)
        etcd = ""
        if kind == "etcd":
            child, etcd = start_etcd(directory)
            children.append(child)
        port = free_port()
        children.append(start_server(directory, port, etcd, kind))
        wait_for(port, children[-1])
        authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "bench-ca")
        write_kubeconfig(directory, port, authority.issue_client("system:kube-scheduler"))
        yield Place(directory, port, children[-1].pid, free_port()), client_context(directory)
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait(15)
        shutil.rmtree(directory, ignore_errors=True)


def write_kubeconfig(directory: pathlib.Path, port: int, pair: object) -> None:
    from kubelite.cmd.cluster.certificates import kubeconfig_text

    ca = (directory / "ca.crt").read_bytes()
    text = kubeconfig_text(f"https://localhost:{port}", ca, "scheduler", pair)  # type: ignore[arg-type]
    (directory / "kubeconfig").write_text(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=["sqlite", "etcd"], help="sqlite, etcd, memory")
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--existing", type=int, default=0, help="pods that have a node from the start")
    kinds = [*scheduler_decisions.KINDS, "preemption"]
    parser.add_argument("--kind", choices=[*kinds, "all"], default="basic")
    if len(os.sched_getaffinity(0)) > 1:
        # The API server's process takes CPU 0 for itself.
        os.sched_setaffinity(0, {1})
    import uvloop

    chosen = parser.parse_args()
    wanted = kinds if chosen.kind == "all" else [chosen.kind]
    loads = [Load(chosen.nodes, chosen.pods, kind, chosen.existing) for kind in wanted]
    # Nodes that are full leave no room for the others.
    rounds = [[x for x in loads if x.kind != "preemption"], [x for x in loads if x.kind == "preemption"]]
    for store in chosen.stores:
        print(f"\n{store}: {chosen.nodes} nodes, {chosen.existing} pods there, {chosen.pods} pods a round")
        for some in filter(None, rounds):
            with cluster(store) as (place, context):
                uvloop.run(drive_all(Bench(place.port, context, place.server, []), place, some))


if __name__ == "__main__":
    main()

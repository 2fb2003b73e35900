"""The scheduler's speed: `python -m bench.scheduler [--nodes 500] [--pods 1000] [--kind basic] [sqlite|etcd|memory ...]`.

What: an API server and a scheduler in processes of their own (TLS, client certificates, RBAC, admission), Node objects, then pods
of one kind (`bench.scheduler_decisions.KINDS`, or `preemption`: every node is full of one pod of lower priority) twice: waiting
for a scheduler that starts, and created while it runs. Prints bound pods a second, the mean time of a decision and the CPU time
of both processes per pod. Why: the goals are 800 pods/s with 500 nodes and 500 with 5 000.
Flow: nodes → pods → a watch that counts pods with a node → the scheduler's /metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import scheduler_decisions
from bench.apiserver import Bench, encode, free_port, start_etcd, wait_for

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
    cpu = "32" if kind == "preemption" else "100m"
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


async def bound_pods(bench: Bench, wanted: int) -> tuple[asyncio.Future[float], asyncio.BaseTransport]:
    """A future of the moment when `wanted` pods have a node, seen through a watch with a field selector."""
    loop = asyncio.get_running_loop()
    transport, counting = await loop.create_connection(
        Counting, "127.0.0.1", bench.port, ssl=bench.context, server_hostname="localhost"
    )
    counting.wanted, counting.reached = wanted, loop.create_future()
    transport.write(encode("GET", "/api/v1/namespaces/bench/pods?watch=1&fieldSelector=spec.nodeName!="))
    return counting.reached, transport


async def round_of(
    bench: Bench, place: Place, scheduler: int, mark: str, total: int, load: Load, meanwhile: str = ""
) -> None:
    """Waits until `total` pods are bound and prints the row of this round; `meanwhile`: creates its pods under this name."""
    before, count = (cpu_seconds(place.server), cpu_seconds(scheduler)), load.pods
    reached, transport = await bound_pods(bench, total)
    # Let the watch tell of what is there before anything is driven out.
    await asyncio.sleep(1.0 if meanwhile else 0.0)
    started = time.perf_counter()
    if meanwhile:
        await fill(bench, meanwhile, load)
    async with asyncio.timeout(300):
        ended = await reached
    transport.close()
    used = [
        (after - b) / count * 1e6
        for after, b in zip((cpu_seconds(place.server), cpu_seconds(scheduler)), before, strict=True)
    ]
    number, seconds = place.decisions()
    decision = seconds / number * 1e6 if number else 0.0
    print(
        f"{mark:34}{count / (ended - started):8.0f} pods/s   decision {decision:4.0f} us   "
        f"CPU/pod: apiserver {used[0]:5.0f} us, scheduler {used[1]:5.0f} us   memory {memory(scheduler):.0f} MB",
        flush=True,
    )


async def fill(bench: Bench, mark: str, load: Load, on_nodes: bool = False) -> None:
    """Creates the pods over 32 connections; `on_nodes`: one on each node, without a scheduler."""
    base, count = "/api/v1/namespaces/bench/pods", load.nodes if on_nodes else load.pods
    bodies = (pod(f"{mark}-{n:05d}", load.kind, f"node-{n:04d}" if on_nodes else "") for n in range(count))
    source = iter([encode("POST", base, body) for body in bodies])
    opened = [await bench.connect() for _ in range(32)]

    async def worker(number: int) -> None:
        for request in source:
            status, whole = await opened[number].ask(request)
            assert status == 201, whole

    await asyncio.gather(*(worker(number) for number in range(len(opened))))
    for connection in opened:
        assert connection.transport is not None
        connection.transport.close()


async def prepare(bench: Bench, load: Load) -> None:
    """The namespace and the nodes."""
    first = await bench.connect()
    await first.ask(encode("POST", "/api/v1/namespaces", b'{"metadata":{"name":"bench"}}'))
    await first.ask(encode("POST", "/api/v1/namespaces/bench/serviceaccounts", b'{"metadata":{"name":"default"}}'))
    high = b'{"metadata":{"name":"high"},"value":1000}'
    await first.ask(encode("POST", "/apis/scheduling.k8s.io/v1/priorityclasses", high))
    for number in range(load.nodes):
        status, whole = await first.ask(encode("POST", "/api/v1/nodes", node(number)))
        assert status == 201, whole
        name = f"/api/v1/nodes/node-{number:04d}"
        await first.ask(encode("PATCH", name, b'{"spec":{"taints":null}}', "application/merge-patch+json"))


async def drive(bench: Bench, place: Place, load: Load) -> None:
    await prepare(bench, load)
    there = 0
    if load.kind == "preemption":
        await fill(bench, "low", load, on_nodes=True)
        there = load.nodes
    await fill(bench, "early", load)
    scheduler = place.start_scheduler()
    try:
        first = there + load.pods
        await round_of(bench, place, scheduler.pid, "waiting pods, scheduler starts", first, load)
        # The watch starts anew: it tells of what is bound by now, without the pods that were driven out.
        second = max(there, load.pods) + load.pods
        await round_of(bench, place, scheduler.pid, "pods created meanwhile", second, load, "live")
    finally:
        scheduler.terminate()
        scheduler.wait(15)


@contextmanager
def cluster(kind: str) -> Iterator[tuple[Place, ssl.SSLContext]]:
    """A running API server on a back end of this kind, and an admin's TLS context for it."""
    from kubelite.util import tls

    directory = pathlib.Path(tempfile.mkdtemp(prefix="kubelite-bench-"))
    children: list[subprocess.Popen[bytes]] = []
    try:
        authority = tls.Authority.load_or_create(directory / "ca.crt", directory / "ca.key", "bench-ca")
        server_pair = authority.issue_server("kube-apiserver", ["127.0.0.1", "localhost"])
        for name, pair in (("server", server_pair), ("admin", authority.issue_client("admin", ["system:masters"]))):
            (directory / f"{name}.crt").write_bytes(pair.certificate)
            (directory / f"{name}.key").write_bytes(pair.key)
        (directory / "sa.key").write_bytes(tls.new_key())
        etcd = "-"
        if kind == "etcd":
            child, etcd = start_etcd(directory)
            children.append(child)
        port = free_port()
        argv = [sys.executable, str(HERE / "apiserver.py"), "--serve", str(directory), str(port), etcd, kind]
        children.append(subprocess.Popen(argv))
        wait_for(port, children[-1])
        write_kubeconfig(directory, port, authority.issue_client("system:kube-scheduler"))
        context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        context.load_cert_chain(directory / "admin.crt", directory / "admin.key")
        yield Place(directory, port, children[-1].pid, free_port()), context
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
    parser.add_argument("--kind", choices=[*scheduler_decisions.KINDS, "preemption"], default="basic")
    if len(os.sched_getaffinity(0)) > 1:
        # The API server's process takes CPU 0 for itself.
        os.sched_setaffinity(0, {1})
    import uvloop

    chosen = parser.parse_args()
    load = Load(chosen.nodes, chosen.pods, chosen.kind)
    for kind in chosen.stores:
        print(f"\n{kind}: {load.nodes} nodes, {load.pods} pods a round, {load.kind}")
        with cluster(kind) as (place, context):
            uvloop.run(drive(Bench(place.port, context, place.server, []), place, load))


if __name__ == "__main__":
    main()

"""The API server's speed, as the rows of the design's table: `python -m bench.apiserver [sqlite|etcd|memory ...]`.

What: starts the server in a process of its own (TLS, client certificates, RBAC, admission), drives it from this one,
prints requests a second, median and 99th percentile, and the server's CPU time per request. Why: the rates depend on
what else the machine does, the CPU time per request hardly. Flow: for each back end: namespaces and 5 000 pods of 3 KB
→ reads → lists → writes → watches → deletes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.connection import Connection, encode
from bench.serving import client_context, free_port, make_keys, start_etcd, start_server, wait_for

PODS = 5000
CONNECTIONS = 32
TIMED = 10
"""One watcher of so many notes when its events come."""


def pod(number: int) -> bytes:
    """A pod of about 3 KB as served, the fields' managers included: so were those of the server to be compared with."""
    name = f"pod-{number:05d}"
    container = {
        "name": "app",
        "image": "registry.example/app:1",
        "env": [{"name": "SETTING", "value": f"value-of-{name}"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
    }
    labels = {"app": f"app-{number % 50}", "tier": "backend", "release": "stable"}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels, "annotations": {"note": "x" * 100}},
            "spec": {"containers": [container]},
        },
        separators=(",", ":"),
    ).encode()


def applies(count: int) -> Iterator[bytes]:
    """Server-side applies of 100 Deployments: each is created, then changed again and again."""
    for number in range(count):
        name = f"web-{number % 100}"
        template = json.loads(pod(number % 100))["spec"]
        template["containers"][0]["image"] = f"registry.example/app:{number // 100}"
        spec = {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template},
        }
        metadata = {"name": name, "namespace": "bench", "labels": {"app": name}}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        path = f"/apis/apps/v1/namespaces/bench/deployments/{name}?fieldManager=bench"
        yield encode("PATCH", path, json.dumps(body).encode(), "application/apply-patch+yaml")


@dataclass
class Row:
    name: str
    rate: float
    p50: float
    p99: float
    cpu: float
    unit: str = "/s"

    def show(self) -> str:
        times = f"{self.p50 * 1e3:8.2f} {self.p99 * 1e3:8.2f}" if self.p50 else f"{'':8} {'':8}"
        return f"{self.name:34}{self.rate:12.0f}{self.unit:4} {times} {self.cpu * 1e6:10.0f}"


class Bench:
    def __init__(self, port: int, context: ssl.SSLContext, pid: int, only: list[str]) -> None:
        self.only = only
        self.port, self.context, self.pid = port, context, pid
        self.rows: list[Row] = []

    async def connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            Connection, "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
        )
        return connection

    def cpu(self) -> float:
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024

    async def run(self, name: str, requests: Iterable[bytes], connections: int = CONNECTIONS) -> None:
        """Sends all requests over some connections; adds a row."""
        if self.only and name.split()[0].strip(",") not in ("create", *self.only):
            return
        source: Iterator[bytes] = iter(requests)
        opened = [await self.connect() for _ in range(connections)]
        taken: list[float] = []
        bad: dict[int, int] = {}

        async def worker(connection: Connection) -> None:
            for request in source:
                started = time.perf_counter()
                status, whole = await connection.ask(request)
                taken.append(time.perf_counter() - started)
                if status >= 300:
                    bad[status] = bad.get(status, 0) + 1
                    if bad[status] == 1:
                        print(whole[-400:], file=sys.stderr)

        cpu, started = self.cpu(), time.perf_counter()
        await asyncio.gather(*(worker(connection) for connection in opened))
        elapsed = time.perf_counter() - started
        for connection in opened:
            assert connection.transport is not None
            connection.transport.close()
        taken.sort()
        if bad:
            name += f" !{bad}"
        row = Row(
            name,
            len(taken) / elapsed,
            taken[len(taken) // 2],
            taken[int(len(taken) * 0.99)],
            (self.cpu() - cpu) / len(taken),
        )
        self.rows.append(row)
        print(row.show(), flush=True)

    async def watch(self, watchers: int, events: int) -> None:
        """Deliveries a second of changes to many watchers, and how long after it was asked for a change is delivered."""
        if self.only and "watch" not in self.only:
            return
        query = "watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
        opened = [await self.connect() for _ in range(watchers)]
        for number, connection in enumerate(opened):
            await connection.ask(encode("GET", f"/api/v1/namespaces/bench/pods?{query}"))
            connection.seen = [] if number % TIMED == 0 else None
        writers = [await self.connect() for _ in range(CONNECTIONS)]
        patches = enumerate(status_patches(events, "w"))
        asked = [0.0] * events
        cpu, started = self.cpu(), time.perf_counter()

        async def worker(connection: Connection) -> None:
            for number, request in patches:
                asked[number] = time.perf_counter()
                await connection.ask(request)

        await asyncio.gather(*(worker(connection) for connection in writers))
        deadline = time.perf_counter() + 30
        while sum(c.lines for c in opened) < watchers * events and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        elapsed = time.perf_counter() - started
        delivered = sum(c.lines for c in opened)
        note = "" if delivered == watchers * events else f" !{delivered}"
        taken = sorted(when - asked[number] for c in opened for number, when in c.seen or ())
        row = Row(
            f"watch, {watchers} watchers{note}",
            delivered / elapsed,
            taken[len(taken) // 2],
            taken[int(len(taken) * 0.99)],
            (self.cpu() - cpu) / max(delivered, 1),
        )
        self.rows.append(row)
        print(row.show(), flush=True)
        for connection in [*opened, *writers]:
            assert connection.transport is not None
            connection.transport.close()


def status_patches(count: int, mark: str) -> Iterator[bytes]:
    for number in range(count):
        condition = {
            "type": "Ready",
            "status": "True",
            "reason": f"{mark}{number}",
            "lastTransitionTime": "2030-01-01T00:00:00Z",
        }
        body = json.dumps({"status": {"phase": "Running", "conditions": [condition]}}).encode()
        path = f"/api/v1/namespaces/bench/pods/pod-{number % PODS:05d}/status"
        yield encode("PATCH", path, body, "application/strategic-merge-patch+json")


async def drive(bench: Bench) -> None:
    print(f"{'':34}{'rate':>12}     {'p50 ms':>8} {'p99 ms':>8} {'CPU us/req':>10}")
    first = await bench.connect()
    await first.ask(encode("POST", "/api/v1/namespaces", b'{"metadata":{"name":"bench"}}'))
    await first.ask(encode("POST", "/api/v1/namespaces/bench/serviceaccounts", b'{"metadata":{"name":"default"}}'))
    print(f"idle memory {bench.memory():.0f} MB")
    base = "/api/v1/namespaces/bench/pods"
    await bench.run("create", (encode("POST", base, pod(n)) for n in range(PODS)))
    _, whole = await first.ask(encode("GET", f"{base}/pod-00000"))
    print(f"a pod has {len(whole)} bytes; memory {bench.memory():.0f} MB")
    await bench.run("get", (encode("GET", f"{base}/pod-{n % PODS:05d}") for n in range(20000)))
    await bench.run("get, one client", (encode("GET", f"{base}/pod-{n:05d}") for n in range(3000)), 1)
    await bench.run("list all", (encode("GET", base) for _ in range(60)), 2)
    await bench.run("list limit=500", (encode("GET", f"{base}?limit=500") for _ in range(600)), 4)
    await bench.run("status patch", status_patches(PODS, "p"))
    await bench.run("status patch, one client", status_patches(500, "o"), 1)
    await bench.run("apply of a Deployment, one client", applies(600), 1)
    await bench.watch(100, 2000)
    await bench.run("delete", (encode("DELETE", f"{base}/pod-{n:05d}") for n in range(PODS)))
    print(f"memory afterwards {bench.memory():.0f} MB")


def bench_store(kind: str, only: list[str]) -> None:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kubelite-bench-"))
    children: list[subprocess.Popen[bytes]] = []
    try:
        make_keys(directory)
        etcd = ""
        if kind == "etcd":
            child, etcd = start_etcd(directory)
            children.append(child)
        port = free_port()
        started = time.perf_counter()
        server = start_server(directory, port, etcd, kind)
        children.append(server)
        wait_for(port, server)
        print(f"\n{kind}: ready in {time.perf_counter() - started:.2f} s")
        import uvloop

        uvloop.run(drive(Bench(port, client_context(directory), server.pid, only)))
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait(15)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", default=["sqlite", "etcd"], help="sqlite, etcd, memory")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW", help="create and this row only; repeatable"
    )
    asked = parser.parse_args()
    if len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(0, {1})
    # A killed benchmark still ends the processes it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for store in asked.stores:
        bench_store(store, asked.only)


if __name__ == "__main__":
    main()

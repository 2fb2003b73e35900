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
from typing import Any

from bench.serving import client_context, free_port, make_keys, start_etcd, start_server, wait_for

PODS = 5000
CONNECTIONS = 32


class Connection(asyncio.Protocol):
    """A keep-alive connection that sends one request after the other and counts the bytes of the answers."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[tuple[int, bytes]] | None = None
        self.buffer = bytearray()
        self.need = -1
        self.transport: asyncio.Transport | None = None
        self.lines = 0
        self.tail = b""
        self.streaming = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.streaming:
            data = self.tail + data
            self.lines += data.count(b'{"type":"')
            self.tail = data[-8:]
            return
        self.buffer += data
        if self.need < 0:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self.buffer[:end]).lower()
            at = head.find(b"content-length: ")
            if at < 0:
                self.streaming = True
                self._done()
                return
            self.need = end + 4 + int(head[at + 16 :].partition(b"\r\n")[0])
        if len(self.buffer) >= self.need:
            self._done()

    def _done(self) -> None:
        whole = bytes(self.buffer)
        self.buffer = bytearray()
        self.need = -1
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result((int(whole[9:12]), whole))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self.waiter = asyncio.get_running_loop().create_future()
        assert self.transport is not None
        self.transport.write(request)
        return await self.waiter


def encode(method: str, path: str, body: bytes = b"", media: str = "application/json") -> bytes:
    kind = f"content-type: {media}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nhost: x\r\n{kind}content-length: {len(body)}\r\n\r\n".encode() + body


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
        """Deliveries a second of changes to many watchers."""
        if self.only and "watch" not in self.only:
            return
        opened = [await self.connect() for _ in range(watchers)]
        for connection in opened:
            await connection.ask(
                encode(
                    "GET",
                    "/api/v1/namespaces/bench/pods?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan",
                )
            )
        writers = [await self.connect() for _ in range(CONNECTIONS)]
        patches = iter(status_patches(events, "w"))
        cpu, started = self.cpu(), time.perf_counter()

        async def worker(connection: Connection) -> None:
            for request in patches:
                await connection.ask(request)

        await asyncio.gather(*(worker(connection) for connection in writers))
        deadline = time.perf_counter() + 30
        while sum(c.lines for c in opened) < watchers * events and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        elapsed = time.perf_counter() - started
        delivered = sum(c.lines for c in opened)
        note = "" if delivered == watchers * events else f" !{delivered}"
        row = Row(
            f"watch, {watchers} watchers{note}", delivered / elapsed, 0, 0, (self.cpu() - cpu) / max(delivered, 1)
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

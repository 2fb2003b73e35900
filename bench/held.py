"""What an API server holds: `python -m bench.held [--pods N] [--watchers N] [--store sqlite|etcd]`.

What: seconds until /readyz answers, and resident memory, of a new server, of one with many pods, and of one with many watchers
over TLS. Why: memory and start are what many nodes and pods cost, whatever they do. Flow: pods are put into the store
directly → the server starts → readyz → memory → watchers, each for the pods of one node, as kubelets have them.
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
from typing import Any

from bench.apiserver import pod
from bench.connection import Connection, encode
from bench.serving import client_context, free_port, make_keys, start_etcd, start_server, wait_for

AT_ONCE = 64
START_SECONDS = 300.0


def memory(pid: int) -> float:
    """Resident megabytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def cpu(pid: int) -> float:
    """Seconds of CPU time so far: what a start costs whatever else the machine does."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def stored(number: int, nodes: int) -> bytes:
    """A pod of 3 KB as the store has it, bound to a node."""
    made: dict[str, Any] = json.loads(pod(number))
    made["spec"]["nodeName"] = f"node-{number % nodes}"
    made["metadata"]["namespace"] = "bench"
    made["metadata"]["annotations"]["note"] = "x" * 2350
    return json.dumps({"metadata": made.pop("metadata"), **made}, separators=(",", ":")).encode()


async def fill(address: str, pods: int, nodes: int) -> None:
    """Puts pods into the store, without a server."""
    from kubelite.storage.registry import open_store

    store = await open_store(address)
    numbers = iter(range(pods))

    async def worker() -> None:
        for number in numbers:
            await store.create(f"/registry/pods/bench/pod-{number:06d}", stored(number, nodes))

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    await store.close()


async def ready(port: int, context: ssl.SSLContext) -> None:
    """Returns when /readyz says 200."""
    while True:
        try:
            connection = await connect(port, context)
            status, _ = await connection.ask(encode("GET", "/readyz"))
            if status == 200:
                return
        except OSError:
            pass
        await asyncio.sleep(0.01)


async def connect(port: int, context: ssl.SSLContext) -> Connection:
    loop = asyncio.get_running_loop()
    made = await loop.create_connection(Connection, "127.0.0.1", port, ssl=context, server_hostname="localhost")
    return made[1]


async def watch(port: int, context: ssl.SSLContext, watchers: int, pid: int) -> None:
    """Opens the watchers, prints what they cost, and how long one change takes to the one watcher that it concerns."""
    before = memory(pid)
    opened: list[Connection] = []
    numbers = iter(range(watchers))

    async def worker() -> None:
        for number in numbers:
            connection = await connect(port, context)
            query = f"watch=1&resourceVersion=0&fieldSelector=spec.nodeName%3Dkubelet-{number}"
            await connection.ask(encode("GET", f"/api/v1/pods?{query}"))
            opened.append(connection)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    now = memory(pid)
    rate = watchers / (time.perf_counter() - started)
    print(
        f"{watchers} watchers: {now:.0f} MB, {(now - before) * 1024 / watchers:.1f} KB each, {rate:.0f} opened/s",
        flush=True,
    )


async def measure(pid: int, port: int, context: ssl.SSLContext, started: float, pods: int, watchers: int) -> None:
    await ready(port, context)
    seconds = time.perf_counter() - started
    print(f"{pods} pods: ready in {seconds:.2f} s ({cpu(pid):.2f} s of CPU), {memory(pid):.0f} MB", flush=True)
    if watchers:
        await watch(port, context, watchers, pid)


def held(kind: str, pods: int, watchers: int) -> None:
    """One server with these."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="kubelite-held-"))
    children: list[subprocess.Popen[bytes]] = []
    try:
        make_keys(directory)
        etcd = ""
        if kind == "etcd":
            child, etcd = start_etcd(directory)
            children.append(child)
        if pods:
            asyncio.run(fill(etcd or f"sqlite://{directory}/state.db", pods, max(pods // 30, 1)))
        port = free_port()
        started = time.perf_counter()
        server = start_server(directory, port, etcd, kind)
        children.append(server)
        wait_for(port, server, START_SECONDS)
        asyncio.run(measure(server.pid, port, client_context(directory), started, pods, watchers))
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait(15)
        shutil.rmtree(directory, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--watchers", type=int, default=5_000)
    parser.add_argument("--store", choices=("sqlite", "etcd"), default="sqlite")
    asked = parser.parse_args()
    # A killed benchmark still ends the processes it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    held(asked.store, 0, asked.watchers)
    if asked.pods:
        held(asked.store, asked.pods, 0)


if __name__ == "__main__":
    main()

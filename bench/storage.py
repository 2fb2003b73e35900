"""Measures the store's back ends: writes, conflicts apart, and watch delivery.

Run `python -m bench.storage [memory sqlite etcd]`. Prints one row for each back end, operation and number of callers:
operations a second, 50th and 99th percentile of their latency, and CPU time of this process per operation. Values are
3.7 KB, about a Pod. etcd is started on a free port in a temporary folder on the same disk as SQLite.
"""

from __future__ import annotations

import asyncio
import pathlib
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import uvloop

from kubelite.storage.interface import Store
from tests.contract.storage_backends import Etcd, backend

VALUE = b"x" * 3700
CALLERS = {1: 1000, 32: 12_800, 128: 12_800}
"""Concurrent callers → operations."""


def row(name: str, operation: str, callers: int, seconds: float, cpu: float, latencies: list[float]) -> None:
    count = len(latencies)
    latencies.sort()
    p50, p99 = (latencies[int(count * part)] * 1000 for part in (0.5, 0.99))
    print(
        f"{name:8} {operation:8} {callers:7} {count / seconds:10.0f} {p50:9.2f} {p99:9.2f} {cpu / count * 1e6:9.1f}",
        flush=True,
    )


async def measure(
    name: str, operation: str, callers: int, count: int, act: Callable[[int, int], Awaitable[None]]
) -> None:
    """Runs `act(caller, turn)` until `count` calls are done."""
    latencies: list[float] = []

    async def caller(number: int) -> None:
        for turn in range(count // callers):
            start = time.perf_counter()
            await act(number, turn)
            latencies.append(time.perf_counter() - start)

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    row(name, operation, callers, time.perf_counter() - start, time.process_time() - cpu, latencies)


async def writes(name: str, store: Store, prefix: str, callers: int, count: int) -> None:
    revisions: dict[int, int] = {}

    async def create(caller: int, turn: int) -> None:
        revisions[caller] = await store.create(f"{prefix}{callers}/{caller}-{turn}", VALUE)

    async def update(caller: int, turn: int) -> None:
        key = f"{prefix}{callers}/{caller}-{count // callers - 1}"
        revisions[caller] = await store.update(key, VALUE, revisions[caller])

    await measure(name, "create", callers, count, create)
    await measure(name, "update", callers, count, update)


async def watching(name: str, store: Store, prefix: str, count: int) -> None:
    """Events a second to one watch, from write to delivery under load."""
    after = await store.revision()
    sent: dict[int, float] = {}
    latencies: list[float] = []

    async def receive() -> None:
        async with aclosing(store.watch(prefix, after)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                now = time.perf_counter()
                latencies.extend(now - sent[int(event.key.rpartition("/")[2])] for event in batch.events)
                if len(latencies) >= count:
                    return

    receiving = asyncio.create_task(receive())
    await asyncio.sleep(0.1)
    start, cpu = time.perf_counter(), time.process_time()

    async def send(caller: int) -> None:
        for number in range(caller, count, 32):
            sent[number] = time.perf_counter()
            await store.create(f"{prefix}watched/{number}", VALUE)

    await asyncio.gather(*(send(caller) for caller in range(32)))
    await receiving
    row(name, "watch", 32, time.perf_counter() - start, time.process_time() - cpu, latencies)


async def run(name: str, folder: pathlib.Path, etcd: Etcd | None) -> None:
    chosen = backend(name, folder, etcd)
    store = await chosen.open()
    try:
        for callers, count in CALLERS.items():
            await writes(name, store, chosen.prefix, callers, count)
        await watching(name, store, chosen.prefix, 6400)
    finally:
        await store.close()


def main(names: list[str]) -> None:
    print(f"{'store':8} {'what':8} {'callers':>7} {'ops/s':>10} {'p50 ms':>9} {'p99 ms':>9} {'cpu us/op':>9}")
    for name in names or ["memory", "sqlite", "etcd"]:
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            etcd = Etcd(pathlib.Path(folder)) if name == "etcd" else None
            if etcd is not None:
                etcd.start()
            try:
                uvloop.run(run(name, pathlib.Path(folder), etcd))
            finally:
                if etcd is not None:
                    etcd.kill()


if __name__ == "__main__":
    main(sys.argv[1:])

"""An acknowledged write survives kill -9: of the process that holds the SQLite store, and of etcd."""

from __future__ import annotations

import asyncio
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import KeyExists, StoreError, Unavailable
from kubelite.storage.sqlite import SqliteStore
from tests.contract.storage_backends import Etcd, ready

WRITER = pathlib.Path(__file__).with_name("storage_writer.py")
PREFIX = "/registry/crash/"


async def until(true: Callable[[], bool]) -> None:
    """Returns when the condition holds; the test's own time limit ends a wait in vain."""
    while not true():  # noqa: ASYNC110 - the conditions are of several tasks' making
        await asyncio.sleep(0.02)


@pytest.fixture
def own_etcd(tmp_path: pathlib.Path) -> Iterator[Etcd]:
    if shutil.which("etcd") is None:
        pytest.skip("etcd is not installed (Debian package etcd-server)")
    server = Etcd(tmp_path)
    server.start()
    yield server
    server.kill()


async def test_sqlite_keeps_every_acknowledged_write_of_a_killed_process(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "state.db")
    acknowledged: dict[str, int] = {}
    for life in range(3):
        process = subprocess.Popen(
            [sys.executable, str(WRITER), path, f"{PREFIX}{life}/"], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(1500):
            key, revision = process.stdout.readline().split()
            acknowledged[key] = int(revision)
        process.kill()
        # What the pipe still holds was acknowledged too; the last line may be torn.
        for line in process.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                acknowledged[line.split()[0]] = int(line.split()[1])
        process.wait()
        process.stdout.close()
    store = await SqliteStore.open(path)
    try:
        found = {e.key: e for e in (await store.range(PREFIX)).items}
        assert {key: found[key].revision for key in acknowledged} == acknowledged
        for key in acknowledged:
            writer, number = key.rpartition("/")[2].split("-")
            assert found[key].value == f"{writer} {number}".encode() * 50
        assert await store.revision() == max(e.revision for e in found.values())
    finally:
        await store.close()


async def test_etcd_keeps_every_acknowledged_write_and_the_store_comes_back(own_etcd: Etcd) -> None:
    store = await ready(await EtcdStore.open([own_etcd.endpoint]))
    acknowledged: dict[str, int] = {}
    unknown: set[str] = set()
    stop = asyncio.Event()
    events: dict[str, int] = {}
    start = await store.revision()

    async def watch() -> None:
        async for batch in store.watch(PREFIX, start):
            for event in batch.events:
                assert event.key not in events
                events[event.key] = event.revision

    async def write(writer: int) -> None:
        number = 0
        while not stop.is_set():
            key = f"{PREFIX}{writer}-{number}"
            number += 1
            try:
                acknowledged[key] = await store.create(key, key.encode())
            except Unavailable:
                unknown.add(key)
                await asyncio.sleep(0.05)

    watching = asyncio.create_task(watch())
    writers = [asyncio.create_task(write(i)) for i in range(8)]
    try:
        for _ in range(2):
            await asyncio.sleep(0.3)
            own_etcd.kill()
            before = len(acknowledged)
            await asyncio.sleep(0.2)
            await asyncio.to_thread(own_etcd.start)
            await until(lambda known=before: len(acknowledged) >= known + 100)
        stop.set()
        await asyncio.gather(*writers)
        found = {e.key: e.revision for e in (await store.range(PREFIX)).items}
        assert {key: found[key] for key in acknowledged} == acknowledged
        assert set(found) - set(acknowledged) <= unknown
        await until(lambda: len(events) >= len(found))
        assert events == found
    finally:
        watching.cancel()
        await store.close()


async def test_a_write_to_a_dead_etcd_is_unavailable_and_is_not_done_later(own_etcd: Etcd) -> None:
    store = await ready(await EtcdStore.open([own_etcd.endpoint]))
    try:
        own_etcd.kill()
        with pytest.raises(Unavailable):
            await store.create("/registry/lost", b"")
        with pytest.raises(Unavailable):
            await store.ping()
        own_etcd.start()
        await ready(store)
        assert (await store.get("/registry/lost"))[0] is None
    finally:
        await store.close()


async def test_a_dead_endpoint_costs_no_request(own_etcd: Etcd) -> None:
    store = await EtcdStore.open(["http://127.0.0.1:1", own_etcd.endpoint])
    try:
        await store.ping()
        revision = await store.create("/registry/a", b"")
        assert (await store.get("/registry/a"))[1] == revision
    finally:
        await store.close()


async def test_the_first_write_finds_the_living_endpoint(own_etcd: Etcd) -> None:
    store = await EtcdStore.open(["http://127.0.0.1:1", own_etcd.endpoint])
    try:
        await store.create("/registry/a", b"")
        with pytest.raises(KeyExists):
            await store.create("/registry/a", b"")
    finally:
        await store.close()


@pytest.mark.parametrize("size", [1_800_000, 3_000_000])
async def test_an_object_above_etcds_limit_is_refused_with_its_reason(own_etcd: Etcd, size: int) -> None:
    store = await ready(await EtcdStore.open([own_etcd.endpoint]))
    try:
        with pytest.raises(StoreError, match="too large"):
            await store.create("/registry/a", b"x" * size)
        await store.ping()
    finally:
        await store.close()

"""Snapshots through the command, on a real etcd and the embedded store: write, save, write more, restore; the state is the
snapshot's."""

from __future__ import annotations

import asyncio
import json
import pathlib
import shutil

import pytest

from kubelite.cmd import etcd as command
from kubelite.storage.etcd import EtcdStore
from kubelite.storage.interface import Compacted, FutureRevision, Store
from kubelite.storage.sqlite import SqliteStore
from tests.contract.storage_backends import Etcd, ready


async def fill(store: Store) -> int:
    """Keys with a history; the revision."""
    for number in range(300):
        await store.create(f"/registry/things/{number:04}", b"x" * 500)
    first = await store.create("/registry/configmaps/default/a", b'{"one":1}')
    second = await store.update("/registry/configmaps/default/a", b'{"two":2}', first)
    gone = await store.create("/registry/configmaps/default/b", b"{}")
    await store.delete("/registry/configmaps/default/b", gone)
    assert second > first
    return await store.revision()


async def content(store: Store) -> dict[str, tuple[bytes, int]]:
    return {item.key: (item.value, item.revision) for item in (await store.range("/registry/")).items}


async def run(*words: str) -> int:
    return await asyncio.to_thread(command.main, ["snapshot", *words])


async def test_the_embedded_store_is_saved_while_in_use_and_restored(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, file = tmp_path / "live" / "state.sqlite", str(tmp_path / "snap.db")
    store = await SqliteStore.open(str(database))
    revision = await fill(store)
    before = await content(store)
    assert await run("save", file, f"--data-path={database}", "-o", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["revision"]) == ("sqlite", revision)
    await store.create("/registry/configmaps/default/later", b"{}")
    assert await run("restore", file, f"--data-dir={tmp_path / 'live'}") == 1
    assert "overwrites nothing" in capsys.readouterr().err
    await store.close()
    assert await run("restore", file, f"--data-dir={tmp_path / 'new'}") == 0
    again = await SqliteStore.open(str(tmp_path / "new" / "state.sqlite"))
    assert await content(again) == before
    assert await again.revision() == revision
    with pytest.raises(FutureRevision):
        await anext(again.watch("/registry/", revision + 1))
    await again.close()


async def test_a_raised_revision_makes_old_watches_list_anew(tmp_path: pathlib.Path) -> None:
    database, file = tmp_path / "live" / "state.sqlite", str(tmp_path / "snap.db")
    store = await SqliteStore.open(str(database))
    revision = await fill(store)
    before = await content(store)
    await store.close()
    assert await run("save", file, f"--data-path={database}") == 0
    target = f"--data-dir={tmp_path / 'new'}"
    assert await run("restore", file, target, "--bump-revision=1000", "--mark-compacted") == 0
    again = await SqliteStore.open(str(tmp_path / "new" / "state.sqlite"))
    assert await content(again) == before
    assert await again.revision() == revision + 1000
    with pytest.raises(Compacted):
        await anext(again.watch("/registry/", revision + 7))
    assert await again.create("/registry/configmaps/default/c", b"{}") == revision + 1001
    await again.close()


async def test_a_damaged_snapshot_is_refused(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = await SqliteStore.open(str(tmp_path / "state.sqlite"))
    await fill(store)
    await store.close()
    file = tmp_path / "snap.db"
    assert await run("save", str(file), f"--data-path={tmp_path / 'state.sqlite'}") == 0
    data = bytearray(file.read_bytes())
    data[5000] ^= 0xFF
    file.write_bytes(data)
    assert await run("status", str(file)) == 1
    assert "the snapshot is damaged" in capsys.readouterr().err
    file.write_bytes(data[:4000])
    assert await run("restore", str(file), f"--data-dir={tmp_path / 'new'}") == 1
    assert not (tmp_path / "new").exists()


async def test_a_real_etcd_is_saved_and_restored(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("etcd") is None or shutil.which("etcdctl") is None:
        pytest.skip("etcd and etcdctl are not installed (Debian packages etcd-server, etcd-client)")
    (tmp_path / "one").mkdir()
    server, file = Etcd(tmp_path / "one"), str(tmp_path / "snap.db")
    try:
        server.start()
        store = await ready(await EtcdStore.open([server.endpoint], compact_seconds=0))
        revision = await fill(store)
        before = await content(store)
        assert await run("save", file, f"--endpoints={server.endpoint}", "-o", "json") == 0
        shown = json.loads(capsys.readouterr().out)
        assert (shown["kind"], shown["revision"]) == ("etcd", revision)
        await store.create("/registry/configmaps/default/later", b"{}")
        await store.close()
    finally:
        server.kill()
    (tmp_path / "two").mkdir()
    again = Etcd(tmp_path / "two")
    peer = f"http://127.0.0.1:{again._peer.rpartition(':')[2]}"
    flags = [f"--initial-cluster=default={peer}", f"--initial-advertise-peer-urls={peer}"]
    assert await run("restore", file, f"--data-dir={tmp_path / 'two' / 'data'}", *flags) == 0
    assert await run("restore", file, f"--data-dir={tmp_path / 'two' / 'data'}", *flags) == 1
    try:
        again.start()
        restored = await ready(await EtcdStore.open([again.endpoint], compact_seconds=0))
        found = await content(restored)
        assert {key: value for key, (value, _) in found.items()} == {key: value for key, (value, _) in before.items()}
        with pytest.raises(FutureRevision):
            await anext(restored.watch("/registry/", revision + 100))
        await restored.close()
    finally:
        again.kill()

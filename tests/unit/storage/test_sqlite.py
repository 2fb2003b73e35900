"""What is the SQLite store's own: its file, its lock, its bounds."""

from __future__ import annotations

import asyncio
import pathlib
import sqlite3

import pytest

from kubelite.storage import sqlite_writer
from kubelite.storage.interface import Compacted, Unavailable
from kubelite.storage.sqlite import SqliteStore


async def test_a_second_opening_is_refused(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "state.db")
    store = await SqliteStore.open(path)
    with pytest.raises(Unavailable, match="in use"):
        await SqliteStore.open(path)
    await store.close()
    await (await SqliteStore.open(path)).close()


async def test_the_file_is_private_and_its_folder_is_made(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "deep" / "state.db"
    await (await SqliteStore.open(str(path))).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like one" * 50])
async def test_a_file_that_is_no_database_is_refused(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="cannot open"):
        await SqliteStore.open(str(path))
    assert path.read_bytes() == content


async def test_a_later_schema_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="schema version 99"):
        await SqliteStore.open(str(path))


async def test_history_is_bounded_without_anyone_asking(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    store = await SqliteStore.open(str(path), keep_revisions=1000)
    revision = await store.create("/a", b"0")
    for i in range(6000):
        revision = await store.update("/a", str(i).encode(), revision)
    with pytest.raises(Compacted) as caught:
        await store.get("/a", revision=2)
    assert revision - 1000 - 500 <= caught.value.oldest <= revision - 1000
    assert (await store.get("/a", revision=revision - 999))[0] is not None
    await store.close()
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT count(*) FROM log").fetchone()[0]
    connection.close()
    assert 1000 <= rows <= 2100


async def test_deleted_keys_leave_nothing_behind_after_compaction(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    store = await SqliteStore.open(str(path))
    revisions = await asyncio.gather(*(store.create(f"/{i}", b"x") for i in range(1200)))
    await asyncio.gather(*(store.delete(f"/{i}", revision) for i, revision in enumerate(revisions)))
    last = await store.create("/z", b"")
    await store.compact(last)
    await store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT revision, key FROM log").fetchall() == [(last, "/z")]
    connection.close()


async def test_the_revision_never_goes_back_after_a_deletion_is_compacted(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "state.db")
    store = await SqliteStore.open(path)
    last = await store.delete("/a", await store.create("/a", b""))
    await store.compact(last)
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.revision() == last
    assert await store.create("/a", b"") == last + 1
    await store.close()


async def test_the_write_ahead_log_is_bounded_under_load(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    store = await SqliteStore.open(str(path))
    largest = 0
    for burst in range(30):
        await asyncio.gather(*(store.create(f"/{burst}-{i}", b"x" * 64 * 1024) for i in range(40)))
        largest = max(largest, pathlib.Path(f"{path}-wal").stat().st_size)
    await store.close()
    assert sqlite_writer.WAL_LIMIT < largest < 4 * sqlite_writer.WAL_LIMIT


async def test_a_failed_commit_is_unavailable_and_changes_nothing(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.db"
    store = await SqliteStore.open(str(path))
    revision = await store.create("/a", b"one")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        await store.update("/a", b"two", revision)
    assert await store.revision() == revision
    other.execute("ROLLBACK")
    other.close()
    assert await store.update("/a", b"three", revision) == revision + 1
    await store.close()


async def test_a_caller_that_gives_up_at_once_writes_nothing(tmp_path: pathlib.Path) -> None:
    store = await SqliteStore.open(str(tmp_path / "state.db"))
    before = await store.revision()
    task = asyncio.create_task(store.create("/a", b""))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await store.create("/b", b"") == before + 1
    await store.close()

"""Snapshots of a store as one file that can be checked.

What: `save_sqlite`, `restore_sqlite`, `status`, `verify`. Why: a backup that cannot be trusted is none. Flow: the data (an
SQLite database or etcd's) followed by the 32 bytes of its SHA-256, as etcd's own snapshots are; a file is complete once it
has its final name. A restore refuses to touch data that is there. Nothing here needs a running server: SQLite is read beside
it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass

from kubelite.storage import bolt, sqlite_log

SQLITE = b"SQLite format 3\0"
DIGEST = hashlib.sha256().digest_size
BLOCK = 1 << 20
PAGES = 256
RESTORED = "/kubelite/restored"
"""A key of no resource: its deletion carries the revision that a restore went up to."""


class SnapshotError(Exception):
    """A snapshot that cannot be made or used, and why."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a snapshot holds; `hash` is the beginning of its SHA-256."""

    kind: str
    hash: str
    revision: int
    keys: int
    size: int


def _digest(path: str, length: int) -> bytes:
    found, left = hashlib.sha256(), length
    with open(path, "rb") as file:
        while left:
            block = file.read(min(BLOCK, left))
            if not block:
                break
            found.update(block)
            left -= len(block)
    return found.digest()


def seal(path: str) -> None:
    """Appends the checksum, and makes the file durable."""
    digest = _digest(path, os.path.getsize(path))
    with open(path, "ab") as file:
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())


def verify(path: str) -> bytes:
    """The checksum of a snapshot. Raises `SnapshotError` if the file is not what was saved."""
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            file.seek(max(size - DIGEST, 0))
            expected = file.read()
    except OSError as error:
        raise SnapshotError(f"cannot read {path}: {error.strerror}") from None
    if size <= DIGEST or (size - DIGEST) % 512:
        raise SnapshotError(f"{path} has no checksum: it is not a snapshot, or is cut short")
    if _digest(path, size - DIGEST) != expected:
        raise SnapshotError(f"{path}: the checksum does not fit: the snapshot is damaged")
    return expected


def is_sqlite(path: str) -> bool:
    """Whether the snapshot is one of the embedded store."""
    with open(path, "rb") as file:
        return file.read(len(SQLITE)) == SQLITE


def finish(part: str, path: str) -> None:
    """Seals what was written, checks that it can be read, and gives it its name."""
    seal(part)
    status(part)
    os.replace(part, path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def new_part(path: str) -> str:
    """Where a snapshot is written before it is complete. Raises `SnapshotError` if there is a file already."""
    if os.path.exists(path):
        raise SnapshotError(f"{path} exists already")
    part = f"{path}.part"
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"):
        pass
    return part


def save_sqlite(database: str, path: str) -> Status:
    """Copies the embedded store's database, while it is in use or not."""
    if not os.path.exists(database):
        raise SnapshotError(f"there is no database {database}")
    part = new_part(path)
    try:
        with (
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(part)) as sink,
        ):
            source.backup(sink, pages=PAGES, sleep=0.01)
            sink.execute("PRAGMA journal_mode = DELETE")
        finish(part, path)
    except sqlite3.Error as error:
        raise SnapshotError(f"cannot copy {database}: {error}") from None
    finally:
        if os.path.exists(part):
            os.unlink(part)
    return status(path)


def status(path: str) -> Status:
    """What the snapshot holds. Raises `SnapshotError` if it is damaged."""
    digest, size = verify(path), os.path.getsize(path)
    try:
        if is_sqlite(path):
            revision, keys = _sqlite_counts(path)
            return Status("sqlite", digest.hex()[:8], revision, keys, size)
        counts = bolt.read(path)
    except (sqlite3.Error, bolt.BadFile) as error:
        raise SnapshotError(f"{path} is no database of a store: {error}") from None
    return Status("etcd", digest.hex()[:8], counts.revision, counts.keys, size)


def _sqlite_counts(path: str) -> tuple[int, int]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise SnapshotError(f"{path}: {problem}")
        revision = connection.execute("SELECT max(revision) FROM log").fetchone()[0] or 0
        keys = connection.execute("SELECT count(DISTINCT key) FROM log").fetchone()[0]
    return int(revision), int(keys)


def restore_sqlite(path: str, database: str, *, bump: int = 0, compacted: bool = False) -> Status:
    """Writes the snapshot's data as a new database.

    `bump` raises the revision, so that none that clients have seen after the snapshot is given again; `compacted` marks what was
    before as gone, so that watches of then are told to list anew.
    """
    found = status(path)
    _refuse_present(database)
    os.makedirs(os.path.dirname(os.path.abspath(database)), mode=0o700, exist_ok=True)
    part = f"{database}.part"
    with open(path, "rb") as source, open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
        shutil.copyfileobj(source, sink, BLOCK)
        sink.truncate(os.path.getsize(path) - DIGEST)
    if bump or compacted:
        with closing(sqlite_log.connect(part)) as connection:
            _raise_revision(connection, found.revision, bump, compacted=compacted)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, database)
    return found


def _raise_revision(connection: sqlite3.Connection, newest: int, bump: int, *, compacted: bool) -> None:
    goal = newest + bump
    if bump:
        sqlite_log.append(connection, [sqlite_log.Row(goal, RESTORED, goal, 0, 0.0, None)])
    if compacted:
        known = connection.execute("SELECT number FROM facts WHERE name = 'compacted'").fetchone()
        sqlite_log.compact(connection, known[0] if known else 0, goal)


def _refuse_present(database: str) -> None:
    """Raises `SnapshotError` if there is data, in use or not."""
    for name in (database, f"{database}-wal"):
        if os.path.exists(name):
            raise SnapshotError(f"{name} exists: move it away first, a restore overwrites nothing")
    lock = f"{database}.lock"
    if os.path.exists(lock):
        with open(lock, "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise SnapshotError(f"{database} is in use by another process") from None

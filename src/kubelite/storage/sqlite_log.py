"""The SQLite store's table of writes, and every SQL statement on it.

What: `log` has one row for each write, keyed by its revision; `previous` is the revision of the row that it replaced (0:
it created the key), a NULL value is a deletion. Why: appending is the only thing a write does, so a commit touches few
pages; the present is held in memory, the past is found by following `previous`.
Flow: the writer thread calls `append` and `compact`, the reader thread `undone` and `replay`, `load` runs once at the start.

Compaction to revision R removes the rows that a row up to R replaced, and the deletions before R. So every row after R
stays, and so does the row that it replaced.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from kubelite.storage.index import LAST
from kubelite.storage.interface import Event, KeyValue, Unavailable

SCHEMA_VERSION = 1
BUSY_SECONDS = 5.0
PAGE = 4096
SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    revision INTEGER PRIMARY KEY, key TEXT NOT NULL, created INTEGER NOT NULL,
    previous INTEGER NOT NULL, expires REAL NOT NULL, value BLOB);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""
ROWS_PER_STATEMENT = (64, 16, 4, 1)
_INSERT = {
    n: f"INSERT INTO log (revision, key, created, previous, expires, value) VALUES {', '.join(['(?,?,?,?,?,?)'] * n)}"
    for n in ROWS_PER_STATEMENT
}


class Row(NamedTuple):
    """One write. `expires` is seconds of the wall clock, 0 for never; `value` is None for a deletion."""

    revision: int
    key: str
    created: int
    previous: int
    expires: float
    value: bytes | None


class State(NamedTuple):
    """What a store knows when it starts; `expiring` holds (deadline, revision, key)."""

    revision: int
    compacted: int
    entries: list[KeyValue]
    expiring: list[tuple[float, int, str]]


def connect(path: str) -> sqlite3.Connection:
    """A connection that may be used from the one thread that owns it; transactions are explicit."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Creates the tables. Raises `Unavailable` for a file of a later version."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise Unavailable(f"the database has schema version {version}, this program knows {SCHEMA_VERSION}")
    connection.executescript(SCHEMA)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def load(connection: sqlite3.Connection, empty_revision: int) -> State:
    """The present; `empty_revision` is the revision of a store that was never written to."""
    newest = connection.execute("SELECT max(revision) FROM log").fetchone()[0]
    compacted = connection.execute("SELECT number FROM facts WHERE name = 'compacted'").fetchone()
    rows = connection.execute(
        "SELECT key, value, revision, created, expires FROM log WHERE value IS NOT NULL"
        " AND revision NOT IN (SELECT previous FROM log WHERE previous > 0)"
    )
    entries: list[KeyValue] = []
    expiring: list[tuple[float, int, str]] = []
    for key, value, revision, created, expires in rows:
        entries.append(KeyValue(key, value, revision, created))
        if expires:
            expiring.append((expires, revision, key))
    return State(newest or empty_revision, compacted[0] if compacted else 0, entries, expiring)


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
    """Writes rows durably in one transaction; roughly the bytes written.

    Many rows go into one statement because each statement gives up the interpreter lock, which a busy event loop
    does not give back at once.
    """
    written = PAGE + sum([len(row.value or b"") + len(row.key) for row in rows])
    if len(rows) in _INSERT:
        connection.execute(_INSERT[len(rows)], [cell for row in rows for cell in row])
        return written
    connection.execute("BEGIN IMMEDIATE")
    start = 0
    for size in ROWS_PER_STATEMENT:
        while len(rows) - start >= size:
            connection.execute(_INSERT[size], [cell for row in rows[start : start + size] for cell in row])
            start += size
    connection.execute("COMMIT")
    return written


def undone(
    connection: sqlite3.Connection, after: int, low: str, high: str
) -> tuple[list[tuple[str, KeyValue | None]], int]:
    """For each key in [low, high) written after revision `after`, what it was then; and the newest revision seen."""
    connection.execute("BEGIN")
    try:
        newest = connection.execute("SELECT max(revision) FROM log").fetchone()[0]
        rows = connection.execute(
            "SELECT w.key, p.value, p.revision, p.created FROM"
            " (SELECT key, previous, min(revision) FROM log WHERE revision > ? AND key >= ? AND key < ? GROUP BY key) w"
            " LEFT JOIN log p ON p.revision = w.previous",
            (after, low, high),
        ).fetchall()
    finally:
        connection.execute("COMMIT")
    found = [(key, KeyValue(key, value, rev, born) if value is not None else None) for key, value, rev, born in rows]
    return found, newest or after


def replay(connection: sqlite3.Connection, prefix: str, after: int, until: int, limit: int) -> tuple[list[Event], int]:
    """At most `limit` events of the revisions (after, until], and the revision up to which they are complete."""
    rows = connection.execute(
        "SELECT w.key, w.value, p.value, w.revision, w.created FROM log w LEFT JOIN log p ON p.revision = w.previous"
        " WHERE w.revision > ? AND w.revision <= ? AND w.key >= ? AND w.key < ? ORDER BY w.revision LIMIT ?",
        (after, until, prefix, prefix + LAST, limit),
    ).fetchall()
    events = [Event(*row) for row in rows]
    return events, events[-1].revision if len(events) == limit else until


def compact(connection: sqlite3.Connection, low: int, high: int) -> int:
    """Moves the compacted revision from `low` to `high` in one transaction; the work grows with their distance.

    Roughly the bytes written.
    """
    connection.execute("BEGIN IMMEDIATE")
    removed = connection.execute(
        "DELETE FROM log WHERE revision IN"
        " (SELECT previous FROM log WHERE revision > ? AND revision <= ? AND previous > 0)",
        (low, high),
    ).rowcount
    connection.execute("DELETE FROM log WHERE revision >= ? AND revision < ? AND value IS NULL", (low, high))
    connection.execute("INSERT OR REPLACE INTO facts (name, number) VALUES ('compacted', ?)", (high,))
    connection.execute("COMMIT")
    return PAGE * (removed + 2)

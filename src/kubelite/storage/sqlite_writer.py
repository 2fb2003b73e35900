"""The thread that owns the SQLite store's writing connection, and the one that checkpoints beside it.

What: `Writer` runs jobs in order, each a function of the connection, and reports to the event loop; `Checkpointer` keeps
the write-ahead log short. Why: a commit waits for the disk and must not hold up the event loop; a checkpoint inside the
writer would make some commits wait 30 ms.
Flow: `submit` → the thread → `done` on the event loop. The log above `WAL_LIMIT`: the side thread copies it into the
database while commits go on (PASSIVE), then the writer copies the few pages since and starts the log over (RESTART). The file
keeps its size: a commit into a file that does not grow needs no change of metadata on disk.
Jobs wait in a queue that the store keeps at two: one batch of writes, one slice of compaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable

from kubelite.storage.sqlite_log import connect

WAL_LIMIT = 16 * 1024 * 1024

Work = Callable[[sqlite3.Connection], int]
"""Returns how many bytes it wrote, roughly."""
Done = Callable[[Exception | None], None]


class Checkpointer:
    """Its thread starts at the first need and sleeps in between."""

    def __init__(self, path: str, limit: int = WAL_LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._written = 0
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._copying = False
        self._copied = False
        self._stopped = False

    def after_commit(self, connection: sqlite3.Connection, written: int) -> None:
        """Called by the writer between jobs."""
        self._written += written
        if self._copied:
            self._copied = False
            # Answers "busy" instead of waiting when a reader needs the log; the next round tries again.
            if not connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0]:
                self._written = 0
        if not self._copying and self._written > self._limit:
            self._copying = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sqlite-checkpoint", daemon=True)
                self._thread.start()
            self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        connection = connect(self._path)
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                if self._stopped:
                    return
                # A failure (a full disk) leaves the log as it is; the writer's own commits will report it.
                with contextlib.suppress(sqlite3.Error):
                    # The second round copies what was committed during the first and leaves the writer little.
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                    self._copied = True
                self._copying = False
        finally:
            connection.close()


class Writer:
    """Owns `connection`, which must be fresh and is closed by `close`."""

    def __init__(self, path: str, connection: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._jobs: queue.SimpleQueue[tuple[Work, Done] | None] = queue.SimpleQueue()
        self._checkpointer = Checkpointer(path)
        connection.execute("PRAGMA busy_timeout = 0")
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, done: Done) -> None:
        """Runs `work` in the thread, then `done(error)` on the event loop."""
        self._jobs.put((work, done))

    def close(self) -> None:
        """Returns when all jobs are done and the connection is closed; blocks."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, done = job
            error: Exception | None = None
            written = 0
            try:
                written = work(self._connection)
            except (sqlite3.Error, OverflowError, ValueError) as failure:
                error = failure
                self._roll_back()
            with contextlib.suppress(RuntimeError):  # The event loop is closed: nobody waits for the answer.
                self._loop.call_soon_threadsafe(done, error)
            with contextlib.suppress(sqlite3.Error):
                self._checkpointer.after_commit(self._connection, written)
        self._checkpointer.stop()
        self._connection.close()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")

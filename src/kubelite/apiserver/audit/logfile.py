"""The audit log as a file of JSON lines, which is rotated.

What: `LogFile.write`. Why: a line is written before the answer is sent, so that what was answered was logged (upstream's mode
"blocking"); a write to a file of this machine takes microseconds. Flow: `auditor` → bytes → file. At `maxsize` megabytes the
file is renamed with its time and a new one begins; old ones go by number and age. A failure to write is counted and logged,
and the request goes on. Source: apiserver/plugin/pkg/audit/log; names of rotated files as gopkg.in/natefinch/lumberjack.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
from datetime import UTC, datetime

from kubelite.util.log import get_logger

log = get_logger(__name__)

MEGABYTE = 1 << 20
DAY = 86400.0
STAMP = "%Y-%m-%dT%H-%M-%S"
_STAMPED = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"


class LogFile:
    """`path` "-" is the standard output, which is never rotated."""

    def __init__(self, path: str, *, max_age: int, max_backup: int, max_size: int, compress: bool) -> None:
        self.path = path
        self._max_age, self._max_backup = max_age, max_backup
        self._max_size = max_size * MEGABYTE
        self._compress = compress
        self._file = -1
        self._size = 0
        if path == "-":
            self._file = sys.stdout.fileno()
        else:
            self._open()

    def _open(self) -> None:
        os.makedirs(os.path.dirname(os.path.abspath(self.path)), mode=0o755, exist_ok=True)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def write(self, line: bytes) -> bool:
        """Appends one line; False if that failed."""
        try:
            if self.path != "-" and self._max_size and self._size + len(line) > self._max_size and self._size:
                self._rotate()
            left = memoryview(line)
            while left:
                left = left[os.write(self._file, left) :]
            self._size += len(line)
        except OSError as error:
            log.error("The audit log could not be written", path=self.path, error=str(error))
            return False
        return True

    def _rotate(self) -> None:
        os.close(self._file)
        now = datetime.now(UTC)
        root, extension = os.path.splitext(self.path)
        os.rename(self.path, f"{root}-{now.strftime(STAMP)}.{now.microsecond // 1000:03d}{extension}")
        self._open()
        # Compressing takes long, and nobody waits for it.
        threading.Thread(target=self.tidy, name="audit-log-tidy", daemon=True).start()

    def rotated(self) -> list[str]:
        """The rotated files, newest first."""
        folder, name = os.path.split(os.path.abspath(self.path))
        root, extension = os.path.splitext(name)
        known = re.compile(rf"{re.escape(root)}-{_STAMPED}{re.escape(extension)}(\.gz)?")
        found = [one for one in os.listdir(folder) if known.fullmatch(one)]
        return [os.path.join(folder, one) for one in sorted(found, reverse=True)]

    def tidy(self) -> None:
        """Compresses rotated files, and removes those that are too many or too old."""
        for number, path in enumerate(self.rotated()):
            with contextlib.suppress(OSError):
                too_old = self._max_age and time.time() - os.stat(path).st_mtime > self._max_age * DAY
                if too_old or (self._max_backup and number >= self._max_backup):
                    os.unlink(path)
                elif self._compress and not path.endswith(".gz"):
                    _compress(path)

    def close(self) -> None:
        if self.path != "-" and self._file >= 0:
            os.close(self._file)
            self._file = -1


def _compress(path: str) -> None:
    import gzip
    import shutil

    with open(path, "rb") as source, gzip.open(f"{path}.gz.part", "wb") as sink:
        shutil.copyfileobj(source, sink)
    os.replace(f"{path}.gz.part", f"{path}.gz")
    os.unlink(path)

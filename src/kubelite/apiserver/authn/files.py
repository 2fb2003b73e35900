"""Files whose content counts while the server runs.

What: `Files.follow(paths, changed)` and `run`. Why: certificates are renewed and configurations edited without a
restart.
Flow: a glance at time, size and inode of every file each second; a change calls `changed`, whose failure is logged
once and tried again at the next change: what was in force stays. A replaced symbolic link (as kubelet mounts Secrets)
counts as a change.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from kubelite.util.log import get_logger

log = get_logger(__name__)

SECONDS = 1.0


def state_of(path: str) -> tuple[int, int, int] | None:
    """What changes with a file; None if it cannot be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


class Files:
    """All files of one part of the server."""

    def __init__(self) -> None:
        self._followed: list[tuple[tuple[str, ...], Callable[[], Any], list[Any]]] = []

    def follow(self, paths: Sequence[str], changed: Callable[[], Any]) -> None:
        """Calls `changed` after each change of one of the files."""
        present = tuple(path for path in paths if path)
        self._followed.append((present, changed, [[state_of(path) for path in present]]))

    def check(self) -> None:
        """Looks at every file once."""
        for paths, changed, last in self._followed:
            now = [state_of(path) for path in paths]
            if now == last[0] or None in now:
                continue
            last[0] = now
            try:
                changed()
            except (OSError, ValueError) as error:
                log.error(
                    "A changed file cannot be used; what was in force stays", files=",".join(paths), error=str(error)
                )
            else:
                log.info("A changed file is in force", files=",".join(paths))

    async def run(self) -> None:
        """Looks every second; never returns."""
        while True:
            await asyncio.sleep(SECONDS)
            self.check()

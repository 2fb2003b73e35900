"""Rotation of container logs: a log that has grown is put aside and the runtime opens a new one.

What: `LogRotation.run`. Why: nothing else bounds what a container writes.
Flow: sizes of log files (one look each 10 s) → rename →
ReopenContainerLog → older ones compressed, the oldest removed. A failed reopen puts the file back.
Source: pkg/kubelet/logs/container_log_manager.go.
"""

from __future__ import annotations

import asyncio
import glob
import gzip
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from kubelite.kubelet.interfaces import Context
from kubelite.machinery import quantity
from kubelite.util.log import get_logger

log = get_logger(__name__)
PERIOD: Final = 10.0
GZIP: Final = ".gz"
TEMPORARY: Final = ".tmp"


class LogRotation:
    """The task of one kubelet."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._limit = quantity.value(context.config.container_log_max_size)
        self._files = context.config.container_log_max_files

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.sleep(PERIOD)
            for path in list(self._grown()):
                try:
                    await self.rotate(path)
                except Exception as error:  # noqa: BLE001 - one log that cannot be rotated must not stop the others
                    log.warning("Log not rotated", path=path, error=error)

    def _grown(self) -> Iterator[str]:
        """`<pod_log_dir>/<namespace>_<name>_<uid>/<container>/<attempt>.log` files above the limit."""
        for pod in _folders(self._context.config.pod_log_dir):
            for container in _folders(pod.path):
                with os.scandir(container.path) as entries:
                    for entry in entries:
                        if entry.name.endswith(".log") and entry.stat(follow_symlinks=False).st_size > self._limit:
                            yield entry.path

    async def rotate(self, path: str) -> None:
        """Put the log at `path` aside if a running container writes it. Raises OSError and the runtime's errors."""
        uid = os.path.basename(os.path.dirname(os.path.dirname(path))).rpartition("_")[2]
        containers = await self._context.runtime.containers(uid)
        writer = next((one for one in containers if one.state == "running" and one.log_path == path), None)
        if writer is None:
            return
        await asyncio.to_thread(self._tidy, path)
        aside = f"{path}.{datetime.now(UTC):%Y%m%d-%H%M%S}"
        os.rename(path, aside)
        try:
            await self._context.runtime.reopen_log(writer.id)
        except BaseException:
            if not os.path.exists(path):
                os.rename(aside, path)
            raise

    def _tidy(self, path: str) -> None:
        """Make room for one more, and compress what was put aside (its reader had the time since the last rotation)."""
        for leftover in glob.glob(glob.escape(path) + ".*" + TEMPORARY):
            os.unlink(leftover)
        rotated = sorted(glob.glob(glob.escape(path) + ".*"))
        # The file in use and the one about to be put aside count too.
        keep = max(0, self._files - 2)
        for old in rotated[: len(rotated) - keep]:
            os.unlink(old)
        for old in rotated[len(rotated) - keep :]:
            if not old.endswith(GZIP):
                _compress(old)


def _compress(path: str) -> None:
    temporary = path + GZIP + TEMPORARY
    with open(path, "rb") as source, gzip.open(temporary, "wb", compresslevel=1) as target:
        shutil.copyfileobj(source, target, 1 << 20)
    os.rename(temporary, path + GZIP)
    os.unlink(path)


def _folders(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []

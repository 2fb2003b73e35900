"""Waiting for a file of a directory to change, by inotify.

What: `Watch`, a context manager with `changed(seconds)`. Why: a followed log that is quiet must cost nothing.
Flow: kernel → event.
Where inotify has no watches left (`works` is false), `changed` just waits its time: following is slower, not broken.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
from typing import Final

MODIFY: Final = 0x2
MOVED_FROM: Final = 0x40
MOVED_TO: Final = 0x80
CREATE: Final = 0x100
DELETE: Final = 0x200
WRITING: Final = MODIFY | CREATE | MOVED_TO
DELETE_SELF: Final = 0x400
MOVE_SELF: Final = 0x800
ENTRIES: Final = CREATE | DELETE | MOVED_FROM | MOVED_TO | DELETE_SELF | MOVE_SELF
"""Files come and go, whatever is in them, or the directory itself goes."""
NONBLOCK: Final = 0o4000
CLOEXEC: Final = 0o2000000
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Tells that something in `directory` was written, created or moved in, or what else the `events` say."""

    def __init__(self, directory: str, events: int = WRITING) -> None:
        self._directory = directory
        self._events = events
        self._descriptor = -1
        self._event = asyncio.Event()

    def __enter__(self) -> Watch:
        descriptor = _libc.inotify_init1(NONBLOCK | CLOEXEC)
        if descriptor >= 0:
            if _libc.inotify_add_watch(descriptor, os.fsencode(self._directory), self._events) < 0:
                os.close(descriptor)
            else:
                self._descriptor = descriptor
                asyncio.get_running_loop().add_reader(descriptor, self._ready)
        return self

    @property
    def works(self) -> bool:
        """Whether changes are told of as they happen."""
        return self._descriptor >= 0

    def _ready(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._descriptor, 65536)
        self._event.set()

    def __exit__(self, *_: object) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)

    async def changed(self, seconds: float) -> None:
        """Return at the next change, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        self._event.clear()

"""Log files of the CRI: choose lines, strip the prefix, follow over rotations.

What: `Formatter` (file lines → what users see; pure), `tail_offset`, `stream`. Flow: file → blocks of whole lines → Formatter →
chunks. A line is `<RFC 3339 nano> <stdout|stderr> <P|F>[:tags] <text>`; P is a part without line end.
Source: pkg/kubelet/kuberuntime/logs/logs.go (cri-client/pkg/logs).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO, Final

from kubelite.kubelet.http.logs import Options

BLOCK: Final = 256 * 1024
TAIL_BLOCK: Final = 16 * 1024


class Formatter:
    """Turns lines of a log file into output; `done` after the byte limit."""

    def __init__(self, options: Options) -> None:
        self._since = _comparable(options.since.encode()) if options.since else b""
        self._stream = options.stream.encode()
        self._timestamps = options.timestamps
        self._left = options.limit
        self._partial = False
        self.done = options.limit == 0

    def feed(self, block: bytes) -> bytes:
        """Output for whole lines; malformed lines are dropped, as upstream."""
        out: list[bytes] = []
        for line in block.splitlines(keepends=True):
            parts = line.split(b" ", 3)
            if len(parts) < 4:
                continue
            moment, stream, tags, text = parts
            if self._stream and stream != self._stream:
                continue
            if self._since and _comparable(moment) < self._since:
                continue
            continued, self._partial = self._partial, tags.split(b":", 1)[0] == b"P"
            if self._partial:
                text = text.rstrip(b"\n")
            out.append(moment + b" " + text if self._timestamps and not continued else text)
        return self._limited(b"".join(out))

    def _limited(self, data: bytes) -> bytes:
        if self._left < 0:
            return data
        data = data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        return data


def _comparable(moment: bytes) -> bytes:
    """A time as bytes that order as times do: fractions filled to nine digits (writers drop closing zeros)."""
    whole, _, fraction = moment.rstrip(b"Z").partition(b".")
    return whole + b"." + fraction.ljust(9, b"0")


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin; 0 when there are fewer."""
    size = file.seek(0, os.SEEK_END)
    if lines <= 0:
        return size
    left, found, first = size, 0, True
    while left > 0:
        start = max(0, left - TAIL_BLOCK)
        file.seek(start)
        block = file.read(left - start)
        at = len(block)
        if first and block.endswith(b"\n"):
            at -= 1
        first = False
        while (at := block.rfind(b"\n", 0, at)) >= 0:
            found += 1
            if found == lines:
                return start + at + 1
        left = start
    return 0


async def stream(
    path: str,
    options: Options,
    write: Callable[[bytes], Awaitable[None]],
    changes: AsyncIterator[bool] | None,
) -> None:
    """Write the log at `path`, then what is appended while `changes` yields (True: the container runs, False: it ended).

    A file that is replaced is read to its end, then the new one from its start. Raises OSError, ConnectionError.
    """
    formatter = Formatter(options)
    source = _Source(path)
    try:
        source.open(options.tail)
        await _copy(source, formatter, write)
        if changes is None:
            return
        async for running in changes:
            await _copy(source, formatter, write)
            if source.replaced():
                source.open(-1)
                await _copy(source, formatter, write)
            if formatter.done or not running:
                return
    finally:
        source.close()


async def _copy(source: _Source, formatter: Formatter, write: Callable[[bytes], Awaitable[None]]) -> None:
    while not formatter.done and (block := source.lines()):
        if data := formatter.feed(block):
            await write(data)


class _Source:
    """An open log file that may not exist yet and may be rotated away."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def open(self, tail: int) -> None:
        self.close()
        try:
            self._file = open(self._path, "rb", buffering=0)  # noqa: SIM115
        except FileNotFoundError:
            return
        assert self._file is not None
        self._file.seek(tail_offset(self._file, tail) if tail >= 0 else 0)

    def lines(self) -> bytes:
        """The next whole lines; b"" when there are none yet."""
        if self._file is None:
            return b""
        while data := self._file.read(BLOCK):
            self._rest += data
            end = self._rest.rfind(b"\n") + 1
            if end:
                block, self._rest = self._rest[:end], self._rest[end:]
                return block
        return b""

    def replaced(self) -> bool:
        """True when the path names another file than the open one."""
        try:
            now = os.stat(self._path)
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        then = os.fstat(self._file.fileno())
        return (now.st_ino, now.st_dev) != (then.st_ino, then.st_dev) or now.st_size < self._file.tell()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._rest = b""

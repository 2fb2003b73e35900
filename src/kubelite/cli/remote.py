"""Commands in containers from this terminal: exec, attach and the streams between.

What: `exec_in`, `attach_to`, `run_piped` (for cp) and `copy_logs`. Why: exec, attach, run and cp share the connection, the raw
terminal and the way an exit code comes back. Flow: pod and container → upgraded connection → stdin, stdout, stderr and window
sizes → exit code. The terminal is put back whatever happens. Follows kubectl/pkg/cmd/exec/exec.go and kubectl/pkg/util/term.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, BinaryIO
from urllib.parse import urlencode

from kubelite.cli.failures import CliError, Silent
from kubelite.cli.session import Object, Session
from kubelite.client.upgrade import opener
from kubelite.streaming import dial, remotecommand
from kubelite.streaming.bytestream import Inbox

CHUNK = 32 * 1024
_ENDINGS = (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM)


class InputStream:
    """Bytes of a file descriptor or file object as a `ByteStream`, read by a thread that does not hold up the exit."""

    def __init__(self, source: int | BinaryIO) -> None:
        self._source = source
        self._inbox = Inbox()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._pump, name="stdin", daemon=True).start()

    def _pump(self) -> None:
        with contextlib.suppress(
            OSError, ValueError, RuntimeError
        ):  # the terminal or the loop went away: that is the end
            while data := self._next():
                asyncio.run_coroutine_threadsafe(self._inbox.put(data), self._loop).result()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._inbox.end)

    def _next(self) -> bytes:
        return os.read(self._source, CHUNK) if isinstance(self._source, int) else self._source.read(CHUNK)

    async def read(self) -> bytes:
        return await self._inbox.get()

    async def write(self, data: bytes) -> None:
        raise CliError("standard input cannot be written")

    async def finish(self) -> None:
        return None

    async def close(self) -> None:
        return None


def is_terminal(session: Session) -> bool:
    """Whether standard input is a terminal."""
    return session.streams.stdin is None and sys.stdin.isatty()


def _target(pod: Object, action: str, container: str, command: Sequence[str], options: remotecommand.Options) -> str:
    metadata = pod["metadata"]
    query = [("command", word) for word in command] + [("container", container)]
    query += [(name, "true") for name in ("stdin", "stdout", "stderr", "tty") if getattr(options, name)]
    return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/{action}?{urlencode(query)}"


async def exec_in(
    session: Session, pod: Object, container: str, command: Sequence[str], *, stdin: bool, tty: bool
) -> int:
    """Run `command` in a container; raises Silent with its exit code."""
    return await _interactive(session, pod, "exec", container, command, stdin=stdin, tty=tty)


async def attach_to(session: Session, pod: Object, container: str, *, stdin: bool, tty: bool) -> int:
    """Attach to the main process of a container."""
    return await _interactive(session, pod, "attach", container, (), stdin=stdin, tty=tty)


def survive_broken_connections() -> None:
    """A connection that breaks is an error to report; the end by SIGPIPE is for commands that only print."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


async def _interactive(
    session: Session, pod: Object, action: str, container: str, command: Sequence[str], *, stdin: bool, tty: bool
) -> int:
    if tty and not is_terminal(session):
        session.warn("Unable to use a TTY - input is not a terminal or the right kind of file")
        tty = tty and action == "attach"
    survive_broken_connections()
    options = remotecommand.Options(stdin=stdin, stdout=True, stderr=not tty, tty=tty)
    streams = await dial.command(opener(session.config), _target(pod, action, container, command, options), options)
    source: InputStream | None = None
    raw = tty and is_terminal(session)
    with _raw_terminal() if raw else contextlib.nullcontext():
        if stdin:
            source = InputStream(session.streams.stdin or sys.stdin.fileno())
        try:
            await remotecommand.run(
                streams,
                stdin=source,
                stdout=_sink(session.streams.write_bytes),
                stderr=_sink(session.streams.write_error_bytes),
                resizes=_window_sizes() if raw else None,
            )
        except remotecommand.CommandFailed as error:
            failure = error
        else:
            return 0
    if failure.exit_code is None:
        raise CliError(str(failure)) from failure
    session.warn(f"command terminated with exit code {failure.exit_code}")
    raise Silent(failure.exit_code)


def _sink(write: Callable[[bytes], object]) -> Callable[[bytes], Awaitable[None]]:
    async def sink(data: bytes) -> None:
        write(data)

    return sink


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """The terminal passes every key on, and is put back at the end, also when a signal ends the command (exit code 1)."""
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    ended: list[int] = []

    def end(number: int) -> None:
        ended.append(number)
        if task is not None:
            task.cancel()

    for number in _ENDINGS:
        loop.add_signal_handler(number, end, number)
    try:
        tty.setraw(descriptor)
        yield
    except asyncio.CancelledError:
        if not ended:
            raise
        raise Silent(1) from None
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        for number in _ENDINGS:
            loop.remove_signal_handler(number)


async def _window_sizes() -> AsyncIterator[tuple[int, int]]:
    """(width, height) now and after each change."""
    changed = asyncio.Event()
    changed.set()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGWINCH, changed.set)
    try:
        while True:
            await changed.wait()
            changed.clear()
            size = os.get_terminal_size(sys.stdin.fileno())
            yield size.columns, size.lines
    finally:
        loop.remove_signal_handler(signal.SIGWINCH)


async def run_piped(
    session: Session,
    pod: Object,
    container: str,
    command: Sequence[str],
    *,
    stdin: BinaryIO | None = None,
    stdout: Callable[[bytes], object] | None = None,
) -> None:
    """A command whose output goes to `stdout` and whose errors go to our stderr. Raises CliError."""
    survive_broken_connections()
    options = remotecommand.Options(stdin=stdin is not None, stdout=True, stderr=True)
    streams = await dial.command(opener(session.config), _target(pod, "exec", container, command, options), options)
    keywords: dict[str, Any] = {"stdin": InputStream(stdin)} if stdin is not None else {}
    try:
        await remotecommand.run(
            streams,
            stdout=_sink(stdout or session.streams.write_bytes),
            stderr=_sink(session.streams.write_error_bytes),
            **keywords,
        )
    except remotecommand.CommandFailed as error:
        raise CliError(str(error)) from error


async def copy_logs(session: Session, pod: Object, container: str) -> None:
    """The logs of a container that has ended."""
    metadata = pod["metadata"]
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log"
    response = await session.request("GET", path, query={"container": container})
    session.streams.write_bytes(response.body)

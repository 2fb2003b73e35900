"""Child processes: run one to its end and keep what it printed.

What: `run(argv)` → `Completed`. Why: iptables, ctr and ip are called from several components in the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Completed:
    """An ended process: its exit code and what it wrote."""

    code: int
    stdout: bytes
    stderr: bytes


class CommandFailed(Exception):
    """A command that was expected to succeed did not; the text holds the command and what it complained of."""

    def __init__(self, argv: Sequence[str], completed: Completed) -> None:
        complaint = (
            completed.stderr.decode(errors="replace").strip() or completed.stdout.decode(errors="replace").strip()
        )
        super().__init__(f"{' '.join(argv)}: exit code {completed.code}: {complaint}")
        self.completed = completed


async def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    check: bool = True,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
) -> Completed:
    """Runs a program to its end. Raises `CommandFailed` if `check`, `TimeoutError` after killing it when it is too slow."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(stdin), timeout)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    completed = Completed(process.returncode or 0, stdout, stderr)
    if check and completed.code != 0:
        raise CommandFailed(argv, completed)
    return completed

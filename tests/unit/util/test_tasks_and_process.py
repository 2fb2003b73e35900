"""Tasks that live and die together, and child processes."""

from __future__ import annotations

import asyncio

import pytest

from kubelite.util.process import CommandFailed, run
from kubelite.util.tasks import cancel, supervise


async def forever(ended: list[str], name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def test_all_tasks_end_when_asked_to_stop() -> None:
    ended: list[str] = []
    stop = asyncio.Event()
    running = asyncio.create_task(supervise(stop, a=forever(ended, "a"), b=forever(ended, "b")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stop.set()
    await running
    assert sorted(ended) == ["a", "b"]


async def test_the_first_failure_ends_the_others_and_survives_their_cleanup() -> None:
    ended: list[str] = []

    async def failing() -> None:
        await asyncio.sleep(0)
        raise OSError("first")

    async def messy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("messy")
            raise ValueError("second")

    with pytest.raises(OSError, match="first"):
        await supervise(asyncio.Event(), failing=failing(), messy=messy(), quiet=forever(ended, "quiet"))
    assert sorted(ended) == ["messy", "quiet"]


async def test_a_task_that_ends_early_counts_as_a_failure() -> None:
    async def short() -> None:
        return

    with pytest.raises(RuntimeError, match="task short ended before"):
        await supervise(asyncio.Event(), short=short())


async def test_cancelling_the_supervisor_cancels_its_tasks() -> None:
    ended: list[str] = []
    running = asyncio.create_task(supervise(asyncio.Event(), a=forever(ended, "a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await cancel(running)
    assert ended == ["a"]


async def test_a_command_gives_its_output_and_takes_input() -> None:
    done = await run(["sh", "-c", "cat; echo oops >&2"], stdin=b"hello")
    assert (done.code, done.stdout, done.stderr) == (0, b"hello", b"oops\n")


async def test_a_failed_command_says_what_it_complained_of() -> None:
    with pytest.raises(CommandFailed, match="exit code 3: no such thing") as failed:
        await run(["sh", "-c", "echo no such thing >&2; exit 3"])
    assert failed.value.completed.code == 3
    assert (await run(["sh", "-c", "exit 3"], check=False)).code == 3


async def test_a_program_that_does_not_exist_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        await run(["/nonexistent/program"])


async def test_a_command_that_is_too_slow_is_killed() -> None:
    with pytest.raises(TimeoutError):
        await run(["sleep", "60"], timeout=0.05)

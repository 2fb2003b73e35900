"""Never-ending tasks that live and die together.

What: `supervise(stop, name=coroutine, …)` runs the tasks of a process until `stop` is set or one fails.
Why: a daemon whose one part has died silently is worse than one that restarts. Flow: the first failure is raised after all
other tasks were cancelled; failures during that clean-up are logged, never raised over the first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from kubelite.util.log import get_logger

log = get_logger(__name__)


async def supervise(stop: asyncio.Event, **tasks: Coroutine[Any, Any, None]) -> None:
    """Runs `tasks` until `stop` is set; raises the first failure. A task that returns early counts as one."""
    running = {asyncio.create_task(coroutine, name=name) for name, coroutine in tasks.items()}
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        done, _ = await asyncio.wait({*running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        await cancel(*running)
    for task in done - {stopped}:
        if task.cancelled():
            continue
        error = task.exception()
        if error is not None:
            raise error
        if not stop.is_set():
            raise RuntimeError(f"task {task.get_name()} ended before the process was asked to stop")


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancels tasks and waits for them; logs what their clean-up raised."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    for task in pending:
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        except Exception as error:  # noqa: BLE001 - clean-up collects, the first error is raised by the caller
            log.warning("Task failed while being cancelled", task=task.get_name(), error=error)

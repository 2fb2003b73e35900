"""A simulated operating system process: what it started dies with it, at any await.

What: `Process` owns tasks, timers (loop.py) and connections (network.py) that were made in its context. Why: a crash
must leave nothing behind but what the API server has stored. Flow: `Process.start(work)` runs a coroutine in a
context that bears the process; `kill()` cuts its connections first, so that no `finally` of the dying code reaches
anybody, then cancels its tasks.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

CURRENT: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class Process:
    """One life of a component; a restart makes a new one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.context = contextvars.copy_context()
        self.context.run(CURRENT.set, self)
        self.on_death: list[Callable[[], None]] = []
        self._tasks: dict[asyncio.Task[Any], None] = {}

    def own(self, task: asyncio.Task[Any]) -> None:
        """The task ends with the process."""
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if not self.alive:
            task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def start(self, work: Coroutine[Any, Any, Any], name: str = "") -> asyncio.Task[Any]:
        """Runs `work` as part of the process."""
        return self.context.run(asyncio.get_running_loop().create_task, work, name=name or self.name)

    def kill(self) -> None:
        """As kill -9: nobody hears from it again."""
        if not self.alive:
            return
        self.alive = False
        for action in self.on_death:
            action()
        self.on_death.clear()
        for task in list(self._tasks):
            task.cancel()

    async def gone(self) -> None:
        """Waits until the last task has run out."""
        for _ in range(1000):
            if not self._tasks:
                return
            for task in list(self._tasks):
                task.cancel()
            await asyncio.sleep(0)
        raise RuntimeError(f"{self.name} does not die: {[task.get_name() for task in self._tasks]}")

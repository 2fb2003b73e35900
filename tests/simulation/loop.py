"""An event loop whose time jumps to the next timer: hours of a cluster in seconds, in the same order each time.

What: `VirtualLoop`. Why: nothing sleeps and nothing races; what runs next is decided by the queue alone. Flow:
`select` is asked to wait for the next timer and moves the clock instead. Callbacks that are due at the same time run
in the order of their deadlines. Threads are not started: `run_in_executor` runs its function at once. Tasks and
timers belong to the `Process` in whose context they were made (process.py); timers of a dead one are dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import selectors
from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation.process import CURRENT, Process


class Stuck(Exception):
    """Nothing is left that could ever happen."""


class _Selector(selectors.BaseSelector):
    """Waits by moving the clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, int(fileobj), events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("no task can go on and no timer is set")
        self.now += max(0.0, timeout)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """`network` carries connections; it is set by the simulation."""

    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)
        self._clock_resolution = 1e-9
        self.network: Any = None
        self.set_task_factory(_task_of_process)
        NumberedTask._numbers = itertools.count()

    def time(self) -> float:
        return self.clock.now

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        process = CURRENT.get() if context is None else context.get(CURRENT)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, _if_alive, process, callback, args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - belongs to whoever awaits it
            future.set_exception(error)
        return future

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return await self.network.connect(factory, f"{host}:{port}")

    async def create_server(self, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        return self.network.listen(factory, f"{host}:{port}")


def _if_alive(process: Process, callback: Callable[..., Any], args: tuple[Any, ...]) -> None:
    if process.alive:
        callback(*args)


class NumberedTask(asyncio.Task[Any]):
    """A task whose place in a set follows from its number, not from its address."""

    _numbers = itertools.count()

    def __init__(self, *args: Any, **more: Any) -> None:
        self._number = next(self._numbers)
        super().__init__(*args, **more)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


def _task_of_process(loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
    task = NumberedTask(work, loop=loop, **more)
    context = more.get("context")
    process = CURRENT.get() if context is None else context.get(CURRENT)
    if process is not None:
        process.own(task)
    return task

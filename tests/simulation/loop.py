"""An event loop whose time jumps to the next timer: hours of a cluster in seconds, in the same order each time.

What: `VirtualLoop`. Why: nothing sleeps and nothing races; what runs next is decided by the queue alone. Flow:
where nothing is ready, the clock moves to the next timer. Callbacks that are due at the same time run in the order in
which they were asked for. Threads are not started: `run_in_executor` runs its function at once. Tasks and
timers belong to the `Process` in whose context they were made (process.py); timers of a dead one are dropped.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import selectors
from collections import deque
from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any

from tests.simulation.process import CURRENT, Process


class Stuck(Exception):
    """Nothing is left that could ever happen."""


class _NoSelector(selectors.BaseSelector):
    """Nothing is ever ready: there are no files."""

    def __init__(self) -> None:
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self._keys[fileobj] = selectors.SelectorKey(fileobj, int(fileobj), events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[Any]:
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class Ready(asyncio.Handle):
    """A handle without what only the debug mode of asyncio needs: runs make a hundred thousand."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., Any], args: Any, loop: Any, context: contextvars.Context | None = None
    ) -> None:
        self._context = contextvars.copy_context() if context is None else context
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled = False
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None


class Timer(Ready, asyncio.TimerHandle):
    """The same for a moment of the virtual clock; it knows the process whose context it runs in."""

    __slots__ = ("process",)

    def __init__(
        self, when: float, callback: Callable[..., Any], args: Any, loop: Any, context: contextvars.Context | None
    ) -> None:
        Ready.__init__(self, callback, args, loop, context)
        self._when, self._scheduled = when, False
        self.process: Process | None = CURRENT.get() if context is None else context.get(CURRENT)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`network` carries connections; it is set by the simulation."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._ready: deque[asyncio.Handle]
        super().__init__(_NoSelector())
        self.network: Any = None
        self.set_task_factory(_task_of_process)
        NumberedTask._numbers = itertools.count()

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        handle = Timer(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), handle))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = Ready(callback, args, self, context)
        self._ready.append(handle)
        return handle

    async def pause(self, seconds: float) -> None:
        """`asyncio.sleep` for waits so short that nobody minds a timer left behind by who was cancelled."""
        future = self.create_future()
        self.call_at(self._now + seconds, _wake, future)
        await future

    def _run_once(self) -> None:
        """Runs what is ready; if nothing is, moves the clock to the next timer first; until somebody stops the loop."""
        ready = self._ready
        while True:
            self._fetch(ready)
            for _ in range(len(ready)):
                handle = ready.popleft()
                if not handle._cancelled:  # type: ignore[attr-defined]
                    handle._run()
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _fetch(self, ready: deque[asyncio.Handle]) -> None:
        """Adds the timers that are due."""
        timers = self._timers
        while timers and _is_void(timers[0][2]):
            heappop(timers)
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise Stuck("no task can go on and no timer is set")
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heappop(timers)[2]
            if timer.process is None or timer.process.alive:
                ready.append(timer)

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


def _is_void(timer: Timer) -> bool:
    return timer._cancelled or (timer.process is not None and not timer.process.alive)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


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

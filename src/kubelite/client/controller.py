"""The control loop: a key in, the world made so, an answer out.

What: `Controller` runs workers that take keys from a `WorkQueue` and call `reconcile(key)`.
Why: retry, back-off and metrics are the same for every controller; a controller writes only `reconcile`.
Flow: informer change → key → `reconcile(key) -> Result | None` → forget, later again, or back-off after an exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kubelite.client.errors import ConnectionFailed
from kubelite.client.informer import Change, Informer, object_key
from kubelite.client.workqueue import WorkQueue
from kubelite.machinery.errors import StatusError
from kubelite.util.log import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What follows a successful reconcile: nothing, or the same key again after `requeue_after` seconds."""

    requeue_after: float = 0.0


class Controller:
    """Workers over one queue. `observe(name, outcome, seconds)` is told of each reconcile, for metrics."""

    def __init__(
        self,
        name: str,
        reconcile: Callable[[str], Awaitable[Result | None]],
        *,
        workers: int = 5,
        queue: WorkQueue | None = None,
        observe: Callable[[str, str, float], None] | None = None,
    ) -> None:
        self.name = name
        self.queue = queue or WorkQueue()
        self._reconcile = reconcile
        self._workers = workers
        self._observe = observe

    def watch(self, informer: Informer[Any], keys: Callable[[Change[Any]], Sequence[str]] | None = None) -> None:
        """Queue the keys that `keys` names for each change; the changed object's own key by default."""
        queue = self.queue
        if keys is None:
            informer.add_handler(lambda change: queue.add(object_key(change.object)))
            return
        chosen = keys

        def handle(change: Change[Any]) -> None:
            for key in chosen(change):
                queue.add(key)

        informer.add_handler(handle)

    async def run(self, *informers: Informer[Any]) -> None:
        """Never returns; starts after all `informers` are synced."""
        for informer in informers:
            await informer.synced()
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(), name=f"{self.name}-{number}")

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._one(key)
            finally:
                self.queue.done(key)

    async def _one(self, key: str) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            result = await self._reconcile(key)
        except Exception as error:  # noqa: BLE001 - whatever went wrong with one key is retried and must not stop the others
            self._report(key, error)
            self.queue.add_rate_limited(key)
            outcome = "error"
        else:
            self.queue.forget(key)
            outcome = "success"
            if result is not None and result.requeue_after > 0:
                self.queue.add_after(key, result.requeue_after)
        if self._observe is not None:
            self._observe(self.name, outcome, loop.time() - started)

    def _report(self, key: str, error: Exception) -> None:
        """Conflicts and lost connections are daily life; anything else is worth a line, a program fault its trace."""
        first: BaseException = error
        while isinstance(first, ExceptionGroup) and first.exceptions:
            first = first.exceptions[0]
        if isinstance(first, StatusError) and first.code == 409:
            log.debug("Conflict, retrying", controller=self.name, key=key, error=first)
        elif isinstance(first, StatusError | ConnectionFailed):
            log.warning("Reconcile failed, retrying", controller=self.name, key=key, error=first)
        else:
            log.exception("Reconcile failed, retrying", error=error, controller=self.name, key=key)

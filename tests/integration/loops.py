"""A server on an event loop of its own, for tests whose examples run one after the other outside of any loop (hypothesis)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from tests.apienv import ApiEnv

T = TypeVar("T")


class Loop:
    """`run(work)` calls `work` with the server; an example may take twenty seconds."""

    def __init__(self, context: AbstractAsyncContextManager[ApiEnv]) -> None:
        self.examples = 0
        """How many the test has counted."""
        self._loop = asyncio.new_event_loop()
        self._context = context
        self.api = self._loop.run_until_complete(context.__aenter__())

    def run(self, work: Callable[[ApiEnv], Awaitable[T]]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(20):
                return await work(self.api)

        return self._loop.run_until_complete(limited())

    def close(self) -> None:
        self._loop.run_until_complete(self._context.__aexit__(None, None, None))
        self._loop.close()

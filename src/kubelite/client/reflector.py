"""List, then watch for ever: keeps a receiver equal to what the server has.

What: `Reflector.run()` pages through a list, hands it over, then feeds watch events; it resumes at the last version seen.
Why: this loop, with its back-off and its 410, is the heart of every informer; it exists once.
Flow: `Client.list` pages → `receiver.replace(items)`; `Client.watch` → `receiver.apply(type, object)`; a bookmark moves only the
version. A failed watch resumes; 410 lists again; both after a jittered back-off (client-go/tools/cache/reflector.go). `thin`
takes out of each object what the receiver does not need, before the next page is read.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, Generic, Protocol, TypeVar

from kubelite.client.client import Client, Listing, WatchEvent
from kubelite.client.errors import ConfigError, ConnectionFailed
from kubelite.machinery.errors import StatusError
from kubelite.machinery.kind import Kind
from kubelite.util.backoff import Backoff
from kubelite.util.log import get_logger

T = TypeVar("T")
PAGE = 500
log = get_logger(__name__)


class Receiver(Protocol[T]):
    """Where a reflector puts what it sees."""

    def replace(self, items: list[T]) -> None:
        """The whole present content."""

    def apply(self, type: str, obj: T) -> None:
        """One change: ADDED, MODIFIED or DELETED."""


class Reflector(Generic[T]):
    """Follows one selection of one kind. `version` is the last resourceVersion seen, "" before the first list."""

    def __init__(
        self,
        client: Client,
        kind: Kind,
        receiver: Receiver[T],
        *,
        type: type[T] | None = None,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        thin: Callable[[T], None] | None = None,
    ) -> None:
        self.version = ""
        self._thin = thin
        self._client = client
        self._kind = kind
        self._receiver = receiver
        self._type = type or kind.type
        self._namespace = namespace
        self._labels = label_selector
        self._fields = field_selector
        self._metadata_only = metadata_only
        self._backoff = Backoff(initial=0.2, factor=2.0, cap=30.0, jitter=0.5)

    async def run(self) -> None:
        """Never returns; failures are logged and retried."""
        while True:
            try:
                if not self.version:
                    await self._list()
                await self._watch()
            except StatusError as error:
                if error.code == 410:
                    self.version = ""
                await self._pause(error)
            except (ConnectionFailed, ConfigError, OSError) as error:
                await self._pause(error)

    async def _pause(self, error: Exception) -> None:
        wait = self._backoff.next()
        if self._backoff.failures in (1, 4) or self._backoff.failures % 10 == 0:
            log.warning("Watch interrupted", resource=self._kind.resource, error=error, retry_seconds=f"{wait:.1f}")
        await asyncio.sleep(wait)

    async def _list(self) -> None:
        try:
            items, version = await self._pages(PAGE)
        except StatusError as error:
            if error.code != 410:
                raise
            items, version = await self._pages(0)  # the continuation aged while paging: ask for all at once
        self._receiver.replace(items)
        self.version = version
        self._backoff.reset()

    async def _pages(self, limit: int) -> tuple[list[T], str]:
        items: list[T] = []
        token = ""
        while True:
            page: Listing[T] = await self._client.list(
                self._kind,
                self._namespace,
                type=self._type,
                label_selector=self._labels,
                field_selector=self._fields,
                limit=limit,
                continue_=token,
                metadata_only=self._metadata_only,
            )
            if self._thin is not None:
                for item in page.items:
                    self._thin(item)
            items += page.items
            token = page.continue_
            if not token:
                return items, page.resourceVersion

    async def _watch(self) -> None:
        """One watch, until the server ends it. Its length is spread so that a process's watches do not end together."""
        events: AsyncIterator[WatchEvent[T]] = self._client.watch(
            self._kind,
            self._namespace,
            resource_version=self.version,
            type=self._type,
            label_selector=self._labels,
            field_selector=self._fields,
            metadata_only=self._metadata_only,
            seconds=random.randint(300, 600),
        )
        started = asyncio.get_running_loop().time()
        seen = False
        async with aclosing(events):  # type: ignore[type-var]  # an async generator
            async for event in events:
                seen = True
                obj: Any = event.object
                if event.type != "BOOKMARK":
                    if self._thin is not None:
                        self._thin(obj)
                    self._receiver.apply(event.type, obj)
                self.version = obj.metadata.resourceVersion or self.version
                if self._backoff.failures:
                    self._backoff.reset()
        if not seen and asyncio.get_running_loop().time() - started < 1.0:
            raise ConnectionFailed("very short watch: the server ended it within a second without an event")
